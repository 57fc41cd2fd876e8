package rooms

import (
	"context"
	"errors"
	"time"

	"weir/room/im"
)

// MayPublish tells, with nil, that a user may publish media into a room, beside what room/auth says of it. Into a room
// that is not known or has no owner everybody may, where it has a list of members those on it; else its owner and
// admins, who has a seat, and administrators of the app. Nobody may when it is closed or forbidden, and who is banned
// never.
func (r *Rooms) MayPublish(ctx context.Context, app int, room, user string, admin bool) error {
	f, err := r.Get(ctx, app, room)
	switch {
	case errors.Is(err, im.ErrNoRoom):
		return nil
	case err != nil:
		return err
	default:
		return f.MayPublish(user, admin, r.o.Now())
	}
}

// MayPublish tells the same of a room that is known; see Rooms.MayPublish.
func (f *Facts) MayPublish(user string, admin bool, now time.Time) error {
	switch {
	case f.ended():
		return im.ErrRoomClosed
	case admin:
		return nil
	case f.Banned(user, now):
		return im.ErrBanned
	}
	role, member := f.Member(user)
	switch {
	case role >= Admin || f.Seated(user):
		return nil
	case f.Owner != "":
		return im.ErrNoPermission.With("only who owns the room or has a seat publishes into it")
	case f.Listed() && !member:
		return im.ErrNotMember
	default:
		return nil
	}
}
