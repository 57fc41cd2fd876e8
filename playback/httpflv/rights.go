package httpflv

import (
	"fmt"
	"slices"

	"weir/mux/av"
	"weir/mux/flv"
	"weir/room/auth"
)

// omission is what of a stream a viewer does not get, since it may not receive it.
type omission struct{ sound, pictures bool }

func omissionOf(r auth.Rights) omission {
	sound, pictures := r.Receives()
	return omission{!sound, !pictures}
}

// some tells whether anything is left out.
func (o omission) some() bool { return o.sound || o.pictures }

// of are the tracks that are not left out.
//
// Errors: auth.ErrForbidden when there are none.
func (o omission) of(ts av.Tracks) (av.Tracks, error) {
	if !o.some() {
		return ts, nil
	}
	ts = slices.DeleteFunc(slices.Clone(ts), func(t av.Track) bool {
		return t.Codec.IsVideo() && o.pictures || t.Codec.IsAudio() && o.sound
	})
	if len(ts) == 0 {
		return nil, fmt.Errorf("%w: the token does not allow what the stream has", auth.ErrForbidden)
	}
	return ts, nil
}

// has tells whether a tag is left out for a player to which tracks were announced.
func (o omission) has(t *flv.Tag, announced av.Tracks) bool {
	switch {
	case !o.some():
		return false
	case t.Over():
		return announced.Find(t.Track) == nil
	case t.Type() == flv.BodyVideo:
		return o.pictures
	default:
		return o.sound
	}
}
