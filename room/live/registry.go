package live

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"
)

// Options bound and time the hub. All are required but Wait, MaxWaiting, Changed, Log and Now.
type Options struct {
	RingBytes int           // bytes that each ring may keep
	RingTime  time.Duration // media time that each ring may keep
	// Fresh is the age up to which a group of pictures is good enough to join at without asking for a key frame.
	Fresh      time.Duration
	Grace      time.Duration // how long an interrupted stream waits for its publisher
	TrackWait  time.Duration // how long announced tracks are awaited after the first media
	FeedIdle   time.Duration // how long a feed goes on without readers
	MaxStreams int
	// Wait is how long Await waits for a publisher, and MaxWaiting how many readers may do so at once.
	Wait       time.Duration
	MaxWaiting int
	// Changed hears every change of a stream's state, in order. It must not block and must not call the hub.
	Changed func(k Key, from, to State, reason error)
	Log     *slog.Logger
	Now     func() time.Time
}

// Registry holds the streams by their keys.
type Registry struct {
	opts  Options
	log   *slog.Logger
	stats *Stats
	tasks tasks // goroutines of feeds and wakers

	changes watchers // of streams' states
	wishes  watchers // of keys that are waited for

	mu       sync.RWMutex // guards the fields below
	streams  map[Key]*Stream
	rooms    map[roomKey][]*Stream // the same
	ids      map[Key]*Stream       // of those that have a stream id, by IDKey
	arrivals map[Key]*arrival      // of streams that are not there; see Await
	waiting  int                   // readers that wait for these
	stopping bool
}

// NewRegistry returns an empty registry. It starts nothing; see Run.
func NewRegistry(o Options) *Registry {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Changed == nil {
		o.Changed = func(Key, State, State, error) {}
	}
	r := &Registry{
		opts: o, log: o.Log, streams: make(map[Key]*Stream), rooms: make(map[roomKey][]*Stream),
		ids: make(map[Key]*Stream), arrivals: make(map[Key]*arrival),
	}
	r.stats = newStats(r)
	return r
}

// Stats are the hub's figures, to be registered with Prometheus.
func (r *Registry) Stats() *Stats { return r.stats }

// Run waits until ctx is done, then ends all streams and waits for the goroutines of the hub. Readers that are
// still open must be closed by then or soon after.
func (r *Registry) Run(ctx context.Context) error {
	<-ctx.Done()
	r.mu.Lock()
	r.stopping = true
	all := r.streams
	r.streams, r.rooms, r.ids = make(map[Key]*Stream), make(map[roomKey][]*Stream), make(map[Key]*Stream)
	for k := range r.arrivals {
		r.announceLocked(k)
	}
	r.mu.Unlock()
	for _, s := range all {
		s.finish(ErrStopping)
	}
	r.tasks.wait()
	return nil
}

// Publish takes the writing end of a stream, making the stream when it is not there.
//
// Errors: ErrBusy when there is a publisher that the policy does not let go, ErrIDTaken, ErrFull, ErrStopping.
func (r *Registry) Publish(k Key, o PublishOptions) (*Publisher, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stopping {
		return nil, ErrStopping
	}
	s := r.streams[k]
	if s != nil {
		if err := s.yields(o); err != nil {
			return nil, err
		}
	}
	if err := r.mayHaveLocked(k, o.ID); err != nil {
		if !o.Mirror {
			return nil, err
		}
		o.ID = "" // what is published here comes before what is elsewhere
	}
	if s == nil {
		if len(r.streams) >= r.opts.MaxStreams {
			return nil, fmt.Errorf("%w: %d", ErrFull, len(r.streams))
		}
		s = newStream(k, r)
		if o.Mirror {
			s.started = o.Started
		}
		r.addLocked(s)
		defer r.announceLocked(k) // once it has its publisher
	}
	p := &Publisher{stream: s, opts: o, done: make(chan struct{})}
	r.nameLocked(s, &o)
	s.take(p, ErrReplaced)
	return p, nil
}

// yields tells whether the stream may be taken over as o asks.
func (s *Stream) yields(o PublishOptions) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case o.Mirror:
		return fmt.Errorf("%w: a copy takes nothing over", ErrBusy)
	case s.publisher != nil && s.publisher.opts.Mirror:
		return nil // what is published here comes before what is elsewhere
	}
	switch o.Policy {
	case PolicyReplace:
		return nil
	case PolicyResume:
		if s.publisher != nil && !s.publisher.opts.Keeps && s.publisher.opts.User == o.User {
			return nil
		}
		return fmt.Errorf("%w: it belongs to another user", ErrBusy)
	default:
		return ErrBusy
	}
}

// Stream returns the stream of a key, or of an IDKey; ok is false when there is none.
func (r *Registry) Stream(k Key) (s *Stream, ok bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	s = r.lookLocked(k)
	return s, s != nil
}

// Streams lists all streams in the order of their keys.
func (r *Registry) Streams() []*Stream {
	r.mu.RLock()
	all := make([]*Stream, 0, len(r.streams))
	for _, s := range r.streams {
		all = append(all, s)
	}
	r.mu.RUnlock()
	slices.SortFunc(all, func(a, b *Stream) int { return strings.Compare(a.key.String(), b.key.String()) })
	return all
}

// End ends a stream at once, whatever its publisher does, who learns the reason. It tells whether there was one.
func (r *Registry) End(k Key, reason error) bool {
	s, ok := r.Stream(k)
	return ok && r.remove(s, reason, func() bool { return s.state != StateEnded })
}

// remove lets go of a stream and ends it, if it still is as cond (called with the stream's lock held) says: the
// one way on which a key becomes free again. A publisher that took the stream over in the meantime keeps it. It tells
// whether it did.
func (r *Registry) remove(s *Stream, reason error, cond func() bool) bool {
	r.mu.Lock()
	s.mu.Lock()
	ok, id := cond(), s.id
	s.mu.Unlock()
	if ok && r.streams[s.key] == s {
		r.dropLocked(s)
		r.unnameLocked(s, id)
	}
	r.mu.Unlock()
	if ok {
		s.finish(reason) // no new publisher can come: Publish no longer finds the stream
	}
	return ok
}
