package live

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"weir/mux/av"
)

// Encoder turns the values of one ring into those of another. It is used by one goroutine at a time.
type Encoder[In, Out any] interface {
	// Encode appends to dst what in becomes: nothing, one or several values.
	Encode(dst []Out, in In) ([]Out, error)
	// Tracks are the tracks that govern what Encode has just returned.
	Tracks() av.Tracks
}

// Feed is a ring derived from another one, each value made once for all its readers. It starts with its first
// reader and ends a while after its last.
type Feed[In, Out Item] struct {
	stream *Stream
	name   string // without what follows a slash
	source Source[In]
	open   func(av.Tracks) (Encoder[In, Out], error)

	mu      sync.Mutex // guards the fields below
	readers int
	ring    *ring[Out]              // of the present run; each run has its own. nil when there is none
	stop    context.CancelCauseFunc // ends the present run; nil when there is none
	began   time.Time               // of the present run
	idle    *time.Timer
}

// feedRetry is the pace at which a feed that fails begins anew, however many readers come.
const feedRetry = time.Second

var errIdle = errors.New("no readers")

// FeedOf returns the stream's feed of the given name, making it on first use. The source is the stream itself
// or another of its feeds; open makes an encoder for a source whose tracks are ts, at each start and after each
// lag of the feed itself. Metrics show the name up to its first slash: what outsiders name stands behind it.
func FeedOf[In, Out Item](s *Stream, name string, source Source[In],
	open func(ts av.Tracks) (Encoder[In, Out], error),
) *Feed[In, Out] {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f, ok := s.feeds[name].(*Feed[In, Out]); ok {
		return f
	}
	label, _, _ := strings.Cut(name, "/")
	f := &Feed[In, Out]{stream: s, name: label, source: source, open: open}
	s.feeds[name] = f
	return f
}

// NewReader returns a cursor into the feed, starting the feed if need be. Where the feed then begins is what
// the reader asks for.
func (f *Feed[In, Out]) NewReader(o ReaderOptions) *Reader[Out] {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.idle != nil {
		f.idle.Stop()
		f.idle = nil
	}
	f.readers++
	if f.failedLocked() {
		f.stopLocked()
	}
	if f.stop == nil {
		f.startLocked(o)
	}
	out := f.stream.counted(o)
	return openReader(f.stream, f.ring, o, func() {
		out()
		f.release()
	})
}

// failedLocked tells whether the present run has failed, so that it is time for another one.
func (f *Feed[In, Out]) failedLocked() bool {
	return f.stop != nil && f.ring.ended() && !f.stream.ring.ended() && f.stream.reg.opts.Now().Sub(f.began) >= feedRetry
}

func (f *Feed[In, Out]) startLocked(o ReaderOptions) {
	reg := f.stream.reg
	ctx, stop := context.WithCancelCause(context.Background())
	ring := newRing[Out](reg.opts.RingBytes, reg.opts.RingTime, &reg.tasks)
	f.ring, f.stop, f.began = ring, stop, reg.opts.Now()
	if !reg.tasks.start(func() { f.run(ctx, o, ring) }) {
		ring.end(ErrStopping)
	}
}

// release gives a reader back; after the last one the feed goes on for a while.
func (f *Feed[In, Out]) release() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.readers--; f.readers > 0 {
		return
	}
	if f.stream.ring.ended() {
		f.stopLocked()
		return
	}
	f.idle = time.AfterFunc(f.stream.reg.opts.FeedIdle, func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		if f.readers == 0 {
			f.stopLocked()
		}
	})
}

func (f *Feed[In, Out]) stopLocked() {
	if f.stop != nil {
		f.stop(errIdle)
		f.ring, f.stop = nil, nil
	}
}

// run encodes into its ring, from where a first reader wants to begin, until the source ends or the feed is stopped.
func (f *Feed[In, Out]) run(ctx context.Context, o ReaderOptions, ring *ring[Out]) {
	r := f.source.NewReader(ReaderOptions{Name: "feed-" + f.name, Start: o.Start, layer: o.layer, feed: true})
	defer r.Close()
	err := f.encode(ctx, r, ring)
	switch {
	case errors.Is(err, ErrEnded):
		if ended := f.stream.Err(); ended != nil {
			err = ended
		} // else a feed that is the source has failed
		ring.end(err)
	case errors.Is(err, errIdle): // nobody has the ring any more
	default:
		// Without an encoder the form cannot be made; its readers are told.
		f.stream.reg.log.Error("feed failed", "stream", f.stream.key, "feed", f.name, "error", err)
		ring.end(err)
	}
}

func (f *Feed[In, Out]) encode(ctx context.Context, r *Reader[In], ring *ring[Out]) error {
	ts, err := r.Start(ctx)
	if err != nil {
		return err
	}
	enc, err := f.open(ts)
	if err != nil {
		return err
	}
	var (
		in   [32]In
		out  []Out
		snap = newSnapshot(enc.Tracks())
	)
	for {
		n, err := r.ReadBatch(ctx, in[:])
		if errors.Is(err, ErrLagged) {
			if enc, err = f.open(r.Tracks()); err != nil {
				return err
			}
			snap = newSnapshot(enc.Tracks())
			continue
		}
		if err != nil {
			return err
		}
		for _, v := range in[:n] {
			out, snap = f.one(ring, enc, out[:0], v, snap)
		}
		clear(in[:n]) // hold nothing while waiting
		clear(out)
	}
}

// one encodes one value and appends what it becomes.
func (f *Feed[In, Out]) one(ring *ring[Out], enc Encoder[In, Out], out []Out, v In, snap *snapshot) ([]Out, *snapshot) {
	out, err := enc.Encode(out, v)
	if err != nil {
		f.stream.reg.stats.feedErrors.WithLabelValues(f.name).Inc()
		f.stream.reg.log.Debug("value left out of feed", "stream", f.stream.key, "feed", f.name, "error", err)
	}
	if ts := enc.Tracks(); len(out) > 0 && !sameTracks(ts, snap.get()) {
		snap = snap.next(ts)
	}
	for _, o := range out {
		ring.append(o, snap)
	}
	return out, snap
}

// sameTracks tells whether two snapshots are the same one.
func sameTracks(a, b av.Tracks) bool {
	return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0])
}
