//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"weir/bench/measure"
	"weir/bench/scenario"
	"weir/testdata"
)

// scenarioCommand is a scenario as a subcommand: the options that it has by default, and the flags that it reads.
type scenarioCommand struct {
	name, short string
	run         func(context.Context, scenario.Options) ([]measure.Run, error)
	options     scenario.Options
	flags       []string
}

var scenarios = []scenarioCommand{
	{
		name: "ingest", short: "What publishers cost, with nobody watching", run: scenario.Ingest,
		options: scenario.Options{H264: "bars-360p.h264", Streams: []int{10, 50, 100}, Settle: 10 * time.Second, Duration: 20 * time.Second, Repeat: 1},
		flags:   []string{"streams", "settle", "duration", "profile"},
	},
	{
		name: "fanout-flv", short: "What HTTP-FLV viewers cost, beside the floor", run: scenario.FanoutFLV,
		options: scenario.Options{
			H264: "bars-720p.h264", Viewers: []int{100, 1000, 3000}, Joins: []time.Duration{0, scenario.Default, 350 * time.Millisecond},
			Floors: []string{"goroutines", "poll"}, Probes: 12, Record: 12 * time.Second, Settle: 3 * time.Second, Duration: 10 * time.Second, Repeat: 1,
		},
		flags: []string{"viewers", "joins", "query", "floors", "probes", "settle", "duration", "profile"},
	},
	{
		name: "fanout-whep", short: "What WebRTC viewers cost", run: scenario.FanoutWHEP,
		options: scenario.Options{
			H264: "bars-720p.h264", Viewers: []int{50, 200}, Floors: []string{"sendto", "segments", "srtp"}, Probes: 6,
			Record: 12 * time.Second, Settle: 3 * time.Second, Duration: 10 * time.Second, Repeat: 1,
		},
		flags: []string{"viewers", "floors", "probes", "settle", "duration", "profile"},
	},
	{
		name: "floor", short: "What the least programs cost that send the same bytes", run: scenario.Floor,
		options: scenario.Options{
			H264: "bars-720p.h264", Viewers: []int{200, 1000}, Joins: []time.Duration{0, scenario.Default, 350 * time.Millisecond},
			Floors: []string{"goroutines", "poll", "sendto", "segments", "srtp"}, Probes: 6,
			Record: 12 * time.Second, Settle: 2 * time.Second, Duration: 8 * time.Second, Repeat: 1,
		},
		flags: []string{"viewers", "joins", "query", "floors", "probes", "settle", "duration"},
	},
	{
		name: "fanout-hls", short: "What HLS players cost", run: scenario.FanoutHLS,
		options: scenario.Options{
			H264: "bars-720p.h264", Viewers: []int{500}, Probes: 5,
			Record: 12 * time.Second, Settle: 10 * time.Second, Duration: 20 * time.Second, Repeat: 1,
		},
		flags: []string{"viewers", "probes", "settle", "duration", "profile"},
	},
	{
		name: "push", short: "What pushing a stream to RTMP servers costs", run: scenario.Push,
		options: scenario.Options{H264: "bars-720p.h264", Viewers: []int{1, 10, 50}, Settle: 5 * time.Second, Duration: 20 * time.Second, Repeat: 1},
		flags:   []string{"viewers", "settle", "duration", "profile"},
	},
	{
		name: "join-storm", short: "Viewers that come within one second", run: scenario.JoinStorm,
		options: scenario.Options{H264: "bars-720p.h264", Viewers: []int{300}, Settle: 5 * time.Second, Repeat: 1},
		flags:   []string{"viewers", "settle"},
	},
	{
		name: "slow-viewers", short: "Viewers that read nothing, and others beside them", run: scenario.SlowViewers,
		options: scenario.Options{H264: "bars-720p.h264", Viewers: []int{50}, Probes: 4, Record: 12 * time.Second, Repeat: 1},
		flags:   []string{"viewers", "probes"},
	},
	{
		name: "room-channel", short: "What members of a room cost that says 40 messages a second", run: scenario.RoomChannel,
		options: scenario.Options{
			Viewers: []int{5000, 19_500}, Floors: []string{"window"}, Probes: 20, Settle: 5 * time.Second, Duration: 20 * time.Second, Repeat: 1,
		},
		flags: []string{"viewers", "floors", "probes", "settle", "duration", "profile"},
	},
	{
		name: "latency", short: "How long pictures take to a few viewers of each form", run: scenario.Latency,
		options: scenario.Options{
			H264: "bars-720p.h264", Joins: []time.Duration{0, scenario.Default}, Probes: 5,
			Settle: 10 * time.Second, Duration: 20 * time.Second, Repeat: 1,
		},
		flags: []string{"joins", "probes", "settle", "duration"},
	},
}

// command makes the subcommand.
func (s scenarioCommand) command() *cobra.Command {
	o := s.options
	var sound bool
	var out string
	c := &cobra.Command{
		Use: s.name, Short: s.short, Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			o.Progress = c.ErrOrStderr()
			o.H264, o.Ogg = sample(o.H264), ""
			if sound {
				o.Ogg = testdata.Path("tone.ogg")
			}
			runs, err := s.measure(c.Context(), o)
			if err != nil {
				return err
			}
			return write(c, out, measure.NewResult(s.name, again(os.Args[1:]), runs))
		},
	}
	f := c.Flags()
	f.SortFlags = false
	for _, name := range s.flags {
		addFlag[name](f, &o)
	}
	f.StringVar(&o.H264, "h264", o.H264, "H.264 Annex B file with one slice a picture, or the name of a sample")
	f.BoolVar(&sound, "audio", true, "publish sound as well")
	f.IntVar(&o.Repeat, "repeat", o.Repeat, "how often all is measured")
	f.StringVar(&o.Weir, "weir", "", "server binary (default: it is built from this checkout)")
	f.StringArrayVar(&o.Settings, "set", nil, "one more setting of the server, as WEIR_NAME=value")
	f.StringVarP(&out, "out", "o", "", "file of the result (default: standard output)")
	return c
}

// measure builds what is missing and runs the scenario.
func (s scenarioCommand) measure(ctx context.Context, o scenario.Options) (runs []measure.Run, err error) {
	dir, err := os.MkdirTemp("", "weir-bench")
	if err != nil {
		return nil, fmt.Errorf("cannot make a folder: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if o.Weir == "" {
		if o.Weir, err = measure.Build(ctx, dir, "weir/cmd/weir"); err != nil {
			return nil, err
		}
	}
	if len(o.Floors) > 0 {
		if o.Floor, err = measure.Build(ctx, dir, "weir/bench/cmd/weir-floor"); err != nil {
			return nil, err
		}
	}
	return s.run(ctx, o)
}

// sample is the file of a name: that of a sample when it has no folder and is not here.
func sample(name string) string {
	if _, err := os.Stat(name); err != nil && !strings.Contains(name, string(os.PathSeparator)) {
		return testdata.Path(name)
	}
	return name
}

// again is the command that does the same from the checkout's root: without the names of files, which are this machine's.
func again(args []string) string {
	out := []string{"go run ./bench/cmd/weir-bench"}
	for i := 0; i < len(args); i++ {
		name, _, whole := strings.Cut(args[i], "=")
		switch name {
		case "-o", "--out", "--weir", "--profile":
			if !whole {
				i++ // its value
			}
		default:
			out = append(out, args[i])
		}
	}
	return strings.Join(out, " ")
}

func write(c *cobra.Command, name string, r measure.Result) error {
	if name == "" {
		return r.Write(c.OutOrStdout())
	}
	out, err := os.Create(name)
	if err != nil {
		return err
	}
	return errors.Join(r.Write(out), out.Close())
}
