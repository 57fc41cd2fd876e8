package rooms

import (
	"context"

	"weir/room/im"
	"weir/room/store"
)

// Mute keeps accounts, at most 100, from sending into a room for some seconds: 0 lets them again, Forever is for good.
// It holds whether they are in the room or not.
func (r *Rooms) Mute(ctx context.Context, a im.Actor, id string, accounts []string, seconds uint32) error {
	return im.ErrInternal
}

// Mutes is who may not send into a room now, and until when.
func (r *Rooms) Mutes(ctx context.Context, a im.Actor, id string) ([]store.Until, error) {
	return nil, im.ErrInternal
}

// Ban puts accounts, at most 20, out of a room without a list of members and keeps them out for some seconds.
func (r *Rooms) Ban(ctx context.Context, a im.Actor, id string, accounts []string, seconds uint32) error {
	return im.ErrInternal
}

// Unban lets accounts, at most 20, come in again.
func (r *Rooms) Unban(ctx context.Context, a im.Actor, id string, accounts []string) error {
	return im.ErrInternal
}

// Bans is a page of who is kept out of a room now, and how many they are.
func (r *Rooms) Bans(ctx context.Context, a im.Actor, id string, limit, offset int) ([]store.Until, int, error) {
	return nil, 0, im.ErrInternal
}
