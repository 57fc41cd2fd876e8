package edge

import (
	"container/list"
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"weir/room/live"
)

const (
	// playlistAge is how long a playlist is given out before it is fetched anew: a quarter of the shortest segment.
	playlistAge = 250 * time.Millisecond
	// staleAge is how long an old playlist stands in for one that cannot be fetched.
	staleAge = 10 * time.Second
	// objectOverhead is what an object costs beside its bytes.
	objectOverhead = 512
	// maxFetches is how many files are fetched at once, and maxOwners of how many streams it is remembered who has them.
	maxFetches, maxOwners = 64, 4096
)

// objects are the HLS objects of streams that other nodes have: each fetched once for all who ask, byte for byte.
type objects struct {
	edge  *Edge
	slots chan struct{} // one for each fetch under way

	mu     sync.Mutex // guards the fields below
	all    map[objectName]*object
	recent list.List // of *object: the one that was asked for last before the others
	bytes  int
	owners map[live.Key]string // the origins that have streams
}

type objectName struct {
	key  live.Key
	name string
}

// object is a file, or that there is none. Its fields are guarded by objects.mu but for those that done publishes.
type object struct {
	name  objectName
	place *list.Element
	size  int

	done chan struct{} // closed when the fields below are there
	data []byte
	err  error
	at   time.Time
	old  *object // stands in for it when it cannot be fetched
}

func newObjects(e *Edge) *objects {
	return &objects{
		edge: e, slots: make(chan struct{}, maxFetches), all: make(map[objectName]*object), owners: make(map[live.Key]string),
	}
}

// File returns an HLS object of a stream that an origin has, byte for byte as every node gives it. The multivariant playlist is
// index.m3u8, or index-LAYER.m3u8 with one simulcast layer alone. The bytes must not be changed.
//
// Errors: live.ErrNoStream when no origin has it, ErrOrigin, ErrStopping, or the context's.
func (e *Edge) File(ctx context.Context, k live.Key, name string) ([]byte, error) {
	return e.objects.get(ctx, k, name, nil)
}

func isPlaylist(name string) bool { return strings.HasSuffix(name, ".m3u8") }

// get returns an object on behalf of the nodes via.
func (o *objects) get(ctx context.Context, k live.Key, name string, via []string) ([]byte, error) {
	if len(o.edge.opts.Origins) == 0 {
		return nil, live.ErrNoStream
	}
	if len(via) > 0 {
		// Who waits for another's fetch could wait for itself: requests that come through nodes are asked for on their own.
		if b := o.held(objectName{k, name}); b != nil {
			return b, nil
		}
		return o.fetch(ctx, objectName{k, name}, via)
	}
	ob, err := o.object(objectName{k, name})
	if err != nil {
		return nil, err
	}
	select {
	case <-ob.done:
		return ob.data, ob.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// held is an object at hand, or nil.
func (o *objects) held(name objectName) []byte {
	o.mu.Lock()
	defer o.mu.Unlock()
	if ob := o.all[name]; ob != nil && ob.fresh() && ob.err == nil {
		return ob.data
	}
	return nil
}

// fresh tells whether an object was fetched and can be given out.
func (ob *object) fresh() bool {
	select {
	case <-ob.done:
		return ob.err == nil && !isPlaylist(ob.name.name) || time.Since(ob.at) < playlistAge
	default:
		return false
	}
}

// isPending tells whether an object is being fetched.
func (ob *object) isPending() bool {
	select {
	case <-ob.done:
		return false
	default:
		return true
	}
}

// object returns an object that is there or on its way.
func (o *objects) object(name objectName) (*object, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	old := o.all[name]
	if old != nil && (old.isPending() || old.fresh()) {
		o.recent.MoveToFront(old.place)
		o.edge.stats.objects.WithLabelValues("hit").Inc()
		return old, nil
	}
	ob := &object{name: name, done: make(chan struct{}), old: old}
	if old != nil {
		old.old = nil // a chain of them would stay for ever
	}
	if !o.edge.tasks.start(func(ctx context.Context) { o.fill(ctx, ob) }) {
		return nil, ErrStopping
	}
	o.edge.stats.objects.WithLabelValues("miss").Inc()
	if old != nil {
		o.removeLocked(old)
	}
	ob.place = o.recent.PushFront(ob)
	ob.size = objectOverhead
	o.all[name], o.bytes = ob, o.bytes+ob.size
	o.trimLocked()
	return ob, nil
}

// fill fetches an object.
func (o *objects) fill(ctx context.Context, ob *object) {
	data, err := o.fetch(ctx, ob.name, nil)
	o.mu.Lock()
	defer o.mu.Unlock()
	at, old := time.Now(), ob.old
	ob.old = nil
	if err != nil && !errors.Is(err, live.ErrNoStream) && old != nil && old.err == nil && at.Sub(old.at) < staleAge {
		// The origin may be back in a moment, with the same playlist or another.
		o.edge.stats.objects.WithLabelValues("stale").Inc()
		data, err, at = old.data, nil, old.at
	}
	ob.data, ob.err, ob.at = data, err, at
	if o.all[ob.name] == ob {
		ob.size += len(data)
		o.bytes += len(data)
		o.trimLocked()
	}
	close(ob.done)
}

func (o *objects) removeLocked(ob *object) {
	o.recent.Remove(ob.place)
	o.bytes -= ob.size
	delete(o.all, ob.name)
}

// trimLocked lets go of what was not asked for for longest.
func (o *objects) trimLocked() {
	for at := o.recent.Back(); at != nil && o.bytes > o.edge.opts.CacheBytes; {
		ob, before := at.Value.(*object), at.Prev()
		if !ob.isPending() {
			o.removeLocked(ob)
		}
		at = before
	}
}

// fetch asks the origins.
func (o *objects) fetch(ctx context.Context, name objectName, via []string) ([]byte, error) {
	select {
	case o.slots <- struct{}{}:
		defer func() { <-o.slots }()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	c := o.edge.client
	owner := o.owner(name.key)
	if owner != "" {
		b, err := c.file(ctx, owner, name.key, name.name, via)
		if err == nil {
			o.edge.stats.received.Add(float64(len(b)))
			return b, nil
		}
		if !isPlaylist(name.name) || len(c.origins) == 1 {
			return nil, err
		}
	}
	owner, _, err := c.choose(ctx, name.key, via, "")
	if err != nil {
		return nil, err
	}
	b, err := c.file(ctx, owner, name.key, name.name, via)
	if err != nil {
		return nil, err
	}
	o.edge.stats.received.Add(float64(len(b)))
	o.own(name.key, owner)
	return b, nil
}

// owner is the origin that has the stream, as far as is known, or empty.
func (o *objects) owner(k live.Key) string {
	if len(o.edge.client.origins) == 1 {
		return o.edge.client.origins[0]
	}
	o.edge.mu.Lock()
	p := o.edge.pulls[k]
	o.edge.mu.Unlock()
	if p != nil {
		return p.from().origin
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.owners[k]
}

func (o *objects) own(k live.Key, origin string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.owners) >= maxOwners {
		clear(o.owners)
	}
	o.owners[k] = origin
}

// total is how many bytes are held.
func (o *objects) total() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.bytes
}
