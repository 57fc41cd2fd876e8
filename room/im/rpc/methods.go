package rpc

import (
	"context"
	"log/slog"
	"time"

	"weir/room/im"
	"weir/room/im/bus"
	"weir/room/im/people"
)

// Options are what Methods need; all but Log are required.
type Options struct {
	Rooms   Rooms
	Channel Channel
	People  People
	Bus     Bus
	// Renew checks a new UserSig of an actor, and tells until when it is good.
	Renew func(ctx context.Context, a im.Actor, userSig string) (time.Time, error)
	Log   *slog.Logger
}

// Methods are what clients may call. It is safe for concurrent use.
type Methods struct {
	o Options
}

// New makes Methods.
func New(o Options) *Methods {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Methods{o: o}
}

// errToken: the privileges in the session's token do not go so far.
var errToken = im.ErrNoPermission.With("the UserSig does not allow this in this room")

// errNoMethod: there is no such method.
var errNoMethod = im.ErrBadParameter.With("there is no such method")

// Call answers a call of a session's client.
func (m *Methods) Call(ctx context.Context, s Session, method string, params []byte) (any, error) {
	f, ok := methods[method]
	if !ok {
		return nil, errNoMethod
	}
	if !f.anonymous && s.Actor().Anonymous() {
		return nil, im.ErrNotLoggedIn
	}
	if only := s.Actor().Only; only != nil && roomOf(params) != only.Room && roomOf(params) != "" {
		return nil, errToken
	}
	return f.call(m, ctx, s, params)
}

// roomOf is the room that a call is about; empty when it is about none, or when its parameters cannot be read.
func roomOf(params []byte) string {
	var in struct {
		Room string `json:"room"`
	}
	if decode(params, &in) != nil {
		return ""
	}
	return in.Room
}

// lifeTimeout is how long the beginning of a session may take.
const lifeTimeout = 10 * time.Second

// Opened is told of a session that begins, and on which platforms sessions of its user ended for it.
func (m *Methods) Opened(s Session, kicked []im.Platform) {
	ctx, cancel := context.WithTimeout(context.Background(), lifeTimeout)
	defer cancel()
	if a := s.Actor(); !a.Anonymous() {
		if err := m.o.People.Login(ctx, a, kicked...); err != nil {
			m.o.Log.Error("cannot note a login", "app", a.App, "user", a.User, "error", err)
		}
	}
	m.o.Channel.Opened(ctx, s)
}

// Gone is told of a session that is over.
func (m *Methods) Gone(s Session, reason bus.Reason) {
	if reason == bus.ReasonMoved {
		m.o.Channel.Moved(s)
		return
	}
	m.o.Channel.Ended(s, reason == bus.ReasonLost)
	if a := s.Actor(); !a.Anonymous() {
		m.o.People.Logout(a, leave(reason))
	}
}

// leave is why a session ended, in the words of callbacks.
func leave(reason bus.Reason) people.Leave {
	switch reason {
	case bus.ReasonGone:
		return people.LeftClosed
	case bus.ReasonLost:
		return people.LeftTimeout
	default:
		return people.LeftLogout
	}
}

// entry is one method.
type entry struct {
	call      func(m *Methods, ctx context.Context, s Session, params []byte) (any, error)
	anonymous bool // who did not log in may call it, too
}

// on makes a method of a function on what the parameters say.
func on[T any](f func(m *Methods, ctx context.Context, s Session, in T) (any, error)) entry {
	return entry{call: func(m *Methods, ctx context.Context, s Session, params []byte) (any, error) {
		var in T
		if err := decode(params, &in); err != nil {
			return nil, err
		}
		return f(m, ctx, s, in)
	}}
}

// forAll lets anonymous viewers call a method.
func forAll(e entry) entry { e.anonymous = true; return e }

// methods are all there are.
var methods = map[string]entry{
	"session.renew": on((*Methods).renew),
	"session.bye":   forAll(on((*Methods).bye)),

	"room.enter":  forAll(on((*Methods).enter)),
	"room.exit":   forAll(on((*Methods).exit)),
	"room.send":   on((*Methods).send),
	"room.info":   forAll(on((*Methods).info)),
	"room.online": forAll(on((*Methods).online)),
	"room.recent": forAll(on((*Methods).recent)),
	"room.mine":   on((*Methods).mine),

	"room.create":  on((*Methods).create),
	"room.modify":  on((*Methods).modify),
	"room.owner":   on((*Methods).setOwner),
	"room.status":  on((*Methods).setStatus),
	"room.destroy": on((*Methods).destroy),

	"room.members":        forAll(on((*Methods).members)),
	"room.members.add":    on((*Methods).addMembers),
	"room.members.remove": on((*Methods).removeMembers),
	"room.members.modify": on((*Methods).modifyMember),
	"room.mute":           on((*Methods).mute),
	"room.mutes":          on((*Methods).mutes),
	"room.ban":            on((*Methods).ban),
	"room.unban":          on((*Methods).unban),
	"room.bans":           on((*Methods).bans),

	"room.attributes":      forAll(on((*Methods).attributes)),
	"room.attributes.set":  on((*Methods).setAttributes),
	"room.counters":        forAll(on((*Methods).counters)),
	"room.counters.update": on((*Methods).updateCounters),
	"room.like":            on((*Methods).like),

	"seat.list":    forAll(on((*Methods).seats)),
	"seat.request": on((*Methods).requestSeat),
	"seat.invite":  on((*Methods).inviteSeat),
	"seat.accept":  on((*Methods).acceptSeat),
	"seat.decline": on((*Methods).declineSeat),
	"seat.revoke":  on((*Methods).revokeSeat),
	"seat.leave":   on((*Methods).leaveSeat),

	"c2c.send":    on((*Methods).sendC2C),
	"c2c.recall":  on((*Methods).recall),
	"c2c.offline": on((*Methods).offline),
	"c2c.ack":     on((*Methods).ack),

	"profile.get":    on((*Methods).profiles),
	"profile.set":    on((*Methods).setProfile),
	"account.check":  on((*Methods).checkAccounts),
	"account.online": on((*Methods).onlineAccounts),
}
