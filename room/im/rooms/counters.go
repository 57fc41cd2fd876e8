package rooms

import (
	"context"

	"weir/room/im"
)

// CountMode is how counters are updated.
type CountMode string

// How.
const (
	CountSet      CountMode = "Set"
	CountIncrease CountMode = "Increase"
	CountDecrease CountMode = "Decrease"
)

// LikesKey is the counter of likes, which every member may raise from the start. Others are there when they were set.
const LikesKey = "likes"

// Count updates counters of a room, at most 20, at once, and gives their new values: its owner and admins may.
func (r *Rooms) Count(ctx context.Context, a im.Actor, id string, mode CountMode, values map[string]int64) (map[string]int64, error) {
	return nil, im.ErrInternal
}

// Like raises a counter by n, 1 to 1000, for a member: its effect is seen within a second, together with that of
// others. The counter has to be there, or be LikesKey.
func (r *Rooms) Like(ctx context.Context, a im.Actor, id, key string, n int64) error {
	return im.ErrInternal
}

// Counters are the counters of a room.
func (r *Rooms) Counters(ctx context.Context, a im.Actor, id string) (map[string]int64, error) {
	return nil, im.ErrInternal
}
