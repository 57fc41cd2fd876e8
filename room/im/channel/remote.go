package channel

import (
	"context"
	"encoding/json"
	"fmt"
	"time"
)

// What nodes say to each other.
const (
	opSend = "channel.send" // asks the owner of a room to take a message
	opTook = "channel.took" // tells who numbers a room's messages
	opCame = "channel.came" // tells who came onto the list of a room
	opOut  = "channel.out"  // tells who was put out of a room
	opGone = "channel.gone" // tells that a room is no more
)

const (
	// moves is how often a message is tried again at a room's new owner, and movePause is the time between.
	moves     = 40
	movePause = 50 * time.Millisecond
)

type took struct {
	Node  string `json:"node"`
	App   int    `json:"app"`
	Room  string `json:"room"`
	First uint64 `json:"first"`
}

// out is who is in a room no longer, or who came onto its list.
type out struct {
	App   int      `json:"app"`
	Room  string   `json:"room"`
	Users []string `json:"users,omitempty"`
}

// handle says to the bus what this node does for others.
func (c *Channel) handle() {
	c.o.Bus.Handle(opSend, func(ctx context.Context, data []byte) ([]byte, error) {
		var e entry
		if err := json.Unmarshal(data, &e); err != nil {
			return nil, fmt.Errorf("cannot read a message from another node: %w", err)
		}
		sent, err := c.acceptHere(ctx, key{e.Message.App, e.Message.Room}, &e)
		if err != nil {
			return nil, err
		}
		return json.Marshal(sent)
	})
	c.o.Bus.Handle(opTook, heard(c.tookOver))
	c.o.Bus.Handle(opCame, func(ctx context.Context, data []byte) ([]byte, error) {
		return heard(func(o out) { c.cameHere(ctx, o) })(ctx, data)
	})
	c.o.Bus.Handle(opOut, heard(c.outHere))
	c.o.Bus.Handle(opGone, heard(c.goneHere))
}

// heard makes a handler for an announcement.
func heard[T any](f func(T)) func(context.Context, []byte) ([]byte, error) {
	return func(_ context.Context, data []byte) ([]byte, error) {
		var said T
		if err := json.Unmarshal(data, &said); err != nil {
			return nil, fmt.Errorf("cannot read what another node says: %w", err)
		}
		f(said)
		return nil, nil
	}
}

// announce tells all nodes, this one included.
func (c *Channel) announce(op string, said any) {
	data, err := json.Marshal(said)
	if err != nil {
		c.o.Log.Error("cannot tell the other nodes", "op", op, "error", err)
		return
	}
	c.o.Bus.Announce(op, data)
}

// ask asks the owner of a key.
func ask[T any](ctx context.Context, b Bus, key, op string, question any) (answer T, err error) {
	data, err := json.Marshal(question)
	if err != nil {
		return answer, fmt.Errorf("cannot write to another node: %w", err)
	}
	data, err = b.Ask(ctx, key, op, data)
	if err != nil {
		return answer, err
	}
	if err := json.Unmarshal(data, &answer); err != nil {
		return answer, fmt.Errorf("cannot read another node's answer: %w", err)
	}
	return answer, nil
}

// tookOver notes that another node numbers a room's messages now.
func (c *Channel) tookOver(t took) {
	if t.Node == c.node {
		return
	}
	if r := c.find(key{t.App, t.Room}); r != nil {
		r.numbers.floor = max(r.numbers.floor, t.First)
		r.mu.Unlock()
	}
}

// pause waits for a time.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
	return ctx.Err()
}
