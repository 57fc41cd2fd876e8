package rooms

import (
	"context"

	"weir/room/im"
)

// MayPublish tells, with nil, that a user may publish media into a room, beside what room/auth says of it. Into a room
// that is not known or has no owner everybody may; else its owner and admins, who has a seat, and administrators of the
// app. Nobody may when it is closed or forbidden, and who is banned never.
func (r *Rooms) MayPublish(ctx context.Context, app int, room, user string, admin bool) error {
	return im.ErrInternal
}
