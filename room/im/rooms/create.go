package rooms

import (
	"context"

	"weir/room/im"
	"weir/room/store"
)

// NewRoom is what a room shall be.
type NewRoom struct {
	ID           string // empty: one is made
	Type         string // one of the types above
	Name         string
	Owner        string // an account; empty: whoever asks, or nobody where that is an administrator of the app
	Introduction string
	Notification string
	Face         string
	Join         string // empty: FreeAccess
	MaxMembers   int    // 0: as many as the type has
	Fields       []im.FieldPair
	Members      []NewMember
}

// NewMember is who shall be a member.
type NewMember struct {
	Account string
	Role    string // Admin or Member; empty: Member
	Fields  []im.FieldPair
}

// Create makes a room. The refusals are those of the wire: im.ErrBadRoomID for an id that no room may have (also one
// that media cannot have, see auth.CheckRoom), im.ErrRoomTaken, im.ErrRoomYours, im.ErrNoAccount for an owner who does
// not exist, im.ErrNoPermission for members of a room that has no list.
func (r *Rooms) Create(ctx context.Context, a im.Actor, n NewRoom) (store.Room, error) {
	return store.Room{}, im.ErrInternal
}

// Destroy ends a room for good: its owner may, and administrators of the app.
func (r *Rooms) Destroy(ctx context.Context, a im.Actor, id string) error { return im.ErrInternal }
