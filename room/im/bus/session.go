package bus

import (
	"slices"
	"sync"
	"time"

	"github.com/centrifugal/centrifuge"

	"weir/room/im"
)

// Session is one login, or one anonymous viewer: a connection and what outlives its cuts. It is safe for concurrent use.
type Session struct {
	id    string
	actor im.Actor
	bus   *Bus

	calls calls

	// Guarded by Bus.mu.

	client  *centrifuge.Client // nil while the connection is away
	cut     time.Time          // when it went away
	lost    bool               // and that it went silent, and was not closed
	rooms   []string
	expires time.Time // zero: never
	over    bool
	leaving bool // it will not come back after its connection's end
}

// ID names the session. Who knows it, and is the same user, goes on with it.
func (s *Session) ID() string { return s.id }

// Actor is who the session's client is.
func (s *Session) Actor() im.Actor { return s.actor }

// belongsTo tells whether an actor may go on with the session: it is the same user, and its token allows the same.
func (s *Session) belongsTo(a im.Actor) bool {
	return s.actor.Only.Equal(a.Only) && s.actor.App == a.App && s.actor.User == a.User
}

// SessionsOf are a user's sessions at this node.
func (b *Bus) SessionsOf(app int, user string) []*Session {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return slices.Clone(b.users[userKey{app, user}])
}

// Rooms are the rooms that the session is in, or was in when it ended.
func (s *Session) Rooms() []string {
	s.bus.mu.RLock()
	defer s.bus.mu.RUnlock()
	return slices.Clone(s.rooms)
}

// InRoom tells whether the session is in a room.
func (s *Session) InRoom(room string) bool {
	s.bus.mu.RLock()
	defer s.bus.mu.RUnlock()
	return !s.over && slices.Contains(s.rooms, room)
}

// Renew sets until when the session may last; the zero time is for good.
func (s *Session) Renew(expires time.Time) {
	s.bus.mu.Lock()
	defer s.bus.mu.Unlock()
	s.expires = expires
}

// Leave says that the client will not come back: once its connection ends the session does, too.
func (s *Session) Leave() {
	s.bus.mu.Lock()
	defer s.bus.mu.Unlock()
	s.leaving = true
}

// calls are the calls of a session that wait for their turn: one after the other, so that what one client sends keeps
// its order.
type calls struct {
	mu      sync.Mutex
	waiting []call
	running bool
	rate    bucket
}

type call struct {
	method string
	params []byte
	done   centrifuge.RPCCallback
}
