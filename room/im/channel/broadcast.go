package channel

import (
	"context"

	"weir/room/im"
	"weir/room/im/rooms"
)

// pageOfRooms is how many rooms a broadcast lists at once.
const pageOfRooms = 1000

// Broadcast sends a message to everybody in every room without a list of members of the app: its administrators may. It
// has a number of its own, by the clock, and none in the rooms, and counts for no limit. One broadcast of an app goes
// out at a time.
func (c *Channel) Broadcast(ctx context.Context, a im.Actor, m Send) (Sent, error) {
	if !a.Admin {
		return Sent{}, im.ErrNoPermission
	}
	if m.From == "" {
		m.From = a.User
	}
	account, err := c.sender(ctx, a, m.From)
	if err != nil {
		return Sent{}, err
	}
	body, err := c.check(ctx, a.App, m.Body, m.Cloud)
	if err != nil {
		return Sent{}, err
	}
	now := c.o.Now()
	message := im.Message{
		App: a.App, From: m.From, Random: m.Random, Time: now.Unix(), Priority: m.Priority, Body: body, Cloud: m.Cloud, Broadcast: true,
	}
	show(&message, account)
	if !c.startBroadcast(a.App) {
		return Sent{}, im.ErrTooOften
	}
	begun := c.behind(func() {
		defer c.endBroadcast(a.App)
		if err := c.broadcast(message); err != nil {
			c.o.Log.Warn("a broadcast did not get to all rooms", "app", a.App, "error", err)
		}
	})
	if !begun {
		c.endBroadcast(a.App)
		return Sent{}, unavailable(errClosed)
	}
	return Sent{Seq: uint64(max(now.Unix(), 0)), Time: now.Unix()}, nil // 32 bits: programs read no more
}

func (c *Channel) startBroadcast(app int) bool {
	c.workMu.Lock()
	defer c.workMu.Unlock()
	runs := c.broadcasting[app]
	c.broadcasting[app] = true
	return !runs
}

func (c *Channel) endBroadcast(app int) {
	c.workMu.Lock()
	defer c.workMu.Unlock()
	delete(c.broadcasting, app)
}

// broadcast publishes a message in all rooms that have somebody in them.
func (c *Channel) broadcast(m im.Message) error {
	data := im.AppendPublication(nil, im.AppendMessage, &m)
	for _, typ := range []string{rooms.AVChatRoom, rooms.BChatRoom} {
		for after := ""; ; {
			ids, next, _, err := c.o.Rooms.List(c.ctx, m.App, typ, pageOfRooms, after)
			if err != nil {
				return err
			}
			for _, id := range ids {
				if c.Count(m.App, id) == 0 {
					continue
				}
				if err := c.o.Bus.Publish(m.App, id, data); err != nil {
					return err
				}
			}
			if next == "" {
				break
			}
			after = next
		}
	}
	return nil
}
