package rooms

import (
	"context"
	"log/slog"
	"time"

	"weir/room/im"
)

// Options are what Rooms needs. Store is required.
type Options struct {
	Store Store
	// People tells which accounts exist; nil: the store.
	People People
	// Filter looks at what people write into names and announcements; nil: every text passes.
	Filter Filter
	// Nodes are the other nodes, which forget what changed here; nil: there are none.
	Nodes Nodes

	// StatusChanged is told on every node when a room's status changed, and with "" when the room was destroyed: where
	// nobody may publish any more, it ends what is published. It may not block. It may be nil.
	StatusChanged func(app int, room, status string)
	// PublishLost is told on every node when an account may publish into a room no longer. It may not block. It may be
	// nil.
	PublishLost func(app int, room, user string)

	// Seats is how many may publish beside the owner; 0: 9.
	Seats int
	// SeatWait is how long a request for a seat, or an invitation to one, waits for an answer; 0: a minute.
	SeatWait time.Duration

	Now func() time.Time // nil: time.Now
	Log *slog.Logger     // nil: slog.Default
}

// Rooms are the rooms of all apps. It is safe for concurrent use.
type Rooms struct {
	o      Options
	teller Teller
}

// New makes Rooms. It starts nothing.
func New(o Options) *Rooms { return &Rooms{o: o} }

// Attach names who tells of changes. It is called once, before anything else.
func (r *Rooms) Attach(t Teller) { r.teller = t }

// Run writes likes once a second and ends requests for seats that waited too long, until ctx is done. Then it writes
// what is left.
func (r *Rooms) Run(ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
}

// Get is what is known of a room now, or im.ErrNoRoom.
func (r *Rooms) Get(ctx context.Context, app int, id string) (*Facts, error) {
	return nil, im.ErrInternal
}
