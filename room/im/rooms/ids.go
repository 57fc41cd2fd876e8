package rooms

import (
	"crypto/rand"
	"strings"

	"weir/room/auth"
	"weir/room/im"
)

// madePrefix begins the ids that are made here, and no others.
const madePrefix = "@TGS#"

// makeID makes an id that nobody can guess.
func makeID() string { return madePrefix + rand.Text()[:16] }

// checkID refuses an id that a room may not be given. The wire allows all printable ASCII up to 48 bytes; those that
// auth.CheckRoom does not let media have are refused too, since media meets its room under the room's id.
func checkID(id string) error {
	if strings.HasPrefix(id, madePrefix) {
		return im.ErrBadRoomID.With("a room id that is given does not start with %s", madePrefix)
	}
	if err := auth.CheckRoom(id); err != nil {
		return im.ErrBadRoomID.With("%v", err)
	}
	return nil
}
