package auto

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"weir/cdnrelay/push"
	"weir/room/live"
	"weir/room/store"
)

// ErrConfigured: the app's settings are those of the configuration.
var ErrConfigured = errors.New("the app is one of the configuration, where its automatic relay is set")

const (
	// age is how old what is known of an app's settings may be: other nodes change them, too.
	age = 5 * time.Second
	// lookUp is how long it may take to read them.
	lookUp = 2 * time.Second
	// maxKnown is how many apps' settings are kept in memory.
	maxKnown = 10_000
)

// keeper keeps what is set for apps; *store.Store does.
type keeper interface {
	App(ctx context.Context, id int) (store.App, error)
	ModifyApp(ctx context.Context, id int, change func(*store.App) error) (store.App, error)
}

// Options say which apps relay. All are required but Now and Log.
type Options struct {
	// Default is the default app, whose settings are Own.
	Default int
	Own     Settings
	// Apps keeps those of the others.
	Apps keeper
	Now  func() time.Time
	Log  *slog.Logger
}

// Relay knows which apps relay their streams by themselves, and where to. Its methods may be called from several goroutines.
type Relay struct {
	opts Options

	mu   sync.Mutex // guards seen
	seen map[int]seen
}

// seen are settings as they were at a time.
type seen struct {
	Settings
	at time.Time
}

// New returns a Relay.
//
// Errors: ErrSettings.
func New(o Options) (*Relay, error) {
	if err := o.Own.Check(); err != nil {
		return nil, err
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Relay{opts: o, seen: make(map[int]seen)}, nil
}

// On tells whether each stream of an app has a stream id and is relayed. It may ask the store, and after an error says what
// was known before.
func (r *Relay) On(app int) bool {
	ctx, cancel := context.WithTimeout(context.Background(), lookUp)
	defer cancel()
	s, err := r.of(ctx, app)
	if err != nil {
		r.opts.Log.Warn("cannot read the settings of the automatic relay; those that were known stay", "app", app, "error", err)
	}
	return s.On
}

// of are the settings of an app: with an error those that were known before.
func (r *Relay) of(ctx context.Context, app int) (Settings, error) {
	if app == r.opts.Default {
		return r.opts.Own, nil
	}
	r.mu.Lock()
	known, ok := r.seen[app]
	r.mu.Unlock()
	if now := r.opts.Now(); ok && now.Sub(known.at) < age {
		return known.Settings, nil
	}
	kept, err := r.opts.Apps.App(ctx, app)
	switch {
	case errors.Is(err, store.ErrNotFound): // one of the configuration, or gone
		kept.Settings = nil
	case err != nil:
		return known.Settings, err
	}
	s, err := read(kept.Settings)
	if err != nil {
		return known.Settings, err
	}
	r.remember(app, s)
	return s, nil
}

func (r *Relay) remember(app int, s Settings) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.seen) >= maxKnown {
		clear(r.seen)
	}
	r.seen[app] = seen{s, r.opts.Now()}
}

// Set changes the settings of an app that was made at run time. Streams that are live go on as they began.
//
// Errors: ErrSettings, ErrConfigured.
func (r *Relay) Set(ctx context.Context, app int, s Settings) error {
	if err := s.Check(); err != nil {
		return err
	}
	if app == r.opts.Default {
		return ErrConfigured
	}
	_, err := r.opts.Apps.ModifyApp(ctx, app, func(a *store.App) (err error) {
		a.Settings, err = s.with(a.Settings)
		return err
	})
	switch {
	case errors.Is(err, store.ErrNotFound):
		return ErrConfigured
	case err != nil:
		return fmt.Errorf("cannot set the automatic relay: %w", err)
	}
	r.remember(app, s)
	return nil
}

// Targets implements push.Source: a stream with an id goes to its app's CDN. The operator's own address may lead anywhere.
func (r *Relay) Targets(ctx context.Context, i live.Info) ([]push.Task, error) {
	app, err := strconv.Atoi(i.Key.App)
	if err != nil {
		return nil, fmt.Errorf("cannot relay a stream of the app %q: %w", i.Key.App, err)
	}
	if i.ID == "" {
		return nil, nil
	}
	s, err := r.of(ctx, app)
	if err != nil {
		return nil, err
	}
	if !s.On || s.To == "" {
		return nil, nil
	}
	t := push.Task{Origin: push.OriginAuto, To: s.To, Trusted: app == r.opts.Default}
	if s.Dialect != "" {
		t.Sign = &push.Signing{Dialect: s.Dialect, Key: s.Key}
	}
	return []push.Task{t}, nil
}
