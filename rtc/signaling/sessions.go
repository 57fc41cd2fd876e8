package signaling

import (
	"context"
	"maps"
	"slices"
	"sync"
)

// Sessions are those of a door, by the ids that their URLs end in. Each has a goroutine, which Run waits for. Its methods may
// be called from several goroutines.
type Sessions[S any] struct {
	running chan struct{}   // closed once Run was called
	ctx     context.Context //nolint:containedctx // what bounds all sessions; set before running is closed
	tasks   sync.WaitGroup

	mu  sync.Mutex // guards all
	all map[string]S
}

// NewSessions returns Sessions without any. They begin once Run is called.
func NewSessions[S any]() *Sessions[S] {
	return &Sessions[S]{running: make(chan struct{}), all: make(map[string]S)}
}

// Run lets sessions begin until ctx is done, which ends them, and waits for them.
func (s *Sessions[S]) Run(ctx context.Context) {
	s.ctx = ctx
	close(s.running)
	<-ctx.Done()
	s.mu.Lock()   // a session that is beginning is in tasks before this
	s.mu.Unlock() //nolint:staticcheck // nothing to do between: the lock is the barrier
	s.tasks.Wait()
}

// Await waits for Run: the listener may be open a moment before it. Errors: why ctx is done.
func (s *Sessions[S]) Await(ctx context.Context) error {
	select {
	case <-s.running:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Go adds a session and calls run in a goroutine of its own, with a context that is done when Run's is. Somewhere within, run
// removes the session. Await must have returned nil before.
//
// Errors: ErrStopping when Run's context is done; the session then has not begun.
func (s *Sessions[S]) Go(id string, session S, run func(ctx context.Context)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ctx.Err() != nil {
		return ErrStopping
	}
	s.all[id] = session
	s.tasks.Go(func() { run(s.ctx) })
	return nil
}

// Remove makes a session unknown.
func (s *Sessions[S]) Remove(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.all, id)
}

// Get is the session of an id, if there is one.
func (s *Sessions[S]) Get(id string) (session S, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	session, ok = s.all[id]
	return session, ok
}

// All are the sessions that there are, in no order.
func (s *Sessions[S]) All() []S {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Collect(maps.Values(s.all))
}
