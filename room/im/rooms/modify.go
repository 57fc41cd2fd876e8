package rooms

import (
	"context"

	"weir/room/im"
	"weir/room/store"
)

// Change is what shall be otherwise of a room; nil stays as it is.
type Change struct {
	Name, Introduction, Notification, Face *string
	Join                                   *string
	MaxMembers                             *int
	MuteAll                                *bool
	// Fields are the custom fields to set; an empty value deletes one.
	Fields []im.FieldPair
}

// Modify changes a room's facts, and tells once what did change. In a room without a list of members the owner may, and
// administrators of the app; in others its admins may change texts too, and in a private one every member. Custom
// fields are changed by whom their definition lets.
func (r *Rooms) Modify(ctx context.Context, a im.Actor, id string, c Change) error {
	return im.ErrInternal
}

// SetOwner gives a room with a list of members to another member.
func (r *Rooms) SetOwner(ctx context.Context, a im.Actor, id, owner string) error {
	return im.ErrInternal
}

// SetStatus opens, pauses or closes a room: its owner and admins may. Only administrators of the app forbid it, and
// end that.
func (r *Rooms) SetStatus(ctx context.Context, a im.Actor, id, status string) error {
	return im.ErrInternal
}

// Info is a room as an actor may see it.
type Info struct {
	store.Room     // with those custom fields that the actor may read
	Members    int // on the list
}

// Info is a room as an actor may see it.
func (r *Rooms) Info(ctx context.Context, a im.Actor, id string) (Info, error) {
	return Info{}, im.ErrInternal
}

// List is the ids of an app's rooms of a type, of all types when it is empty; at most limit after the id after, where
// to go on ("" at the end), and how many there are.
func (r *Rooms) List(ctx context.Context, app int, typ string, limit int, after string) (ids []string, next string, total int, err error) {
	return nil, "", 0, im.ErrInternal
}

// Of is the ids of the rooms that an account is a member of, or owns.
func (r *Rooms) Of(ctx context.Context, app int, account string) ([]string, error) {
	return nil, im.ErrInternal
}
