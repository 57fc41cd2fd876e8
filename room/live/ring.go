package live

import (
	"sync"
	"sync/atomic"
	"time"

	"weir/mux/av"
)

// Item is what a ring can hold.
type Item interface {
	// Bytes is the memory that the value keeps alive.
	Bytes() int
	// Time is the value's decoding time on the stream's clock.
	Time() time.Duration
	// Join tells whether a reader may start here: whether decoding can begin with this value.
	Join() bool
	// Beat tells whether the value is what readers wait for who join what comes (ReaderOptions.Beat): a picture, or
	// any media where there are no pictures.
	Beat() bool
}

const (
	ringSlots    = 64      // slots of a new ring
	ringMaxSlots = 1 << 15 // 32768: past that values are evicted by count
)

// snapshot is the set of tracks that governs some entries of a ring. A track that comes later is added to it, so
// that who joins at a key frame of before already announces it; one that changes makes a new snapshot.
type snapshot struct{ tracks atomic.Pointer[av.Tracks] }

func newSnapshot(ts av.Tracks) *snapshot {
	s := new(snapshot)
	s.tracks.Store(&ts)
	return s
}

func (s *snapshot) get() av.Tracks { return *s.tracks.Load() }

// next returns the snapshot for what comes with the tracks ts: s itself, added to, when no track has changed.
func (s *snapshot) next(ts av.Tracks) *snapshot {
	old := s.get()
	for i := range old {
		if t := ts.Find(old[i].ID); t == nil || !t.Same(&old[i]) {
			return newSnapshot(ts)
		}
	}
	if len(ts) > len(old) {
		s.tracks.Store(&ts)
	}
	return s
}

// fits tells whether an output that began with older tracks can go on with these: none is over and none is of another
// codec. Where it cannot, nobody should begin with the older ones.
func (s *snapshot) fits(older av.Tracks) bool {
	ts := s.get()
	for i := range older {
		if older[i].Layer != "" {
			continue // the layers stand beside what is shown
		}
		if t := ts.Find(older[i].ID); t == nil || t.Codec != older[i].Codec {
			return false
		}
	}
	return true
}

// entry is one value at its place. It is immutable once it is in a slot.
type entry[T Item] struct {
	seq  uint64
	snap *snapshot
	val  T
}

// table is the array of slots; a larger one takes its place when it is full.
type table[T Item] struct{ slots []atomic.Pointer[entry[T]] }

func newTable[T Item](n int) *table[T] { return &table[T]{slots: make([]atomic.Pointer[entry[T]], n)} }

func (t *table[T]) slot(seq uint64) *atomic.Pointer[entry[T]] {
	return &t.slots[seq&uint64(len(t.slots)-1)] // len is a power of two
}

// ring holds the values [tail, head), oldest first. There is one writer at a time (its caller sees to that);
// readers take no lock: they load head, then the table, then the slot, and the entry's own number tells them
// whether it is still the one they asked for.
type ring[T Item] struct {
	maxBytes int
	maxTime  time.Duration

	table  atomic.Pointer[table[T]]
	head   atomic.Uint64 // number of the next value
	tail   atomic.Uint64 // number of the oldest value held
	join   atomic.Uint64 // 1 + number of the newest join point; 0 when there was none of the present tracks
	newest atomic.Int64  // the latest Time of all values
	bytes  atomic.Int64  // sum of Bytes of the values held

	governs *snapshot // of the newest value; the writer's

	wakers wakers
	done   chan struct{} // closed by end
	endErr error         // the reason; written once before done is closed
	ending sync.Once
}

func newRing[T Item](maxBytes int, maxTime time.Duration, tasks *tasks) *ring[T] {
	r := &ring[T]{maxBytes: maxBytes, maxTime: maxTime, done: make(chan struct{})}
	r.wakers.tasks, r.wakers.done = tasks, r.done
	r.table.Store(newTable[T](ringSlots))
	return r
}

// append adds a value behind the newest. It never waits for a reader. Writer only.
func (r *ring[T]) append(v T, snap *snapshot) {
	seq := r.head.Load()
	t := r.room(seq)
	t.slot(seq).Store(&entry[T]{seq: seq, snap: snap, val: v})
	if at := int64(v.Time()); at > r.newest.Load() || seq == r.tail.Load() {
		r.newest.Store(at)
	}
	if r.governs != nil && snap != r.governs && !snap.fits(r.governs.get()) {
		r.join.Store(0)
	}
	r.governs = snap
	if v.Join() {
		r.join.Store(seq + 1)
	}
	r.bytes.Add(int64(v.Bytes()))
	r.head.Store(seq + 1)
	r.evict(t, seq)
	r.wakers.kick(v.Beat())
}

// room returns a table with a free slot for seq, growing or evicting as need be. Writer only.
func (r *ring[T]) room(seq uint64) *table[T] {
	t := r.table.Load()
	n := uint64(len(t.slots))
	if seq-r.tail.Load() < n {
		return t
	}
	if n == ringMaxSlots {
		r.drop(t)
		return t
	}
	grown := newTable[T](int(2 * n))
	for s := r.tail.Load(); s != seq; s++ {
		grown.slot(s).Store(t.slot(s).Load())
	}
	// Before head moves on: a reader that sees the new head then finds the new table.
	r.table.Store(grown)
	return grown
}

// evict drops what is past the bounds, but never the newest value. Writer only.
func (r *ring[T]) evict(t *table[T], newest uint64) {
	for s := r.tail.Load(); s != newest; s++ {
		e := t.slot(s).Load()
		old := time.Duration(r.newest.Load())-e.val.Time() > r.maxTime
		if !old && r.bytes.Load() <= int64(r.maxBytes) {
			return
		}
		r.drop(t)
	}
}

// drop forgets the oldest value. Writer only.
func (r *ring[T]) drop(t *table[T]) {
	s := r.tail.Load()
	r.bytes.Add(-int64(t.slot(s).Load().val.Bytes()))
	r.tail.Store(s + 1)
	t.slot(s).Store(nil)
}

// get returns the entry numbered seq, which is below a head that was loaded before; nil when it is gone.
func (r *ring[T]) get(seq uint64) *entry[T] {
	if e := r.table.Load().slot(seq).Load(); e != nil && e.seq == seq {
		return e
	}
	return nil
}

// newestJoin returns the newest join point held, or nil.
func (r *ring[T]) newestJoin() *entry[T] {
	if j := r.join.Load(); j > 0 && j-1 >= r.tail.Load() {
		return r.get(j - 1)
	}
	return nil
}

// oldestJoin returns the oldest join point held, or nil.
func (r *ring[T]) oldestJoin() *entry[T] {
	head := r.head.Load()
	for s := r.tail.Load(); s < head; s++ {
		if e := r.get(s); e != nil && e.val.Join() {
			return e
		}
	}
	return nil
}

// age is how far behind the newest value an entry lies.
func (r *ring[T]) age(e *entry[T]) time.Duration {
	return time.Duration(r.newest.Load()) - e.val.Time()
}

// end marks the ring as over: readers get ErrEnded once they have read what is there.
func (r *ring[T]) end(reason error) {
	r.ending.Do(func() {
		r.endErr = reason
		close(r.done)
	})
}

// ended tells whether end was called. A head that is loaded afterwards is the last.
func (r *ring[T]) ended() bool {
	select {
	case <-r.done:
		return true
	default:
		return false
	}
}
