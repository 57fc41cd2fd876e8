package whip

import (
	"testing"
	"time"

	"weir/ingest/depacket"
)

// Wall times move to those of the sender's capture, a millisecond a tick, if its clock is near ours.
func TestWallTimeFollowsTheReports(t *testing.T) {
	const ms = time.Millisecond
	const ntpToUnix = 2208988800
	for _, c := range []struct {
		name  string
		clock time.Duration // of the sender, against ours
		want  time.Duration // by which wall times move
	}{
		{"one clock: 60 ms from the capture to the arrival", 0, -60 * ms},
		{"the sender's clock is 40 ms ahead", 40 * ms, -20 * ms},
		{"the sender's clock is behind", -time.Second, -1060 * ms},
		{"the sender's clock is far behind", -3 * time.Second, 0},
		{"the sender's clock is in the future", time.Second, 0},
		{"the sender's clock is of another year", 365 * 24 * time.Hour, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := &session{started: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), ahead: 250 * ms}
			sound := s.sync.Clock(48000, true)
			var last time.Duration
			for n := range 6000 {
				captured := time.Duration(n) * 20 * ms // since s.started
				now := captured + 60*ms + s.ahead
				sound.At(&depacket.Unit{Timestamp: uint32(n * 960), Arrival: now})
				if n%50 == 20 {
					wall := s.started.Add(captured + c.clock)
					ntp := uint64(wall.Unix()+ntpToUnix)<<32 | uint64(wall.Nanosecond())<<32/1e9
					sound.Report(ntp, uint32(n*960), now)
				}
				if n%5 != 0 {
					continue
				}
				s.moveWall(now)
				moved := s.wall(now).Sub(s.started.Add(captured + 60*ms))
				if step := moved - last; step.Abs() > ms {
					t.Fatalf("wall times step by %v", step)
				}
				last = moved
			}
			if off := last - c.want; off.Abs() > ms {
				t.Errorf("wall times moved by %v, want %v", last, c.want)
			}
		})
	}
}
