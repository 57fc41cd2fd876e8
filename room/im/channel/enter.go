package channel

import (
	"context"

	"weir/room/im"
	"weir/room/im/rooms"
)

// Entered is the answer to Enter.
type Entered struct {
	Status string // EnteredRoom or AlreadyInRoom
	// Room is what is known of the room; its custom fields are those of all readers, see rooms.Rooms.Info.
	Room *rooms.Facts
	// Count is how many are in it.
	Count int
}

// Enter brings a session into a room, when the actor may come in. A browser is in one room without a list of members at
// a time: it leaves the one before, unless that is its account's own.
func (c *Channel) Enter(ctx context.Context, s Session, room string) (Entered, error) {
	return Entered{}, im.ErrInternal
}
