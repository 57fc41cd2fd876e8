package rooms

import (
	"context"

	"weir/room/im"
	"weir/room/store"
)

// Added is what became of one account that was to become a member.
type Added struct {
	Account string
	Result  Result
}

// Result is what became of it, by the numbers of the wire.
type Result int

// What became of it.
const (
	AddFailed  Result = 0 // it does not exist, was refused or found no room
	AddDone    Result = 1
	AddAlready Result = 2
)

// MemberChange is what shall be otherwise of a member; nil stays as it is.
type MemberChange struct {
	Role     *string // Admin or Member
	NameCard *string
	Fields   []im.FieldPair // an empty value deletes one
}

// AddMembers puts accounts onto the list of a room, at most 300. Silent leaves out the notice.
func (r *Rooms) AddMembers(ctx context.Context, a im.Actor, id string, accounts []string, silent bool) ([]Added, error) {
	return nil, im.ErrInternal
}

// RemoveMembers takes accounts, at most 100, off the list of a room and puts them out. Silent leaves out the notice.
func (r *Rooms) RemoveMembers(ctx context.Context, a im.Actor, id string, accounts []string, reason string, silent bool) error {
	return im.ErrInternal
}

// Members is a page of a room's list as an actor may see it, and how long the list is.
func (r *Rooms) Members(ctx context.Context, a im.Actor, id string, limit, offset int) ([]store.Member, int, error) {
	return nil, 0, im.ErrInternal
}

// ModifyMember changes a member's role, name card and custom fields: its own card and fields everybody may, others'
// those who stand above, and roles the owner.
func (r *Rooms) ModifyMember(ctx context.Context, a im.Actor, id, account string, c MemberChange) error {
	return im.ErrInternal
}

// Join is how an actor comes into a room: it asks whether it may, and in a room with a list of members puts it onto the
// list when it is not yet. Everybody who enters goes through it, anonymous viewers too.
func (r *Rooms) Join(ctx context.Context, a im.Actor, id string) (*Facts, error) {
	return nil, im.ErrInternal
}

// Quit takes the actor off the list of a room; an owner stays.
func (r *Rooms) Quit(ctx context.Context, a im.Actor, id string) error { return im.ErrInternal }
