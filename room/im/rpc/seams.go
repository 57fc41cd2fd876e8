package rpc

import (
	"context"
	"time"

	"weir/room/im"
	"weir/room/im/bus"
	"weir/room/im/channel"
	"weir/room/im/people"
	"weir/room/im/rooms"
	"weir/room/store"
)

// Session is the client that calls: *bus.Session.
type Session interface {
	ID() string
	Actor() im.Actor
	Rooms() []string
	InRoom(room string) bool
	Renew(expires time.Time)
	Leave()
}

// Channel is what goes on in rooms: *channel.Channel.
type Channel interface {
	Opened(ctx context.Context, s channel.Session)
	Ended(s channel.Session, lost bool)
	Moved(s channel.Session)
	Enter(ctx context.Context, s channel.Session, room string) (channel.Entered, error)
	Exit(ctx context.Context, a im.Actor, room string) error
	Send(ctx context.Context, a im.Actor, m channel.Send) (channel.Sent, error)
	Recent(ctx context.Context, a im.Actor, room string, after uint64, limit int) ([]im.Message, error)
	Count(app int, room string) int
}

// Rooms is what lasts of rooms: *rooms.Rooms.
type Rooms interface {
	Create(ctx context.Context, a im.Actor, n rooms.NewRoom) (store.Room, error)
	Destroy(ctx context.Context, a im.Actor, id string) error
	Modify(ctx context.Context, a im.Actor, id string, c rooms.Change) error
	SetOwner(ctx context.Context, a im.Actor, id, owner string) error
	SetStatus(ctx context.Context, a im.Actor, id, status string) error
	Info(ctx context.Context, a im.Actor, id string) (rooms.Info, error)
	Of(ctx context.Context, app int, account string) ([]string, error)

	AddMembers(ctx context.Context, a im.Actor, id string, accounts []string, silent bool) ([]rooms.Added, error)
	RemoveMembers(ctx context.Context, a im.Actor, id string, accounts []string, silent bool) error
	Members(ctx context.Context, a im.Actor, id string, limit, offset int) ([]store.Member, int, error)
	ModifyMember(ctx context.Context, a im.Actor, id, account string, c rooms.MemberChange) error
	Mute(ctx context.Context, a im.Actor, id string, accounts []string, seconds uint32) error
	Mutes(ctx context.Context, a im.Actor, id string) ([]store.Until, error)
	Ban(ctx context.Context, a im.Actor, id string, accounts []string, seconds uint32) error
	Unban(ctx context.Context, a im.Actor, id string, accounts []string) error
	Bans(ctx context.Context, a im.Actor, id string, limit, offset int) ([]store.Until, int, error)

	SetAttributes(ctx context.Context, a im.Actor, id string, c rooms.AttributeChange) (seq uint64, err error)
	Attributes(ctx context.Context, a im.Actor, id string) (rooms.Attributes, error)
	Count(ctx context.Context, a im.Actor, id string, mode rooms.CountMode, values map[string]int64) (map[string]int64, error)
	Like(ctx context.Context, a im.Actor, id, key string, n int64) error
	Counters(ctx context.Context, a im.Actor, id string) (map[string]int64, error)

	RequestSeat(ctx context.Context, a im.Actor, id string) error
	InviteSeat(ctx context.Context, a im.Actor, id, user string) error
	AcceptSeat(ctx context.Context, a im.Actor, id, user string) error
	DeclineSeat(ctx context.Context, a im.Actor, id, user string) error
	RevokeSeat(ctx context.Context, a im.Actor, id, user string) error
	LeaveSeat(ctx context.Context, a im.Actor, id string) error
	Seats(ctx context.Context, a im.Actor, id string) ([]store.Seat, error)
}

// People is the accounts: *people.People.
type People interface {
	Check(ctx context.Context, app int, ids []string) (map[string]bool, error)
	Online(ctx context.Context, app int, ids []string) ([]people.Presence, error)
	SetProfile(ctx context.Context, actor im.Actor, account string, items []people.Item) error
	Profiles(ctx context.Context, app int, ids, tags []string) ([]people.Profile, error)
	SendTo(ctx context.Context, actor im.Actor, m people.C2C) (people.Sent, error)
	Recall(ctx context.Context, actor im.Actor, r people.Recall) error
	Offline(ctx context.Context, actor im.Actor, after uint64, limit int) (list []im.Message, more bool, err error)
	Ack(ctx context.Context, actor im.Actor, upTo uint64) error
	Login(ctx context.Context, actor im.Actor, kicked ...im.Platform) error
	Logout(actor im.Actor, why people.Leave)
}

// Bus tells who is in a room: *bus.Bus.
type Bus interface {
	Users(app int, room string, limit int) []bus.Present
}
