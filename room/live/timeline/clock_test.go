package timeline

import (
	"testing"
	"time"

	"weir/mux/av"
	"weir/mux/codec/aac"
)

const ms = time.Millisecond

func TestClock(t *testing.T) {
	type step struct {
		ts            uint32
		arrival, want time.Duration
	}
	for _, tc := range []struct {
		name  string
		steps []step
		jumps uint64
	}{
		{"the first stands at its arrival", []step{{5000, 100 * ms, 100 * ms}, {5040, 180 * ms, 140 * ms}}, 0},
		{"audio and video interleaved", []step{{0, 0, 0}, {40, 40 * ms, 40 * ms}, {23, 41 * ms, 23 * ms}, {80, 80 * ms, 80 * ms}}, 0},
		{"one of them a second ahead", []step{{1000, 0, 0}, {2000, ms, 1000 * ms}, {1040, 40 * ms, 40 * ms}}, 0},
		{"wraps at 2^32", []step{{1<<32 - 20, 0, 0}, {20, 40 * ms, 40 * ms}}, 0},
		{"wraps past 2^24", []step{{1<<24 - 20, 0, 0}, {1<<24 + 20, 40 * ms, 40 * ms}}, 0},
		{"a file pushed at once", []step{{0, 0, 0}, {2000, ms, 2000 * ms}, {4000, 2 * ms, 4000 * ms}, {6000, 3 * ms, 6000 * ms}}, 0},
		{"a backlog behind a stall", []step{{0, 0, 0}, {40, 9000 * ms, 40 * ms}, {80, 9001 * ms, 80 * ms}}, 0},
		{"a pause of the encoder that its timestamps tell", []step{{0, 0, 0}, {60_000, 60_000 * ms, 60_000 * ms}}, 0},
		{"a jump forward is placed at its arrival", []step{{0, 0, 0}, {90_000, 40 * ms, 40 * ms}, {90_040, 80 * ms, 80 * ms}}, 1},
		{"a jump back is placed at its arrival", []step{{90_000, 0, 0}, {0, 40 * ms, 40 * ms}, {40, 80 * ms, 80 * ms}}, 1},
		{"a jump is never before what was given", []step{{0, 0, 0}, {2900, ms, 2900 * ms}, {1 << 31, 40 * ms, 2901 * ms}}, 1},
		{"many small steps back", []step{{9000, 0, 0}, {7000, ms, -2000 * ms}, {5000, 2 * ms, 2 * ms}}, 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var (
				c clock
				m Millis
			)
			for i, s := range tc.steps {
				if got := c.place(m.Time(s.ts), s.arrival); got != s.want {
					t.Errorf("step %d: got %v, want %v", i, got, s.want)
				}
			}
			if c.jumps != tc.jumps {
				t.Errorf("%d jumps, want %d", c.jumps, tc.jumps)
			}
		})
	}
}

func TestTrackTimes(t *testing.T) {
	var tr track
	for i, s := range []struct{ at, composition, dts, pts time.Duration }{
		{0, 80 * ms, 0, 80 * ms},
		{40 * ms, 0, 40 * ms, 40 * ms},
		{40 * ms, 40 * ms, 41 * ms, 81 * ms},                     // stands still
		{10 * ms, 0, 42 * ms, 42 * ms},                           // goes back
		{120 * ms, -40 * ms, 120 * ms, 120 * ms},                 // no output carries PTS before DTS
		{160 * ms, time.Hour, 160 * ms, 5160 * time.Millisecond}, // no output waits so long
	} {
		if dts, pts := tr.times(s.at, s.composition); dts != s.dts || pts != s.pts {
			t.Errorf("%d: got %v and %v, want %v and %v", i, dts, pts, s.dts, s.pts)
		}
	}
}

// TestSteadySound: timestamps in whole milliseconds become times by the count of samples, and drift is followed.
func TestSteadySound(t *testing.T) {
	frame := av.Duration(aac.SamplesPerFrame, 44100)
	for _, tc := range []struct {
		name string
		ppm  float64
	}{{"no drift", 0}, {"fast", 300}, {"slow", -300}} {
		var s steady
		var last time.Duration
		for i := range 20_000 { // eight minutes
			truth := frame * time.Duration(i)
			truth += time.Duration(float64(truth) * tc.ppm / 1e6)
			at := s.place(truth.Truncate(ms), frame)
			if off := (at - truth).Abs(); off > 4*ms {
				t.Fatalf("%s: frame %d is off by %v", tc.name, i, off)
			}
			if d := at - last; i > 0 && (d-frame).Abs() > ms/10 || tc.ppm == 0 && i > 0 && d != frame {
				t.Fatalf("%s: frame %d comes %v behind the one before", tc.name, i, d)
			}
			last = at
		}
	}
	var s steady
	s.place(0, frame)
	if got := s.place(500*ms, frame); got != 500*ms {
		t.Errorf("behind a gap: got %v", got)
	}
}
