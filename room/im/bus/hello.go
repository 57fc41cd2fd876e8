package bus

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"github.com/centrifugal/centrifuge"

	"weir/room/im"
)

// greeting is what a client sends as data when it connects.
type greeting struct {
	App      int    `json:"app"`
	User     string `json:"user"`
	Platform string `json:"platform"`
	Session  string `json:"session"`
}

// welcome is what it gets back as data.
type welcome struct {
	App     int      `json:"app"`
	User    string   `json:"user,omitempty"`
	Session string   `json:"session"`
	Resumed bool     `json:"resumed"`
	Rooms   []string `json:"rooms"`
}

var errGreeting = &centrifuge.Error{Code: centrifuge.ErrorBadRequest.Code, Message: "the data of connect is not an object of app, user, platform, session"}

// connecting decides on a connect command: who it is, and with which session it goes on.
func (b *Bus) connecting(ctx context.Context, e centrifuge.ConnectEvent) (centrifuge.ConnectReply, error) {
	var g greeting
	if len(e.Data) > 0 && string(e.Data) != "null" {
		if err := json.Unmarshal(e.Data, &g); err != nil {
			return centrifuge.ConnectReply{}, errGreeting
		}
	}
	v := visitorOf(ctx)
	actor, expires, err := b.o.Hello(ctx, Hello{
		App: g.App, User: g.User, Token: e.Token, Platform: platform(g.Platform, v.userAgent),
		Addr: v.addr, UserAgent: v.userAgent,
	})
	if err != nil {
		return centrifuge.ConnectReply{}, b.refusal(err)
	}
	v.loggedIn()
	s, rooms := b.resume(ctx, actor, g.Session)
	resumed := s != nil
	if !resumed {
		actor.Session = b.newID()
		s = &Session{id: actor.Session, actor: actor, bus: b, rooms: rooms}
	}
	s.Renew(expires)
	v.session = s
	return b.reply(ctx, s, resumed)
}

// reply subscribes a session to what is its own.
func (b *Bus) reply(ctx context.Context, s *Session, resumed bool) (centrifuge.ConnectReply, error) {
	rooms := s.Rooms()
	subs := make(map[string]centrifuge.SubscribeOptions, 1+len(rooms))
	option := centrifuge.SubscribeOptions{EnableRecovery: true}
	if !s.actor.Anonymous() {
		subs[userChannel(s.actor.App, s.actor.User)] = option
	}
	for _, room := range rooms {
		subs[roomChannel(s.actor.App, room)] = option
	}
	data, err := json.Marshal(welcome{
		App: s.actor.App, User: s.actor.User, Session: s.id, Resumed: resumed || len(rooms) > 0,
		Rooms: append([]string{}, rooms...),
	})
	if err != nil {
		return centrifuge.ConnectReply{}, err
	}
	return centrifuge.ConnectReply{
		Context: ctx, Credentials: &centrifuge.Credentials{UserID: userChannel(s.actor.App, s.actor.User)}, Data: data,
		Subscriptions: subs, QueueInitialCap: 1,
	}, nil
}

// refusal is an error as a connecting client gets it: what is no answer of ours is temporary.
func (b *Bus) refusal(err error) error {
	if e, ok := errors.AsType[*im.Error](err); ok {
		return &centrifuge.Error{Code: uint32(e.Number), Message: e.Info} //nolint:gosec // numbers are positive
	}
	b.o.Log.Error("cannot log a client in", "error", err)
	return centrifuge.ErrorInternal
}

// newID is a name that nobody guesses. It begins with the node's, so that other nodes know whom to ask.
func (b *Bus) newID() string { return b.node.ID() + "." + rand.Text() }

// nodeOf is the node that a session was opened at.
func nodeOf(session string) string {
	node, _, _ := strings.Cut(session, ".")
	return node
}

// resume finds the session that a client goes on with: the one that it names, or the one of the same user and
// platform whose connection is away. Of a session at another node it returns the rooms.
func (b *Bus) resume(ctx context.Context, actor im.Actor, id string) (s *Session, rooms []string) {
	if s = b.resumable(actor, id); s != nil {
		return s, nil
	}
	if id == "" || len(id) > 100 || nodeOf(id) == b.node.ID() {
		return nil, nil
	}
	taken := b.peers.take(ctx, nodeOf(id), taking{Session: id, App: actor.App, User: actor.User, Only: actor.Only})
	return nil, slices.DeleteFunc(taken, func(room string) bool { return !actor.MayEnter(room) })
}

func (b *Bus) resumable(actor im.Actor, id string) *Session {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.sessions[id]
	if s == nil {
		for _, other := range b.users[userKey{actor.App, actor.User}] {
			if other.client == nil && other.actor.Platform == actor.Platform && actor.User != "" {
				s = other
			}
		}
	}
	if s == nil || s.actor.App != actor.App || s.actor.User != actor.User || !s.actor.Only.Equal(actor.Only) {
		return nil // a token that allows something else begins anew
	}
	s.cut = b.o.Now() // its grace begins anew while the client comes in
	return s
}

// connected makes a connection its session's own.
func (b *Bus) connected(c *centrifuge.Client) {
	s := visitorOf(c.Context()).session
	c.OnRPC(func(e centrifuge.RPCEvent, done centrifuge.RPCCallback) { b.call(s, c, e, done) })
	c.OnDisconnect(func(e centrifuge.DisconnectEvent) { b.disconnected(s, c, e.Disconnect) })
	before, isNew, ok := b.attach(s, c)
	if !ok {
		c.Disconnect(centrifuge.DisconnectForceReconnect)
		return
	}
	if before != nil {
		before.Disconnect(ReasonReplaced.disconnect())
	}
	if isNew {
		b.o.Opened(s, b.kickOthers(s))
	}
	b.reconcile(s, c)
}

// attach puts the session where it is found. A session that ended since it was resumed cannot be.
func (b *Bus) attach(s *Session, c *centrifuge.Client) (before *centrifuge.Client, isNew, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if s.over {
		return nil, false, false
	}
	before, s.client = s.client, c
	s.leaving = false
	if b.sessions[s.id] != nil {
		if before == nil {
			b.presentLocked(s, 1)
		}
		return before, false, true
	}
	b.sessions[s.id] = s
	if k := (userKey{s.actor.App, s.actor.User}); k.user != "" {
		b.users[k] = append(b.users[k], s)
	}
	for _, room := range s.rooms {
		b.enterLocked(s, room)
	}
	return nil, true, true
}

// kickOthers ends what sessions the user has on the same platform, at all nodes, and tells on which platforms it did so
// at this one.
func (b *Bus) kickOthers(s *Session) (kicked []im.Platform) {
	if s.actor.Anonymous() {
		return nil
	}
	m := login{App: s.actor.App, User: s.actor.User, Platform: s.actor.Platform, Session: s.id}
	if b.kickHere(m.App, m.User, ReasonMultiple, m.spares) > 0 {
		kicked = []im.Platform{m.Platform}
	}
	if b.o.Redis != "" {
		b.tell(opLogin, m)
	}
	return kicked
}

// reconcile brings a connection's subscriptions to what its session's rooms became while it came in.
func (b *Bus) reconcile(s *Session, c *centrifuge.Client) {
	rooms := s.Rooms()
	want := make(map[string]bool, len(rooms))
	for _, room := range rooms {
		channel := roomChannel(s.actor.App, room)
		want[channel] = true
		if !c.IsSubscribed(channel) {
			_ = c.Subscribe(channel, centrifuge.WithRecovery(true)) // fails only where the connection is over
		}
	}
	for _, channel := range c.Channels() {
		if strings.HasPrefix(channel, roomPrefix) && !want[channel] {
			c.Unsubscribe(channel)
		}
	}
}

// disconnected notes the end of a connection.
func (b *Bus) disconnected(s *Session, c *centrifuge.Client, d centrifuge.Disconnect) {
	reason := reasonOf(d)
	b.stats.closed(reason)
	b.mu.Lock()
	if s.client != c || s.over {
		b.mu.Unlock()
		return // it has another one, or was ended with this one and is in no room any more
	}
	s.client, s.cut, s.lost = nil, b.o.Now(), isLoss(reason)
	b.presentLocked(s, -1)
	// Who comes and goes leaves a session behind each time: beyond that many none waits for its client.
	stopping, leaving, crowded := !b.running, s.leaving, len(b.sessions) > 2*b.o.MaxConnections
	b.mu.Unlock()
	switch {
	case stopping:
	case leaving:
		b.end(s, ReasonLogout)
	case crowded, b.o.Grace < 0:
		b.endAway(s, crowded)
	}
}

// end ends a session, once.
func (b *Bus) end(s *Session, reason Reason) {
	b.mu.Lock()
	client, ok := b.endLocked(s)
	b.mu.Unlock()
	if ok {
		b.ended(s, client, reason)
	}
}

// endAway ends a session that nobody came back to, after its grace, or without one.
func (b *Bus) endAway(s *Session, atOnce bool) {
	b.mu.Lock()
	ok := s.client == nil && (atOnce || b.o.Now().Sub(s.cut) >= b.o.Grace)
	if ok {
		_, ok = b.endLocked(s)
	}
	b.mu.Unlock()
	if ok {
		reason := ReasonGone
		if s.lost { // nobody writes it any more
			reason = ReasonLost
		}
		b.ended(s, nil, reason)
	}
}

// endLocked takes a session out of all tables, and returns what connection it has. It expects Bus.mu.
func (b *Bus) endLocked(s *Session) (*centrifuge.Client, bool) {
	if s.over {
		return nil, false
	}
	s.over = true
	for _, room := range s.rooms {
		b.exitLocked(s, room)
	}
	client := s.client
	delete(b.sessions, s.id)
	k := userKey{s.actor.App, s.actor.User}
	b.users[k] = slices.DeleteFunc(b.users[k], func(other *Session) bool { return other == s })
	if len(b.users[k]) == 0 {
		delete(b.users, k)
	}
	return client, true
}

func (b *Bus) ended(s *Session, client *centrifuge.Client, reason Reason) {
	if client != nil {
		client.Disconnect(reason.disconnect())
	}
	b.o.Log.Debug("session ended", "session", s.id, "user", s.actor.User, "app", s.actor.App, "reason", reason)
	b.o.Gone(s, reason)
}

// platforms are those that a client may say it runs on.
var platforms = []im.Platform{
	im.PlatformWeb, im.PlatformAndroid, im.PlatformIOS, im.PlatformWindows, im.PlatformMac, im.PlatformIPad,
}

// platform is what a client says it runs on. A browser says nothing and is one.
func platform(said, userAgent string) im.Platform {
	if p := im.Platform(said); slices.Contains(platforms, p) {
		return p
	}
	if strings.HasPrefix(userAgent, "Mozilla/") {
		return im.PlatformWeb
	}
	return im.PlatformUnknown
}
