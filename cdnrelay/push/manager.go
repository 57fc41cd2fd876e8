package push

import (
	"context"
	"log/slog"
	"time"

	"weir/room/dial"
	"weir/room/hook"
	"weir/room/live"
	"weir/room/store"
)

type hub interface {
	Stream(k live.Key) (*live.Stream, bool)
	Watch() *live.Watcher
}

// keeper keeps the tasks of the API; *store.Store does.
type keeper interface {
	CreateRelay(ctx context.Context, r store.Relay) error
	Relays(ctx context.Context, way string) ([]store.Relay, error)
	DeleteRelay(ctx context.Context, way, id string) error
}

// teller hears of states; *hook.Hooks does.
type teller interface{ Stream(events ...hook.Event) }

// Options say what is pushed and how patiently. All are required but those that say otherwise.
type Options struct {
	Hub hub
	// Keeper keeps the tasks of the API across restarts.
	Keeper keeper
	// Hooks hears each change of a destination's state (hook.Relayed); nil: nobody does.
	Hooks teller
	// Outputs are the protocols, by the scheme of addresses.
	Outputs map[string]Output
	// Rules are the tasks of the configuration.
	Rules []Task
	// Sources name targets of single streams.
	Sources []Source
	// Guard lets connections pass to targets that are not Trusted; nil: to public addresses.
	Guard *dial.Guard
	// Sign signs an address as a task says.
	Sign func(address string, s Signing, now time.Time) (string, error)

	ConnectTimeout time.Duration // for each connection to come about
	WriteTimeout   time.Duration // for the target to take what is written
	// MaxLag is how far behind the stream a destination may be when there is a later key frame to skip to, and MaxLags how often
	// it may skip within a minute.
	MaxLag  time.Duration
	MaxLags int
	// Retry is the pause before the second try. It doubles up to MaxRetry, and chance makes it up to a half shorter.
	Retry, MaxRetry time.Duration
	// GiveUp is how long a destination is tried in vain; 0: for ever.
	GiveUp time.Duration
	// MaxTasks is how many tasks the API may make, for an app; MaxPerStream and MaxTotal bound destinations.
	MaxTasks, MaxPerStream, MaxTotal int

	Log *slog.Logger
	Now func() time.Time
}

// Manager knows the tasks and runs their destinations. It is safe for concurrent use.
type Manager struct {
	opts Options
}

// New returns a Manager. It starts nothing; see Run.
//
// Errors: ErrTask, for a rule that makes no sense.
func New(o Options) (*Manager, error) { return &Manager{opts: o}, nil }
