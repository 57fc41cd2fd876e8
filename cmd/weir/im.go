package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"weir/config"
	"weir/room"
	"weir/room/api/v4"
	"weir/room/apps"
	"weir/room/auth"
	"weir/room/hook"
	"weir/room/im"
	"weir/room/im/bus"
	"weir/room/im/channel"
	"weir/room/im/filter"
	"weir/room/im/people"
	"weir/room/im/rooms"
	"weir/room/im/rpc"
	"weir/room/store"
)

// storeFile is what of data_dir holds what lasts of apps, accounts and rooms.
const storeFile = "weir.db"

// openTimeout bounds how long the store may take to open: a database may be in the midst of an update by another node.
const openTimeout = time.Minute

// chat is the room's channel with all that it stands on.
type chat struct {
	store   *store.Store
	hooks   *hook.Hooks
	bus     *bus.Bus
	filter  *filter.Filter
	people  *people.People
	rooms   *rooms.Rooms
	channel *channel.Channel
	v4      *v4.API
}

// openStore opens what lasts.
func openStore(cfg *config.Config, log *slog.Logger) (*store.Store, error) {
	ctx, cancel := context.WithTimeout(context.Background(), openTimeout)
	defer cancel()
	return store.Open(ctx, store.Options{
		URL: string(cfg.Store.URL), Path: filepath.Join(cfg.DataDir, storeFile), Log: log,
	})
}

// newChat makes the channel's parts on a store and starts nothing. The bridge joins it with the media of its rooms.
func newChat(cfg *config.Config, kept *store.Store, known *apps.Apps, bridge *room.Bridge, authorizer *auth.Authorizer, log *slog.Logger) (*chat, error) {
	c := &chat{store: kept}
	var err error
	// Of several servers on one store the same one delivers that owns this name.
	mine := func() bool { return c.bus.Owner("hooks") }
	if c.hooks, err = newHooks(cfg, kept, known.Default(), mine, log); err != nil {
		return nil, err
	}
	who := visitors{auth: authorizer, apps: known}
	calls := new(rpc.Methods) // made below: it needs the bus
	c.bus, err = bus.New(bus.Options{
		Hello: who.hello,
		Call: func(ctx context.Context, s *bus.Session, method string, params []byte) (any, error) {
			return calls.Call(ctx, s, method, params)
		},
		Opened: func(s *bus.Session, kicked []im.Platform) { calls.Opened(s, kicked) },
		Gone:   func(s *bus.Session, reason bus.Reason) { calls.Gone(s, reason) },
		Redis:  string(cfg.IM.Redis), History: cfg.IM.History, HistoryTime: cfg.IM.HistoryTime, Grace: cfg.IM.Grace,
		QueueBytes: int(cfg.IM.Queue), MaxConnections: cfg.IM.MaxConnections, Log: log,
	})
	if err != nil {
		return nil, err
	}
	known.Attach(c.bus)
	if c.filter, err = filter.New(filter.Options{
		Store: kept, Nodes: c.bus, File: cfg.IM.WordsFile, Mask: cfg.IM.Words == "mask", Log: log,
	}); err != nil {
		return nil, fmt.Errorf("im.words_file: %w", err)
	}
	c.rooms = rooms.New(rooms.Options{
		Store: kept, Hooks: c.hooks, Filter: c.filter, Nodes: c.bus, Log: log,
		StatusChanged: bridge.StatusChanged, PublishLost: bridge.PublishLost,
		Seats: cfg.IM.Seats, SeatWait: cfg.IM.SeatWait,
	})
	c.people = people.New(people.Options{
		Store: kept, Bus: c.bus, Filter: c.filter, Hooks: c.hooks,
		Kick: func(app int, user, reason string) { c.bus.Kick(app, user, bus.Reason(reason)) },
		Left: c.rooms.AccountDeleted,
		Log:  log,
	})
	c.channel = channel.New(channel.Options{
		Rooms: c.rooms, People: c.people, Bus: c.bus, Store: kept, Hooks: c.hooks, Filter: c.filter,
		Window: cfg.IM.Window, PerSecond: cfg.IM.Rate, Recent: cfg.IM.Recent, Log: log,
		MediaTime: bridge.MediaTime,
		Join: func(s channel.Session, room string, recent int) error {
			err := c.bus.Join(s.(*bus.Session), room, recent)
			if errors.Is(err, bus.ErrTooManyRooms) {
				return im.ErrTooMany.With("the session is in too many rooms")
			}
			return err
		},
		Sessions: func(app int, user string) (list []channel.Session) {
			for _, s := range c.bus.SessionsOf(app, user) {
				list = append(list, s)
			}
			return list
		},
	})
	c.rooms.Attach(bridge.Titles(c.channel))
	*calls = *rpc.New(rpc.Options{
		Rooms: c.rooms, Channel: c.channel, People: c.people, Bus: c.bus, Renew: who.renew, Log: log,
	})
	rates, err := restRates(cfg)
	if err != nil {
		return nil, err
	}
	c.v4 = v4.New(v4.Options{
		Admins: authorizer, People: c.people, Rooms: c.rooms, Channel: c.channel, Words: c.filter, Present: c.present,
		PerSecond: cfg.IM.RESTRate, Rates: rates, Log: log,
	})
	return c, nil
}

// restRates are the rates of single commands that the configuration sets.
func restRates(cfg *config.Config) (map[string]int, error) {
	rates, err := v4.ParseRates(cfg.IM.RESTRates)
	if err != nil {
		return nil, fmt.Errorf("im.rest_rates: %w", err)
	}
	return rates, nil
}

// newHooks calls the receivers that the configuration names.
func newHooks(cfg *config.Config, kept *store.Store, app int, mine func() bool, log *slog.Logger) (*hook.Hooks, error) {
	o := hook.Options{
		Queue: kept, Apps: kept, DefaultApp: app, Mine: mine, Guard: newGuard(cfg),
		IM: hook.Receiver{
			URL: string(cfg.IM.CallbackURL), Token: string(cfg.IM.CallbackToken), Commands: cfg.IM.Callbacks,
		},
		AskPublish: slices.Contains(cfg.Hook.Ask, "publish"), AskPlay: slices.Contains(cfg.Hook.Ask, "play"),
		AskForward: slices.Contains(cfg.Hook.Ask, "forward"),
		Key:        string(cfg.Hook.Key), Server: cfg.Hook.Server, Timeout: cfg.Hook.Timeout, MaxAge: cfg.Hook.MaxAge,
		Log: log,
	}
	for _, text := range cfg.Hook.URLs {
		receiver, err := hook.ParseStreamReceiver(string(text))
		if err != nil {
			return nil, fmt.Errorf("hook.urls: %w", err)
		}
		o.Streams = append(o.Streams, receiver)
	}
	return hook.New(o)
}

// present are accounts in a room, as the REST calls show them.
func (c *chat) present(app int, room string, limit int) []v4.Present {
	users := c.bus.Users(app, room, limit)
	out := make([]v4.Present, len(users))
	for i, u := range users {
		out[i] = v4.Present{Account: u.Account, Since: u.Since}
	}
	return out
}

// stats are the figures of all parts.
func (c *chat) stats() []prometheus.Collector {
	return []prometheus.Collector{c.store.Stats(), c.hooks, c.bus.Stats(), c.filter, c.people, c.channel, c.v4.Stats()}
}

// visitors proves who connects to the channel.
type visitors struct {
	auth *auth.Authorizer
	apps *apps.Apps
}

// hello tells who a client is: the user of its token, or an anonymous viewer without one.
func (v visitors) hello(ctx context.Context, h bus.Hello) (im.Actor, time.Time, error) {
	app := h.App
	if app == auth.DefaultApp {
		app = v.apps.Default()
	}
	a := im.Actor{App: app, Platform: h.Platform, Addr: h.Addr}
	if _, ok := v.apps.App(app); !ok {
		return im.Actor{}, time.Time{}, refusal(auth.ErrUnknownApp)
	}
	if h.Token == "" && h.User == "" {
		return a, time.Time{}, nil
	}
	user, err := v.auth.Verify(ctx, app, h.Token)
	if err == nil && h.User != "" && h.User != user.ID {
		err = auth.ErrWrongUser
	}
	if err != nil {
		return im.Actor{}, time.Time{}, refusal(err)
	}
	a.User, a.Only = user.ID, onlyOf(user)
	return a, user.Expires, nil
}

// onlyOf is what privileges in a user's token leave of its rights; nil: all.
func onlyOf(u auth.User) *im.Only {
	l := u.Limit
	if l == nil {
		return nil
	}
	return &im.Only{Room: l.Room, Enter: u.May(auth.RightEnterRoom, l.Room), Create: u.May(auth.RightCreateRoom, l.Room)}
}

// errOtherRights: a session has the rights of the token that it was opened with, and goes on with none that has others.
var errOtherRights = im.ErrNoPermission.With("the UserSig allows something else than the one that the session was opened with")

// renew checks another token of an actor and tells until when it is good.
func (v visitors) renew(ctx context.Context, a im.Actor, sig string) (time.Time, error) {
	user, err := v.auth.Verify(ctx, a.App, sig)
	if err == nil && user.ID != a.User {
		err = auth.ErrWrongUser
	}
	if err != nil {
		return time.Time{}, refusal(err)
	}
	if !onlyOf(user).Equal(a.Only) {
		return time.Time{}, errOtherRights
	}
	return user.Expires, nil
}

// refusals are what is wrong with a token, by the numbers that clients know.
var refusals = []struct {
	is  error
	say *im.Error
}{
	{auth.ErrUnknownApp, &im.Error{Number: 70020, Code: "unknown_app", Info: "the app does not exist"}},
	{auth.ErrExpired, &im.Error{Number: 70001, Code: "token_expired", Info: "the UserSig has expired"}},
	{auth.ErrForged, &im.Error{Number: 70009, Code: "token_forged", Info: "the UserSig was signed with another key"}},
	{auth.ErrWrongUser, &im.Error{Number: 70013, Code: "token_wrong_user", Info: "the UserSig is another user's"}},
	{auth.ErrWrongApp, &im.Error{Number: 70014, Code: "token_wrong_app", Info: "the UserSig is of another app"}},
	{auth.ErrNoToken, &im.Error{Number: 70003, Code: "token_missing", Info: "a user needs a UserSig"}},
	{auth.ErrBadToken, &im.Error{Number: 70003, Code: "token_invalid", Info: "the UserSig is malformed"}},
}

// refusal is an error of auth as clients of the channel see it.
func refusal(err error) error {
	for _, r := range refusals {
		if errors.Is(err, r.is) {
			return r.say
		}
	}
	return err
}
