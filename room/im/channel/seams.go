package channel

import (
	"context"
	"time"

	"weir/room/hook"
	"weir/room/im"
	"weir/room/im/rooms"
	"weir/room/store"
)

// Session is a client: *bus.Session is one.
type Session interface {
	Actor() im.Actor // its Session is the session's id
	// Rooms are the rooms that the session is in, or was in when it ended.
	Rooms() []string
	InRoom(room string) bool
}

// Bus is what of the transport the channel calls: *bus.Bus. Rooms have one owner among the nodes at a time, by the key
// that the channel gives each; for a moment two nodes may take themselves for it.
type Bus interface {
	Publish(app int, room string, data []byte) error
	PublishTo(app int, user string, data []byte) error
	Part(app int, room, user, session string)
	Clear(app int, room string)
	Count(app int, room string) int
	// IsIn tells whether a session of an account is in a room, at any node.
	IsIn(app int, room, user string) bool
	Owner(key string) bool
	Ask(ctx context.Context, key, op string, data []byte) ([]byte, error)
	Announce(op string, data []byte)
	Handle(op string, f func(ctx context.Context, data []byte) ([]byte, error))
}

// Rooms is what of room/im/rooms the channel calls.
type Rooms interface {
	Get(ctx context.Context, app int, id string) (*rooms.Facts, error)
	Join(ctx context.Context, a im.Actor, id string) (*rooms.Facts, error)
	Quit(ctx context.Context, a im.Actor, id string) error
	Left(ctx context.Context, app int, id, user string) error
	List(ctx context.Context, app int, typ string, limit int, after string) (ids []string, next string, total int, err error)
	Of(ctx context.Context, app int, account string) ([]string, error)
}

// People knows accounts: *people.People. im.ErrUnknownAccount: there is none.
type People interface {
	Account(ctx context.Context, app int, id string) (store.Account, error)
}

// Hooks calls the application's own server: *hook.Hooks.
type Hooks interface {
	Wants(app int, command string) bool
	Ask(ctx context.Context, c hook.Call) hook.Verdict
	Tell(c hook.Call)
}

// Filter gives a body back as it may be sent, or im.ErrSensitive: *filter.Filter.
type Filter interface {
	Body(ctx context.Context, app int, body []im.Element) ([]im.Element, error)
}

// Store is what of room/store the channel calls.
type Store interface {
	ReserveSeq(ctx context.Context, app int, room string, n int) (first uint64, err error)
	KeepRoomMessage(ctx context.Context, m im.Message, until time.Time) error
	RoomMessages(ctx context.Context, app int, room string, afterSeq uint64, limit int) ([]im.Message, error)
}

// nobody is the Hooks of who has none.
type nobody struct{}

func (nobody) Wants(int, string) bool                      { return false }
func (nobody) Ask(context.Context, hook.Call) hook.Verdict { return hook.Verdict{} }
func (nobody) Tell(hook.Call)                              {}

// everything is the Filter of who has none.
type everything struct{}

func (everything) Body(_ context.Context, _ int, body []im.Element) ([]im.Element, error) {
	return body, nil
}
