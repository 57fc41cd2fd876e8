package live

import (
	"context"
	"time"
)

// arrival is a key that readers wait for.
type arrival struct {
	came    chan struct{} // closed when its stream is there, or the registry stops
	waiting int
}

// Await returns the stream of a key, or of an IDKey. When there is none it waits for its publisher, up to Options.Wait.
//
// Errors: ErrNoStream when no publisher came, or at once when Options.MaxWaiting readers wait already; ErrStopping;
// the context's, as soon as it is done.
func (r *Registry) Await(ctx context.Context, k Key) (*Stream, error) {
	s, a, err := r.expect(k)
	if a == nil {
		return s, err
	}
	defer r.giveUp(k, a)
	timer := time.NewTimer(r.opts.Wait)
	defer timer.Stop()
	select {
	case <-a.came:
		return r.arrived(k)
	case <-timer.C:
		return nil, ErrNoStream
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// expect returns the stream, or else the arrival to wait for, with the caller counted in.
func (r *Registry) expect(k Key) (*Stream, *arrival, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if s := r.lookLocked(k); s != nil {
		return s, nil, nil
	}
	if r.stopping {
		return nil, nil, ErrStopping
	}
	if r.opts.Wait <= 0 || r.waiting >= r.opts.MaxWaiting {
		return nil, nil, ErrNoStream
	}
	a := r.arrivals[k]
	if a == nil {
		a = &arrival{came: make(chan struct{})}
		r.arrivals[k] = a
		r.wishes.tell(k)
	}
	a.waiting++
	r.waiting++
	return nil, a, nil
}

// arrived is what there is once an arrival was announced. The stream may have gone again at once.
func (r *Registry) arrived(k Key) (*Stream, error) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if s := r.lookLocked(k); s != nil {
		return s, nil
	}
	if r.stopping {
		return nil, ErrStopping
	}
	return nil, ErrNoStream
}

// giveUp counts one out who waited.
func (r *Registry) giveUp(k Key, a *arrival) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.waiting--
	if a.waiting--; a.waiting == 0 && r.arrivals[k] == a {
		delete(r.arrivals, k)
	}
}

// announceLocked wakes those who wait for a key.
func (r *Registry) announceLocked(k Key) {
	if a := r.arrivals[k]; a != nil {
		delete(r.arrivals, k)
		close(a.came)
	}
}

// Waiting is the number of readers that wait for a publisher.
func (r *Registry) Waiting() int {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.waiting
}
