package channel

import (
	"maps"
	"time"

	"weir/room/im"
)

const (
	// maxTips is how many notices of a room wait for its next publication at most; of more the oldest are lost.
	maxTips = 256
	// watchEvery is how often a room hears how many watch a stream.
	watchEvery = 3 * time.Second
	// maxWatched is of how many streams of a room that is told.
	maxWatched = 32
)

// watching is how many watch a stream, and when that was told last.
type watching struct {
	event im.Event
	news  bool
	told  time.Time
}

// tip makes the message of a notice.
func (c *Channel) tip(k key, t im.Tip) im.Message {
	return c.own(k, im.KindTip, c.element(im.ElemTip, t))
}

// own makes a message of the room itself. It has no number.
func (c *Channel) own(k key, kind im.Kind, body []im.Element) im.Message {
	return im.Message{
		App: k.app, Room: k.room, Kind: kind, Time: c.o.Now().Unix(), Media: c.o.MediaTime(k.app, k.room), Body: body,
	}
}

// Tip tells everybody in a room what happened, at once, but for counters: their latest values are told with the next
// window. It is rooms.Teller's.
func (c *Channel) Tip(app int, room string, t im.Tip) {
	k := key{app, room}
	if t.Op == im.TipCounter {
		r := c.lock(k)
		defer r.mu.Unlock()
		if r.counters == nil {
			r.counters = make(map[string]int64)
		}
		maps.Copy(r.counters, t.Counters)
		r.soonLocked(c.o.Now())
		return
	}
	c.say(k, c.tip(k, t))
}

// say has a message of the room itself go out at once, apart from all limits.
func (c *Channel) say(k key, m im.Message) {
	r := c.lock(k)
	defer r.mu.Unlock()
	r.sayLocked(m)
}

func (r *room) sayLocked(m im.Message) {
	if len(r.tips) >= maxTips {
		r.tips = append(r.tips[:0], r.tips[1:]...)
		r.c.stats.messages.WithLabelValues("tip_lost").Inc()
	}
	r.tips = append(r.tips, m)
	r.urgentLocked(r.c.o.Now())
}

// tipsLocked takes what the room itself has to tell.
func (r *room) tipsLocked(b *batch, now time.Time) {
	if len(r.counters) > 0 {
		b.after = append(b.after, r.c.tip(r.k, im.Tip{Op: im.TipCounter, Counters: r.counters}))
		clear(r.counters)
	}
	b.after = append(b.after, r.tips...)
	clear(r.tips)
	r.tips = r.tips[:0]
	for _, w := range r.watching {
		if !w.news {
			continue
		}
		if next := w.told.Add(watchEvery); next.After(now) {
			r.atLocked(next, now)
			continue
		}
		w.news, w.told = false, now
		b.after = append(b.after, r.c.own(r.k, im.KindEvent, r.c.element(im.ElemEvent, w.event)))
	}
}

// TipTo tells those of the users who are connected, in the room or not. It is rooms.Teller's.
func (c *Channel) TipTo(app int, room string, users []string, t im.Tip) {
	c.sayTo(users, c.tip(key{app, room}, t))
}

// sayTo sends a message of a room itself to some accounts.
func (c *Channel) sayTo(users []string, m im.Message) {
	data := im.AppendPublication(nil, im.AppendPersonal, &m)
	for _, user := range users {
		if err := c.o.Bus.PublishTo(m.App, user, data); err != nil {
			c.o.Log.Warn("cannot tell a user", "app", m.App, "room", m.Room, "user", user, "error", err)
		}
	}
}

// The kinds of events that this package treats in a way of its own.
const (
	eventViewers = "stream.viewers"
	eventEnded   = "stream.ended"
)

// Event tells everybody in a room what happened to its media. How many watch is told every few seconds at most, and to
// nobody when nobody is in the room.
func (c *Channel) Event(app int, room string, e im.Event) {
	k := key{app, room}
	if e.Type != eventViewers {
		if r := c.find(k); r != nil && e.Type == eventEnded {
			delete(r.watching, e.Stream)
			r.mu.Unlock()
		} else if r != nil {
			r.mu.Unlock()
		}
		c.say(k, c.own(k, im.KindEvent, c.element(im.ElemEvent, e)))
		return
	}
	if c.o.Bus.Count(app, room) == 0 {
		return
	}
	r := c.lock(k)
	defer r.mu.Unlock()
	w := r.watching[e.Stream]
	if w == nil {
		if len(r.watching) >= maxWatched {
			return
		}
		if r.watching == nil {
			r.watching = make(map[string]*watching)
		}
		w = new(watching)
		r.watching[e.Stream] = w
	}
	w.event, w.news = e, true
	now := c.o.Now()
	if next := w.told.Add(watchEvery); next.After(now) {
		r.atLocked(next, now)
		return
	}
	r.soonLocked(now)
}
