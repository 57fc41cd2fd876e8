package bus

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/centrifugal/centrifuge"

	"weir/room/im"
)

const (
	roomPrefix = "r:"
	userPrefix = "u:"
)

// roomChannel and userChannel are the engine's names of where a room's and a user's publications go.
func roomChannel(app int, room string) string { return roomPrefix + strconv.Itoa(app) + ":" + room }
func userChannel(app int, user string) string { return userPrefix + strconv.Itoa(app) + ":" + user }

// presence is who is in a room by way of this node.
type presence struct {
	since map[*Session]int64 // Unix seconds
	away  int                // those of them without a connection
}

// Present is somebody who is in a room.
type Present struct {
	Account string `json:"a"`
	Since   int64  `json:"s"` // Unix seconds
}

// Join puts a session into a room; it may be there already. Its client gets what is published from then on and, of what is
// kept, the recent last publications before.
func (b *Bus) Join(s *Session, room string, recent int) error {
	client, entered, err := b.join(s, room)
	if err != nil || client == nil || !entered {
		return err
	}
	return b.subscribe(s, client, room, recent)
}

// subscribe has a session's client get what is published in a room. Who was put out in the meantime gets nothing: the
// engine knew of no subscription yet that it could have ended.
func (b *Bus) subscribe(s *Session, client *centrifuge.Client, room string, recent int) error {
	channel := roomChannel(s.actor.App, room)
	err := client.Subscribe(channel, b.subscription(channel, recent)...)
	if errors.Is(err, centrifuge.ErrorAlreadySubscribed) {
		err = nil
	}
	if err != nil {
		if now, ok := b.leave(s, room); ok && now != nil && now != client { // one that came back is in all rooms of its session
			now.Unsubscribe(channel)
		}
		return fmt.Errorf("cannot join the room: %w", err)
	}
	if !s.InRoom(room) {
		client.Unsubscribe(channel)
	}
	return nil
}

// subscription are the options of a subscription that begins a few publications back.
func (b *Bus) subscription(channel string, recent int) []centrifuge.SubscribeOption {
	options := []centrifuge.SubscribeOption{centrifuge.WithRecovery(true)}
	if recent <= 0 {
		return options
	}
	top, err := b.node.History(channel)
	if err != nil {
		b.o.Log.Warn("cannot read what was published", "channel", channel, "error", err)
		return options
	}
	since := top.StreamPosition
	since.Offset -= min(since.Offset, uint64(recent), uint64(b.o.History)) //nolint:gosec // neither is negative
	return append(options, centrifuge.WithRecoverSince(&since))
}

func (b *Bus) join(s *Session, room string) (client *centrifuge.Client, entered bool, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case s.over:
		return nil, false, ErrSessionOver
	case slices.Contains(s.rooms, room):
		return s.client, false, nil
	case len(s.rooms) >= b.o.SessionRooms:
		return nil, false, ErrTooManyRooms
	}
	s.rooms = append(s.rooms, room)
	b.enterLocked(s, room)
	return s.client, true, nil
}

// enterLocked notes that a session is in a room. It expects Bus.mu.
func (b *Bus) enterLocked(s *Session, room string) {
	k := roomKey{s.actor.App, room}
	p := b.rooms[k]
	if p == nil {
		p = &presence{since: make(map[*Session]int64)}
		b.rooms[k] = p
	}
	p.since[s] = b.o.Now().Unix()
	if s.client == nil {
		p.away++
	}
}

// exitLocked notes that it no longer is. It expects Bus.mu.
func (b *Bus) exitLocked(s *Session, room string) {
	k := roomKey{s.actor.App, room}
	p := b.rooms[k]
	if p == nil {
		return
	}
	delete(p.since, s)
	if s.client == nil {
		p.away--
	}
	if len(p.since) == 0 {
		delete(b.rooms, k)
	}
}

// presentLocked notes in all rooms of a session that its connection came (1) or went (-1). It expects Bus.mu.
func (b *Bus) presentLocked(s *Session, by int) {
	for _, room := range s.rooms {
		b.rooms[roomKey{s.actor.App, room}].away -= by
	}
}

// leave takes a session out of a room, and tells whether it was in it.
func (b *Bus) leave(s *Session, room string) (*centrifuge.Client, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	i := slices.Index(s.rooms, room)
	if s.over || i < 0 {
		return nil, false
	}
	s.rooms = slices.Delete(s.rooms, i, i+1)
	b.exitLocked(s, room)
	return s.client, true
}

// Part takes a user's sessions out of a room, at all nodes, or one session when user is empty. Their clients get nothing
// more from it.
func (b *Bus) Part(app int, room, user, session string) {
	b.tell(opPart, part{App: app, Room: room, User: user, Session: session})
}

// Clear takes everybody out of a room, at all nodes.
func (b *Bus) Clear(app int, room string) { b.tell(opPart, part{App: app, Room: room, All: true}) }

func (b *Bus) partHere(p part) {
	for _, s := range b.partingFrom(p) {
		if client, ok := b.leave(s, p.Room); ok && client != nil {
			client.Unsubscribe(roomChannel(p.App, p.Room))
		}
	}
}

// partingFrom are the sessions here that shall be in a room no longer.
func (b *Bus) partingFrom(p part) []*Session {
	b.mu.RLock()
	defer b.mu.RUnlock()
	if p.All {
		there := b.rooms[roomKey{p.App, p.Room}]
		if there == nil {
			return nil
		}
		all := make([]*Session, 0, len(there.since))
		for s := range there.since {
			all = append(all, s)
		}
		return all
	}
	if p.User != "" {
		return slices.Clone(b.users[userKey{p.App, p.User}])
	}
	if s := b.sessions[p.Session]; s != nil && s.actor.App == p.App {
		return []*Session{s}
	}
	return nil
}

// Kick ends all sessions of a user, at all nodes.
func (b *Bus) Kick(app int, user string, reason Reason) {
	b.tell(opKick, kick{App: app, User: user, Reason: reason})
}

// kickHere ends the sessions of a user at this node, but those that are spared.
func (b *Bus) kickHere(app int, user string, reason Reason, spared func(*Session) bool) (n int) {
	b.mu.RLock()
	all := slices.Clone(b.users[userKey{app, user}])
	b.mu.RUnlock()
	for _, s := range all {
		if spared == nil || !spared(s) {
			b.end(s, reason)
			n++
		}
	}
	return n
}

// LocalCount is how many sessions are in a room by way of this node, now. Those whose connection is away do not count.
func (b *Bus) LocalCount(app int, room string) int {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.localCountLocked(roomKey{app, room})
}

func (b *Bus) localCountLocked(k roomKey) int {
	if p := b.rooms[k]; p != nil {
		return len(p.since) - p.away
	}
	return 0
}

// Count is how many sessions are in a room over all nodes. What other nodes tell is a few seconds old.
func (b *Bus) Count(app int, room string) int {
	return b.LocalCount(app, room) + b.peers.count(roomKey{app, room})
}

// usersHere are the accounts in a room by way of this node, those who came last first.
func (b *Bus) usersHere(app int, room string, limit int) []Present {
	b.mu.RLock()
	p := b.rooms[roomKey{app, room}]
	var all []Present
	if p != nil {
		all = make([]Present, 0, len(p.since))
		for s, since := range p.since {
			if s.actor.User != "" && s.client != nil {
				all = append(all, Present{s.actor.User, since})
			}
		}
	}
	b.mu.RUnlock()
	return latest(all, limit)
}

// isInHere tells whether a session of a user is in a room by way of this node.
func (b *Bus) isInHere(app int, room, user string) bool {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return slices.ContainsFunc(b.users[userKey{app, user}], func(s *Session) bool { return slices.Contains(s.rooms, room) })
}

// latest orders the present by when they came, the last first, each account once, and cuts the list.
func latest(all []Present, limit int) []Present {
	slices.SortFunc(all, func(x, y Present) int {
		return cmp.Or(cmp.Compare(y.Since, x.Since), cmp.Compare(x.Account, y.Account))
	})
	seen := make(map[string]bool, len(all))
	all = slices.DeleteFunc(all, func(p Present) bool {
		twice := seen[p.Account]
		seen[p.Account] = true
		return twice
	})
	return all[:min(len(all), max(limit, 0))]
}

// onlineHere are the platforms on which users are online at this node. Those whose connection is away still are.
func (b *Bus) onlineHere(app int, users []string) map[string][]im.Platform {
	b.mu.RLock()
	defer b.mu.RUnlock()
	found := make(map[string][]im.Platform)
	for _, user := range users {
		for _, s := range b.users[userKey{app, user}] {
			if !slices.Contains(found[user], s.actor.Platform) {
				found[user] = append(found[user], s.actor.Platform)
			}
		}
	}
	return found
}

// Publish sends data, which is JSON, to everybody in a room, at all nodes, and keeps it for those who come back.
func (b *Bus) Publish(app int, room string, data []byte) error {
	return b.publish(roomChannel(app, room), data)
}

// PublishTo sends data, which is JSON, to all sessions of a user, at all nodes.
func (b *Bus) PublishTo(app int, user string, data []byte) error {
	return b.publish(userChannel(app, user), data)
}

func (b *Bus) publish(channel string, data []byte) error {
	if err := b.started(); err != nil {
		return fmt.Errorf("cannot publish: %w", err)
	}
	if _, err := b.node.Publish(channel, data, centrifuge.WithHistory(b.o.History, b.o.HistoryTime)); err != nil {
		return fmt.Errorf("cannot publish: %w", err)
	}
	return nil
}

// Recent are the last publications of a room that are kept, the oldest first.
func (b *Bus) Recent(app int, room string, n int) ([][]byte, error) {
	if n <= 0 {
		return nil, nil
	}
	if err := b.started(); err != nil {
		return nil, fmt.Errorf("cannot read what was published: %w", err)
	}
	filter := centrifuge.HistoryFilter{Limit: n, Reverse: true}
	kept, err := b.node.History(roomChannel(app, room), centrifuge.WithHistoryFilter(filter))
	if err != nil {
		return nil, fmt.Errorf("cannot read what was published: %w", err)
	}
	recent := make([][]byte, len(kept.Publications))
	for i, p := range kept.Publications {
		recent[len(recent)-1-i] = p.Data
	}
	return recent, nil
}

// counts are the figures of this node.
func (b *Bus) counts() (connections, sessions, rooms int) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.node.Hub().NumClients(), len(b.sessions), len(b.rooms)
}

// queryTimeout is how long other nodes may take to tell what they know.
const queryTimeout = 2 * time.Second
