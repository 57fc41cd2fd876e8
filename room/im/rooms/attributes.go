package rooms

import (
	"context"

	"weir/room/im"
)

// AttributeChange is what shall be otherwise of a room's attributes.
type AttributeChange struct {
	Set     map[string]string
	Delete  []string
	Replace bool // Set is all that there shall be; without Set: nothing
	// Seq is the main sequence that the caller knows, nil when it does not matter: the change is refused with
	// im.ErrAttributeConflict when it is another by now.
	Seq *uint64
}

// Attributes are a room's attributes, and the main sequence, which grows with every change.
type Attributes struct {
	Values map[string]string
	Seq    uint64
}

// SetAttributes changes a room's attributes: its owner and admins may, and who has a seat.
func (r *Rooms) SetAttributes(ctx context.Context, a im.Actor, id string, c AttributeChange) (seq uint64, err error) {
	return 0, im.ErrInternal
}

// Attributes are a room's attributes. The map is shared: it is not to be changed.
func (r *Rooms) Attributes(ctx context.Context, a im.Actor, id string) (Attributes, error) {
	return Attributes{}, im.ErrInternal
}
