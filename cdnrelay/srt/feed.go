package srt

import (
	"fmt"

	"weir/cdnrelay/push"
	"weir/mux/av"
	"weir/mux/mpegts"
	"weir/room/live"
)

// units returns the stream's access units as packets of a transport stream, made once for all targets that want the same
// sound. Errors wrap push.ErrUnfit.
func units(s *live.Stream, sound av.Codec) (live.Source[*mpegts.Unit], error) {
	if sound == av.CodecNone {
		sound = s.UsualAudio()
	}
	frames, err := s.WithAudio(sound)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", push.ErrUnfit, err)
	}
	return live.FeedOf(s, "mpegts-"+sound.String(), frames, func(ts av.Tracks) (live.Encoder[live.Frame, *mpegts.Unit], error) {
		return encoder{mpegts.NewEncoder(ts)}, nil
	}), nil
}

// encoder takes the frames of a ring.
type encoder struct{ *mpegts.Encoder }

// Encode implements live.Encoder.
func (e encoder) Encode(dst []*mpegts.Unit, f live.Frame) ([]*mpegts.Unit, error) {
	return e.Encoder.Encode(dst, f.Frame)
}

// fits tells whether a transport stream has a place for the stream's video. Errors wrap push.ErrUnfit.
func fits(ts av.Tracks) error {
	if v := ts.Video(); v != nil && !mpegts.Carries(v.Codec) {
		return fmt.Errorf("%w: MPEG-TS has no place for %v", push.ErrUnfit, v.Codec)
	}
	return nil
}
