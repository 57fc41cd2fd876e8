// Command weir-bench measures a weir binary on loopback: what publishers cost, and what HTTP-FLV viewers cost. It
// starts the server itself, counts the CPU time and memory of that process alone, and prints one JSON object, to
// be kept under bench/results. It asserts nothing: machines differ, ratios in one run tell.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strings"
	"time"
)

// result is what one run says.
type result struct {
	Scenario string             `json:"scenario"`
	Date     string             `json:"date"`
	Commit   string             `json:"commit"`
	Command  string             `json:"command"`
	Machine  string             `json:"machine"`
	Figures  map[string]float64 `json:"figures"`
}

// settings are what the flags say.
type settings struct {
	weir     string
	publish  int
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
	flag.IntVar(&set.publish, "publish", 10, "streams published")
	flag.IntVar(&set.viewers, "viewers", 0, "HTTP-FLV viewers of the first stream")
	flag.StringVar(&set.h264, "h264", "testdata/bars-360p.h264", "H.264 Annex B file of every stream")
	flag.StringVar(&set.ogg, "ogg", "testdata/tone.ogg", "Ogg Opus file of every stream")
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
	out := json.NewEncoder(os.Stdout)
	out.SetIndent("", "  ")
	return out.Encode(result{
		Scenario: fmt.Sprintf("publish %d, flv viewers %d, join %v", set.publish, set.viewers, set.join),
		Date:     time.Now().UTC().Format(time.DateOnly), Commit: commit(), Command: strings.Join(os.Args, " "),
		Machine: fmt.Sprintf("%s/%s, %d CPUs, %s", runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.Version()),
		Figures: figures,
	})
}

func commit() string {
	out, err := exec.Command("git", "rev-parse", "--short", "HEAD").Output()
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(out))
}

func run(ctx context.Context, set settings) (map[string]float64, error) {
	s, err := startServer(ctx, set)
	if err != nil {
		return nil, err
	}
	defer s.stop()
	idle, err := s.usage()
	if err != nil {
		return nil, err
	}
	sessions, connect, err := publishAll(ctx, s, set)
	if err != nil {
		return nil, err
	}
	defer endAll(sessions)
	crowd, err := watchAll(ctx, s, set.viewers)
	if err != nil {
		return nil, err
	}
	defer crowd.stop()
	wait(ctx, 3*time.Second) // joins are over: what follows is the steady state
	before, err := s.usage()
	if err != nil {
		return nil, err
	}
	packets, bytes := sent(sessions), crowd.bytes.Load()
	begin := time.Now()
	wait(ctx, set.duration)
	after, err := s.usage()
	if err != nil {
		return nil, err
	}
	took := time.Since(begin).Seconds()
	cpu := (after.cpu - before.cpu).Seconds()
	figures := map[string]float64{
		"seconds": took, "cpu_percent": 100 * cpu / took,
		"connect_ms_p50": percentile(connect, 50), "connect_ms_p95": percentile(connect, 95),
		"rss_mb": float64(after.rss) / (1 << 20),
	}
	if set.viewers == 0 {
		figures["cpu_percent_per_stream"] = 100 * cpu / took / float64(set.publish)
		figures["cpu_us_per_packet"] = 1e6 * cpu / float64(sent(sessions)-packets)
		figures["rss_mb_per_stream"] = float64(after.rss-idle.rss) / (1 << 20) / float64(set.publish)
		return figures, nil
	}
	gigabytes := float64(crowd.bytes.Load()-bytes) / 1e9
	figures["gigabytes"] = gigabytes
	figures["cpu_s_per_gb"] = cpu / gigabytes
	figures["first_key_frame_ms_p50"] = percentile(crowd.first, 50)
	figures["first_key_frame_ms_p95"] = percentile(crowd.first, 95)
	figures["rss_kb_per_viewer"] = float64(after.rss-idle.rss) / 1024 / float64(set.viewers)
	return figures, nil
}

func wait(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
