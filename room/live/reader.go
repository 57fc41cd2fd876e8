package live

import (
	"context"
	"fmt"
	"time"

	"weir/mux/av"
)

// Start says where in the ring a reader begins.
type Start uint8

const (
	// StartFresh begins at the newest join point when it is fresh (Options.Fresh). Otherwise a key frame is
	// asked for and awaited for a moment; if none comes, the newest join point held has to do.
	StartFresh Start = iota
	// StartOldest begins at the oldest join point held: for an output that wants the frames already there.
	StartOldest
	// StartNewest begins at the newest join point held, whatever its age.
	StartNewest
	// StartNext begins at the next join point to come, which is asked for: the least delay, and a wait for it.
	StartNext
	// StartAsked begins at the next join point to come, which is asked for and awaited for a moment; if none comes, the newest
	// one held has to do.
	StartAsked
)

// patience is how long a reader waits for the key frame it asked for before it asks again, or takes an older
// group instead. A browser answers within one or two round trips; half a second is a bad mobile path.
const patience = 500 * time.Millisecond

// ReaderOptions say how a reader reads.
type ReaderOptions struct {
	// Name says in logs and metrics who reads.
	Name  string
	Start Start
	// Join is the shortest time between two wakes: what comes in between is read as one batch. 0 wakes for
	// every value.
	Join time.Duration
	// Beat puts off each wake to the next picture, since players can do nothing with what lies between two; but not
	// for longer than pictures of a usual rate are apart.
	Beat bool
	// MaxAge is how far behind the newest value a reader may stand when there is a later join point. One that
	// stands further behind lags. 0 is as far as the ring goes.
	MaxAge time.Duration

	// Layers is for a reader of all simulcast layers: it begins with those key frames of theirs which stand just before the
	// join point, and skips what cannot be decoded by itself.
	Layers bool

	layer string // of a stream's layers, the one at whose key frames to begin; see layerSource
	feed  bool   // it is a feed that reads, whose own readers are those that count; see Stream.Readers
}

// Source is what readers can be taken from: a Stream or a Feed.
type Source[T Item] interface {
	NewReader(o ReaderOptions) *Reader[T]
}

// Reader is a cursor into a ring. It is for one goroutine; Close it when done.
type Reader[T Item] struct {
	ring  *ring[T]
	opts  ReaderOptions
	waker *Waker
	fresh time.Duration
	ready <-chan struct{} // closed when the source can say what its tracks are
	want  func(reason string)
	onLag func()
	free  func() // called once by Close

	next     uint64
	given    uint64 // all before it was given
	tracks   av.Tracks
	standing bool // next is a value that may be given: the start was found
	seeking  bool // looking for a join point at or after next
	lagged   bool // the seeking was caused by a lag, which is still to be reported
}

// Start waits until the reader stands at its first value and returns the tracks that govern it. ReadBatch does
// so by itself; Start is for who needs the tracks before the values.
//
// Errors: ErrEnded with the reason, or the context's.
func (r *Reader[T]) Start(ctx context.Context) (av.Tracks, error) {
	if r.standing {
		return r.tracks, nil
	}
	if err := r.awaitReady(ctx); err != nil {
		return nil, err
	}
	r.begin()
	if err := r.settle(ctx); err != nil {
		return nil, err
	}
	return r.tracks, nil
}

// Tracks are the tracks that govern the next value, as far as they are known before it is read: those of the
// last value given, or, after Start and after ErrLagged, those of the value to come.
func (r *Reader[T]) Tracks() av.Tracks { return r.tracks }

// ReadBatch waits until there is at least one value and fills dst with those at hand, in order and without a
// gap. Values are shared and must not be changed.
//
// Errors: ErrLagged when the reader had fallen out of the ring; it then stands at a later join point, Tracks
// tells what governs there, and the next call goes on from it. ErrEnded, with the reason, when all is read. The
// context's error.
func (r *Reader[T]) ReadBatch(ctx context.Context, dst []T) (int, error) {
	if !r.standing {
		if _, err := r.Start(ctx); err != nil {
			return 0, err
		}
	}
	for {
		gate := r.waker.Gate()
		if !r.seeking {
			if n, err := r.take(dst); n > 0 || err != nil {
				return n, err
			}
		}
		if r.seeking {
			if err := r.settle(ctx); err != nil {
				return 0, err
			}
			return 0, ErrLagged
		}
		select {
		case <-gate.Open():
		case <-r.ring.done:
		case <-ctx.Done():
			return 0, context.Cause(ctx)
		}
	}
}

// Close gives the cursor back. It may be called more than once, from the reader's goroutine.
func (r *Reader[T]) Close() {
	if r.free == nil {
		return
	}
	r.ring.wakers.release(r.waker)
	r.free()
	r.free = nil
}

func (r *Reader[T]) awaitReady(ctx context.Context) error {
	select {
	case <-r.ready: // also when the context is done: what is at hand can be read
		return nil
	default:
	}
	select {
	case <-r.ready:
		return nil
	case <-r.ring.done:
		return r.ended()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// begin chooses the first value by the start that was asked for.
func (r *Reader[T]) begin() {
	var at *entry[T]
	switch r.opts.Start {
	case StartOldest:
		at = r.oldestJoin()
	case StartNewest:
		at = r.newestJoin()
	case StartNext, StartAsked:
	default:
		if e := r.newestJoin(); e != nil && r.ring.age(e) <= r.fresh {
			at = e
		}
	}
	if at != nil {
		r.stand(at)
		return
	}
	r.next, r.seeking = r.ring.head.Load(), true
	if r.next != r.ring.tail.Load() { // nobody need be asked by the first reader of an empty ring
		r.want("join")
	}
}

func (r *Reader[T]) stand(e *entry[T]) {
	if r.opts.Layers {
		e = r.withLayers(e)
	}
	r.next, r.tracks = e.seq, e.snap.get()
	r.standing, r.seeking, r.lagged = true, false, false
}

// settle waits for a join point while seeking, asking again for a key frame as often as patience says.
func (r *Reader[T]) settle(ctx context.Context) error {
	if !r.seeking {
		return nil
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	for {
		gate := r.waker.Gate()
		ended := r.ring.ended()
		if r.seek(); !r.seeking {
			return nil
		}
		if ended && r.lagged {
			r.seeking, r.lagged = false, false // the lag is told first, the end by the next call
			return nil
		}
		if ended {
			return r.ended()
		}
		select {
		case <-gate.Open():
		case <-r.ring.done:
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-timer.C:
			if e := r.newestJoin(); e != nil && !r.lagged && r.opts.Start != StartNext {
				r.stand(e)
				return nil
			}
			if r.ring.head.Load() != r.ring.tail.Load() {
				r.want("join")
			}
			timer.Reset(patience)
		}
	}
}

// seek moves the cursor to the first join point at or after it, if there is one.
func (r *Reader[T]) seek() {
	head := r.ring.head.Load()
	r.next = max(r.next, r.ring.tail.Load())
	for ; r.next < head; r.next++ {
		if e := r.ring.get(r.next); e != nil && (e.val.Join() || isKeyOf(e, r.opts.layer)) {
			r.stand(e)
			return
		}
	}
}

// take copies the values at hand into dst. With none and no error there is nothing yet, or, if it left the
// reader seeking, the reader has lagged.
func (r *Reader[T]) take(dst []T) (int, error) {
	ended := r.ring.ended() // before head: a head loaded after the end is the last
	head := r.ring.head.Load()
	if r.isOld(head) {
		r.lag()
		return 0, nil
	}
	n := 0
	for n < len(dst) && r.next < head {
		e := r.ring.get(r.next)
		if e == nil {
			if n == 0 { // else give what was read; the next call finds the lag again
				r.lag()
			}
			return n, nil
		}
		dst[n], r.tracks = e.val, e.snap.get()
		n++
		r.next++
	}
	r.given = r.next
	if n == 0 && ended && r.next >= head {
		return 0, r.ended()
	}
	return n, nil
}

// isOld tells whether the reader stands further behind than it may, with a later join point at hand.
func (r *Reader[T]) isOld(head uint64) bool {
	if r.opts.MaxAge == 0 || r.next >= head || r.ring.join.Load() <= r.next+1 {
		return false
	}
	e := r.ring.get(r.next)
	return e != nil && r.ring.age(e) > r.opts.MaxAge
}

// lag begins the search for the newest join point after the cursor fell out of the ring.
func (r *Reader[T]) lag() {
	r.onLag()
	r.seeking, r.lagged = true, true
	if e := r.newestJoin(); e != nil {
		r.next = e.seq
		return
	}
	r.next = r.ring.head.Load()
	r.want("lag")
}

func (r *Reader[T]) ended() error { return fmt.Errorf("%w: %w", ErrEnded, r.ring.endErr) }
