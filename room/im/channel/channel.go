package channel

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"weir/room/im"
)

// Options are what a Channel needs. Rooms, People, Bus, Join and Store are required.
type Options struct {
	Rooms  Rooms
	People People
	Bus    Bus
	// Join subscribes a session to what is published in a room, beginning with the recent last publications, as
	// bus.Bus.Join does.
	Join  func(s Session, room string, recent int) error
	Store Store
	// Hooks are asked before a message is taken and told afterwards; nil: nobody is.
	Hooks Hooks
	// Filter looks at what people write; nil: every text passes.
	Filter Filter
	// MediaTime is where a room's media is now, in Unix milliseconds of the capture clock; 0, or a nil function: nowhere.
	MediaTime func(app int, room string) int64

	// Window is how long messages are collected, 100 to 250 ms; 0: 250 ms.
	Window time.Duration
	// Flush is the least time between two publications of a room, which messages of priority High do not wait longer for;
	// 0: 100 ms.
	Flush time.Duration
	// PerSecond is how many messages a second a room has at most, and each priority below High of them; 0: 40.
	PerSecond int
	// Recent is how many of a room's last publications late joiners get; 0: none.
	Recent int
	// Keep is how long messages of rooms with a list of members are kept; 0: seven days.
	Keep time.Duration
	// TipNames is how many accounts one notice of joining or leaving names at most; 0: 10.
	TipNames int

	Now func() time.Time // nil: time.Now
	Log *slog.Logger     // nil: slog.Default
}

func (o Options) withDefaults() Options {
	orTime := func(v *time.Duration, d time.Duration) {
		if *v == 0 {
			*v = d
		}
	}
	orInt := func(v *int, d int) {
		if *v == 0 {
			*v = d
		}
	}
	orTime(&o.Window, 250*time.Millisecond)
	orTime(&o.Flush, 100*time.Millisecond)
	orTime(&o.Keep, 7*24*time.Hour)
	orInt(&o.PerSecond, 40)
	orInt(&o.TipNames, 10)
	if o.MediaTime == nil {
		o.MediaTime = func(int, string) int64 { return 0 }
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	return o
}

// Channel is the live side of the rooms of all apps at this node. It is safe for concurrent use. It is the Teller of
// rooms.Rooms.
type Channel struct {
	o Options

	mu    sync.RWMutex // guards rooms
	rooms map[key]*room
}

// key names a room.
type key struct {
	app  int
	room string
}

type room struct{}

// New makes a Channel and says to the bus what it handles. It starts nothing.
func New(o Options) *Channel {
	return &Channel{o: o.withDefaults(), rooms: make(map[key]*room)}
}

// Run forgets idle rooms until ctx is done. Then it publishes what waits.
func (c *Channel) Run(ctx context.Context) error {
	<-ctx.Done()
	return nil
}

// The status of an answer to Enter, as clients know it.
const (
	EnteredRoom   = "JoinedSuccess"
	AlreadyInRoom = "AlreadyInGroup"
)

// Opened is told of each new session, before its first call. One that came over from another node is in its rooms
// already; an account's session gets what is said in the rooms with a list of members that the account is on.
func (c *Channel) Opened(ctx context.Context, s Session) {}

// Ended is told once that a session is over: its account leaves the session's rooms. lost: its connection was lost, and
// not closed. A session that goes on at another node was not ended, but Moved.
func (c *Channel) Ended(s Session, lost bool) {}

// Moved is told that a session goes on at another node.
func (c *Channel) Moved(s Session) {}

// Exit takes the actor's session out of a room, and its account off the list of a room that has one.
func (c *Channel) Exit(ctx context.Context, a im.Actor, room string) error { return im.ErrInternal }

// Send is a message into a room, as it was asked for.
type Send struct {
	Room string
	// From is whose message it is; empty: the actor's. Only an administrator names another.
	From string
	// Random is the sender's own number of it: the same one within five minutes is the same message.
	Random   uint32
	Body     []im.Element
	Priority im.Priority
	Cloud    string
	// Media is where in the room's media it belongs, in Unix milliseconds of the capture clock; 0: where that is now.
	Media int64
	// OnlineOnly is a message that is not kept.
	OnlineOnly bool
	// NoBefore and NoAfter leave out the callbacks.
	NoBefore, NoAfter bool
}

// Sent is what became of a message.
type Sent struct {
	Seq  uint64 // its number in the room
	Time int64  // Unix seconds
}

// Send sends a message into a room. It returns when the message was accepted and, in a room with a list of members, is
// kept: whether the room's window chooses it the sender is not told.
func (c *Channel) Send(ctx context.Context, a im.Actor, m Send) (Sent, error) {
	return Sent{}, im.ErrInternal
}

// Broadcast sends a message to everybody in every room without a list of members of the app: its administrators may. It
// has a number of its own, by the clock, and none in the rooms.
func (c *Channel) Broadcast(ctx context.Context, a im.Actor, m Send) (Sent, error) {
	return Sent{}, im.ErrInternal
}

// Notice sends a text of the application to those in a room, or only to some accounts: administrators of the app may.
// It has no number, is not kept and counts for no limit.
func (c *Channel) Notice(ctx context.Context, a im.Actor, room, text string, to []string) error {
	return im.ErrInternal
}

// Event tells everybody in a room what happened to its media. How many watch is told every few seconds at most.
func (c *Channel) Event(app int, room string, e im.Event) {}

// Recent are messages that are kept of a room with a list of members, behind a number, in order: its members may read
// them.
func (c *Channel) Recent(ctx context.Context, a im.Actor, room string, after uint64, limit int) ([]im.Message, error) {
	return nil, im.ErrInternal
}

// Count is how many are in a room, over all nodes; what other nodes tell is a few seconds old.
func (c *Channel) Count(app int, room string) int { return c.o.Bus.Count(app, room) }

// Tip tells everybody in a room what happened. It is rooms.Teller's.
func (c *Channel) Tip(app int, room string, t im.Tip) {}

// TipTo tells those of the users who are connected, in the room or not. It is rooms.Teller's.
func (c *Channel) TipTo(app int, room string, users []string, t im.Tip) {}

// PutOut puts users out of a room, at all nodes, and tells them why. It is rooms.Teller's.
func (c *Channel) PutOut(app int, room string, users []string, why im.NoticeOp) {}

// Gone tells everybody that a room is no more, and puts them out. It is rooms.Teller's.
func (c *Channel) Gone(app int, room string) {}
