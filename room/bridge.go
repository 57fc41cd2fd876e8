package room

import (
	"context"
	"errors"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"weir/room/audience"
	"weir/room/hook"
	"weir/room/im"
	"weir/room/im/rooms"
	"weir/room/live"
)

const (
	// viewersEvery is how often a room is told at most how many watch.
	viewersEvery = 5 * time.Second
	// maxChanges bounds what waits for Run: changes of streams and rooms, a few bytes each.
	maxChanges = 1 << 16
	// lookUp is how long a room's facts may take.
	lookUp = 5 * time.Second
)

// What a room is told beside the states of its streams.
const typeTitle = "room.title"

// hub has the streams; *live.Registry is one.
type hub interface {
	Stream(k live.Key) (*live.Stream, bool)
	Streams() []*live.Stream
	End(k live.Key, reason error) bool
}

// facts knows rooms; *rooms.Rooms does.
type facts interface {
	Get(ctx context.Context, app int, id string) (*rooms.Facts, error)
}

// teller tells everybody in a room; *channel.Channel does. It may not wait for clients.
type teller interface {
	Event(app int, room string, e im.Event)
}

// receiver tells other programs of streams; *hook.Hooks does. It may not wait for them.
type receiver interface {
	Stream(events ...hook.Event)
}

// sessions are who is connected to the channel; *bus.Bus has them.
type sessions interface {
	EndApp(app int)
}

// Parts are what a Bridge joins. Hub is required; what is nil is not told.
type Parts struct {
	Hub     hub
	Rooms   facts
	Channel teller
	Hooks   receiver
	// Sessions end when their app is deleted.
	Sessions sessions
	// Admin tells whether a user administers an app, and so publishes into all of its rooms.
	Admin func(app int, user string) bool
	// Exists tells whether there is an app; nil: each exists.
	Exists func(app int) bool
	// Faults has Hooks told what is wrong with what publishers send (hook.Abnormal), each viewersEvery.
	Faults bool
}

// Bridge joins a room's media and its channel, on one node: what happens to streams is told in the channel and to other
// programs, and what happens to a room ends its streams. Nobody who has something to tell ever waits: Run does the work.
type Bridge struct {
	parts   Parts
	now     func() time.Time
	log     *slog.Logger
	dropped prometheus.Counter
	wake    chan struct{} // capacity 1: there are changes

	mu      sync.Mutex // guards the fields below; nothing is called while it is held
	changes []change
	air     map[place]map[string]*onAir // the streams that are live or interrupted, by room and name
}

// place is a room of an app.
type place struct {
	app  int
	room string
}

// change is something that Run has to look at: of a stream when there is a key, else of a room or an app.
type change struct {
	what   what
	key    live.Key
	from   live.State
	to     live.State
	reason error
	at     time.Time
	place  place
	text   string // a status, a user or a title
}

type what uint8

const (
	whatStream what = iota
	whatStatus
	whatLost
	whatTitle
	whatApp
)

// onAir is a stream that was live. Its fields are guarded by Bridge.mu.
type onAir struct {
	key     live.Key
	stream  *live.Stream
	event   hook.Event // what is told of it, for the kinds to come
	live    bool
	mirror  bool      // it is published on another server, which tells of it
	since   time.Time // of its state
	owners  bool      // the room's owner publishes it
	viewers audience.Count
	untold  bool    // others watch than was told
	health  *health // when it was last looked at; nil while it is not live
}

// NewBridge returns a bridge that joins nothing yet; see Attach and Run. now is time.Now when nil.
func NewBridge(now func() time.Time, log *slog.Logger) *Bridge {
	if now == nil {
		now = time.Now
	}
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Bridge{
		now: now, log: log, wake: make(chan struct{}, 1), air: make(map[place]map[string]*onAir),
		dropped: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "weir_room_changes_dropped_total", Help: "Changes of streams and rooms that could not be told: too many at once.",
		}),
	}
}

// Attach says what is joined. Call it before Run; what happens before that waits.
func (b *Bridge) Attach(p Parts) { b.parts = p }

// Describe implements prometheus.Collector.
func (b *Bridge) Describe(ch chan<- *prometheus.Desc) { b.dropped.Describe(ch) }

// Collect implements prometheus.Collector.
func (b *Bridge) Collect(ch chan<- prometheus.Metric) { b.dropped.Collect(ch) }

// StreamChanged is told of a stream's state. It is for live.Options.Changed.
func (b *Bridge) StreamChanged(k live.Key, from, to live.State, reason error) {
	if to == live.StateEnded && from == live.StateWaiting { // nobody has seen it
		return
	}
	b.add(change{what: whatStream, key: k, from: from, to: to, reason: reason, at: b.now()})
}

// ViewersChanged is told how many watch a stream. It is for audience.Options.Changed.
func (b *Bridge) ViewersChanged(k live.Key, c audience.Count) {
	at, ok := placeOf(k)
	if !ok {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if s := b.air[at][k.Stream]; s != nil {
		s.viewers, s.untold = c, true
	}
}

// StatusChanged is told of a room's status, "" when the room is no more. It is for rooms.Options.StatusChanged.
func (b *Bridge) StatusChanged(app int, in, status string) {
	if status == rooms.Closed || status == rooms.Forbidden || status == "" {
		b.add(change{what: whatStatus, place: place{app, in}, text: status})
	}
}

// PublishLost is told that a user may publish into a room no longer. It is for rooms.Options.PublishLost.
func (b *Bridge) PublishLost(app int, in, user string) {
	b.add(change{what: whatLost, place: place{app, in}, text: user})
}

// AppDeleted is told that there is an app no longer. It is for apps.Options.Deleted.
func (b *Bridge) AppDeleted(id int) { b.add(change{what: whatApp, place: place{app: id}}) }

// Titles is a Teller that hears of new names of rooms and hands everything on to another one.
func (b *Bridge) Titles(next rooms.Teller) rooms.Teller { return titles{next, b} }

type titles struct {
	rooms.Teller
	bridge *Bridge
}

// Tip implements rooms.Teller.
func (t titles) Tip(app int, in string, tip im.Tip) {
	t.Teller.Tip(app, in, tip)
	if tip.Changed != nil && tip.Changed.Name != nil {
		t.bridge.add(change{what: whatTitle, place: place{app, in}, text: *tip.Changed.Name})
	}
}

func (b *Bridge) add(c change) {
	b.mu.Lock()
	full := len(b.changes) >= maxChanges
	if !full {
		b.changes = append(b.changes, c)
	}
	b.mu.Unlock()
	if full {
		b.dropped.Inc()
		return
	}
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// Run tells and does what follows from what happens, until ctx is done.
func (b *Bridge) Run(ctx context.Context) error {
	tick := time.NewTicker(viewersEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			b.work(context.WithoutCancel(ctx)) // streams that end with the server are told, too
			return nil
		case <-b.wake:
			b.work(ctx)
		case <-tick.C:
			b.tellViewers()
			if b.parts.Faults && b.parts.Hooks != nil {
				b.tellFaults()
			}
		}
	}
}

// work looks at all that has changed.
func (b *Bridge) work(ctx context.Context) {
	b.mu.Lock()
	changes := b.changes
	b.changes = nil
	b.mu.Unlock()
	for i := range changes {
		c := &changes[i]
		switch c.what {
		case whatStream:
			b.streamChanged(ctx, c)
		case whatStatus:
			b.endAll(c.place, errRoomClosed, func(live.Info) bool { return true })
		case whatLost:
			if known := b.known(ctx, c.place); known == nil || b.mayPublish(c.place, known, c.text) != nil {
				b.endAll(c.place, errMayNotPublish, func(i live.Info) bool { return i.User == c.text })
			}
		case whatTitle:
			b.tellRoom(c.place, im.Event{Type: typeTitle, Title: c.text})
		case whatApp:
			b.endApp(c.place.app)
		}
	}
}

// streamChanged tells of a stream's state.
func (b *Bridge) streamChanged(ctx context.Context, c *change) {
	at, ok := placeOf(c.key)
	if !ok {
		return
	}
	known := b.known(ctx, at)
	if reason := b.tooLate(c, at, known); reason != nil {
		b.parts.Hub.End(c.key, reason)
		return
	}
	event, ok := b.note(at, c, known)
	if !ok {
		return
	}
	if b.parts.Hooks != nil {
		b.parts.Hooks.Stream(event)
	}
	if known == nil {
		return
	}
	e := im.Event{Type: string(stateEvents[c.to]), Stream: c.key.Stream, User: event.User, Reason: event.Reason}
	if c.to == live.StateLive {
		e.Title = known.Name
	}
	b.tellRoom(at, e)
}

// tooLate is why a stream that goes live has to end at once: between the moment when its publisher was let in and its
// first media, which he may put off, the app was deleted, the room was closed or he lost the right to publish into it.
func (b *Bridge) tooLate(c *change, at place, known *rooms.Facts) error {
	switch {
	case c.to != live.StateLive:
		return nil
	case b.parts.Exists != nil && !b.parts.Exists(at.app):
		return errAppDeleted
	case known == nil:
		return nil
	}
	user := "" // without a name it is the application itself that publishes, see Gate
	if s, ok := b.parts.Hub.Stream(c.key); ok && c.from == live.StateWaiting {
		info := s.Info()
		if info.Mirror {
			return nil // its own server has decided
		}
		user = info.User
	}
	switch err := b.mayPublish(at, known, user); {
	case errors.Is(err, im.ErrRoomClosed):
		return errRoomClosed
	case err != nil:
		return errMayNotPublish
	default:
		return nil
	}
}

// mayPublish tells, with nil, that who publishes into a room may go on.
func (b *Bridge) mayPublish(at place, known *rooms.Facts, user string) error {
	admin := user == "" || b.parts.Admin != nil && b.parts.Admin(at.app, user)
	return known.MayPublish(user, admin, b.now())
}

// known is what is known of a room; nil when there is none, or when that cannot be found out.
func (b *Bridge) known(ctx context.Context, at place) *rooms.Facts {
	if b.parts.Rooms == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, lookUp)
	defer cancel()
	f, err := b.parts.Rooms.Get(ctx, at.app, at.room)
	if err != nil {
		return nil
	}
	return f
}

func (b *Bridge) tellRoom(at place, e im.Event) {
	if b.parts.Channel != nil {
		b.parts.Channel.Event(at.app, at.room, e)
	}
}

// note remembers what a stream is now and makes the event for other programs. ok is false when there is nothing to tell.
func (b *Bridge) note(at place, c *change, known *rooms.Facts) (event hook.Event, ok bool) {
	stream, there := b.parts.Hub.Stream(c.key)
	var info live.Info
	if there {
		info = stream.Info() // not below: the hub calls add with its lock held
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.air[at][c.key.Stream]
	if s == nil {
		if c.to != live.StateLive || !there {
			return hook.Event{}, false // it came and went before anybody looked
		}
		s = &onAir{key: c.key}
		if b.air[at] == nil {
			b.air[at] = make(map[string]*onAir)
		}
		b.air[at][c.key.Stream] = s
	}
	s.live, s.since = c.to == live.StateLive, c.at
	if s.live && there {
		s.stream, s.owners = stream, known != nil && known.Owner != "" && known.Owner == info.User
		s.event, s.mirror = eventOf(at, &info), info.Mirror
	}
	event = s.event
	event.At, event.Kind = c.at, kinds[c.to]
	if c.reason != nil {
		event.Reason = live.Reason(c.reason)
	}
	if c.to == live.StateEnded {
		event.Told = c.from == live.StateInterrupted
		delete(b.air[at], c.key.Stream)
		if len(b.air[at]) == 0 {
			delete(b.air, at)
		}
	}
	return event, !s.mirror
}

// kinds are the events of a stream's states for other programs.
var kinds = map[live.State]hook.Kind{
	live.StateLive: hook.Published, live.StateInterrupted: hook.Interrupted, live.StateEnded: hook.Unpublished,
}

// eventOf is what other programs are told of a stream.
func eventOf(at place, i *live.Info) hook.Event {
	e := hook.Event{
		App: at.app, Room: at.room, Stream: i.Key.Stream, StreamID: i.ID, User: i.User, Since: i.Started,
		Session: i.Origin.Session, Addr: i.Origin.Addr, Site: i.Origin.Site, Query: i.Origin.Query, Form: i.Origin.Form,
	}
	if v := i.Tracks.Video(); v != nil {
		e.Width, e.Height = v.Width, v.Height
	}
	return e
}

// tellViewers tells how many watch the streams of which that changed.
func (b *Bridge) tellViewers() {
	for at, changed := range b.changedViewers() {
		for i := range changed {
			e := &changed[i]
			if b.parts.Hooks != nil {
				b.parts.Hooks.Stream(*e)
			}
			b.tellRoom(at, im.Event{Type: string(StreamViewers), Stream: e.Stream, Watching: &e.Watching})
		}
	}
}

func (b *Bridge) changedViewers() map[place][]hook.Event {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := make(map[place][]hook.Event)
	for at, streams := range b.air {
		for _, s := range streams {
			if !s.untold || s.mirror {
				continue
			}
			s.untold = false
			e := s.event
			e.Kind, e.At, e.Viewers, e.Watching = hook.Watched, b.now(), s.viewers.Map(), s.viewers.Total
			out[at] = append(out[at], e)
		}
	}
	return out
}

// endAll ends those streams of a room of which which holds.
func (b *Bridge) endAll(at place, reason error, which func(live.Info) bool) {
	app := strconv.Itoa(at.app)
	for _, s := range b.parts.Hub.Streams() {
		if k := s.Key(); k.App == app && k.Room == at.room && which(s.Info()) {
			b.parts.Hub.End(k, reason)
		}
	}
}

func (b *Bridge) endApp(id int) {
	app := strconv.Itoa(id)
	for _, s := range b.parts.Hub.Streams() {
		if k := s.Key(); k.App == app {
			b.parts.Hub.End(k, errAppDeleted)
		}
	}
	if b.parts.Sessions != nil {
		b.parts.Sessions.EndApp(id)
	}
}

// MediaTime is where a room's media is now: the capture time of the newest picture of its main stream, in Unix
// milliseconds, which is the clock of HLS's program date times. The main stream is the owner's, or else the one that
// is there longest. 0: nothing is live. It is for channel.Options.MediaTime.
func (b *Bridge) MediaTime(app int, in string) int64 {
	main := b.mainStream(place{app, in})
	if main == nil {
		return 0
	}
	at, ok := main.Wall()
	if !ok {
		return 0
	}
	return at.UnixMilli()
}

// mainStream is the live stream of a room that its messages go with; nil when there is none.
func (b *Bridge) mainStream(at place) *live.Stream {
	b.mu.Lock()
	defer b.mu.Unlock()
	var main *onAir
	for _, s := range b.air[at] {
		if s.live && s.before(main) {
			main = s
		}
	}
	if main == nil {
		return nil
	}
	return main.stream
}

// before tells whether s rather than another stream is the main one.
func (s *onAir) before(o *onAir) bool {
	if o == nil || s.owners != o.owners {
		return o == nil || s.owners
	}
	if a, b := s.event.Since, o.event.Since; !a.Equal(b) {
		return a.Before(b)
	}
	return s.key.Stream < o.key.Stream
}

// placeOf is the room of a stream.
func placeOf(k live.Key) (place, bool) {
	app, err := strconv.Atoi(k.App)
	return place{app, k.Room}, err == nil
}
