//go:build linux

// Command weir-bench measures weir on loopback, a scenario a subcommand. It builds and starts the server itself, counts
// the CPU time and memory of that process alone, and writes one JSON object, to be kept under bench/results. The report
// subcommand makes bench/README.md of what is there.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := command().ExecuteContext(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "weir-bench:", err)
		os.Exit(1)
	}
}

func command() *cobra.Command {
	root := &cobra.Command{
		Use: "weir-bench", Short: "Measure what weir costs", SilenceUsage: true, SilenceErrors: true,
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
	}
	for _, s := range scenarios {
		root.AddCommand(s.command())
	}
	root.AddCommand(reportCommand())
	return root
}
