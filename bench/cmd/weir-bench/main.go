// Command weir-bench measures what HTTP-FLV viewers of a weir binary cost, on loopback. It starts the server itself,
// counts the CPU time and memory of that process alone, and prints one JSON object, to be kept under bench/results.
// What publishers cost measures bench/ingest.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"time"

	"weir/bench/measure"
	"weir/bench/publish"
)

// settings are what the flags say.
type settings struct {
	weir     string
	viewers  int
	h264     string
	ogg      string
	join     time.Duration
	duration time.Duration
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := report(ctx, parse())
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "weir-bench:", err)
		os.Exit(1)
	}
}

func parse() (set settings) {
	flag.StringVar(&set.weir, "weir", "bin/weir", "server binary")
	flag.IntVar(&set.viewers, "viewers", 1000, "HTTP-FLV viewers of the stream")
	flag.StringVar(&set.h264, "h264", "", "H.264 Annex B file (default: the 360p sample)")
	flag.StringVar(&set.ogg, "ogg", "", "Ogg Opus file (default: the sample)")
	flag.DurationVar(&set.join, "join", 100*time.Millisecond, "flv.join of the server")
	flag.DurationVar(&set.duration, "duration", 20*time.Second, "how long is measured")
	flag.Parse()
	return set
}

// report measures and prints the result.
func report(ctx context.Context, set settings) error {
	figures, err := run(ctx, set)
	if err != nil {
		return err
	}
	scenario := fmt.Sprintf("flv viewers %d, join %v", set.viewers, set.join)
	return measure.NewResult(scenario, strings.Join(os.Args, " "), figures).Write(os.Stdout)
}

func run(ctx context.Context, set settings) (map[string]float64, error) {
	s, err := measure.Start(ctx, set.weir, "WEIR_FLV_JOIN="+set.join.String())
	if err != nil {
		return nil, err
	}
	defer s.Stop()
	idle, err := s.Usage()
	if err != nil {
		return nil, err
	}
	streams, err := measure.Publish(ctx, s, 1, publish.Options{H264: set.h264, Ogg: set.ogg})
	if err != nil {
		return nil, err
	}
	defer streams.End()
	crowd, err := watchAll(ctx, s, set.viewers)
	if err != nil {
		return nil, err
	}
	defer crowd.stop()
	wait(ctx, 3*time.Second) // joins are over: what follows is the steady state
	before, err := s.Usage()
	if err != nil {
		return nil, err
	}
	bytes, begin := crowd.bytes.Load(), time.Now()
	wait(ctx, set.duration)
	after, err := s.Usage()
	if err != nil {
		return nil, err
	}
	took, cpu := time.Since(begin).Seconds(), (after.CPU - before.CPU).Seconds()
	gigabytes := float64(crowd.bytes.Load()-bytes) / 1e9
	return map[string]float64{
		"seconds": took, "cpu_percent": 100 * cpu / took, "rss_mb": float64(after.RSS) / (1 << 20),
		"gigabytes": gigabytes, "cpu_s_per_gb": cpu / gigabytes,
		"first_key_frame_ms_p50": measure.Percentile(crowd.first, 50),
		"first_key_frame_ms_p95": measure.Percentile(crowd.first, 95),
		"rss_kb_per_viewer":      float64(after.RSS-idle.RSS) / 1024 / float64(set.viewers),
	}, nil
}

func wait(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
