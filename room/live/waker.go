package live

import (
	"sync"
	"sync/atomic"
	"time"
)

// waker wakes the readers of one ring that share one joining interval. Its goroutine, not the writer's, walks
// the readers that wait, so that a write costs the same for any number of them.
type waker struct {
	join time.Duration
	refs int // guarded by wakers.mu
	gate atomic.Pointer[chan struct{}]
	kick chan struct{} // capacity 1: "there is something new"
	stop chan struct{} // closed with the last reader
}

func newWaker(join time.Duration) *waker {
	w := &waker{join: join, kick: make(chan struct{}, 1), stop: make(chan struct{})}
	w.renew()
	return w
}

// renew puts a new gate in place and returns the old one.
func (w *waker) renew() *chan struct{} {
	gate := make(chan struct{})
	return w.gate.Swap(&gate)
}

// wait returns the channel that the next wake closes. Load it before looking for new values: what is written
// afterwards closes it.
func (w *waker) wait() <-chan struct{} { return *w.gate.Load() }

// run opens the gate after each kick, at most once in an interval of join.
func (w *waker) run() {
	var pause <-chan time.Time
	for {
		select {
		case <-w.stop:
			return
		case <-w.kick:
		}
		if pause != nil {
			select {
			case <-w.stop:
				return
			case <-pause:
			}
		}
		close(*w.renew())
		if w.join > 0 {
			pause = time.After(w.join)
		}
	}
}

// wakers are the wakers of one ring, one for each joining interval in use.
type wakers struct {
	tasks *tasks // own their goroutines

	mu   sync.Mutex               // guards list's writers and every waker's refs
	list atomic.Pointer[[]*waker] // copied on write, so that kick takes no lock
}

// acquire returns the waker of an interval, starting it with its first reader.
func (ws *wakers) acquire(join time.Duration) *waker {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	old := ws.snapshot()
	for _, w := range old {
		if w.join == join {
			w.refs++
			return w
		}
	}
	w := newWaker(join)
	w.refs = 1
	next := append(append([]*waker(nil), old...), w)
	ws.list.Store(&next)
	ws.tasks.start(w.run) // when the hub is over, so is the ring: its readers need no wake
	return w
}

// release gives a waker back; the last one ends its goroutine.
func (ws *wakers) release(w *waker) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	if w.refs--; w.refs > 0 {
		return
	}
	var next []*waker
	for _, o := range ws.snapshot() {
		if o != w {
			next = append(next, o)
		}
	}
	ws.list.Store(&next)
	close(w.stop)
}

func (ws *wakers) snapshot() []*waker {
	if l := ws.list.Load(); l != nil {
		return *l
	}
	return nil
}

// kick tells every waker that there is something new. It never blocks.
func (ws *wakers) kick() {
	for _, w := range ws.snapshot() {
		select {
		case w.kick <- struct{}{}:
		default:
		}
	}
}
