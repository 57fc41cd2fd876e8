package main

import (
	"fmt"
	"io"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

func versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print what this binary was built from",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			info, ok := debug.ReadBuildInfo()
			if !ok {
				info = &debug.BuildInfo{}
			}
			return writeVersion(cmd.OutOrStdout(), info)
		},
	}
}

// maker is what weir calls itself in the media it makes: its name, and its version if the build recorded one.
func maker() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "weir"
	}
	return "weir/" + info.Main.Version
}

// writeVersion says what a binary is. A value that the build did not record is left out.
func writeVersion(w io.Writer, info *debug.BuildInfo) error {
	settings := make(map[string]string, len(info.Settings))
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	aac := "yes (go-aac, LGPL-2.1 or later)"
	if slices.Contains(strings.Split(settings["-tags"], ","), "nolgpl") {
		aac = "no (built with nolgpl)"
	}
	commit := settings["vcs.revision"]
	if settings["vcs.modified"] == "true" {
		commit += " with changes"
	}
	for _, line := range []struct{ name, value string }{
		{"weir", info.Main.Version},
		{"commit", commit},
		{"committed", settings["vcs.time"]},
		{"go", strings.TrimSpace(info.GoVersion + " " + settings["GOOS"] + "/" + settings["GOARCH"])},
		{"aac", aac},
	} {
		if line.value == "" {
			continue
		}
		if _, err := fmt.Fprintf(w, "%-10s %s\n", line.name, line.value); err != nil {
			return err
		}
	}
	return nil
}
