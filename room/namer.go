package room

import (
	"errors"
	"net/url"
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
	asked := o.ID != ""
	if o.ID, err = n.id(app, k, o.User, o.ID); err != nil {
		return nil, err
	}
	p, err := n.hub.Publish(k, o)
	if errors.Is(err, live.ErrIDTaken) && !asked { // another one came in between
		o.ID = ""
		return n.hub.Publish(k, o)
	}
	return p, err
}

// id is the id that a stream gets from a publisher who asks for one, or for none.
func (n *Namer) id(app int, k live.Key, user, asked string) (string, error) {
	switch {
	case asked != "":
		return asked, auth.MayHaveID(asked, app, k.Room, user)
	case n.all(app):
		return n.free(k, auth.CloudID(app, k.Room, user, k.Stream)), nil
	default:
		return "", nil
	}
}

// Of is the stream id of the stream that somebody asks to publish or to play; empty when it has none, or is to get none.
func (n *Namer) Of(app int, user string, r *auth.Request) string {
	k := live.Key{App: auth.AppName(app), Room: r.Room, Stream: r.Stream}
	asked := r.ID
	if r.Action != auth.ActionPublish {
		if s, ok := n.hub.Stream(k); ok {
			return s.Info().ID
		}
		return asked
	}
	if asked == "" {
		q, err := url.ParseQuery(r.Query)
		if err != nil {
			return ""
		}
		asked = q.Get("streamid")
	}
	id, err := n.id(app, k, user, asked)
	if err != nil {
		return "" // nobody publishes with it
	}
	return id
}

// free is the id, or none when another stream has it: a user may publish several, of which the first is the one that a
// cloud would know.
func (n *Namer) free(k live.Key, id string) string {
	if s, there := n.hub.Stream(live.IDKey(k.App, id)); there && s.Key() != k {
		return ""
	}
	return id
}
