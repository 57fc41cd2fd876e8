package edge

import (
	"cmp"
	"container/list"
	"context"
	"errors"
	"slices"
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
	// standInAfter is how long who asks waits for a playlist before it gets the old one.
	standInAfter = time.Second
	// maxFetches is how many files of an origin are fetched at once, and for how many it is asked at once which origin has them.
	// maxPending is how many that were never there may be waited for.
	maxFetches, maxPending = 64, 4096
	// maxOwners is of how many streams it is remembered who has them.
	maxOwners = 4096
)

// objects are the HLS objects of streams that other nodes have: each fetched once for all who ask, byte for byte.
type objects struct {
	edge  *Edge
	slots map[string]chan struct{} // of each origin, one for each fetch under way; under no origin those of the questions who has a stream

	mu      sync.Mutex // guards the fields below
	all     map[objectName]*object
	recent  list.List // of *object: the one that was asked for last before the others
	bytes   int
	pending int                 // objects that are being fetched
	owners  map[live.Key]string // the origins that playlists of streams came from
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
	o := &objects{
		edge: e, slots: map[string]chan struct{}{"": make(chan struct{}, maxFetches)},
		all: make(map[objectName]*object), owners: make(map[live.Key]string),
	}
	for _, origin := range e.client.origins { // those of one that does not answer are not those of others
		o.slots[origin] = make(chan struct{}, maxFetches)
	}
	return o
}

// File returns an HLS object of a stream that an origin has, byte for byte as every node gives it. The multivariant playlist is
// index.m3u8, or index-LAYER.m3u8 with one simulcast layer alone. Who asks for a playlist of a stream that no origin has, but that
// is brought here on demand, waits for it as viewers of other forms do. The bytes must not be changed.
//
// Errors: live.ErrNoStream when nobody has it, ErrOrigin, ErrStopping, or the context's.
func (e *Edge) File(ctx context.Context, k live.Key, name string) ([]byte, error) {
	b, err := e.objects.get(ctx, k, name, nil)
	if err != nil && isPlaylist(name) && e.wake(ctx, k) {
		return e.object(ctx, k, name, nil)
	}
	return b, err
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
		return o.fetch(ctx, objectName{k, name}, via, objectTimeout)
	}
	ob, old, err := o.object(objectName{k, name})
	if err != nil {
		return nil, err
	}
	return o.await(ctx, ob, old)
}

// await waits for an object. An old one stands in for it when the origin takes its time: it may be away.
func (o *objects) await(ctx context.Context, ob, old *object) ([]byte, error) {
	var late <-chan time.Time
	if old.standsIn(time.Now()) {
		timer := time.NewTimer(standInAfter)
		defer timer.Stop()
		late = timer.C
	}
	select {
	case <-ob.done:
		return ob.data, ob.err
	case <-late:
		o.edge.stats.objects.WithLabelValues("stale").Inc()
		return old.data, nil
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

// standsIn tells whether an object that was fetched, or nil, can be given out in place of another one.
func (ob *object) standsIn(now time.Time) bool {
	return ob != nil && ob.err == nil && now.Sub(ob.at) < staleAge
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

// object returns an object that is there or on its way, and the one before it, if there is one.
func (o *objects) object(name objectName) (ob, old *object, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	old = o.all[name]
	if old != nil && (old.isPending() || old.fresh()) {
		o.recent.MoveToFront(old.place)
		o.edge.stats.objects.WithLabelValues("hit").Inc()
		return old, old.old, nil
	}
	if old == nil && o.pending >= maxPending {
		return nil, nil, ErrOrigin
	}
	ob = &object{name: name, done: make(chan struct{}), old: old}
	if !o.edge.tasks.start(func(ctx context.Context) { o.fill(ctx, ob) }) {
		return nil, nil, ErrStopping
	}
	o.pending++
	o.edge.stats.objects.WithLabelValues("miss").Inc()
	if old != nil {
		o.removeLocked(old)
	}
	ob.place = o.recent.PushFront(ob)
	ob.size = objectOverhead
	o.all[name], o.bytes = ob, o.bytes+ob.size
	o.trimLocked()
	return ob, old, nil
}

// fill fetches an object. Where there was one before, it is known who had it, who is not waited for as long as a new stream is.
func (o *objects) fill(ctx context.Context, ob *object) {
	patience := objectTimeout
	if ob.old.standsIn(time.Now()) {
		patience = askTimeout
	}
	data, err := o.fetch(ctx, ob.name, nil, patience)
	o.mu.Lock()
	defer o.mu.Unlock()
	at, old := time.Now(), ob.old
	ob.old = nil // a chain of them would stay for ever
	if err != nil && !errors.Is(err, live.ErrNoStream) && old.standsIn(at) {
		// The origin may be back in a moment, with the same playlist or another.
		o.edge.stats.objects.WithLabelValues("stale").Inc()
		data, err, at = old.data, nil, old.at
	}
	ob.data, ob.err, ob.at = data, err, at
	o.pending--
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

// fetch asks the origins: first those that are known to have the stream, one for patience.
//
// A playlist says how the stream is now: it is that of where the stream is taken from, or else of who has it. A segment is that of
// the playlist which named it.
func (o *objects) fetch(ctx context.Context, name objectName, via []string, patience time.Duration) ([]byte, error) {
	var lost error // of one that had it
	for _, origin := range o.known(name) {
		b, err := o.file(ctx, origin, name, via, patience)
		if err == nil {
			return b, nil
		}
		if lost == nil || !errors.Is(err, live.ErrNoStream) {
			lost = err
		}
	}
	if lost != nil && (!isPlaylist(name.name) || len(o.edge.client.origins) == 1) {
		return nil, lost
	}
	origin, err := o.choose(ctx, name.key, via)
	if err != nil {
		if lost != nil {
			return nil, lost // the others do not have it: that says nothing of who had it
		}
		return nil, err
	}
	return o.file(ctx, origin, name, via, objectTimeout)
}

// take takes a slot of an origin, until give is called.
func (o *objects) take(ctx context.Context, origin string) (give func(), err error) {
	slots := o.slots[origin]
	select {
	case slots <- struct{}{}:
		return func() { <-slots }, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// choose returns the origin that has a stream.
func (o *objects) choose(ctx context.Context, k live.Key, via []string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, objectTimeout)
	defer cancel()
	give, err := o.take(ctx, "")
	if err != nil {
		return "", err
	}
	defer give()
	origin, _, err := o.edge.client.choose(ctx, k, via, "")
	return origin, err
}

// file fetches an object from an origin.
func (o *objects) file(ctx context.Context, origin string, name objectName, via []string, patience time.Duration) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	give, err := o.take(ctx, origin)
	if err != nil {
		return nil, err
	}
	defer give()
	b, err := o.edge.client.file(ctx, origin, name.key, name.name, via)
	if err != nil {
		return nil, err
	}
	o.edge.stats.received.Add(float64(len(b)))
	if isPlaylist(name.name) {
		o.own(name.key, origin)
	}
	return b, nil
}

// known lists the origins that have an object, as far as is known: for a playlist one at most, for segments first the one that the
// last playlist came from.
func (o *objects) known(name objectName) []string {
	if len(o.edge.client.origins) == 1 {
		return o.edge.client.origins
	}
	o.edge.mu.Lock()
	p := o.edge.pulls[name.key]
	o.edge.mu.Unlock()
	o.mu.Lock()
	listed := o.owners[name.key]
	o.mu.Unlock()
	var taken string
	if p != nil {
		taken = p.from().origin
	}
	switch {
	case isPlaylist(name.name):
		listed, taken = cmp.Or(taken, listed), ""
	case taken == listed:
		taken = ""
	}
	return slices.DeleteFunc([]string{listed, taken}, func(origin string) bool { return origin == "" })
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
