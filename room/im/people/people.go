package people

import (
	"cmp"
	"context"
	"log/slog"
	"time"

	"weir/room/hook"
	"weir/room/im"
	"weir/room/store"
)

// Store is what of room/store the accounts need.
type Store interface {
	PutAccount(ctx context.Context, app int, id string, profile map[string]string) (created bool, err error)
	Account(ctx context.Context, app int, id string) (store.Account, error)
	Accounts(ctx context.Context, app int, ids []string) (map[string]store.Account, error)
	DeleteAccount(ctx context.Context, app int, id string) error
	// RoomsOf are the rooms that an account is a member of, or owns.
	RoomsOf(ctx context.Context, app int, account string) ([]string, error)
	SetSilence(ctx context.Context, app int, id string, noC2C, noRoom *int64) error

	// KeepMessage keeps a message for its recipient until a time, and gives it the recipient's next number in the
	// same transaction. It returns when that is durable.
	KeepMessage(ctx context.Context, m im.Message, until time.Time) (seq uint64, err error)
	// KeptFor are the messages kept for an account after a number, oldest first.
	KeptFor(ctx context.Context, app int, account string, after uint64, limit int) ([]im.Message, error)
	ForgetKept(ctx context.Context, app int, account string, upTo uint64) error
	// ForgetOne forgets one message.
	ForgetOne(ctx context.Context, app int, account string, seq uint64) error
	// Kept is how many messages are kept for an account, but for quiet ones.
	Kept(ctx context.Context, app int, account string) (int, error)
}

// Bus is what of the transport the accounts need: *bus.Bus.
type Bus interface {
	// PublishTo sends to every session of a user, on all nodes.
	PublishTo(app int, user string, data []byte) error
	OnlineAll(app int, users []string) map[string][]im.Platform
	// Announce tells all nodes, this one included; Handle says who listens.
	Announce(op string, data []byte)
	Handle(op string, f func(ctx context.Context, data []byte) ([]byte, error))
}

// Filter gives texts back as they may be sent, or im.ErrSensitive: *filter.Filter.
type Filter interface {
	Body(ctx context.Context, app int, body []im.Element) ([]im.Element, error)
	Text(ctx context.Context, app int, text string) (string, error)
}

// Hooks calls the application's own server: *hook.Hooks.
type Hooks interface {
	Wants(app int, command string) bool
	Ask(ctx context.Context, c hook.Call) hook.Verdict
	Tell(c hook.Call)
}

// Options are what People needs; all but Left, Cache, Now and Log are required.
type Options struct {
	Store  Store
	Bus    Bus
	Filter Filter
	Hooks  Hooks
	// Kick ends every session of a user, on all nodes. The reason is KickedByAdmin or KickedDeleted, which are those of
	// room/im/bus.
	Kick func(app int, user, reason string)
	// Left is told which account was deleted, and in which rooms it was, on the node that did it. nil: nobody is.
	Left func(app int, account string, rooms []string)
	// Cache is how many accounts are kept in memory; 0: 20,000.
	Cache int
	Now   func() time.Time // nil: time.Now
	Log   *slog.Logger     // nil: nothing is logged
}

// Why sessions are ended from here.
const (
	KickedByAdmin = "REST_API_Kick"
	KickedDeleted = "accountDeleted"
)

// People is the accounts of all apps. It is safe for concurrent use.
type People struct {
	o     Options
	cache *cache
	turns turns
	again *again
	stats stats
}

// New makes People. It starts nothing.
func New(o Options) *People {
	o.Cache = cmp.Or(o.Cache, 20_000)
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	p := &People{o: o, cache: newCache(o.Cache), again: newAgain(), stats: newStats()}
	o.Bus.Handle(changed, p.forget)
	return p
}
