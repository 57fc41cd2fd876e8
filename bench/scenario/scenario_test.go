//go:build linux

package scenario

import (
	"context"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"

	"weir/bench/measure"
	"weir/testdata"
)

// programs are the server and the floor.
var programs struct{ weir, floor string }

func TestMain(m *testing.M) {
	flag.Parse()
	if testing.Short() {
		fmt.Println("skipped: these tests watch media in real time")
		return
	}
	dir, err := build()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		_ = os.RemoveAll(dir)
		os.Exit(code)
	}))
}

func build() (dir string, err error) {
	if dir, err = os.MkdirTemp("", "weir-scenario-"); err != nil {
		return "", err
	}
	ctx := context.Background()
	if programs.weir, err = measure.Build(ctx, dir, "weir/cmd/weir"); err == nil {
		programs.floor, err = measure.Build(ctx, dir, "weir/bench/cmd/weir-floor")
	}
	return dir, err
}

// small are options that take seconds.
func small(t *testing.T) Options {
	return Options{
		Weir: programs.weir, Floor: programs.floor, H264: testdata.Path("bars-720p.h264"), Ogg: testdata.Path("tone.ogg"),
		Streams: []int{1}, Viewers: []int{4}, Joins: []time.Duration{Default}, Probes: 2,
		Record: 6 * time.Second, Settle: 100 * time.Millisecond, Duration: 3 * time.Second, Repeat: 1, Progress: t.Output(),
	}
}

// want asks for figures that are above 0.
func want(t *testing.T, r measure.Run, names ...string) {
	t.Helper()
	for _, name := range names {
		if f := r.Figures[name]; math.IsNaN(f) || f <= 0 {
			t.Errorf("%s, %s: %s is %v", r.Program, r.Case, name, f)
		}
	}
}

func TestFanoutFLV(t *testing.T) {
	t.Parallel()
	o := small(t)
	o.Viewers, o.Floors = []int{6, 3}, []string{"goroutines", "poll"}
	o.Profile = filepath.Join(t.TempDir(), "cpu.pprof")
	runs, err := FanoutFLV(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if len(runs) != 2*3 {
		t.Fatalf("got %d runs of 3 programs and 2 numbers of viewers", len(runs))
	}
	for _, r := range runs {
		want(t, r, "seconds", "gigabytes", "rss_mb", "first_key_frame_ms_p50", "delay_ms_p50")
		if r.Figures["closed"] != 0 {
			t.Errorf("%s let viewers down: %v", r.Program, r.Figures)
		}
	}
	if profile, err := os.Stat(o.Profile); err != nil || profile.Size() == 0 {
		t.Errorf("the profile is %v, %v", profile, err)
	}
}

func TestIngest(t *testing.T) {
	t.Parallel()
	runs, err := Ingest(t.Context(), small(t))
	if err != nil {
		t.Fatal(err)
	}
	want(t, runs[0], "seconds", "rss_mb", "mb_per_stream", "connect_ms_p50")
}

func TestPush(t *testing.T) {
	t.Parallel()
	o := small(t)
	o.Viewers, o.Settle = []int{1, 3}, time.Second
	runs, err := Push(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range runs {
		want(t, r, "seconds", "gigabytes", "cpu_percent", "cpu_s_per_gb", "rss_mb")
	}
	if len(runs) != 2 || runs[1].Figures["gigabytes"] <= runs[0].Figures["gigabytes"] {
		t.Errorf("%+v", runs)
	}
}

func TestFanoutHLS(t *testing.T) {
	t.Parallel()
	o := small(t)
	o.Record, o.Settle, o.Duration = time.Second, 0, 10*time.Second
	runs, err := FanoutHLS(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range runs {
		want(t, r, "seconds", "gigabytes", "requests_per_s", "behind_s_p50", "first_key_frame_ms_p50", "delay_ms_p50")
	}
	if len(runs) == 0 {
		t.Error("there is no run")
	}
}

func TestJoinStorm(t *testing.T) {
	t.Parallel()
	runs, err := JoinStorm(t.Context(), small(t))
	if err != nil {
		t.Fatal(err)
	}
	if len(runs) != 2 {
		t.Fatalf("got %d runs of 2 forms", len(runs))
	}
	for _, r := range runs {
		want(t, r, "first_key_frame_ms_p50", "first_key_frame_ms_max")
		if n := r.Figures["without_picture"]; n != 0 {
			t.Errorf("%s: %v viewers got no picture", r.Case, n)
		}
	}
}

func TestFanoutWHEP(t *testing.T) {
	t.Parallel()
	o := small(t)
	o.Record, o.Viewers, o.Floors = time.Second, []int{2, 4}, []string{"sendto", "segments", "srtp"}
	runs, err := FanoutWHEP(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if len(runs) != 2*4 {
		t.Fatalf("got %d runs of 4 programs and 2 numbers of viewers", len(runs))
	}
	for _, r := range runs {
		want(t, r, "seconds", "gigabytes", "packets_per_s")
		if r.Program != "weir" {
			continue
		}
		want(t, r, "connect_ms_p50", "first_key_frame_ms_p50", "delay_ms_p50")
		if n := r.Figures["without_picture"]; n != 0 {
			t.Errorf("%v viewers got no picture", n)
		}
	}
}

func TestSlowViewers(t *testing.T) {
	t.Parallel()
	o := small(t)
	o.Record = time.Second
	runs, err := SlowViewers(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	want(t, runs[0], "cut_s", "near_live_ms")
	if got := runs[0].Figures["cut"]; got != 4 {
		t.Errorf("%v of 4 viewers that read nothing were cut", got)
	}
}

func TestLatency(t *testing.T) {
	t.Parallel()
	o := small(t)
	o.Settle, o.Duration = 3*time.Second, 10*time.Second
	runs, err := Latency(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range runs {
		want(t, r, "delay_ms_p50", "delay_ms_p95", "first_key_frame_ms_p50")
	}
}

func TestFloor(t *testing.T) {
	t.Parallel()
	o := small(t)
	o.Floors, o.Joins = []string{"goroutines", "segments"}, []time.Duration{350 * time.Millisecond}
	runs, err := Floor(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if len(runs) != 2 {
		t.Fatalf("got %d runs of 2 forms", len(runs))
	}
	for _, r := range runs {
		want(t, r, "seconds", "gigabytes")
	}
}

func TestRoomChannel(t *testing.T) {
	t.Parallel()
	o := small(t)
	o.Viewers, o.Floors = []int{3, 6}, []string{"window"}
	runs, err := RoomChannel(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if len(runs) != 2*2 {
		t.Fatalf("got %d runs of 2 programs and 2 numbers of members", len(runs))
	}
	for _, r := range runs {
		want(t, r, "seconds", "messages_per_member_s", "bytes_per_member_s")
		if r.Figures["cut"] != 0 {
			t.Errorf("%s let members down: %v", r.Program, r.Figures)
		}
	}
	want(t, runs[0], "delay_ms_p50", "delay_ms_p99")
}
