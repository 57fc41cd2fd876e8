package rooms

import (
	"context"
	"encoding/json"
	"fmt"
)

// opChanged is the word between nodes that something of a room changed.
const opChanged = "rooms.changed"

// changed is what a node tells all others, and itself, after it wrote a change.
type changed struct {
	App int
	// Room is empty when the definitions of the app's custom fields changed.
	Room string
	// Status is the new one, "" when the room is no more; nil: it did not change.
	Status *string `json:",omitempty"`
	// Lost are those who may perhaps publish no longer.
	Lost []string `json:",omitempty"`
}

// announce has all nodes forget what they know. This one has when it returns, so that whoever made the change sees it.
func (r *Rooms) announce(c changed) {
	r.forget(c)
	data, err := json.Marshal(c)
	if err != nil { // texts and numbers
		r.o.Log.Error("cannot tell other nodes of a change", "err", err)
		return
	}
	r.o.Nodes.Announce(opChanged, data)
}

// forget drops what may be old.
func (r *Rooms) forget(c changed) {
	k := key{c.App, c.Room}
	if c.Room == "" {
		r.fields.drop(k)
		return
	}
	r.facts.drop(k)
	r.attributes.drop(k)
	r.counts.kept.drop(k)
}

// AccountDeleted is told that an account is no more, which the store has taken out of its rooms.
func (r *Rooms) AccountDeleted(app int, account string, rooms []string) {
	for _, room := range rooms {
		r.announce(changed{App: app, Room: room, Lost: []string{account}})
	}
}

// heard is the word of a change, from this node too.
func (r *Rooms) heard(_ context.Context, data []byte) ([]byte, error) {
	var c changed
	if err := json.Unmarshal(data, &c); err != nil {
		return nil, fmt.Errorf("cannot read the word of a change: %w", err)
	}
	r.forget(c)
	if c.Status != nil {
		r.o.StatusChanged(c.App, c.Room, *c.Status)
	}
	for _, user := range c.Lost {
		r.o.PublishLost(c.App, c.Room, user)
	}
	return nil, nil
}
