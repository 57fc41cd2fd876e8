// Package testdata finds the samples that tests of several packages share. It is imported by tests only.
package testdata

import (
	"os"
	"path/filepath"
)

// Path returns the path of the sample called name. Go runs a test in the folder of its package, so the repository's
// root is the nearest folder above with a go.mod; where a source file lies is not known in a build with -trimpath.
func Path(name string) string {
	dir, err := os.Getwd()
	for err == nil {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return filepath.Join(dir, "testdata", filepath.FromSlash(name))
		}
		up := filepath.Dir(dir)
		if up == dir {
			break
		}
		dir = up
	}
	return filepath.Join("testdata", filepath.FromSlash(name)) // an error then names it
}
