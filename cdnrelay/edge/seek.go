package edge

import (
	"container/heap"
	"context"
	"errors"
	"sync"
	"time"

	"weir/room/live"
)

const (
	// maxSeeking is how many streams the origins are asked for at once on behalf of viewers who wait.
	maxSeeking = 256
	// seekPause and seekPauseMax are how long origins are left alone between two questions for one stream. When many are waited
	// for it is seekShare for each of them, so that all together are asked for again no more than 2000 times a second.
	seekPause, seekPauseMax = 250 * time.Millisecond, time.Second
	seekShare               = 500 * time.Microsecond
	// keptWishes is how many wishes that nobody has any more are remembered at least.
	keptWishes = 1024
)

// seeker asks the origins for the streams that viewers wait for: each in its turn, and again after a pause as long as somebody
// waits. A stream takes one of maxSeeking places only while the origins are asked, and the one that has waited for its turn
// longest is next: names that nobody publishes do not hide one that somebody does.
type seeker struct {
	edge *Edge
	wake chan struct{} // capacity 1: something may be to be asked

	mu     sync.Mutex // guards the fields below; comes before the hub's lock
	wishes map[live.Key]*wish
	queue  wishes // those that no origin is being asked for
	asking int    // the others
	most   int    // wishes, beyond which those that nobody has any more are let go
	full   bool   // there was no room for the last stream that an origin had
}

// wish is a stream that viewers wait for, or were told a moment ago that nobody has: then whoever comes before its turn does not
// have the origins asked at once.
type wish struct {
	key   live.Key
	turn  time.Time
	pause time.Duration // before turn
}

func newSeeker(e *Edge) *seeker {
	return &seeker{edge: e, wake: make(chan struct{}, 1), wishes: make(map[live.Key]*wish), most: keptWishes}
}

// listen takes the wishes of the hub's viewers, until ctx is done.
func (s *seeker) listen(ctx context.Context, wanted *live.Watcher) {
	defer wanted.Close()
	for {
		k, err := wanted.Next(ctx)
		if err != nil {
			return
		}
		s.want(k)
	}
}

// want notes that viewers wait for a stream.
func (s *seeker) want(k live.Key) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.wishes[k] != nil {
		return // when its turn comes it is seen that somebody waits
	}
	s.sweepLocked()
	w := &wish{key: k, turn: time.Now()}
	s.wishes[k] = w
	s.pushLocked(w)
}

// sweepLocked bounds the wishes by those that the hub lets wait: of the others there are never more than of these.
func (s *seeker) sweepLocked() {
	if len(s.wishes) < s.most {
		return
	}
	kept := s.queue[:0]
	for _, w := range s.queue {
		if s.edge.hub.Awaited(w.key) {
			kept = append(kept, w)
		} else {
			delete(s.wishes, w.key)
		}
	}
	clear(s.queue[len(kept):])
	s.queue = kept
	heap.Init(&s.queue)
	s.most = 2*len(s.wishes) + keptWishes
}

func (s *seeker) pushLocked(w *wish) {
	heap.Push(&s.queue, w)
	s.nudge()
}

// nudge has run look again.
func (s *seeker) nudge() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// run has the origins asked, until ctx is done.
func (s *seeker) run(ctx context.Context) {
	for {
		w, wait := s.next(time.Now())
		switch {
		case w == nil:
			if s.rest(ctx, wait) != nil {
				return
			}
		case !s.edge.tasks.start(func(ctx context.Context) { s.answered(w, s.edge.bring(ctx, w.key, nil)) }):
			return
		}
	}
}

// next is the wish whose turn it is, which takes a place. When there is none it tells how long that stays so, unless run is woken.
func (s *seeker) next(now time.Time) (w *wish, wait time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.queue) > 0 && s.asking < maxSeeking {
		if wait = s.queue[0].turn.Sub(now); wait > 0 {
			return nil, wait
		}
		w = heap.Pop(&s.queue).(*wish)
		if s.edge.hub.Awaited(w.key) {
			s.asking++
			return w, 0
		}
		delete(s.wishes, w.key)
	}
	return nil, time.Hour
}

// rest waits until something may be to be asked, or returns the context's error.
func (s *seeker) rest(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-s.wake:
	case <-t.C:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	return nil
}

// answered gives a wish's place back. It keeps the wish for its next turn: who has come meanwhile was told to nobody.
func (s *seeker) answered(w *wish, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asking--
	s.nudge()
	s.tellFullLocked(w, err)
	switch {
	case err != nil:
		s.edge.log.Debug("no origin gives the stream", "stream", w.key, "error", err)
		w.pause = min(max(2*w.pause, seekPause), seekPauseMax)
		w.turn = time.Now().Add(max(w.pause, time.Duration(len(s.wishes))*seekShare))
	case s.edge.hub.Awaited(w.key): // it came, and is over already
		w.pause, w.turn = 0, time.Now()
	default:
		delete(s.wishes, w.key)
		return
	}
	s.pushLocked(w)
}

// tellFullLocked says once that there is no room for streams that viewers wait for.
func (s *seeker) tellFullLocked(w *wish, err error) {
	isFull := errors.Is(err, live.ErrFull)
	if isFull && !s.full {
		s.edge.log.Warn("stream is not taken", "stream", w.key, "error", err)
	}
	if isFull || err == nil {
		s.full = isFull
	}
}

// wishes is a heap: the one whose turn is next stands first.
type wishes []*wish

// Len implements heap.Interface.
func (w wishes) Len() int { return len(w) }

// Less implements heap.Interface.
func (w wishes) Less(i, j int) bool { return w[i].turn.Before(w[j].turn) }

// Swap implements heap.Interface.
func (w wishes) Swap(i, j int) { w[i], w[j] = w[j], w[i] }

// Push implements heap.Interface.
func (w *wishes) Push(x any) { *w = append(*w, x.(*wish)) }

// Pop implements heap.Interface.
func (w *wishes) Pop() any {
	last := len(*w) - 1
	x := (*w)[last]
	(*w)[last] = nil
	*w = (*w)[:last]
	return x
}
