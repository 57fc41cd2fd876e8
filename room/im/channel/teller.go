package channel

import (
	"context"
	"slices"
	"time"

	"weir/room/im"
)

// clearAfter is how long after the end of a room those who were in it are taken out: its last notice may take another
// way to them.
const clearAfter = 200 * time.Millisecond

// maxTold is how many accounts one notice to some is for.
const maxTold = 500

// Came has the sessions of accounts that came onto the list of a room get what is said in it, at all nodes. It is
// rooms.Teller's.
func (c *Channel) Came(app int, room string, users []string) {
	c.announce(opCame, out{App: app, Room: room, Users: users})
}

// cameHere is Came at this node.
func (c *Channel) cameHere(ctx context.Context, o out) {
	for _, user := range o.Users {
		for _, s := range c.o.Sessions(o.App, user) {
			c.joinOwn(ctx, s, o.Room)
		}
	}
}

// PutOut puts users out of a room, at all nodes, and tells them why. It is rooms.Teller's.
func (c *Channel) PutOut(app int, room string, users []string, why im.NoticeOp) {
	for _, user := range users {
		c.o.Bus.Part(app, room, user, "")
	}
	c.announce(opOut, out{App: app, Room: room, Users: users})
	k := key{app, room}
	c.sayTo(users, c.own(k, im.KindNotice, c.element(im.ElemNotice, im.Notice{Op: why})))
}

// outHere forgets those who were put out.
func (c *Channel) outHere(o out) {
	r := c.find(key{o.App, o.Room})
	if r == nil {
		return
	}
	defer r.mu.Unlock()
	for _, user := range o.Users {
		delete(r.here, user)
	}
}

// Gone tells everybody that a room is no more, and puts them out. It is rooms.Teller's.
func (c *Channel) Gone(app int, room string) {
	k := key{app, room}
	c.say(k, c.own(k, im.KindNotice, c.element(im.ElemNotice, im.Notice{Op: im.NoticeDismissed})))
	r := c.lock(k)
	r.mu.Unlock()
	r.flush(true)
	c.announce(opGone, out{App: app, Room: room})
	c.behind(func() {
		if pause(c.ctx, clearAfter) != nil {
			return
		}
		if _, err := c.o.Rooms.Get(c.ctx, app, room); err != nil { // it was not made anew in between
			c.o.Bus.Clear(app, room)
		}
	})
}

// goneHere forgets what went on in a room.
func (c *Channel) goneHere(o out) {
	k := key{o.App, o.Room}
	c.mu.Lock()
	r := c.rooms[k]
	delete(c.rooms, k)
	if r != nil {
		r.mu.Lock()
		r.dropped = true
		r.mu.Unlock()
	}
	c.mu.Unlock()
	if r != nil {
		r.finish()
	}
}

// Notice sends a text of the application to those in a room, or only to some accounts: administrators of the app may.
// It has no number, is not kept and counts for no limit.
func (c *Channel) Notice(ctx context.Context, a im.Actor, room, text string, to []string) error {
	if !a.Admin {
		return im.ErrNoPermission
	}
	if len(text) > im.MaxMessage {
		return im.ErrTooLong
	}
	if len(to) > maxTold {
		return im.ErrTooMany
	}
	facts, err := c.o.Rooms.Get(ctx, a.App, room)
	if err != nil {
		return err
	}
	k := key{a.App, room}
	m := c.own(k, im.KindNotice, c.element(im.ElemNotice, im.Notice{Op: im.NoticeCustom, Text: text}))
	if len(to) == 0 {
		c.say(k, m)
		return nil
	}
	if !facts.Listed() {
		return im.ErrNoPermission.With("in a room of this type a notice is for all")
	}
	c.sayTo(slices.DeleteFunc(slices.Clone(to), func(user string) bool {
		_, member := facts.Member(user)
		return !member
	}), m)
	return nil
}
