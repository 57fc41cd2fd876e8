package live

import (
	"context"
	"slices"
	"sync"
)

// Watcher tells where something has changed: keys, each once however often it changed since it was last told. What is
// there now is to be looked at: between two looks a stream may have ended and another one begun. So whoever watches never
// misses the present and never holds up who changes it. Close it when done.
type Watcher struct {
	of   *watchers
	most int              // keys at once, beyond which those that are not of use any more are let go; 0: any number
	use  func(k Key) bool // called with the lock held under which keys are told; with most only
	wake chan struct{}    // capacity 1: there are keys

	mu   sync.Mutex // guards the fields below
	seen map[Key]struct{}
	keys []Key // of seen, the one that changed first before the others
}

// Next waits for a key and returns it, or the context's error.
func (w *Watcher) Next(ctx context.Context) (Key, error) {
	for {
		if k, ok := w.take(); ok {
			return k, nil
		}
		select {
		case <-w.wake:
		case <-ctx.Done():
			return Key{}, context.Cause(ctx)
		}
	}
}

func (w *Watcher) take() (k Key, ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.keys) == 0 {
		return Key{}, false
	}
	k, w.keys = w.keys[0], w.keys[1:]
	delete(w.seen, k)
	return k, true
}

func (w *Watcher) add(k Key) {
	w.mu.Lock()
	if _, told := w.seen[k]; !told {
		w.sweepLocked()
		w.seen[k] = struct{}{}
		w.keys = append(w.keys, k)
	}
	w.mu.Unlock()
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// sweepLocked makes room.
func (w *Watcher) sweepLocked() {
	if w.most == 0 || len(w.keys) < w.most {
		return
	}
	w.keys = slices.DeleteFunc(w.keys, func(k Key) bool {
		if w.use(k) {
			return false
		}
		delete(w.seen, k)
		return true
	})
}

// Close ends the watch.
func (w *Watcher) Close() { w.of.remove(w) }

// watchers are those who watch one thing. Its lock comes behind those of the registry and its streams.
type watchers struct {
	mu  sync.Mutex // guards all
	all []*Watcher
}

func (ws *watchers) open(most int, use func(Key) bool, first ...Key) *Watcher {
	w := &Watcher{of: ws, most: most, use: use, wake: make(chan struct{}, 1), seen: make(map[Key]struct{})}
	for _, k := range first {
		w.add(k)
	}
	ws.mu.Lock()
	defer ws.mu.Unlock()
	ws.all = append(ws.all, w)
	return w
}

func (ws *watchers) remove(w *Watcher) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	ws.all = slices.DeleteFunc(ws.all, func(o *Watcher) bool { return o == w })
}

func (ws *watchers) tell(k Key) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	for _, w := range ws.all {
		w.add(k)
	}
}

// Watch tells the keys of all streams that are there, and from then on those of streams whose state has changed.
func (r *Registry) Watch() *Watcher {
	r.mu.RLock()
	defer r.mu.RUnlock() // no stream appears between the list and the watch
	keys := make([]Key, 0, len(r.streams))
	for k := range r.streams {
		keys = append(keys, k)
	}
	return r.changes.open(0, nil, keys...)
}

// Wanted tells the keys that a reader waits for and that have no publisher, when the first one begins to wait: a source
// elsewhere may have the stream. See Awaited. Outsiders name these keys: of those that nobody waits for any more some are not
// told when whoever watches is slow. A key may be an IDKey: then nobody here knows yet of which room the stream is.
func (r *Registry) Wanted() *Watcher {
	r.mu.RLock()
	defer r.mu.RUnlock()
	keys := make([]Key, 0, len(r.arrivals))
	for k := range r.arrivals {
		keys = append(keys, k)
	}
	// No more than MaxWaiting are waited for at once, so what is let go is half of the keys or more.
	return r.wishes.open(2*r.opts.MaxWaiting, func(k Key) bool { return r.arrivals[k] != nil }, keys...)
}

// Awaited tells whether readers wait for a stream that is not there.
func (r *Registry) Awaited(k Key) bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.arrivals[k] != nil
}
