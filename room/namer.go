package room

import (
	"strconv"

	"weir/room/auth"
	"weir/room/live"
)

// publishing is where publishers take streams; *live.Registry is it.
type publishing interface {
	Publish(k live.Key, o live.PublishOptions) (*live.Publisher, error)
	Stream(k live.Key) (*live.Stream, bool)
}

// Namer is the hub as publishers see it: it looks after the stream ids that they ask for, and gives one to each stream of
// an app that has its streams relayed by itself.
type Namer struct {
	hub publishing
	all func(app int) bool
}

// NewNamer returns the Namer of a hub. all tells whether each stream of an app is to have an id; nil: of none.
func NewNamer(hub publishing, all func(app int) bool) *Namer {
	if all == nil {
		all = func(int) bool { return false }
	}
	return &Namer{hub: hub, all: all}
}

// Publish takes the writing end of a stream; see live.Registry.Publish.
//
// Errors beside those: auth.ErrBadID and auth.ErrForeignID for an id that the publisher may not give.
func (n *Namer) Publish(k live.Key, o live.PublishOptions) (*live.Publisher, error) {
	app, err := strconv.Atoi(k.App)
	if err != nil {
		return n.hub.Publish(k, o) // no cloud has such an app
	}
	if o.ID != "" {
		if err := auth.MayHaveID(o.ID, app, k.Room, o.User); err != nil {
			return nil, err
		}
	} else if n.all(app) {
		o.ID = n.free(k, auth.CloudID(app, k.Room, o.User, k.Stream))
	}
	return n.hub.Publish(k, o)
}

// free is the id, or none when another stream has it: a user may publish several, of which the first is the one that a
// cloud would know.
func (n *Namer) free(k live.Key, id string) string {
	if s, there := n.hub.Stream(live.IDKey(k.App, id)); there && s.Key() != k {
		return ""
	}
	return id
}
