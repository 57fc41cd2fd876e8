package channel

import (
	"encoding/json"
	"time"

	"weir/room/hook"
	"weir/room/im"
)

// batch is what one publication of a room is made of. Batches are used again.
type batch struct {
	chosen, cut, moved []*entry
	before, after      []im.Message // tips around the messages
	messages           []*im.Message
	crowd              crowd
}

func (b *batch) reset() {
	clear(b.chosen)
	clear(b.cut)
	clear(b.moved)
	clear(b.before)
	clear(b.after)
	clear(b.messages)
	*b = batch{
		chosen: b.chosen[:0], cut: b.cut[:0], moved: b.moved[:0],
		before: b.before[:0], after: b.after[:0], messages: b.messages[:0],
	}
}

// flush publishes what is due, or at the end all that waits. What is to be told of it is told afterwards, while the next
// publication may be on its way already.
func (r *room) flush(last bool) {
	b := r.publish(last)
	if b == nil {
		return
	}
	r.c.tellBatch(r.k, b)
	b.reset()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.spare = b
}

// publish publishes what is due, and returns it.
func (r *room) publish(last bool) *batch {
	r.publishing.Lock()
	defer r.publishing.Unlock()
	b, due := r.decide(last)
	if b == nil {
		return nil
	}
	r.crowdTips(b)
	b.collect()
	if len(b.messages) == 0 {
		return b
	}
	began := time.Now()
	data := im.AppendPublication(make([]byte, 0, b.size()), im.AppendMessage, b.messages...)
	if err := r.c.o.Bus.Publish(r.k.app, r.k.room, data); err != nil {
		r.c.stats.failures.Inc()
		r.c.o.Log.Warn("cannot publish into a room", "app", r.k.app, "room", r.k.room, "messages", len(b.messages), "error", err)
	}
	r.c.stats.published(began, r.c.o.Now().Sub(due), len(b.messages))
	return b
}

// decide takes what goes out now, if anything does, and tells the planned time of it.
func (r *room) decide(last bool) (b *batch, due time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.c.o.Now()
	due, ok := r.dueLocked(now)
	if last && !r.due.IsZero() {
		due, ok = now, true
	}
	if !ok {
		return nil, due
	}
	b, r.spare = r.spare, nil
	if b == nil {
		b = new(batch)
	}
	r.due, r.last, r.used = time.Time{}, due, now
	if r.window != nil {
		b.chosen, b.cut = r.window.Take(due, b.chosen, b.cut)
		if all, high := r.window.Waiting(); high > 0 {
			r.highLocked(now)
		} else if all > 0 {
			r.soonLocked(now)
		}
		b.keepBack(r.numbers.floor)
	}
	r.crowdLocked(b, now)
	r.tipsLocked(b, now)
	return b, due
}

// keepBack takes out what has a number lower than those that a new owner of the room gives: it is numbered anew there.
func (b *batch) keepBack(floor uint64) {
	n := 0
	for n < len(b.chosen) && b.chosen[n].Message.Seq < floor {
		n++
	}
	b.moved = append(b.moved, b.chosen[:n]...)
	b.chosen = append(b.chosen[:0], b.chosen[n:]...)
}

// collect lists the messages in the order in which they go out.
func (b *batch) collect() {
	for i := range b.before {
		b.messages = append(b.messages, &b.before[i])
	}
	for _, e := range b.chosen {
		b.messages = append(b.messages, &e.Message)
	}
	for i := range b.after {
		b.messages = append(b.messages, &b.after[i])
	}
}

// size is about how long the publication will be.
func (b *batch) size() int {
	n := 16
	for _, m := range b.messages {
		n += 160 + len(m.Room) + len(m.From) + len(m.Nick) + len(m.Avatar) + len(m.Cloud)
		for _, e := range m.Body {
			n += 40 + len(e.Type) + len(e.Content)
		}
	}
	return n
}

// tellBatch tells the senders and the application's server what became of messages.
func (c *Channel) tellBatch(k key, b *batch) {
	for _, e := range b.chosen {
		e.decide(chosen)
	}
	if len(b.moved) > 0 {
		c.moveOn(b.moved)
	}
	c.stats.messages.WithLabelValues("sent").Add(float64(len(b.chosen)))
	wanted := len(b.chosen) > 0 && c.o.Hooks.Wants(k.app, hook.GroupAfterSend)
	for _, e := range b.chosen {
		if wanted && !e.NoAfter {
			c.tell(e, hook.GroupAfterSend, hook.GroupMessageSent{
				GroupMessage: e.callback(), Seq: e.Message.Seq, Time: e.Message.Time, Nick: e.Message.Nick,
			})
		}
	}
	for _, e := range b.cut {
		c.tellCut(e)
	}
	c.tellCrowd(k, &b.crowd)
}

// moveOn has the room's new owner take messages: those of one sender one after the other, so that they keep their order.
// Their senders have the numbers that they got here.
func (c *Channel) moveOn(list []*entry) {
	senders := make(map[string][]*entry)
	for _, e := range list {
		senders[e.Message.From] = append(senders[e.Message.From], e)
	}
	for _, own := range senders {
		begun := c.behind(func() {
			for _, e := range own {
				e.decide(c.handOn(e))
			}
		})
		if !begun {
			for _, e := range own {
				e.decide(failed)
			}
		}
	}
}

// handOn has the room's new owner take a message.
func (c *Channel) handOn(e *entry) outcome {
	again := *e
	again.decided, again.settled = nil, nil
	if _, err := c.accept(c.ctx, &again); err != nil {
		c.o.Log.Warn("cannot hand a message on", "app", e.Message.App, "room", e.Message.Room, "error", err)
		return failed
	}
	return moved
}

// tellCut tells of a message that did not get into its window. Its sender does not see it.
func (c *Channel) tellCut(e *entry) {
	e.decide(cut)
	c.stats.messages.WithLabelValues("cut").Inc()
	if c.o.Hooks.Wants(e.Message.App, hook.GroupSendException) {
		c.tell(e, hook.GroupSendException, hook.GroupMessageCut{
			GroupMessage: e.callback(), Code: im.ErrSendRate.Number, Info: im.ErrSendRate.Info,
		})
	}
}

func (c *Channel) tell(e *entry, command string, body hook.Body) {
	c.o.Hooks.Tell(hook.Call{App: e.Message.App, Command: command, Actor: e.Actor, Body: body})
}

// callback is the message as callbacks show it.
func (e *entry) callback() hook.GroupMessage {
	m := &e.Message
	online := 0
	if e.OnlineOnly {
		online = 1
	}
	return hook.GroupMessage{
		Room: m.Room, Type: e.Type, From: m.From, Operator: e.Actor.User, Random: m.Random,
		OnlineOnly: online, MsgBody: m.Body, Cloud: m.Cloud,
	}
}

// element makes the only element of a message of the room itself.
func (c *Channel) element(typ string, content any) []im.Element {
	data, err := json.Marshal(content)
	if err != nil {
		c.o.Log.Error("cannot render a notice", "type", typ, "error", err)
		return nil
	}
	return []im.Element{{Type: typ, Content: data}}
}
