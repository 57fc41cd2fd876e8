package live

import "context"

// Lead reads for a group of readers that share a Waker: what it takes, each of them passes by Follow. It holds nothing
// of its own, so it is good while one of them is open. It is for one goroutine, which has the readers as well.
type Lead[T Item] struct {
	reader Reader[T]
	from   uint64 // where the last batch began
}

// Lead returns a Lead that begins where the reader stands.
func (r *Reader[T]) Lead() *Lead[T] {
	l := &Lead[T]{reader: *r, from: r.next}
	l.reader.free, l.reader.onLag = nil, func() {} // lags are the group's, who finds out by itself
	return l
}

// Take copies the values at hand into dst; none and no error: there is nothing new.
//
// Errors: ErrLagged when the group has fallen out of the ring, and ErrEnded. Its readers then go on by themselves.
func (l *Lead[T]) Take(dst []T) (int, error) {
	l.from = l.reader.next
	if !l.reader.standing || l.reader.seeking {
		return 0, ErrLagged
	}
	n, err := l.reader.take(dst)
	if l.reader.seeking {
		err = ErrLagged
	}
	return n, err
}

// Follow moves the reader to where the lead stands, and tells how many of the values that the lead took last the
// reader had already. It is not ok, and nothing moves, where the reader is further behind.
func (r *Reader[T]) Follow(l *Lead[T]) (had int, ok bool) {
	to := l.reader.next
	switch {
	case !r.standing || r.seeking || r.next < l.from:
		return 0, false
	case r.next > to:
		return int(to - l.from), true
	}
	had = int(r.next - l.from)
	r.next, r.tracks = to, l.reader.tracks
	return had, true
}

// Behind tells whether the reader has not had all that the lead took.
func (r *Reader[T]) Behind(l *Lead[T]) bool { return r.next < l.reader.next }

// Waker is what wakes the reader. Readers of one ring with one pace share it.
func (r *Reader[T]) Waker() *Waker { return r.waker }

// Idle tells whether the reader has read all there is: ReadBatch would wait.
func (r *Reader[T]) Idle() bool {
	return r.standing && !r.seeking && r.next >= r.ring.head.Load() && !r.ring.ended()
}

// Await waits while the reader is Idle: for the next wake, or the end. So ReadBatch need not be given its dst before
// there is something to put there.
//
// Errors: the context's.
func (r *Reader[T]) Await(ctx context.Context) error {
	gate := r.waker.Gate()
	if !r.Idle() {
		return nil
	}
	select {
	case <-gate.Open():
	case <-r.ring.done:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	return nil
}
