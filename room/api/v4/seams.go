package v4

import (
	"context"

	"weir/room/im"
	"weir/room/im/channel"
	"weir/room/im/people"
	"weir/room/im/rooms"
	"weir/room/store"
)

// People is what of room/im/people the calls need. *people.People is one.
type People interface {
	Import(ctx context.Context, app int, n people.Newcomer) error
	ImportMany(ctx context.Context, app int, list []people.Newcomer) (failed []string, err error)
	Delete(ctx context.Context, app int, id string) error
	Check(ctx context.Context, app int, ids []string) (map[string]bool, error)
	Kick(ctx context.Context, app int, id string) error
	Online(ctx context.Context, app int, ids []string) ([]people.Presence, error)
	Account(ctx context.Context, app int, id string) (store.Account, error)

	SetProfile(ctx context.Context, actor im.Actor, account string, items []people.Item) error
	Profiles(ctx context.Context, app int, ids, tags []string) ([]people.Profile, error)
	Silence(ctx context.Context, app int, id string, c2c, rooms *uint32) error
	Silences(ctx context.Context, app int, id string) (c2c, rooms uint32, err error)

	SendTo(ctx context.Context, actor im.Actor, m people.C2C) (people.Sent, error)
	Recall(ctx context.Context, actor im.Actor, r people.Recall) error
	SendToMany(ctx context.Context, actor im.Actor, m people.C2C, to []string) (people.Sent, []people.Failed, error)
}

// Rooms is what of room/im/rooms the calls need. *rooms.Rooms is one.
type Rooms interface {
	Create(ctx context.Context, a im.Actor, n rooms.NewRoom) (store.Room, error)
	Destroy(ctx context.Context, a im.Actor, id string) error
	Info(ctx context.Context, a im.Actor, id string) (rooms.Info, error)
	Modify(ctx context.Context, a im.Actor, id string, c rooms.Change) error
	SetOwner(ctx context.Context, a im.Actor, id, owner string) error
	List(ctx context.Context, app int, typ string, limit int, after string) (ids []string, next string, total int, err error)

	AddMembers(ctx context.Context, a im.Actor, id string, accounts []string, silent bool) ([]rooms.Added, error)
	RemoveMembers(ctx context.Context, a im.Actor, id string, accounts []string, silent bool) error
	Members(ctx context.Context, a im.Actor, id string, limit, offset int) ([]store.Member, int, error)

	Mute(ctx context.Context, a im.Actor, id string, accounts []string, seconds uint32) error
	Mutes(ctx context.Context, a im.Actor, id string) ([]store.Until, error)
	Ban(ctx context.Context, a im.Actor, id string, accounts []string, seconds uint32) error
	Unban(ctx context.Context, a im.Actor, id string, accounts []string) error
	Bans(ctx context.Context, a im.Actor, id string, limit, offset int) ([]store.Until, int, error)

	SetAttributes(ctx context.Context, a im.Actor, id string, c rooms.AttributeChange) (seq uint64, err error)
	Attributes(ctx context.Context, a im.Actor, id string) (rooms.Attributes, error)
	Count(ctx context.Context, a im.Actor, id string, mode rooms.CountMode, values map[string]int64) (map[string]int64, error)
	Counters(ctx context.Context, a im.Actor, id string) (map[string]int64, error)
}

// Words is what of room/im/filter the calls need. *filter.Filter is one.
type Words interface {
	Words(ctx context.Context, app int) ([]string, error)
	Add(ctx context.Context, app int, words []string) error
	Delete(ctx context.Context, app int, words []string) error
}

// Channel is what of room/im/channel the calls need. *channel.Channel is one.
type Channel interface {
	Send(ctx context.Context, a im.Actor, m channel.Send) (channel.Sent, error)
	Broadcast(ctx context.Context, a im.Actor, m channel.Send) (channel.Sent, error)
	Notice(ctx context.Context, a im.Actor, room, text string, to []string) error
	Count(app int, room string) int
}

// Present is an account in a room.
type Present struct {
	Account string
	Since   int64 // Unix seconds
}
