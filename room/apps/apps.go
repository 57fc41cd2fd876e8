package apps

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/big"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"weir/room/auth"
	"weir/room/store"
)

const (
	// usualMost is how many apps there may be, the configured ones among them.
	usualMost = 100
	// maxName is the longest name of an app in bytes, maxAdmins the largest number of its administrators.
	maxName, maxAdmins = 64, 100
	// keyBytes are the random bytes of a key: 64 characters in hexadecimal, as the cloud's keys have.
	keyBytes = 32
	// firstID and idSpan are where new ids are taken from: ten digits that begin as the cloud's do.
	firstID, idSpan = 1_400_000_000, 600_000_000
	// reloadEvery is how soon a change is seen that nobody told of: another node's while this one was not reached.
	reloadEvery = time.Minute
	// opChanged is what nodes tell each other.
	opChanged = "apps.changed"
)

// Store keeps apps; *store.Store does.
type Store interface {
	CreateApp(ctx context.Context, app store.App) error
	Apps(ctx context.Context) ([]store.App, error)
	DeleteApp(ctx context.Context, id int) error
}

// Nodes reaches all nodes of a server, this one included; the channel's bus does.
type Nodes interface {
	Announce(op string, data []byte)
	Handle(op string, answer func(ctx context.Context, data []byte) ([]byte, error))
}

// Options is what Apps needs. Default must be set; without a Store no app can be made.
type Options struct {
	// Default is the app that is meant where none is named, Configured are the others of the configuration.
	Default    auth.App
	Configured []auth.App
	Store      Store
	// Most is how many apps there may be; 100 when 0.
	Most int
	// Deleted hears of each app that is gone, on every node: what goes on for it has to end. It must not block.
	Deleted func(id int)
	Now     func() time.Time
	Log     *slog.Logger
}

// Origin says where an app comes from.
type Origin string

// The origins.
const (
	Configured Origin = "configured"
	Stored     Origin = "stored"
)

// Info is what may be shown of an app. It has no key.
type Info struct {
	ID      int
	Name    string
	Admins  []string
	Origin  Origin
	Created time.Time // zero for configured ones
}

// known is an app of a snapshot.
type known struct {
	app     *auth.App
	origin  Origin
	created time.Time
}

// Apps knows the apps. Its methods may be called from several goroutines.
type Apps struct {
	opts  Options
	fixed map[int]known // the configured ones
	all   atomic.Pointer[map[int]known]
	wake  chan struct{} // capacity 1: another node has changed something

	changing sync.Mutex // held over a change and its reading back, so that none overtakes another
	nodes    atomic.Pointer[Nodes]
}

// New returns the apps of the configuration; Load brings the others. It starts nothing; see Run.
func New(o Options) (*Apps, error) {
	o.Most = cmp.Or(o.Most, usualMost)
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Deleted == nil {
		o.Deleted = func(int) {}
	}
	a := &Apps{opts: o, fixed: make(map[int]known), wake: make(chan struct{}, 1)}
	for _, app := range append([]auth.App{o.Default}, o.Configured...) {
		ready, err := app.Ready()
		if err != nil {
			return nil, err
		}
		if _, twice := a.fixed[app.ID]; twice {
			return nil, fmt.Errorf("cannot use app %d: %w", app.ID, ErrTaken)
		}
		a.fixed[app.ID] = known{app: ready, origin: Configured}
	}
	a.all.Store(&a.fixed)
	return a, nil
}

// Attach lets other nodes hear of changes, and this one of theirs. Call it before Run.
func (a *Apps) Attach(n Nodes) {
	a.nodes.Store(&n)
	n.Handle(opChanged, func(context.Context, []byte) ([]byte, error) {
		select {
		case a.wake <- struct{}{}:
		default:
		}
		return nil, nil
	})
}

// App is an app with its keys, for room/auth.
func (a *Apps) App(id int) (*auth.App, bool) {
	k, ok := (*a.all.Load())[id]
	return k.app, ok
}

// Exists tells whether there is an app.
func (a *Apps) Exists(id int) bool {
	_, ok := (*a.all.Load())[id]
	return ok
}

// Administers tells whether a user may administer an app.
func (a *Apps) Administers(id int, user string) bool {
	app, ok := a.App(id)
	return ok && app.Administers(auth.User{ID: user})
}

// Default is the id of the default app.
func (a *Apps) Default() int { return a.opts.Default.ID }

// List lists all apps by their ids.
func (a *Apps) List() []Info {
	all := *a.all.Load()
	out := make([]Info, 0, len(all))
	for _, k := range all {
		out = append(out, k.info())
	}
	slices.SortFunc(out, func(x, y Info) int { return cmp.Compare(x.ID, y.ID) })
	return out
}

// Info is one app.
func (a *Apps) Info(id int) (Info, bool) {
	k, ok := (*a.all.Load())[id]
	if !ok {
		return Info{}, false
	}
	return k.info(), true
}

func (k known) info() Info {
	return Info{ID: k.app.ID, Name: k.app.Name, Admins: k.app.Admins, Origin: k.origin, Created: k.created}
}

// Run reads again what the store has when another node changed it, and now and then, until ctx is done.
func (a *Apps) Run(ctx context.Context) error {
	tick := time.NewTicker(reloadEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-a.wake:
		case <-tick.C:
		}
		if err := a.Load(ctx); err != nil && ctx.Err() == nil {
			a.opts.Log.Warn("cannot read the apps; those that were known stay", "error", err)
		}
	}
}

// Load reads the apps of the store.
func (a *Apps) Load(ctx context.Context) error {
	a.changing.Lock()
	defer a.changing.Unlock()
	return a.loadLocked(ctx)
}

func (a *Apps) loadLocked(ctx context.Context) error {
	if a.opts.Store == nil {
		return nil
	}
	rows, err := a.opts.Store.Apps(ctx)
	if err != nil {
		return fmt.Errorf("cannot read the apps: %w", err)
	}
	next := maps.Clone(a.fixed)
	for _, row := range rows {
		if _, fixed := a.fixed[row.ID]; fixed {
			a.opts.Log.Warn("an app of the store has the id of a configured one, which counts", "app", row.ID)
			continue
		}
		ready, err := auth.App{ID: row.ID, Name: row.Name, Key: auth.Secret(row.Key), Admins: row.Admins}.Ready()
		if err != nil {
			a.opts.Log.Error("an app of the store cannot be used", "error", err)
			continue
		}
		next[row.ID] = known{app: ready, origin: Stored, created: row.Created}
	}
	before := *a.all.Swap(&next)
	for id := range before {
		if _, stays := next[id]; !stays {
			a.opts.Log.Info("app is gone", "app", id)
			a.opts.Deleted(id)
		}
	}
	return nil
}

// Draft is what is to be made.
type Draft struct {
	// ID is the app's number; 0 takes a free one.
	ID     int
	Name   string
	Admins []string
}

// Create makes an app and its key, which is told this once.
//
// Errors: ErrBadApp, ErrTaken, ErrFull.
func (a *Apps) Create(ctx context.Context, m Draft) (Info, auth.Secret, error) {
	if err := m.check(); err != nil {
		return Info{}, "", err
	}
	if a.opts.Store == nil {
		return Info{}, "", errors.New("cannot make an app: nothing keeps it")
	}
	a.changing.Lock()
	defer a.changing.Unlock()
	if err := a.loadLocked(ctx); err != nil { // another node may have made the last one that there may be
		return Info{}, "", err
	}
	if all := *a.all.Load(); len(all) >= a.opts.Most {
		return Info{}, "", fmt.Errorf("%w: %d", ErrFull, len(all))
	}
	id, err := a.freeID(m.ID)
	if err != nil {
		return Info{}, "", err
	}
	raw := make([]byte, keyBytes)
	_, _ = rand.Read(raw) // never fails: it ends the program when the system has no randomness
	key := hex.EncodeToString(raw)
	row := store.App{ID: id, Name: m.Name, Key: key, Admins: m.Admins, Created: a.opts.Now().UTC().Truncate(time.Second), Settings: []byte("{}")}
	if err := a.opts.Store.CreateApp(ctx, row); err != nil {
		return Info{}, "", fmt.Errorf("cannot keep app %d: %w", id, err)
	}
	if err := a.changedLocked(ctx); err != nil {
		return Info{}, "", err
	}
	info, ok := a.Info(id)
	if !ok {
		return Info{}, "", fmt.Errorf("cannot make app %d: it was deleted at once", id)
	}
	a.opts.Log.Info("app was made", "app", id, "name", m.Name)
	return info, auth.Secret(key), nil
}

// Delete deletes an app with all of its data.
//
// Errors: ErrNotFound, ErrConfigured.
func (a *Apps) Delete(ctx context.Context, id int) error {
	a.changing.Lock()
	defer a.changing.Unlock()
	if err := a.loadLocked(ctx); err != nil {
		return err
	}
	info, ok := a.Info(id)
	switch {
	case !ok:
		return ErrNotFound
	case info.Origin == Configured:
		return ErrConfigured
	}
	if err := a.opts.Store.DeleteApp(ctx, id); err != nil && !errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("cannot delete app %d: %w", id, err)
	}
	return a.changedLocked(ctx)
}

// changedLocked reads back what was changed and tells the other nodes.
func (a *Apps) changedLocked(ctx context.Context) error {
	err := a.loadLocked(ctx)
	if n := a.nodes.Load(); n != nil {
		(*n).Announce(opChanged, nil)
	}
	return err
}

// freeID is the wanted id if nobody has it, or any one when none is wanted.
func (a *Apps) freeID(wanted int) (int, error) {
	all := *a.all.Load()
	if wanted != 0 {
		if _, taken := all[wanted]; taken {
			return 0, fmt.Errorf("%w: %d", ErrTaken, wanted)
		}
		return wanted, nil
	}
	for {
		n, err := rand.Int(rand.Reader, big.NewInt(idSpan))
		if err != nil {
			return 0, fmt.Errorf("cannot choose an id: %w", err)
		}
		id := firstID + int(n.Int64())
		if _, taken := all[id]; !taken {
			return id, nil
		}
	}
}

func (m *Draft) check() error {
	switch {
	case m.ID < 0 || m.ID > 1<<32-1:
		return fmt.Errorf("%w: an id is from 1 to %d, or 0 for any", ErrBadApp, 1<<32-1)
	case strings.TrimSpace(m.Name) == "" || len(m.Name) > maxName || !utf8.ValidString(m.Name) || strings.ContainsFunc(m.Name, isControl):
		return fmt.Errorf("%w: a name has 1 to %d bytes of text", ErrBadApp, maxName)
	case len(m.Admins) > maxAdmins:
		return fmt.Errorf("%w: it has %d administrators at most", ErrBadApp, maxAdmins)
	}
	for _, user := range m.Admins {
		if err := auth.CheckUser(user); err != nil {
			return fmt.Errorf("%w: administrator: %w", ErrBadApp, err)
		}
	}
	return nil
}

func isControl(c rune) bool { return c < ' ' || c == 0x7f }
