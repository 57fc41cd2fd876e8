package httpflv

import (
	"sync/atomic"
	"time"
)

// tempo is the time between a pump's rounds. The waker keeps the least of it, which is what viewers asked for. Where
// rounds end so late that they fill most of that time, it grows, and the fewer rounds carry more each: what is short
// then is not CPU but delay. It shrinks again in small steps. One goroutine uses it; any may look at it.
type tempo struct {
	least, most time.Duration
	last        time.Time    // when the last round was due
	now         atomic.Int64 // a time.Duration
	lateness    atomic.Int64 // a time.Duration
}

func newTempo(least, most time.Duration) *tempo {
	t := &tempo{least: least, most: max(least, most)}
	t.now.Store(int64(least))
	return t
}

// took notes how long after it was due a round had written to its last viewer.
func (t *tempo) took(late time.Duration) {
	t.lateness.Store(int64(late))
	now, want := t.joining(), late+late/2 // a third of the time remains for others
	if want < now {
		want = now - (now-want)/8
	}
	t.now.Store(int64(min(max(want, t.least), t.most)))
}

// rest waits, once the gate has opened, until the next round is due, and returns when that is.
func (t *tempo) rest(opened time.Time) time.Time {
	due := opened
	if now := t.joining(); now > t.least {
		if next := t.last.Add(now); next.After(due) {
			due = next
			time.Sleep(time.Until(due))
		}
	}
	t.last = due
	return due
}

// joining is the present time between two rounds, as far as the waker does not make it longer.
func (t *tempo) joining() time.Duration { return time.Duration(t.now.Load()) }

// late is how long after it was due the last round ended.
func (t *tempo) late() time.Duration { return time.Duration(t.lateness.Load()) }
