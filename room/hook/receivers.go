package hook

import (
	"context"
	"errors"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"weir/room/store"
)

const (
	// settingsAge is how old an app's settings may be.
	settingsAge = 5 * time.Second
	// maxApps is how many apps' settings are kept in memory.
	maxApps = 10_000
	// maxLanes is how many receivers are remembered.
	maxLanes = 10_000
)

// known is a receiver with the client that may call it.
type known struct {
	Receiver
	app    int
	client client
	// deleted: it is one of an app made at run time that is no more.
	deleted bool
}

// lane is the name of the way to it.
func (k known) lane() string { return strconv.Itoa(k.app) + " " + k.URL }

// receivers knows the receivers of all apps.
type receivers struct {
	own     known
	apps    apps // nil: there are no others
	guarded client
	now     func() time.Time
	log     *slog.Logger

	mu   sync.Mutex // guards seen
	seen map[int]seen
}

// seen is a receiver as it was at a time.
type seen struct {
	known
	at time.Time
}

// of is the receiver of an app; one without an address when there is none.
func (r *receivers) of(ctx context.Context, app int) known {
	if app == r.own.app && r.own.URL != "" || r.apps == nil {
		if app != r.own.app {
			return known{}
		}
		return r.own
	}
	r.mu.Lock()
	s, ok := r.seen[app]
	r.mu.Unlock()
	if ok && r.now().Sub(s.at) < settingsAge {
		return s.known
	}
	return r.look(ctx, app, s.known)
}

// look reads the settings. Where that fails, those of before hold.
func (r *receivers) look(ctx context.Context, app int, before known) known {
	k := known{app: app, client: r.guarded}
	a, err := r.apps.App(ctx, app)
	switch {
	case errors.Is(err, store.ErrNotFound):
		k.deleted = app != r.own.app
	case err != nil:
		r.log.Warn("app settings unread", "app", app, "error", err)
		k = before
	default:
		if k.Receiver, err = ParseSettings(a.Settings); err != nil {
			r.log.Warn("app has no usable callback receiver", "app", app, "error", err)
			k.Receiver = Receiver{}
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.seen) >= maxApps {
		clear(r.seen)
	}
	r.seen[app] = seen{known: k, at: r.now()}
	return k
}

// forget has the settings of an app read anew.
func (r *receivers) forget(app int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.seen, app)
}

// lanes are the ways to those that are asked.
type lanes struct {
	mu  sync.Mutex // guards all
	all map[string]*lane
}

func (l *lanes) of(name string) *lane {
	l.mu.Lock()
	defer l.mu.Unlock()
	way := l.all[name]
	if way == nil {
		if len(l.all) >= maxLanes {
			clear(l.all) // calls that go on keep theirs
		}
		way = newLane()
		l.all[name] = way
	}
	return way
}
