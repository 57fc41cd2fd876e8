package channel

import (
	"context"
	"errors"
	"slices"

	"weir/room/im"
	"weir/room/im/rooms"
)

// Entered is the answer to Enter.
type Entered struct {
	Status string // EnteredRoom or AlreadyInRoom
	// Room is what is known of the room; its custom fields are those of all readers, see rooms.Rooms.Info.
	Room *rooms.Facts
	// Count is how many are in it.
	Count int
}

// The status of an answer to Enter, as clients know it.
const (
	EnteredRoom   = "JoinedSuccess"
	AlreadyInRoom = "AlreadyInGroup"
)

// Enter brings a session into a room, when the actor may come in. A browser is in one room without a list of members at
// a time: it leaves the one before, unless that is its account's own.
func (c *Channel) Enter(ctx context.Context, s Session, room string) (Entered, error) {
	a := s.Actor()
	if s.InRoom(room) {
		facts, err := c.o.Rooms.Get(ctx, a.App, room)
		if err != nil {
			return Entered{}, err
		}
		c.arrived(ctx, a, facts, false)
		return Entered{Status: AlreadyInRoom, Room: facts, Count: c.Count(a.App, room)}, nil
	}
	facts, err := c.o.Rooms.Join(ctx, a, room)
	if err != nil {
		return Entered{}, err
	}
	if !facts.Listed() && a.Platform == im.PlatformWeb {
		c.leaveOthers(ctx, s)
	}
	if err := c.join(ctx, s, facts, c.o.Recent, true); err != nil {
		return Entered{}, err
	}
	if facts.Listed() { // the account's other sessions are in it, too
		c.Came(a.App, room, []string{a.User})
	}
	return Entered{Status: EnteredRoom, Room: facts, Count: c.Count(a.App, room)}, nil
}

// join subscribes a session, and has it told when its account was not there before.
func (c *Channel) join(ctx context.Context, s Session, facts *rooms.Facts, recent int, tell bool) error {
	a, room := s.Actor(), facts.ID
	if err := c.o.Join(s, room, recent); err != nil {
		return unavailable(err)
	}
	c.arrived(ctx, a, facts, tell)
	// Who was banned or taken off the list in between, or whose session ended, is not to stay.
	if err := c.stillMay(ctx, a, facts); err != nil {
		c.o.Bus.Part(a.App, room, "", a.Session)
		c.departed(a, room, quits, tell)
		return err
	}
	if !s.InRoom(room) {
		c.departed(a, room, quits, tell)
	}
	return nil
}

// stillMay tells what keeps an account from a room since it was known that it may be there.
func (c *Channel) stillMay(ctx context.Context, a im.Actor, before *rooms.Facts) error {
	now, err := c.o.Rooms.Get(ctx, a.App, before.ID)
	if err != nil {
		return err
	}
	if now.Banned(a.User, c.o.Now()) {
		return im.ErrBanned
	}
	_, was := before.Member(a.User)
	if _, is := now.Member(a.User); was && !is {
		return im.ErrNotMember
	}
	return nil
}

// leaveOthers takes a session out of the rooms without a list of members that are not its account's own.
func (c *Channel) leaveOthers(ctx context.Context, s Session) {
	a := s.Actor()
	for _, other := range s.Rooms() {
		facts, err := c.o.Rooms.Get(ctx, a.App, other)
		if err == nil && (facts.Listed() || a.User != "" && facts.Owner == a.User) {
			continue
		}
		c.o.Bus.Part(a.App, other, "", a.Session)
		c.departed(a, other, quits, true)
	}
}

// arrived notes that a session is in a room. Who comes onto the list of a room, or off it, package rooms tells.
func (c *Channel) arrived(ctx context.Context, a im.Actor, facts *rooms.Facts, tell bool) {
	if a.Anonymous() {
		return
	}
	info := im.TipMemberInfo{Account: a.User}
	if account, err := c.o.People.Account(ctx, a.App, a.User); err == nil {
		info.Nick, info.Avatar = account.Profile[im.TagNick], account.Profile[im.TagImage]
	}
	tell = tell && !facts.Listed()
	wanted := tell && c.wantsCrowd(a.App)
	r := c.lock(key{a.App, facts.ID})
	defer r.mu.Unlock()
	if !facts.Listed() {
		r.crowd.typ = facts.Type // of who came over from another node others hear when it leaves
	}
	g := r.here[a.User]
	if g == nil {
		g = &guest{info: info}
		r.here[a.User] = g
		if tell {
			r.noteLocked(info, joins, wanted)
		}
	}
	if !slices.Contains(g.sessions, a.Session) {
		g.sessions = append(g.sessions, a.Session)
	}
}

// departed notes that a session is in a room no longer.
func (c *Channel) departed(a im.Actor, room string, why cause, tell bool) {
	wanted := tell && !a.Anonymous() && c.wantsCrowd(a.App)
	r := c.find(key{a.App, room})
	if r == nil {
		return
	}
	defer r.mu.Unlock()
	g := r.here[a.User]
	if g == nil {
		return
	}
	g.sessions = slices.DeleteFunc(g.sessions, func(s string) bool { return s == a.Session })
	if len(g.sessions) > 0 {
		return
	}
	delete(r.here, a.User)
	if !tell {
		return
	}
	if r.crowd.typ != "" {
		r.noteLocked(g.info, why, wanted)
	}
	c.behind(func() { c.freeSeat(a, room) })
}

// freeSeat frees the seat of an account that is in a room on no connection any more.
func (c *Channel) freeSeat(a im.Actor, room string) {
	facts, err := c.o.Rooms.Get(c.ctx, a.App, room)
	if err != nil || !facts.Seated(a.User) || c.o.Bus.IsIn(a.App, room, a.User) { // perhaps at another node
		return
	}
	if err := c.o.Rooms.Left(c.ctx, a.App, room, a.User); err != nil {
		c.o.Log.Warn("cannot free a seat", "app", a.App, "room", room, "user", a.User, "error", err)
	}
}

// isHere tells whether an account's session is in a room.
func (c *Channel) isHere(a im.Actor, room string) bool {
	r := c.find(key{a.App, room})
	if r == nil {
		return false
	}
	defer r.mu.Unlock()
	g := r.here[a.User]
	return g != nil && slices.Contains(g.sessions, a.Session)
}

// Exit takes the actor's session out of a room. Its account goes off the list of a room that has one, and so all of its
// sessions go.
func (c *Channel) Exit(ctx context.Context, a im.Actor, room string) error {
	facts, err := c.o.Rooms.Get(ctx, a.App, room)
	if err == nil && facts.Listed() {
		if err := c.o.Rooms.Quit(ctx, a, room); err != nil {
			return err
		}
		c.o.Bus.Part(a.App, room, a.User, "")
		c.announce(opOut, out{App: a.App, Room: room, Users: []string{a.User}})
		return nil
	}
	if !a.Anonymous() && !c.isHere(a, room) {
		return im.ErrNotMember
	}
	c.o.Bus.Part(a.App, room, "", a.Session)
	c.departed(a, room, quits, true)
	return nil
}

// Opened is told of each new session, before its first call. One that came over from another node is in its rooms
// already; an account's session gets what is said in the rooms with a list of members that the account is on.
func (c *Channel) Opened(ctx context.Context, s Session) {
	a := s.Actor()
	for _, room := range s.Rooms() {
		facts, err := c.o.Rooms.Get(ctx, a.App, room)
		switch {
		case errors.Is(err, im.ErrNoRoom), err == nil && !c.mayStay(a, facts): // put out while it came over
			c.o.Bus.Part(a.App, room, "", a.Session)
		case err == nil:
			c.arrived(ctx, a, facts, false)
		}
	}
	if a.Anonymous() {
		return
	}
	own, err := c.o.Rooms.Of(ctx, a.App, a.User)
	if err != nil {
		c.o.Log.Warn("cannot list the rooms of a user", "app", a.App, "user", a.User, "error", err)
	}
	for _, room := range own {
		c.joinOwn(ctx, s, room)
	}
}

// joinOwn has a session get what is said in a room whose list its account is on.
func (c *Channel) joinOwn(ctx context.Context, s Session, room string) {
	a := s.Actor()
	if s.InRoom(room) || !a.MayEnter(room) {
		return
	}
	facts, err := c.o.Rooms.Get(ctx, a.App, room)
	if err != nil || !facts.Listed() {
		return
	}
	if _, member := facts.Member(a.User); !member {
		return
	}
	if err := c.join(ctx, s, facts, 0, false); err != nil {
		c.o.Log.Debug("a session does not get what is said in a room", "app", a.App, "room", room, "user", a.User, "error", err)
	}
}

// mayStay tells whether an actor may be in a room that it once came into.
func (c *Channel) mayStay(a im.Actor, facts *rooms.Facts) bool {
	if facts.Banned(a.User, c.o.Now()) || facts.Status == rooms.Forbidden {
		return false
	}
	_, member := facts.Member(a.User)
	return member || !facts.Listed()
}

// Ended is told once that a session is over: its account leaves the session's rooms. lost: its connection was lost, and
// not closed. A session that goes on at another node has not ended, but Moved.
func (c *Channel) Ended(s Session, lost bool) {
	why := quits
	if lost {
		why = breaks
	}
	for _, room := range s.Rooms() {
		c.departed(s.Actor(), room, why, true)
	}
}

// Moved is told that a session goes on at another node.
func (c *Channel) Moved(s Session) {
	for _, room := range s.Rooms() {
		c.departed(s.Actor(), room, quits, false)
	}
}
