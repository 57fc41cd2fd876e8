package channel

import (
	"errors"

	"weir/room/im"
)

var (
	// errMoved: the node that was asked does not own the room, or not any more. It has a number that no client sees, so
	// that it goes between nodes as what it is.
	errMoved = &im.Error{Number: -1, Code: "room_moved", Info: "another node owns the room"}
	// errClosed: Run is over.
	errClosed = errors.New("the channel is closed")
)
