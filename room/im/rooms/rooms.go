package rooms

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"weir/room/auth"
	"weir/room/im"
	"weir/room/store"
)

// Options are what Rooms needs. Store is required.
type Options struct {
	Store Store
	// People tells which accounts exist; nil: the store.
	People People
	// Hooks are the callbacks to the apps' own servers; nil: there are none.
	Hooks Hooks
	// Filter looks at what people write into names and announcements; nil: every text passes.
	Filter Filter
	// Nodes are the other nodes, which forget what changed here; nil: there are none.
	Nodes Nodes

	// StatusChanged is told on every node when a room's status changed, and with "" when the room was destroyed: where
	// nobody may publish any more, it ends what is published. It may not block. It may be nil.
	StatusChanged func(app int, room, status string)
	// PublishLost is told on every node when an account may perhaps publish into a room no longer: it asks MayPublish,
	// and ends what the account publishes. It may not block. It may be nil.
	PublishLost func(app int, room, user string)

	// Seats is how many may publish beside the owner; 0: 9.
	Seats int
	// Owned is how many rooms of a type a user may make; 0: 1000. Administrators of the app make as many as they want.
	Owned int
	// SeatWait is how long a request for a seat, or an invitation to one, waits for an answer; 0: a minute.
	SeatWait time.Duration

	Now func() time.Time // nil: time.Now
	Log *slog.Logger     // nil: none
}

func (o *Options) fill() {
	if o.People == nil {
		o.People = o.Store
	}
	if o.Hooks == nil {
		o.Hooks = nobody{}
	}
	if o.Filter == nil {
		o.Filter = nobody{}
	}
	if o.Nodes == nil {
		o.Nodes = &alone{}
	}
	if o.StatusChanged == nil {
		o.StatusChanged = func(int, string, string) {}
	}
	if o.PublishLost == nil {
		o.PublishLost = func(int, string, string) {}
	}
	o.Seats, o.Owned = cmp.Or(o.Seats, 9), cmp.Or(o.Owned, 1000)
	o.SeatWait = cmp.Or(o.SeatWait, time.Minute)
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
}

// What is kept in memory.
const (
	// The budgets are in bytes.
	factsBudget     = 128 << 20
	attributeBudget = 64 << 20
	counterBudget   = 16 << 20
	fieldBudget     = 16 << 20
	// keepFacts is how long a snapshot serves. It is dropped when something changes; this is for words between nodes that
	// got lost.
	keepFacts = 30 * time.Second
)

// Rooms are the rooms of all apps. It is safe for concurrent use.
type Rooms struct {
	o      Options
	teller Teller

	facts      cache[*Facts]
	attributes cache[Attributes]
	fields     cache[fieldSet] // by app
	counts     counts
	waiting    waiting
}

// New makes Rooms. It starts nothing.
func New(o Options) *Rooms {
	o.fill()
	r := &Rooms{o: o, teller: nobody{}}
	r.facts = cache[*Facts]{load: r.loadFacts, cost: (*Facts).cost, budget: factsBudget, life: keepFacts, now: o.Now}
	r.attributes = cache[Attributes]{
		load: r.loadAttributes, cost: attributesCost, budget: attributeBudget, life: keepFacts, now: o.Now,
	}
	r.fields = cache[fieldSet]{load: r.loadFields, cost: fieldsCost, budget: fieldBudget, life: keepFacts, now: o.Now}
	r.counts.kept = cache[map[string]int64]{
		load: r.loadCounters, cost: countersCost, budget: counterBudget, life: flushEvery, now: o.Now,
	}
	o.Nodes.Handle(opChanged, r.heard)
	return r
}

// Attach names who tells of changes. It is called once, before anything else.
func (r *Rooms) Attach(t Teller) { r.teller = t }

// Run writes likes once a second and ends requests for seats that waited too long, until ctx is done. Then it writes
// what is left.
func (r *Rooms) Run(ctx context.Context) error {
	tick := time.NewTicker(flushEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			r.stop(context.WithoutCancel(ctx))
			return nil
		case <-tick.C:
			r.flush(ctx)
			r.expireSeats(ctx)
		}
	}
}

// Get is what is known of a room now, or im.ErrNoRoom.
func (r *Rooms) Get(ctx context.Context, app int, id string) (*Facts, error) {
	if auth.CheckRoom(id) != nil { // no room is called so, and no such name is worth keeping
		return nil, im.ErrNoRoom
	}
	return r.facts.get(ctx, key{app, id})
}

// loadFacts reads a room. What changes while it is read drops the result.
func (r *Rooms) loadFacts(ctx context.Context, k key) (*Facts, error) {
	room, err := r.o.Store.Room(ctx, k.app, k.id)
	if err != nil {
		return nil, failed("read the room", err)
	}
	var members []store.Member
	if listed(room.Type) {
		// A room has no more members than its type has.
		if members, _, err = r.o.Store.Members(ctx, k.app, k.id, maxMembers[room.Type], 0); err != nil {
			return nil, failed("read the members", err)
		}
	}
	mutes, err := r.o.Store.Mutes(ctx, k.app, k.id)
	if err != nil {
		return nil, failed("read the mutes", err)
	}
	bans, err := r.o.Store.Bans(ctx, k.app, k.id)
	if err != nil {
		return nil, failed("read the bans", err)
	}
	seats, err := r.o.Store.Seats(ctx, k.app, k.id)
	if err != nil {
		return nil, failed("read the seats", err)
	}
	return newFacts(room, members, mutes, bans, seats), nil
}

// failed is the error for a call of the store that failed; act ends "cannot …". What is not there is a room.
func failed(act string, err error) error {
	if refusal := (*im.Error)(nil); errors.As(err, &refusal) {
		return refusal
	}
	if errors.Is(err, store.ErrNotFound) {
		return im.ErrNoRoom
	}
	return fmt.Errorf("cannot %s: %w", act, err)
}

// now is the time as the store keeps it.
func (r *Rooms) now() time.Time { return r.o.Now().UTC().Truncate(time.Millisecond) }
