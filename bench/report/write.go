package report

import (
	"fmt"
	"os"
	"path/filepath"
)

// Write makes the page and the charts of a folder, and removes charts of results that are gone.
func Write(dir string) error {
	d, err := Load(os.DirFS(dir))
	if err != nil {
		return err
	}
	charts := Charts(d.Results)
	old, err := filepath.Glob(filepath.Join(dir, "results", "*.svg"))
	if err != nil {
		return fmt.Errorf("cannot list the charts: %w", err)
	}
	for _, name := range old {
		if charts[filepath.Base(name)] == nil {
			if err := os.Remove(name); err != nil {
				return fmt.Errorf("cannot remove an old chart: %w", err)
			}
		}
	}
	for name, text := range charts {
		if err := os.WriteFile(filepath.Join(dir, "results", name), text, 0o644); err != nil {
			return fmt.Errorf("cannot write a chart: %w", err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "README.md"), README(d), 0o644); err != nil {
		return fmt.Errorf("cannot write the page: %w", err)
	}
	return nil
}
