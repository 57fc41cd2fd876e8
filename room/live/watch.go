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
	most int           // keys at once, beyond which further ones are dropped; 0: any number
	wake chan struct{} // capacity 1: there are keys

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
	if _, told := w.seen[k]; !told && (w.most == 0 || len(w.keys) < w.most) {
		w.seen[k] = struct{}{}
		w.keys = append(w.keys, k)
	}
	w.mu.Unlock()
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// Close ends the watch.
func (w *Watcher) Close() { w.of.remove(w) }

// watchers are those who watch one thing. Its lock comes behind those of the registry and its streams.
type watchers struct {
	mu  sync.Mutex // guards all
	all []*Watcher
}

func (ws *watchers) open(most int, first ...Key) *Watcher {
	w := &Watcher{of: ws, most: most, wake: make(chan struct{}, 1), seen: make(map[Key]struct{})}
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
	return r.changes.open(0, keys...)
}

// Wanted tells the keys that a reader waits for and that have no publisher, when the first one begins to wait: a source
// elsewhere may have the stream. See Awaited. Outsiders name these keys: who is so slow that Options.MaxWaiting of them are
// untold misses some. A key may be an IDKey: then nobody here knows yet of which room the stream is.
func (r *Registry) Wanted() *Watcher {
	r.mu.RLock()
	defer r.mu.RUnlock()
	keys := make([]Key, 0, len(r.arrivals))
	for k := range r.arrivals {
		keys = append(keys, k)
	}
	return r.wishes.open(r.opts.MaxWaiting, keys...)
}

// Awaited tells whether readers wait for a stream that is not there.
func (r *Registry) Awaited(k Key) bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.arrivals[k] != nil
}
