package hook

import (
	"sync"
	"time"
)

const (
	// patience is how many calls in a row may fail before a receiver is left alone for a while.
	patience = 5
	// minPause is how long at first, maxPause at most: each call in between that fails as well doubles it.
	minPause, maxPause = time.Second, 30 * time.Second
)

// breaker leaves a receiver alone for a while that was too slow too often, so that what would wait for it does not.
type breaker struct {
	mu       sync.Mutex // guards the fields below
	failures int        // in a row
	pause    time.Duration
	until    time.Time // nobody calls before; zero: anybody may
	probing  bool      // somebody calls after a pause, and the others wait for what becomes of it
}

// enter tells whether the receiver may be called. Who enters has to leave, and to say whether it was the probe.
func (b *breaker) enter(now time.Time) (probe, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.until.IsZero() {
		return false, true
	}
	if b.probing || now.Before(b.until) {
		return false, false
	}
	b.probing = true
	return true, true
}

// turn is what a call changed.
type turn uint8

const (
	steady  turn = iota
	pausing      // the receiver is left alone from now on
	resumed      // it is called again
)

// leave tells what became of a call.
func (b *breaker) leave(now time.Time, probe, failed bool) turn {
	b.mu.Lock()
	defer b.mu.Unlock()
	paused := !b.until.IsZero()
	switch {
	case !failed:
		b.failures, b.pause, b.until, b.probing = 0, 0, time.Time{}, false
		if paused {
			return resumed
		}
		return steady
	case probe:
		b.pause, b.probing = min(2*b.pause, maxPause), false
		b.until = now.Add(b.pause)
		return steady
	case paused: // it began before the pause
		return steady
	}
	b.failures++
	if b.failures < patience {
		return steady
	}
	b.pause = minPause
	b.until = now.Add(b.pause)
	return pausing
}

// skip is for who entered and learnt nothing.
func (b *breaker) skip(probe bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if probe {
		b.probing = false
	}
}

// wait is how long nobody may enter yet.
func (b *breaker) wait(now time.Time) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.until.IsZero() {
		return 0
	}
	return max(0, b.until.Sub(now))
}

// fresh tells whether nothing is to be remembered of it.
func (b *breaker) fresh() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.failures == 0 && b.until.IsZero()
}
