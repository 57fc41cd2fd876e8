package audience

import (
	"context"
	"encoding/binary"
	"hash/maphash"
	"math"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"weir/room/live"
)

// tick is how often viewers who are gone are looked for and changes are told. A stream is told of no more often.
const tick = time.Second

// Options bound an audience. All are required but Changed, Line and Now.
type Options struct {
	// MaxSeen is how many viewers are remembered who have no connection that lasts; more are not counted. The others
	// are bounded by their doors.
	MaxSeen int
	// Changed hears the count of a stream that changed, at most once a second a stream. It is called by Run, and may
	// call the audience.
	Changed func(k live.Key, c Count)
	// Line hears of each line by which a viewer begins or ceases to play. It is called with a lock held: it must not block,
	// and must not call the audience. nil: nobody wants to know.
	Line func(l Line)
	Now  func() time.Time
}

// Line is a form by which a viewer begins to play a stream, or no longer does.
type Line struct {
	Key  live.Key
	Form Form
	// Viewer names the viewer while this process runs. It tells nothing of who that is.
	Viewer uint64
	// Began is whether the line began. ID is who the viewer is, of one that began.
	Began bool
	ID    ID
	// Since is when it began.
	Since time.Time
}

// Count is how many watch a stream.
type Count struct {
	// Total counts every viewer once.
	Total int
	// By counts them by form; who plays by two forms is in both.
	By [forms]int
}

// Map is the count by the names of the forms.
func (c Count) Map() map[string]int {
	m := make(map[string]int, forms)
	for f, n := range c.By {
		m[formNames[f]] = n
	}
	return m
}

// Audience counts the viewers of all streams. Its methods may be called from several goroutines.
type Audience struct {
	opts   Options
	seed   maphash.Seed
	closed *prometheus.CounterVec // by reason

	mu      sync.Mutex // guards the fields below
	streams map[live.Key]*crowd
	total   Count
	seen    int    // lines without a connection
	unknown uint64 // viewers so far without an id
}

// crowd is the viewers of one stream.
type crowd struct {
	viewers map[uint64]*viewer // by the hash of the id
	due     int64              // ns; before it nobody is to be forgotten
	count   Count
	told    Count
}

// viewer is one viewer and the lines it plays by.
type viewer struct {
	open  [forms]int32 // connections
	until [forms]int64 // ns; when it was last heard of without a connection, and how long that holds. 0: not
	began [forms]int64 // ns; 0: it does not play by that line
}

func (v *viewer) plays(f int) bool { return v.open[f] > 0 || v.until[f] > 0 }

func (v *viewer) gone() bool { return *v == viewer{} }

// New returns an audience. It starts nothing; see Run.
func New(o Options) *Audience {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Changed == nil {
		o.Changed = func(live.Key, Count) {}
	}
	return &Audience{opts: o, seed: maphash.MakeSeed(), closed: newClosed(), streams: make(map[live.Key]*crowd)}
}

// Run forgets viewers who were not heard of any more and tells what changed, until ctx is done.
func (a *Audience) Run(ctx context.Context) error {
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
			for _, k := range a.keys() {
				if c, changed := a.turn(k); changed {
					a.opts.Changed(k, c)
				}
			}
		}
	}
}

// Enter counts in a viewer who has a connection, for as long as that lasts: the zero id is somebody new. The
// function that it returns counts the connection out; it must be called once.
func (a *Audience) Enter(k live.Key, f Form, id ID) (leave func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	h := a.hashLocked(id)
	v := a.viewerLocked(k, h)
	was := v.plays(int(f))
	v.open[f]++
	a.joinedLocked(v, Line{Key: k, Form: f, Viewer: h, Began: true, ID: id, Since: a.opts.Now()}, was)
	return func() { a.leave(k, f, h) }
}

func (a *Audience) leave(k live.Key, f Form, h uint64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	c := a.streams[k]
	v := c.viewers[h]
	v.open[f]--
	a.partedLocked(k, c, h, f)
}

// Saw notes a viewer without a connection, who is counted for as long as for says, or longer if heard of again. The
// zero id counts nobody.
func (a *Audience) Saw(k live.Key, f Form, id ID, holds time.Duration) {
	if id == (ID{}) {
		return
	}
	now := a.opts.Now()
	until := now.Add(holds).UnixNano()
	a.mu.Lock()
	defer a.mu.Unlock()
	h := a.hashLocked(id)
	if c := a.streams[k]; c == nil || c.viewers[h] == nil || c.viewers[h].until[f] == 0 {
		if a.seen >= a.opts.MaxSeen {
			return
		}
		a.seen++
	}
	v := a.viewerLocked(k, h)
	was := v.plays(int(f))
	v.until[f] = max(v.until[f], until)
	a.streams[k].due = min(a.streams[k].due, until)
	a.joinedLocked(v, Line{Key: k, Form: f, Viewer: h, Began: true, ID: id, Since: now}, was)
}

// Left notes that a viewer without a connection is gone, before it would be forgotten.
func (a *Audience) Left(k live.Key, f Form, id ID) {
	if id == (ID{}) {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	c, h := a.streams[k], a.hashLocked(id)
	if c != nil && c.viewers[h] != nil && c.viewers[h].until[f] != 0 {
		a.unseeLocked(k, c, h, f)
	}
}

// Of is how many watch a stream.
func (a *Audience) Of(k live.Key) Count {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.forgetLocked(k)
	if c := a.streams[k]; c != nil {
		return c.count
	}
	return Count{}
}

// Total is how many watch all streams; who watches two counts twice.
func (a *Audience) Total() Count {
	for _, k := range a.keys() {
		a.Of(k)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.total
}

func (a *Audience) keys() []live.Key {
	a.mu.Lock()
	defer a.mu.Unlock()
	keys := make([]live.Key, 0, len(a.streams))
	for k := range a.streams {
		keys = append(keys, k)
	}
	return keys
}

// hashLocked is what an id is kept as. Two of 2^32 viewers may share one; nobody can make that happen, since the
// seed is secret.
func (a *Audience) hashLocked(id ID) uint64 {
	var b []byte
	if id == (ID{}) {
		a.unknown++
		b = binary.BigEndian.AppendUint64([]byte{0}, a.unknown)
	} else {
		b = append([]byte{id.by}, id.name...)
	}
	return maphash.Bytes(a.seed, b)
}

func (a *Audience) viewerLocked(k live.Key, h uint64) *viewer {
	c := a.streams[k]
	if c == nil {
		c = &crowd{viewers: make(map[uint64]*viewer), due: math.MaxInt64}
		a.streams[k] = c
	}
	v := c.viewers[h]
	if v == nil {
		v = new(viewer)
		c.viewers[h] = v
		c.count.Total++
		a.total.Total++
	}
	return v
}

// joinedLocked counts a line that a viewer plays by, unless it did before.
func (a *Audience) joinedLocked(v *viewer, l Line, was bool) {
	if was {
		return
	}
	v.began[l.Form] = l.Since.UnixNano()
	a.streams[l.Key].count.By[l.Form]++
	a.total.By[l.Form]++
	if a.opts.Line != nil {
		a.opts.Line(l)
	}
}

// partedLocked counts a line out that a viewer no longer plays by, and the viewer with its last line.
func (a *Audience) partedLocked(k live.Key, c *crowd, h uint64, f Form) {
	v := c.viewers[h]
	if v.plays(int(f)) {
		return
	}
	c.count.By[f]--
	a.total.By[f]--
	if a.opts.Line != nil {
		a.opts.Line(Line{Key: k, Form: f, Viewer: h, Since: time.Unix(0, v.began[f])})
	}
	v.began[f] = 0
	if !v.gone() {
		return
	}
	delete(c.viewers, h)
	c.count.Total--
	a.total.Total--
	if len(c.viewers) == 0 && c.told == c.count {
		delete(a.streams, k)
	}
}

// forgetLocked counts those out who were not heard of for too long.
func (a *Audience) forgetLocked(k live.Key) {
	c := a.streams[k]
	now := a.opts.Now().UnixNano()
	if c == nil || now < c.due {
		return
	}
	c.due = math.MaxInt64
	for h, v := range c.viewers {
		for f := range forms {
			switch {
			case v.until[f] == 0:
			case v.until[f] > now:
				c.due = min(c.due, v.until[f])
			default:
				a.unseeLocked(k, c, h, Form(f))
			}
		}
	}
}

// unseeLocked counts a line without a connection out.
func (a *Audience) unseeLocked(k live.Key, c *crowd, h uint64, f Form) {
	c.viewers[h].until[f] = 0
	a.seen--
	a.partedLocked(k, c, h, f)
}

// turn brings a stream's count up to date and tells whether it has changed since the last turn.
func (a *Audience) turn(k live.Key) (now Count, changed bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.forgetLocked(k)
	c := a.streams[k]
	if c == nil {
		return Count{}, false
	}
	changed, c.told = c.told != c.count, c.count
	if len(c.viewers) == 0 {
		delete(a.streams, k)
	}
	return c.count, changed
}
