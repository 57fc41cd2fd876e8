package live

import (
	"sync"
	"sync/atomic"
	"time"
)

// beatWait is how long a wake is put off for the next picture: a little more than 1/25 s.
const beatWait = 45 * time.Millisecond

// pace is how often a waker wakes; see ReaderOptions.
type pace struct {
	join time.Duration
	beat bool
}

// Waker wakes the readers of one ring that share one pace. Its goroutine, not the writer's, walks the readers that
// wait, so that a write costs the same for any number of them.
type Waker struct {
	pace pace
	refs int // guarded by wakers.mu
	gate atomic.Pointer[Gate]
	beat chan struct{}   // capacity 1: "there is a new picture"
	kick chan struct{}   // capacity 1: "there is something new"; filled after beat
	stop chan struct{}   // closed with the last reader
	done <-chan struct{} // closed with the ring
}

// Gate is what readers wait at. It opens once. That of a ring that is over stays open.
type Gate struct {
	open chan struct{}
	at   time.Time // written before open is closed
}

// Open is closed when there is something new to read, or the ring is over.
func (g *Gate) Open() <-chan struct{} { return g.open }

// OpenedAt is when that was. It is for who saw it open.
func (g *Gate) OpenedAt() time.Time { return g.at }

func newWaker(p pace, done <-chan struct{}) *Waker {
	w := &Waker{
		pace: p, beat: make(chan struct{}, 1), kick: make(chan struct{}, 1), stop: make(chan struct{}), done: done,
	}
	w.gate.Store(&Gate{open: make(chan struct{})})
	return w
}

// Gate is what the next wake opens. Load it before looking for new values: what is written afterwards opens it.
func (w *Waker) Gate() *Gate { return w.gate.Load() }

// wake opens the gate and leaves a closed one in its place.
func (w *Waker) wake() {
	old := w.gate.Swap(&Gate{open: make(chan struct{})})
	old.at = time.Now()
	close(old.open)
}

// finish opens the gate for good: who has read all must learn that the ring is over.
func (w *Waker) finish() {
	last := w.gate.Load()
	last.at = time.Now()
	close(last.open)
}

// run wakes after each kick, at most once in an interval.
func (w *Waker) run() {
	defer w.finish()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
		case <-w.stop:
			return
		case <-w.done:
			return
		}
		if w.pace.join > 0 {
			drain(w.beat) // it is late already: it waits for the next one, which is as late as it was
		}
		select {
		case <-w.kick:
		case <-w.stop:
			return
		case <-w.done:
			return
		}
		if w.pace.beat && !w.awaitBeat(timer) {
			return
		}
		drain(w.beat)
		drain(w.kick)
		w.wake()
		timer.Reset(w.pace.join)
	}
}

// awaitBeat waits for a picture, but not for long; ok is false when the readers or the ring are over.
func (w *Waker) awaitBeat(timer *time.Timer) (ok bool) {
	timer.Reset(beatWait)
	select {
	case <-w.beat:
	case <-timer.C:
	case <-w.stop:
		return false
	case <-w.done:
		return false
	}
	return true
}

// drain empties a channel of capacity 1.
func drain(c <-chan struct{}) {
	select {
	case <-c:
	default:
	}
}

// fill puts a token into a channel of capacity 1, if there is none.
func fill(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// wakers are the wakers of one ring, one for each pace in use.
type wakers struct {
	tasks *tasks          // own their goroutines
	done  <-chan struct{} // closed with the ring

	mu   sync.Mutex               // guards list's writers and every waker's refs
	list atomic.Pointer[[]*Waker] // copied on write, so that kick takes no lock
}

// acquire returns the waker of a pace, starting it with its first reader.
func (ws *wakers) acquire(p pace) *Waker {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	old := ws.snapshot()
	for _, w := range old {
		if w.pace == p {
			w.refs++
			return w
		}
	}
	w := newWaker(p, ws.done)
	w.refs = 1
	next := append(append([]*Waker(nil), old...), w)
	ws.list.Store(&next)
	if !ws.tasks.start(w.run) { // the hub is over, and so is the ring
		w.finish()
	}
	return w
}

// release gives a waker back; the last one ends its goroutine.
func (ws *wakers) release(w *Waker) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	if w.refs--; w.refs > 0 {
		return
	}
	var next []*Waker
	for _, o := range ws.snapshot() {
		if o != w {
			next = append(next, o)
		}
	}
	ws.list.Store(&next)
	close(w.stop)
}

func (ws *wakers) snapshot() []*Waker {
	if l := ws.list.Load(); l != nil {
		return *l
	}
	return nil
}

// kick tells every waker that there is something new, and whether it is a picture. It never blocks.
func (ws *wakers) kick(beat bool) {
	for _, w := range ws.snapshot() {
		if beat && w.pace.beat {
			fill(w.beat)
		}
		fill(w.kick)
	}
}
