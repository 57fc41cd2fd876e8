package push

import (
	"testing"
	"time"
)

// TestPatience: pauses double up to the longest, chance makes them up to a half shorter, and a connection that was good begins
// anew.
func TestPatience(t *testing.T) {
	now := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	p := patience{first: time.Second, most: 15 * time.Second, giveUp: time.Hour}
	for i, seconds := range []int{1, 2, 4, 8, 15, 15, 15} {
		most := time.Duration(seconds) * time.Second
		if wait, ok := p.pause(now, 0, ErrClosed); !ok || wait > most || wait < most/2-time.Nanosecond {
			t.Errorf("pause %d: %v, %v; at most %v", i, wait, ok, most)
		}
	}
	if wait, ok := p.pause(now, steady, ErrClosed); !ok || wait > time.Second {
		t.Errorf("behind a good connection: %v, %v", wait, ok)
	}
	if _, ok := p.pause(now.Add(time.Hour-1), 0, ErrClosed); !ok {
		t.Error("given up too early")
	}
	if _, ok := p.pause(now.Add(time.Hour), 0, ErrClosed); ok {
		t.Error("not given up")
	}
	if wait, ok := p.pause(now.Add(time.Hour), steady, ErrChanged); !ok || wait != 0 {
		t.Errorf("the stream has changed: %v, %v", wait, ok)
	}
	p = patience{first: time.Second, most: time.Second, failures: 1 << 20, since: now}
	if wait, ok := p.pause(now.Add(1000*time.Hour), 0, ErrClosed); !ok || wait > time.Second || wait <= 0 {
		t.Errorf("for ever: %v, %v", wait, ok)
	}
}
