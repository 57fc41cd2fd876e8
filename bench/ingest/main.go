// Command ingest measures what publishers cost: it starts a weir binary on loopback, lets so many publish the 360p
// sample by WHIP with nobody watching, and prints the CPU time and memory of the server's process alone, in all and for
// each stream, as one JSON object to be kept under bench/results.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"time"

	"weir/bench/measure"
	"weir/bench/publish"
)

// settle is how long publishers run before they are measured: rings and buffers are full by then.
const settle = 10 * time.Second

// settings are what the flags say.
type settings struct {
	weir     string
	streams  int
	duration time.Duration
	profile  string
}

func main() {
	var set settings
	flag.StringVar(&set.weir, "weir", "bin/weir", "server binary")
	flag.IntVar(&set.streams, "n", 50, "publishers")
	flag.DurationVar(&set.duration, "duration", 20*time.Second, "how long is measured")
	flag.StringVar(&set.profile, "cpuprofile", "", "file for a CPU profile of the server, which costs some CPU itself")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	figures, err := run(ctx, set)
	stop()
	if err == nil {
		scenario := fmt.Sprintf("publish %d, 360p 500 kbit/s and Opus, no viewers", set.streams)
		err = measure.NewResult(scenario, strings.Join(append([]string{"go run ./bench/ingest"}, os.Args[1:]...), " "), figures).Write(os.Stdout)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "ingest:", err)
		os.Exit(1)
	}
}

// run measures.
func run(ctx context.Context, set settings) (map[string]float64, error) {
	s, err := measure.Start(ctx, set.weir)
	if err != nil {
		return nil, err
	}
	defer s.Stop()
	idle, err := s.Usage()
	if err != nil {
		return nil, err
	}
	streams, err := measure.Publish(ctx, s, set.streams, publish.Options{StapA: true, RTX: true})
	if err != nil {
		return nil, err
	}
	defer streams.End()
	wait(ctx, settle)
	before, err := s.Usage()
	if err != nil {
		return nil, err
	}
	packets, asked, begin := streams.Packets(), streams.Asked(), time.Now()
	if err := watch(ctx, s, set); err != nil {
		return nil, err
	}
	after, err := s.Usage()
	if err != nil {
		return nil, err
	}
	took, cpu, n := time.Since(begin).Seconds(), (after.CPU - before.CPU).Seconds(), float64(set.streams)
	return map[string]float64{
		"seconds": took, "streams": n, "cpu_percent": 100 * cpu / took, "cpu_percent_per_stream": 100 * cpu / took / n,
		"cpu_us_per_packet": 1e6 * cpu / float64(streams.Packets()-packets),
		"asked_again":       float64(streams.Asked() - asked),
		"rss_mb":            float64(after.RSS) / (1 << 20),
		"rss_mb_per_stream": float64(after.RSS-idle.RSS) / (1 << 20) / n,
		"connect_ms_p50":    measure.Percentile(streams.Connect, 50),
		"connect_ms_p95":    measure.Percentile(streams.Connect, 95),
	}, nil
}

// watch lets the time that is measured go by, with a profile of the server if one is wanted.
func watch(ctx context.Context, s *measure.Server, set settings) error {
	if set.profile == "" {
		wait(ctx, set.duration)
		return nil
	}
	url := fmt.Sprintf("http://%s/debug/pprof/profile?seconds=%.0f", s.Admin, set.duration.Seconds())
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("cannot profile the server: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("cannot profile the server: %s", resp.Status)
	}
	profile, err := io.ReadAll(resp.Body)
	if err != nil {
		return fmt.Errorf("cannot profile the server: %w", err)
	}
	return os.WriteFile(set.profile, profile, 0o600)
}

func wait(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
