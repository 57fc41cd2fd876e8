package rooms

import (
	"context"

	"weir/room/hook"
	"weir/room/im"
	"weir/room/store"
)

// Store is what of room/store this package calls. A room that is not there is store.ErrNotFound. Functions that are
// given to it run in its transaction, and may run twice.
type Store interface {
	People

	CreateRoom(ctx context.Context, app int, room store.Room, members []store.Member) error
	Room(ctx context.Context, app int, id string) (store.Room, error)
	ModifyRoom(ctx context.Context, app int, id string, change func(*store.Room) error) (store.Room, error)
	DeleteRoom(ctx context.Context, app int, id string) error
	Rooms(ctx context.Context, app int, typ string, limit int, after string) (ids []string, next string, total int, err error)
	RoomsOf(ctx context.Context, app int, account string) ([]string, error)
	RoomsOwned(ctx context.Context, app int, account, typ string) (int, error)

	AddMembers(ctx context.Context, app int, room string, members []store.Member, most int) (added []string, full bool, err error)
	ModifyMember(ctx context.Context, app int, room, account string, change func(*store.Member) error) error
	DeleteMembers(ctx context.Context, app int, room string, accounts []string) error
	Members(ctx context.Context, app int, room string, limit, offset int) ([]store.Member, int, error)

	SetMutes(ctx context.Context, app int, room string, accounts []string, until int64) error
	Mutes(ctx context.Context, app int, room string) ([]store.Until, error)
	SetBans(ctx context.Context, app int, room string, accounts []string, until int64) error
	Bans(ctx context.Context, app int, room string) ([]store.Until, error)

	DefineField(ctx context.Context, app int, field store.Field) error
	ModifyField(ctx context.Context, app int, field store.Field) error
	Fields(ctx context.Context, app int) ([]store.Field, error)

	ModifyAttributes(ctx context.Context, app int, room string, change func(*store.Attributes) error) (store.Attributes, error)
	Attributes(ctx context.Context, app int, room string) (store.Attributes, error)

	ModifyCounters(ctx context.Context, app int, room string, change func(map[string]int64) error) (map[string]int64, error)
	Counters(ctx context.Context, app int, room string) (map[string]int64, error)

	ModifySeats(ctx context.Context, app int, room string, change func([]store.Seat) ([]store.Seat, error)) error
	Seats(ctx context.Context, app int, room string) ([]store.Seat, error)
}

// People tells which accounts exist and how they are shown; those that do not exist are left out.
type People interface {
	Accounts(ctx context.Context, app int, ids []string) (map[string]store.Account, error)
}

// Hooks are the callbacks to the apps' own servers, as *hook.Hooks makes them.
type Hooks interface {
	Wants(app int, command string) bool
	Ask(ctx context.Context, c hook.Call) hook.Verdict
	Tell(c hook.Call)
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
	// Came has the connections of users who came onto the room's list get what is said in it, on all nodes.
	Came(app int, room string, users []string)
	// PutOut puts users out of the room, on all nodes, and tells them why.
	PutOut(app int, room string, users []string, why im.NoticeOp)
	// Gone tells everybody that the room is no more, and puts them out.
	Gone(app int, room string)
}

// nobody is there to be told or asked.
type nobody struct{}

func (nobody) Wants(int, string) bool                                     { return false }
func (nobody) Ask(context.Context, hook.Call) hook.Verdict                { return hook.Verdict{} }
func (nobody) Tell(hook.Call)                                             {}
func (nobody) Text(_ context.Context, _ int, text string) (string, error) { return text, nil }
func (nobody) Tip(int, string, im.Tip)                                    {}
func (nobody) TipTo(int, string, []string, im.Tip)                        {}
func (nobody) Came(int, string, []string)                                 {}
func (nobody) PutOut(int, string, []string, im.NoticeOp)                  {}
func (nobody) Gone(int, string)                                           {}

// alone is a cluster of this process.
type alone struct {
	hear func(ctx context.Context, data []byte) ([]byte, error)
}

// Handle notes who hears the word that there is.
func (n *alone) Handle(_ string, f func(ctx context.Context, data []byte) ([]byte, error)) {
	n.hear = f
}

// Announce says the word to who hears it.
func (n *alone) Announce(_ string, data []byte) { _, _ = n.hear(context.Background(), data) }
