package sender

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"weir/mux/av"
	"weir/mux/rtp"
	"weir/room/live"
)

// Units returns the stream's access units as packets, with Opus for sound and, unless it is empty, a simulcast layer
// for video. Sound that cannot be made Opus is left out.
//
// Errors: live.ErrNoLayer.
func Units(s *live.Stream, layer string) (live.Source[*rtp.Unit], error) {
	name := av.CodecOpus.String()
	frames, err := s.WithAudio(av.CodecOpus)
	if err != nil {
		name, frames = "native", s
	}
	if frames, err = s.Layer(layer, name, frames); err != nil {
		return nil, err
	}
	pictures := new(atomic.Uint32) // over all runs of the feed, which is its first caller's
	return live.FeedOf(s, "rtp-"+name+"/"+layer, frames, func(ts av.Tracks) (live.Encoder[live.Frame, *rtp.Unit], error) {
		return encoder{rtp.NewEncoder(ts, rtp.Options{Pictures: pictures})}, nil
	}), nil
}

// encoder takes the frames of a ring.
type encoder struct{ *rtp.Encoder }

// Encode implements live.Encoder.
func (e encoder) Encode(dst []*rtp.Unit, f live.Frame) ([]*rtp.Unit, error) {
	return e.Encoder.Encode(dst, f.Frame)
}

// InOrder looks at the pictures at hand and tells whether the stream's video can be sent: ErrBFrames when there are
// pictures that are shown before ones that were decoded before them and that others depend on; with whole, also when
// nothing depends on them, so that they would be left out.
func InOrder(s *live.Stream, whole bool) error {
	video := s.Tracks().Video()
	if video == nil {
		return nil
	}
	order, err := rtp.NewOrder(video)
	if err != nil {
		return fmt.Errorf("cannot send %v: %w", video.Codec, err)
	}
	r := s.NewReader(live.ReaderOptions{Name: "whep-order", Start: live.StartOldest})
	defer r.Close()
	now, cancel := context.WithCancel(context.Background())
	cancel() // no waiting
	var frames [64]live.Frame
	for {
		n, err := r.ReadBatch(now, frames[:])
		if errors.Is(err, live.ErrLagged) {
			continue
		}
		if err != nil {
			return nil
		}
		for _, f := range frames[:n] {
			if f.Kind != av.KindMedia || f.Track != video.ID || f.Codec != video.Codec {
				continue
			}
			if place := order.Next(f.Frame); place == rtp.PlaceNone || whole && place == rtp.PlaceLate {
				return ErrBFrames
			}
		}
	}
}
