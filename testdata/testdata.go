// Package testdata finds the samples that tests of several packages share. It is imported by tests only.
package testdata

import (
	"path/filepath"
	"runtime"
)

// Path returns the path of the sample called name, from wherever the test runs.
func Path(name string) string {
	_, self, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(self), filepath.FromSlash(name))
}
