package channel

import (
	"sync"
	"time"

	"weir/room/im"
	"weir/room/im/window"
)

// room is what goes on in one room by way of this node.
type room struct {
	c *Channel
	k key

	// publishing is held from the choice of what goes out until it is published, so that it goes out in order. It is
	// taken before mu.
	publishing sync.Mutex

	mu      sync.Mutex // guards the fields below
	dropped bool       // forgotten: another one is in its place, or will be
	used    time.Time  // when something was accepted or went out last
	window  *window.Window[*entry]
	numbers numbers
	dedup   dedup

	here  map[string]*guest // by account; anonymous viewers are not known by name
	crowd crowd             // who came and went since it was told last

	tips     []im.Message // that go out with the next publication, in order
	counters map[string]int64
	watching map[string]*watching // by stream

	spare *batch // for the next publication; nil when one is on its way

	hold   time.Time // nothing goes out before
	origin time.Time // of the steps in which publications are planned, Options.Flush each
	fast   time.Time // until when windows are as short as they may be
	timer  *time.Timer
	due    time.Time // when timer fires; zero: it does not
	last   time.Time // the planned time of the last publication
}

func newRoom(c *Channel, k key) *room {
	return &room{c: c, k: k, here: make(map[string]*guest), used: c.o.Now()}
}

func (r *room) idleLocked(now time.Time) bool {
	return len(r.here) == 0 && r.due.IsZero() && now.Sub(r.used) >= idleAfter && r.numbers.refill == nil
}

// windowLocked is the room's window, which is made with its first message.
func (r *room) windowLocked() *window.Window[*entry] {
	if r.window == nil {
		r.window = window.New[*entry](window.Options{
			PerSecond: r.c.o.PerSecond, PerClass: r.c.o.PerSecond, Length: r.c.o.Window,
		})
	}
	return r.window
}

// soonLocked has the room publish with its next window; the windows of a room that is busy follow each other without
// a gap.
func (r *room) soonLocked(now time.Time) {
	step := r.c.o.Window
	if now.Before(r.fast) {
		step = r.c.o.Flush
	}
	due := r.last.Add(step)
	if due.Before(now) {
		due = now.Add(step)
	}
	r.atLocked(due, now)
}

// urgentLocked has the room publish as soon as it may.
func (r *room) urgentLocked(now time.Time) {
	due := r.last.Add(r.c.o.Flush)
	if due.Before(now) {
		due = now
	}
	r.atLocked(due, now)
}

// highLocked has the room publish as soon as it may, and all else for a second in windows of the same length: were they
// uneven, one that begins before a second and ends in it would take of its quota for what came before it.
func (r *room) highLocked(now time.Time) {
	r.fast = now.Add(time.Second)
	r.urgentLocked(now)
}

// atLocked has the room publish at a time, or the next that is even, at the latest. A room that is quiet begins anew.
func (r *room) atLocked(due, now time.Time) {
	if due.Before(r.hold) {
		due = r.hold
	}
	if r.due.IsZero() && now.Sub(r.last) > time.Second {
		r.origin = now
	}
	if past := due.Sub(r.origin) % r.c.o.Flush; past > 0 {
		due = due.Add(r.c.o.Flush - past)
	}
	if !r.due.IsZero() && !due.Before(r.due) {
		return
	}
	r.due = due
	if r.timer == nil {
		r.timer = time.AfterFunc(due.Sub(now), r.fire)
		return
	}
	r.timer.Reset(due.Sub(now))
}

// fire is called by the timer.
func (r *room) fire() {
	if !r.c.begin() {
		return
	}
	defer r.c.work.Done()
	r.flush(false)
}

// finish publishes what waits, and no more after it.
func (r *room) finish() {
	r.mu.Lock()
	waits := !r.due.IsZero()
	if waits {
		r.timer.Stop()
	}
	r.mu.Unlock()
	if waits {
		r.flush(true)
	}
}

// dueLocked tells whether it is time to publish, and the planned time of it: when the timer fired late, that of the
// last window that is over, so that windows stay even.
func (r *room) dueLocked(now time.Time) (time.Time, bool) {
	if r.due.IsZero() || now.Before(r.due) {
		return time.Time{}, false // somebody else did it, or it was put off
	}
	late := now.Sub(r.due)
	return r.due.Add(late - late%r.c.o.Window), true
}
