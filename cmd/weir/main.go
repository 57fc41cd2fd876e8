// Command weir is a media relay with a room channel: streams come by WebRTC and RTMP, everyone watches by WebRTC, HTTP-FLV and HLS.
//
// This package only wires: it reads the configuration, makes every part, joins them and runs them. wire.go
// holds the one errgroup that shows every goroutine root, routes.go the whole URL space.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"weir/config"
)

func main() {
	if err := rootCommand().ExecuteContext(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "weir:", err)
		os.Exit(1)
	}
}

func rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:           "weir",
		Short:         "A media relay with a room channel: WebRTC and RTMP in, WebRTC, HTTP-FLV and HLS out",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.CompletionOptions.HiddenDefaultCmd = true
	root.AddCommand(serveCommand(), urlCommand(), pushURLCommand(), userSigCommand(), configCommand(), healthCommand(), versionCommand())
	return root
}

// configured gives a command the flags of the configuration and, when it runs, the configuration itself.
func configured(cmd *cobra.Command, run func(cmd *cobra.Command, cfg *config.Config) error) *cobra.Command {
	file := cmd.Flags().String("config", "", "configuration file (YAML); see weir.example.yaml")
	config.AddFlags(cmd.Flags())
	if cmd.Use != "serve" {
		hideKeys(cmd)
	}
	cmd.Args = cobra.NoArgs
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		cfg, err := config.Load(*file, cmd.Flags())
		if err != nil {
			return err
		}
		return run(cmd, cfg)
	}
	return cmd
}

// hideKeys leaves the flags of the configuration out of a command's help, where its own would be lost among them. They work all
// the same.
func hideKeys(cmd *cobra.Command) {
	cmd.Long = cmd.Short + ".\n\nEvery key of the configuration is a flag as well: weir serve --help lists them."
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		f.Hidden = f.Name != "config" && f.Name != "data_dir"
	})
}

func configCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "config", Short: "Check or print the configuration"}
	cmd.AddCommand(
		configured(&cobra.Command{Use: "check", Short: "Say whether the configuration is valid"},
			func(cmd *cobra.Command, cfg *config.Config) error {
				if err := checkLists(cfg); err != nil {
					return err
				}
				for _, w := range cfg.Warnings() {
					cmd.PrintErrln("warning:", w)
				}
				cmd.PrintErrln("the configuration is valid")
				return nil
			}),
		configured(&cobra.Command{Use: "print", Short: "Print every value and where it came from, secrets masked"},
			func(cmd *cobra.Command, cfg *config.Config) error { return cfg.Write(cmd.OutOrStdout()) }),
	)
	return cmd
}
