package rtp

import (
	"time"

	"weir/mux/av"
)

// Place is where a picture stands in a stream whose pictures are shown in the order in which they are sent.
type Place uint8

const (
	// PlaceNext: it is shown behind all before it.
	PlaceNext Place = iota
	// PlaceLate: it is shown before one that was sent, and nothing depends on it: it can be left out.
	PlaceLate
	// PlaceNone: it is shown before one that was sent, and others depend on it: there is no such order.
	PlaceNone
)

// Order follows the times of a video track's pictures. WebRTC shows pictures in the order in which they are decoded, so
// that of a stream with B pictures only those can be sent that come in that order.
type Order struct {
	video payloader
	top   time.Duration // the latest time of all pictures so far
	begun bool
}

// NewOrder returns an Order for the pictures of a track.
//
// Errors: ErrCodec, ErrConfig.
func NewOrder(t *av.Track) (*Order, error) {
	video, err := newPayloader(t, nil)
	if err != nil {
		return nil, err
	}
	return &Order{video: video}, nil
}

// Next tells where the next picture stands. It reads the frame's data only when time goes back.
func (o *Order) Next(f *av.Frame) Place {
	switch {
	case !o.begun || f.Key || f.PTS > o.top:
		o.begun, o.top = true, f.PTS
		return PlaceNext
	case o.video.discardable(f):
		return PlaceLate
	default:
		return PlaceNone
	}
}
