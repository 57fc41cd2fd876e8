package rooms

import (
	"context"

	"weir/room/im"
	"weir/room/store"
)

// Info is a room as an actor may see it.
type Info struct {
	store.Room     // with those custom fields that the actor may read
	Members    int // on the list
}

// Info is a room as an actor may see it.
func (r *Rooms) Info(ctx context.Context, a im.Actor, id string) (Info, error) {
	f, err := r.Get(ctx, a.App, id)
	if err != nil {
		return Info{}, err
	}
	set, err := r.fields.get(ctx, key{app: a.App})
	if err != nil {
		return Info{}, err
	}
	info := Info{Room: f.Room, Members: f.Members()}
	info.Fields = set.readable(ofRooms(f.Type), f.reader(a), f.Fields)
	return info, nil
}

// reader is what an actor reads as. In a room without a list everybody may be, so that all read what members may.
func (f *Facts) reader(a im.Actor) Role {
	if !f.Listed() {
		return max(Member, f.Role(a))
	}
	return f.Role(a)
}

// List is the ids of an app's rooms of a type, of all types when it is empty; at most limit after the id after, where
// to go on ("" at the end), and how many there are.
func (r *Rooms) List(ctx context.Context, app int, typ string, limit int, after string) (ids []string, next string, total int, err error) {
	if typ != "" {
		if err := checkType(typ); err != nil {
			return nil, "", 0, err
		}
	}
	if limit < 1 {
		return nil, "", 0, im.ErrBadParameter.With("a limit is at least 1")
	}
	ids, next, total, err = r.o.Store.Rooms(ctx, app, typ, min(limit, maxList), after)
	if err != nil {
		return nil, "", 0, failed("list rooms", err)
	}
	return ids, next, total, nil
}

// maxList is how many rooms are listed at once.
const maxList = 10_000

// Of is the ids of the rooms that an account is a member of, or owns.
func (r *Rooms) Of(ctx context.Context, app int, account string) ([]string, error) {
	ids, err := r.o.Store.RoomsOf(ctx, app, account)
	if err != nil {
		return nil, failed("list the rooms of an account", err)
	}
	return ids, nil
}
