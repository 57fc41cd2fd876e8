package push

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"weir/room/live"
)

// TestStats: what is pushed is counted by protocol and state.
func TestStats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := testOptions()
		o.Rules = []Task{rule("demo/*", "rtmp://127.0.0.1/live/good"), rule("demo/*", "https://127.0.0.1/unfit"), rule("demo/*", "https://127.0.0.1/away")}
		r := newRig(t, o)
		r.far.let(func(_ context.Context, t Target) error {
			switch t.URL.Path {
			case "/unfit":
				return ErrUnfit
			case "/away":
				return ErrRefused
			}
			return nil
		}, nil)
		c := r.publish("demo", "cam", live.PublishOptions{})
		c.film(time.Second / 2)
		want := `
# HELP weir_push_destinations Destinations of live streams, by state.
# TYPE weir_push_destinations gauge
weir_push_destinations{protocol="https",state="connecting"} 0
weir_push_destinations{protocol="https",state="failed"} 1
weir_push_destinations{protocol="https",state="running"} 0
weir_push_destinations{protocol="https",state="waiting"} 1
weir_push_destinations{protocol="rtmp",state="connecting"} 0
weir_push_destinations{protocol="rtmp",state="failed"} 0
weir_push_destinations{protocol="rtmp",state="running"} 1
weir_push_destinations{protocol="rtmp",state="waiting"} 0
# HELP weir_push_failures_total Connections to push targets that failed or broke.
# TYPE weir_push_failures_total counter
weir_push_failures_total{protocol="https",reason="refused"} 1
weir_push_failures_total{protocol="https",reason="unfit"} 1
# HELP weir_push_frames_total Access units sent to destinations.
# TYPE weir_push_frames_total counter
weir_push_frames_total{protocol="https"} 0
weir_push_frames_total{protocol="rtmp"} 5
# HELP weir_push_relays Relays that push, by who made them.
# TYPE weir_push_relays gauge
weir_push_relays{origin="api"} 0
weir_push_relays{origin="auto"} 0
weir_push_relays{origin="callback"} 0
weir_push_relays{origin="rule"} 3
`
		if err := testutil.CollectAndCompare(r.m.Stats(), strings.NewReader(want), "weir_push_destinations",
			"weir_push_failures_total", "weir_push_frames_total", "weir_push_relays"); err != nil {
			t.Error(err)
		}
		problems, err := testutil.CollectAndLint(r.m.Stats())
		if err != nil || len(problems) != 0 {
			t.Errorf("%v, %v", problems, err)
		}
		c.pub.End(errTest)
		synctest.Wait()
		if text := r.far.frames("rtmp://127.0.0.1/live/good"); len(text) == 0 {
			t.Error("nothing arrived")
		}
	})
}

// TestProgressCosts: counting what was sent allocates nothing.
func TestProgressCosts(t *testing.T) {
	p := NewProgress()
	if n := testing.AllocsPerRun(100, func() { p.Sent(3, 4000, time.Second) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
