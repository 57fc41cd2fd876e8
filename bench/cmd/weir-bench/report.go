//go:build linux

package main

import (
	"github.com/spf13/cobra"

	"weir/bench/report"
)

// reportCommand makes the page of all results.
func reportCommand() *cobra.Command {
	var dir string
	c := &cobra.Command{
		Use: "report", Short: "Make bench/README.md and its charts of the results", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return report.Write(dir) },
	}
	c.Flags().StringVar(&dir, "dir", "bench", "folder of goals.json and results")
	return c
}
