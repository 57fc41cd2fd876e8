package rooms

import (
	"context"

	"weir/room/im"
	"weir/room/store"
)

// Store is what of room/store this package calls. A room that is not there is store.ErrNotFound.
type Store interface {
	CreateRoom(ctx context.Context, app int, room store.Room, members []store.Member) error
	Room(ctx context.Context, app int, id string) (store.Room, error)
	ModifyRoom(ctx context.Context, app int, id string, change func(*store.Room) error) (store.Room, error)
	DeleteRoom(ctx context.Context, app int, id string) error
	Rooms(ctx context.Context, app int, typ string, limit int, after string) (ids []string, next string, total int, err error)
	RoomsOf(ctx context.Context, app int, account string) ([]string, error)

	PutMembers(ctx context.Context, app int, room string, members []store.Member) error
	DeleteMembers(ctx context.Context, app int, room string, accounts []string) error
	Members(ctx context.Context, app int, room string, limit, offset int) ([]store.Member, int, error)
	Member(ctx context.Context, app int, room, account string) (store.Member, error)

	SetMutes(ctx context.Context, app int, room string, accounts []string, until int64) error
	Mutes(ctx context.Context, app int, room string) ([]store.Until, error)
	SetBans(ctx context.Context, app int, room string, accounts []string, until int64) error
	Bans(ctx context.Context, app int, room string) ([]store.Until, error)

	DefineField(ctx context.Context, app int, field store.Field) error
	ModifyField(ctx context.Context, app int, field store.Field) error
	Fields(ctx context.Context, app int) ([]store.Field, error)

	SetAttributes(ctx context.Context, app int, room string, set map[string]string, del []string, replace bool) error
	Attributes(ctx context.Context, app int, room string) (map[string]string, error)

	AddCounters(ctx context.Context, app int, room string, add map[string]int64) (map[string]int64, error)
	SetCounters(ctx context.Context, app int, room string, values map[string]int64) error
	Counters(ctx context.Context, app int, room string) (map[string]int64, error)

	PutSeat(ctx context.Context, app int, room string, seat store.Seat) error
	DeleteSeat(ctx context.Context, app int, room, account string) error
	Seats(ctx context.Context, app int, room string) ([]store.Seat, error)
}

// People tells which accounts exist and how they are shown; those that do not exist are left out. *store.Store is one.
type People interface {
	Accounts(ctx context.Context, app int, ids []string) (map[string]store.Account, error)
}

// Filter gives a text back as it may be shown, or im.ErrSensitive.
type Filter interface {
	Text(ctx context.Context, app int, text string) (string, error)
}

// Nodes carries a word to every node of the cluster, this one included, which may come before Announce returns or
// after it. Handle is called before anything is announced.
type Nodes interface {
	Announce(op string, data []byte)
	Handle(op string, f func(ctx context.Context, data []byte) ([]byte, error))
}

// Teller tells those who are in a room now. Its methods do not wait for clients, and are called on the node that made
// the change, after it was written.
type Teller interface {
	// Tip tells everybody in the room.
	Tip(app int, room string, t im.Tip)
	// TipTo tells those of the users who are connected, in the room or not.
	TipTo(app int, room string, users []string, t im.Tip)
	// PutOut puts users out of the room, on all nodes, and tells them why.
	PutOut(app int, room string, users []string, why im.NoticeOp)
	// Gone tells everybody that the room is no more, and puts them out.
	Gone(app int, room string)
}
