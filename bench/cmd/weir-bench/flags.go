//go:build linux

package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"weir/bench/scenario"
)

// addFlag adds a flag of an option that not every scenario reads.
var addFlag = map[string]func(*pflag.FlagSet, *scenario.Options){
	"streams": func(f *pflag.FlagSet, o *scenario.Options) {
		f.IntSliceVar(&o.Streams, "streams", o.Streams, "publishers, one number after another")
	},
	"viewers": func(f *pflag.FlagSet, o *scenario.Options) {
		f.IntSliceVar(&o.Viewers, "viewers", o.Viewers, "viewers, one number after another")
	},
	"joins": func(f *pflag.FlagSet, o *scenario.Options) {
		f.Var((*joins)(&o.Joins), "joins", "how long frames are collected into one write: times, 0 for every frame, or default")
	},
	"query": func(f *pflag.FlagSet, o *scenario.Options) {
		f.StringVar(&o.Query, "query", "", "what viewers add to the address, such as audio=opus")
	},
	"floors": func(f *pflag.FlagSet, o *scenario.Options) {
		f.StringSliceVar(&o.Floors, "floors", o.Floors, "forms of the floor to compare with; empty: none")
	},
	"probes": func(f *pflag.FlagSet, o *scenario.Options) {
		f.IntVar(&o.Probes, "probes", o.Probes, "how many of the viewers look at every picture")
	},
	"settle": func(f *pflag.FlagSet, o *scenario.Options) {
		f.DurationVar(&o.Settle, "settle", o.Settle, "how long all are there before they are measured")
	},
	"duration": func(f *pflag.FlagSet, o *scenario.Options) {
		f.DurationVar(&o.Duration, "duration", o.Duration, "how long is measured")
	},
	"profile": func(f *pflag.FlagSet, o *scenario.Options) {
		f.StringVar(&o.Profile, "profile", "", "file for a CPU profile of the server's last run")
	},
}

// joins is a list of joinings as a flag.
type joins []time.Duration

// Set implements pflag.Value.
func (j *joins) Set(text string) error {
	*j = nil
	for part := range strings.SplitSeq(text, ",") {
		d := scenario.Default
		if part != "default" {
			var err error
			if d, err = time.ParseDuration(part); err != nil || d < 0 {
				return fmt.Errorf("want times that are not negative, or default, and not %q", part)
			}
		}
		*j = append(*j, d)
	}
	return nil
}

// Type implements pflag.Value.
func (j *joins) Type() string { return "joins" }

// String implements pflag.Value.
func (j *joins) String() string {
	var parts []string
	for _, d := range *j {
		if d == scenario.Default {
			parts = append(parts, "default")
		} else {
			parts = append(parts, d.String())
		}
	}
	return strings.Join(parts, ",")
}
