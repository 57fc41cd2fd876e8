package people

import (
	"context"
	"log/slog"
	"time"

	"weir/room/im"
	"weir/room/store"
)

// Store is what of room/store the accounts need.
type Store interface {
	PutAccount(ctx context.Context, app int, id string, profile map[string]string) (created bool, err error)
	Account(ctx context.Context, app int, id string) (store.Account, error)
	Accounts(ctx context.Context, app int, ids []string) (map[string]store.Account, error)
	DeleteAccount(ctx context.Context, app int, id string) error
	SetSilence(ctx context.Context, app int, id string, noC2C, noRoom *int64) error

	// KeepMessage keeps a message for its recipient until a time, and gives it the recipient's next number in the
	// same transaction. It returns when that is durable.
	KeepMessage(ctx context.Context, m im.Message, until time.Time) (seq uint64, err error)
	// KeptFor are the messages kept for an account after a number, oldest first.
	KeptFor(ctx context.Context, app int, account string, after uint64, limit int) ([]im.Message, error)
	ForgetKept(ctx context.Context, app int, account string, upTo uint64) error
	// Kept is how many messages are kept for an account.
	Kept(ctx context.Context, app int, account string) (int, error)
}

// Bus is what of the transport the accounts need.
type Bus interface {
	// PublishTo sends to every session of a user, on all nodes.
	PublishTo(app int, user string, data []byte) error
	Online(app int, user string) []im.Platform
	// Announce tells all nodes, this one included; Handle says who listens.
	Announce(op string, data []byte)
	Handle(op string, f func(ctx context.Context, data []byte) ([]byte, error))
}

// Filter is what of room/im/filter the accounts need.
type Filter interface {
	Body(ctx context.Context, app int, body []im.Element) ([]im.Element, error)
	Text(ctx context.Context, app int, text string) (string, error)
}

// Options are what People needs; all but Cache, Left and Log are required.
type Options struct {
	Store  Store
	Bus    Bus
	Filter Filter
	// Kick ends every session of a user, on all nodes, with the reason that REST kicks have.
	Kick func(app int, user string)
	// Left is told which account was deleted, so that rooms forget it.
	Left func(app int, account string)
	// Cache bounds how many accounts are kept in memory; 0: 20,000.
	Cache int
	Now   func() time.Time
	Log   *slog.Logger
}

// People is the accounts of all apps. It is safe for concurrent use.
type People struct {
	o Options
}

// New makes People. It starts nothing.
func New(o Options) *People {
	return &People{o: o}
}
