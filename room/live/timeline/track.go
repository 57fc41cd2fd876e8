package timeline

import (
	"time"

	"weir/mux/av"
	"weir/mux/codec/aac"
	"weir/mux/codec/opus"
)

// maxComposition bounds PTS less DTS: pictures that are shown in another order are so by some frames.
const maxComposition = 5 * time.Second

// track is what is known of one of the two tracks of a source.
type track struct {
	id      av.TrackID
	present *av.Track // as last configured; nil before that
	fresh   bool      // present is not yet written
	waiting bool      // for a key frame
	wrote   bool
	last    time.Duration // DTS of the last frame
	steady  steady
}

// times are the DTS and PTS of an access unit that its timestamp places at.
func (t *track) times(at, composition time.Duration) (dts, pts time.Duration) {
	dts = at
	if t.wrote && dts <= t.last {
		dts = t.last + time.Millisecond // a source whose timestamps stand still or go back: time does not
	}
	t.last, t.wrote = dts, true
	// Writers that keep PTS and move DTS give negative composition times, which no output can carry.
	return dts, dts + min(max(composition, 0), maxComposition)
}

const (
	// steadyBand is the difference between the timestamps, whole milliseconds of whatever the encoder measures,
	// and the count of samples that is let be.
	steadyBand = 2 * time.Millisecond
	// steadyJump is the difference at which something is missing or was sent twice.
	steadyJump = 60 * time.Millisecond
	// steadyShare is the part of the rest that a frame makes good.
	steadyShare = 8
)

// steady places the frames of an audio track by the count of their samples, since milliseconds are too coarse for
// sound without gaps. Where the timestamps drift against the count they are followed slowly.
type steady struct {
	next    time.Duration
	started bool
}

func (s *steady) place(at, duration time.Duration) time.Duration {
	off := at - s.next
	switch {
	case !s.started || off.Abs() > steadyJump:
		s.next, s.started = at, true
	case off > steadyBand:
		s.next += (off - steadyBand) / steadyShare
	case off < -steadyBand:
		s.next += (off + steadyBand) / steadyShare
	}
	at = s.next
	s.next += duration
	return at
}

// soundTime is how long an audio access unit of a track lasts; 0 when that cannot be told.
func soundTime(t *av.Track, data []byte) time.Duration {
	switch t.Codec {
	case av.CodecAAC:
		return av.Duration(aac.SamplesPerFrame, t.ClockRate)
	case av.CodecOpus:
		d, err := opus.PacketDuration(data)
		if err != nil {
			return 0
		}
		return d
	default:
		return 0
	}
}
