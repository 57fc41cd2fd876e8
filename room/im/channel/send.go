package channel

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"weir/room/hook"
	"weir/room/im"
	"weir/room/im/people"
	"weir/room/im/rooms"
	"weir/room/store"
)

// maxAside is how far from now a message may be in the room's media, when its sender says where it belongs.
const maxAside = 10 * time.Minute

// maxRecent is how many messages Recent gives at once.
const maxRecent = 100

// Send is a message into a room, as it was asked for.
type Send struct {
	Room string
	// From is whose message it is; empty: the actor's. Only an administrator names another.
	From string
	// Random is the sender's own number of it: the same one within five minutes is the same message.
	Random   uint32
	Body     []im.Element
	Priority im.Priority
	Cloud    string
	// Media is where in the room's media it belongs, in Unix milliseconds of the capture clock; 0: where that is now.
	Media int64
	// OnlineOnly is a message that is not kept.
	OnlineOnly bool
	// NoBefore and NoAfter leave out the callbacks.
	NoBefore, NoAfter bool
}

// Sent is what became of a message.
type Sent struct {
	Seq  uint64 // its number in the room
	Time int64  // Unix seconds
}

// Send sends a message into a room. It returns when the message was accepted and, in a room with a list of members, is
// kept: whether the room's window chooses it the sender is not told. A client that wants to show its own messages
// itself leaves out those from its account with a Random that it used.
func (c *Channel) Send(ctx context.Context, a im.Actor, m Send) (Sent, error) {
	e, err := c.prepare(ctx, a, m)
	if err == nil {
		var sent Sent
		if sent, err = c.accept(ctx, e); err == nil {
			return sent, nil
		}
	}
	c.stats.messages.WithLabelValues("refused").Inc()
	c.tellRefused(a, m, err)
	return Sent{}, err
}

// prepare makes of what was asked for a message that may be sent.
func (c *Channel) prepare(ctx context.Context, a im.Actor, m Send) (*entry, error) {
	if m.From == "" {
		m.From = a.User
	}
	switch {
	case a.Anonymous():
		return nil, im.ErrNotLoggedIn
	case m.From != a.User && !a.Admin:
		return nil, im.ErrNoPermission
	}
	facts, err := c.o.Rooms.Get(ctx, a.App, m.Room)
	if err != nil {
		return nil, err
	}
	account, err := c.sender(ctx, a, m.From)
	if err != nil {
		return nil, err
	}
	if !a.Admin {
		if err := c.maySend(a, facts, account); err != nil {
			return nil, err
		}
	}
	e := &entry{Actor: a, Type: facts.Type, OnlineOnly: m.OnlineOnly, NoAfter: m.NoAfter}
	e.Exempt = facts.Role(a) >= rooms.Admin
	e.Keep = facts.Listed() && !m.OnlineOnly
	e.Message = im.Message{
		App: a.App, Room: m.Room, From: m.From, Random: m.Random, Priority: m.Priority, Cloud: m.Cloud, Media: c.media(a.App, m),
	}
	show(&e.Message, account)
	if e.Message.Body, err = c.check(ctx, a.App, m.Body, m.Cloud); err != nil {
		return nil, err
	}
	if m.NoBefore {
		return e, nil
	}
	return e, c.askBefore(ctx, e)
}

// sender is the account that a message is from. An administrator of the app need not have one.
func (c *Channel) sender(ctx context.Context, a im.Actor, from string) (store.Account, error) {
	account, err := c.o.People.Account(ctx, a.App, from)
	switch {
	case err == nil:
		return account, nil
	case !errors.Is(err, im.ErrUnknownAccount):
		return account, unavailable(err)
	case a.Admin && from == a.User:
		return store.Account{ID: from}, nil
	default:
		return account, im.ErrNoAccount
	}
}

// maySend tells what keeps an account from sending into a room.
func (c *Channel) maySend(a im.Actor, facts *rooms.Facts, account store.Account) error {
	now := c.o.Now()
	_, member := facts.Member(a.User)
	if !facts.Listed() {
		member = c.isHere(a, facts.ID)
	}
	switch {
	case facts.Banned(a.User, now):
		return im.ErrBanned
	case !member:
		return im.ErrNotMember
	case facts.Muted(a.User, now):
		return im.ErrMuted
	case facts.Status == rooms.Closed || facts.Status == rooms.Forbidden:
		return im.ErrRoomClosed
	}
	if _, silent := people.Silenced(account, now); silent {
		return im.ErrMuted
	}
	return nil
}

// show writes into a message how its sender is shown.
func show(m *im.Message, account store.Account) {
	m.Nick, m.Avatar = account.Profile[im.TagNick], account.Profile[im.TagImage]
	if level, err := strconv.ParseUint(account.Profile[im.TagLevel], 10, 32); err == nil {
		m.Level = uint32(level)
	}
}

// media is where in the room's media a message belongs.
func (c *Channel) media(app int, m Send) int64 {
	if m.Media > 0 && time.UnixMilli(m.Media).Sub(c.o.Now()).Abs() <= maxAside {
		return m.Media
	}
	return c.o.MediaTime(app, m.Room)
}

// check gives a body as it may be sent.
func (c *Channel) check(ctx context.Context, app int, body []im.Element, cloud string) ([]im.Element, error) {
	body, err := im.CheckBody(body, cloud)
	if errors.Is(err, im.ErrBadBody) {
		return nil, im.ErrBadParameter.With("%v", err)
	}
	if err != nil {
		return nil, err
	}
	return c.o.Filter.Body(ctx, app, body)
}

// askBefore asks the application's server, which may refuse a message, have it vanish, or put another in its place.
func (c *Channel) askBefore(ctx context.Context, e *entry) error {
	if !c.o.Hooks.Wants(e.Message.App, hook.GroupBeforeSend) {
		return nil
	}
	verdict := c.o.Hooks.Ask(ctx, hook.Call{
		App: e.Message.App, Command: hook.GroupBeforeSend, Actor: e.Actor, Body: e.callback(),
	})
	if err := verdict.Err(im.ErrDenied); err != nil {
		return err
	}
	e.Drop = verdict.Code == hook.Dropped
	body, cloud := e.Message.Body, e.Message.Cloud
	if verdict.Body != nil {
		body = verdict.Body
	}
	if verdict.Cloud != nil {
		cloud = *verdict.Cloud
	}
	if verdict.Body == nil && verdict.Cloud == nil {
		return nil
	}
	checked, err := im.CheckBody(body, cloud)
	if err != nil { // as if it had not answered
		c.o.Log.Warn("a callback replaced a message by one that may not be sent", "app", e.Message.App, "room", e.Message.Room, "error", err)
		return nil
	}
	e.Message.Body, e.Message.Cloud = checked, cloud
	return nil
}

// tellRefused tells the application's server of a message that was refused by a rule of the room.
func (c *Channel) tellRefused(a im.Actor, m Send, err error) {
	refused, ok := errors.AsType[*im.Error](err)
	if !ok || !c.o.Hooks.Wants(a.App, hook.GroupSendException) {
		return
	}
	switch refused.Number {
	case im.ErrMuted.Number, im.ErrSensitive.Number:
	default:
		return
	}
	facts, err := c.o.Rooms.Get(c.ctx, a.App, m.Room)
	if err != nil {
		return
	}
	e := entry{Actor: a, Type: facts.Type, OnlineOnly: m.OnlineOnly, Message: im.Message{
		App: a.App, Room: m.Room, From: m.From, Random: m.Random, Body: m.Body, Cloud: m.Cloud,
	}}
	if m.From == "" {
		e.Message.From = a.User
	}
	c.tell(&e, hook.GroupSendException, hook.GroupMessageCut{
		GroupMessage: e.callback(), Code: refused.Number, Info: refused.Info,
	})
}

// Recent are messages that are kept of a room with a list of members, behind a number, in order: its members may read
// them.
func (c *Channel) Recent(ctx context.Context, a im.Actor, room string, after uint64, limit int) ([]im.Message, error) {
	facts, err := c.o.Rooms.Get(ctx, a.App, room)
	if err != nil {
		return nil, err
	}
	if _, member := facts.Member(a.User); !member && !a.Admin {
		return nil, im.ErrNotMember
	}
	if !facts.Listed() {
		return nil, nil
	}
	kept, err := c.o.Store.RoomMessages(ctx, a.App, room, after, min(max(limit, 1), maxRecent))
	if err != nil {
		return nil, fmt.Errorf("cannot read the messages of a room: %w", err)
	}
	return kept, nil
}
