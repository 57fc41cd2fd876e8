package auto

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"weir/cdnrelay/push"
	"weir/room/live"
	"weir/room/store"
)

// ErrConfigured: the app's settings are those of the configuration.
var ErrConfigured = errors.New("the app is one of the configuration, where its automatic relay is set")

const (
	// age is how old what is known of the apps' settings may be: other nodes change them, too.
	age = 5 * time.Second
	// lookUp is how long it may take to read them.
	lookUp = 2 * time.Second
)

// keeper keeps what is set for apps; *store.Store does.
type keeper interface {
	Apps(ctx context.Context) ([]store.App, error)
	ModifyApp(ctx context.Context, id int, change func(*store.App) error) (store.App, error)
}

// Options say which apps relay. All are required but Log.
type Options struct {
	// Configured are the settings of the apps of the configuration, by their numbers, which were checked.
	Configured map[int]Settings
	// Apps keeps those of the others.
	Apps keeper
	// Pushed refuses what nothing can be pushed to.
	Pushed func(push.Task) error
	Log    *slog.Logger
}

// Relay knows which apps relay their streams by themselves, and where to. Its methods may be called from several goroutines.
// Whoever asks is answered from memory and never waits for the store: publishers come also while that is away.
type Relay struct {
	opts Options

	known atomic.Pointer[map[int]Settings] // never changed in place

	changing sync.Mutex // held over a change, and over reading all, so that neither overtakes the other
	failed   bool       // the last reading did, which was logged; guarded by changing
}

// New returns a Relay. Load and Run bring what is set at run time.
func New(o Options) *Relay {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	r := &Relay{opts: o}
	r.known.Store(&map[int]Settings{})
	return r
}

// Run reads the settings again and again until ctx is done. While the store does not answer those that were known stay.
func (r *Relay) Run(ctx context.Context) error {
	tick := time.NewTicker(age)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		_ = r.Load(ctx) // which has logged it
	}
}

// Load reads the settings of all apps. It logs what fails, once until it goes well again.
func (r *Relay) Load(ctx context.Context) error {
	r.changing.Lock()
	defer r.changing.Unlock()
	next, err := r.readAll(ctx)
	if next != nil {
		r.known.Store(&next)
	}
	switch failed := err != nil; {
	case failed && !r.failed:
		r.opts.Log.Warn("cannot read the settings of the automatic relay; those that were known stay", "error", err)
	case !failed && r.failed:
		r.opts.Log.Info("the settings of the automatic relay can be read again")
	}
	r.failed = err != nil
	return err
}

// readAll are the settings of all apps: nil when the store does not answer, and for an app whose settings cannot be read
// those that were known.
func (r *Relay) readAll(ctx context.Context) (map[int]Settings, error) {
	ctx, cancel := context.WithTimeout(ctx, lookUp)
	defer cancel()
	rows, err := r.opts.Apps.Apps(ctx)
	if err != nil {
		return nil, err
	}
	all, failed := make(map[int]Settings, len(rows)), error(nil)
	for i := range rows {
		s, err := read(rows[i].Settings)
		if err != nil {
			s, failed = r.of(rows[i].ID), errors.Join(failed, fmt.Errorf("app %d: %w", rows[i].ID, err))
		}
		all[rows[i].ID] = s
	}
	return all, failed
}

// On tells whether each stream of an app has a stream id and is relayed, as far as it is known here.
func (r *Relay) On(app int) bool { return r.of(app).On }

// of are the settings of an app; one that is not known has none.
func (r *Relay) of(app int) Settings {
	if s, ok := r.opts.Configured[app]; ok {
		return s
	}
	return (*r.known.Load())[app]
}

// Set changes the settings of an app that was made at run time. Streams that are live go on as they began.
//
// Errors: ErrSettings, ErrConfigured.
func (r *Relay) Set(ctx context.Context, app int, s Settings) error {
	if _, ok := r.opts.Configured[app]; ok {
		return ErrConfigured
	}
	if err := s.Check(false, r.opts.Pushed); err != nil {
		return err
	}
	r.changing.Lock()
	defer r.changing.Unlock()
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
	next := maps.Clone(*r.known.Load())
	next[app] = s
	r.known.Store(&next)
	return nil
}

// Targets implements push.Source: a stream with an id goes to its app's CDN. The operator's own address may lead anywhere.
func (r *Relay) Targets(_ context.Context, i live.Info) ([]push.Task, error) {
	app, err := strconv.Atoi(i.Key.App)
	if err != nil {
		return nil, fmt.Errorf("cannot relay a stream of the app %q: %w", i.Key.App, err)
	}
	if i.ID == "" {
		return nil, nil
	}
	s := r.of(app)
	if !s.On || s.To == "" {
		return nil, nil
	}
	_, trusted := r.opts.Configured[app]
	return []push.Task{s.task(trusted)}, nil
}
