package hook

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"golang.org/x/sync/errgroup"

	"weir/room/dial"
	"weir/room/store"
)

// apps knows the settings of apps; *store.Store does.
type apps interface {
	// App is store.ErrNotFound for an app that was not made at run time.
	App(ctx context.Context, id int) (store.App, error)
	ModifyApp(ctx context.Context, id int, change func(*store.App) error) (store.App, error)
}

// Options is what Hooks needs. Queue is required.
type Options struct {
	// Queue keeps what is told until it is delivered.
	Queue queue
	// IM is the receiver of the callbacks of DefaultApp, from the operator's configuration: its address is trusted.
	// Without a URL it is that of the app's settings, if there are any.
	IM         Receiver
	DefaultApp int
	// Apps knows apps with a receiver in their settings; see ParseSettings. Such an address came in by API and is called
	// only if Guard lets it pass. nil: there are none.
	Apps apps
	// Guard says which addresses may be called that came in by API; nil: public ones.
	Guard *dial.Guard
	// Streams are the receivers of stream events, from the operator's configuration: their addresses are trusted.
	Streams []StreamReceiver
	// AskPublish and AskPlay have the receivers of SRS's form asked before a stream is published or played.
	AskPublish, AskPlay bool
	// AskForward has the receivers of SRS's form and of weir's own asked where a stream is to be pushed; see Forwarders.
	AskForward bool
	// Key signs stream events; empty: they are not signed.
	Key string
	// Server is the name of this server, for its receivers; weir when empty.
	Server string
	// Timeout bounds each try to tell, and MayPublish and MayPlay; 5 s when 0. Ask has 2 s whatever is set.
	Timeout time.Duration
	// MaxAge is how long is tried to deliver an event; 24 h when 0.
	MaxAge time.Duration
	// Mine tells whether this process delivers what is in the queue, of all that share one; nil: it does. While it changes,
	// an event may be delivered twice.
	Mine func() bool
	// Now tells the time; time.Now when nil.
	Now func() time.Time
	Log *slog.Logger
}

// Hooks calls other programs. It is safe for concurrent use.
type Hooks struct {
	opts   Options
	now    func() time.Time
	log    *slog.Logger
	server server
	stats  *stats

	trusted, guarded client
	receivers        *receivers
	lanes            *lanes

	buffer   *buffer
	due      chan struct{} // capacity 1: something is in the queue
	couriers couriers

	full, unread, buried seldom // log lines
}

// New checks the options. It starts nothing; see Run.
//
// Errors: ErrReceiver.
func New(opts Options) (*Hooks, error) {
	if err := opts.IM.Check(); err != nil {
		return nil, err
	}
	for _, to := range opts.Streams {
		if _, err := parseURL(to.URL); err != nil {
			return nil, err
		}
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	if opts.Mine == nil {
		opts.Mine = func() bool { return true }
	}
	if opts.Server == "" {
		opts.Server = "weir"
	}
	if opts.Timeout == 0 {
		opts.Timeout = 5 * time.Second
	}
	if opts.MaxAge == 0 {
		opts.MaxAge = 24 * time.Hour
	}
	h := &Hooks{
		opts: opts, now: opts.Now, log: opts.Log, stats: newStats(), server: server{name: opts.Server, run: newID()},
		trusted: newClient(dial.Trusted), guarded: newClient(opts.Guard),
		lanes: &lanes{all: make(map[string]*lane)}, buffer: newBuffer(), due: make(chan struct{}, 1),
		couriers: couriers{out: make(map[string]struct{}), ways: make(map[string]*breaker)},
	}
	h.receivers = &receivers{
		own:  known{Receiver: opts.IM, app: opts.DefaultApp, client: h.trusted},
		apps: opts.Apps, guarded: h.guarded, now: opts.Now, log: opts.Log, seen: make(map[int]seen),
	}
	return h, nil
}

// Run writes down what is told and delivers it until ctx is done. What was told by then is written down.
func (h *Hooks) Run(ctx context.Context) error {
	defer h.trusted.close()
	defer h.guarded.close()
	var all errgroup.Group
	for _, part := range []func(context.Context){h.flush, h.deliver, h.count} {
		all.Go(func() error {
			part(ctx)
			return nil
		})
	}
	if err := all.Wait(); err != nil {
		return fmt.Errorf("cannot deliver callbacks: %w", err)
	}
	return nil
}

// Wants tells whether the app has a receiver for which the command is on, so that nobody makes a body for nothing.
func (h *Hooks) Wants(app int, command string) bool {
	ctx, cancel := context.WithTimeout(context.Background(), askTimeout)
	defer cancel()
	return h.receivers.of(ctx, app).wants(command)
}

// Forget has the settings of an app read anew, which else may be five seconds old.
func (h *Hooks) Forget(app int) { h.receivers.forget(app) }
