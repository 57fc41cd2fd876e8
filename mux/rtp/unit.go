package rtp

import (
	"time"

	"weir/mux/av"
)

// unitOverhead is what a unit costs in a ring beside its payloads: itself, the list, its entry and its slot.
const unitOverhead = 256

// Unit is one access unit as the payloads of its RTP packets, or a change of its track, at its place in the stream.
// It is made once, shared by all who send it, and immutable.
type Unit struct {
	Track av.TrackID
	Codec av.Codec
	// Kind is KindMedia, or KindConfig for a change of the track, which has no payloads.
	Kind av.Kind
	// Key tells that the access unit can be decoded without any before it.
	Key bool
	// JoinPoint tells that a viewer may begin here.
	JoinPoint bool
	// Discardable tells that nothing depends on the access unit: a sender may leave it out.
	Discardable bool
	// Reordered, in a unit of KindConfig, tells that the track has pictures that are shown in another order than they
	// are decoded in and that others depend on. RTP has no way to say so that browsers understand.
	Reordered bool
	// Timestamp is PTS in ticks of the track's clock, from the stream's zero: a sender adds its own offset.
	Timestamp uint32
	// DTS and PTS are on the stream's clock.
	DTS, PTS time.Duration
	// Wall is when it was captured, as well as that is known.
	Wall time.Time
	// Payloads are those of the packets, in order; those of a video unit share one buffer.
	Payloads [][]byte
	// Config is the track as it is from here on; nil unless Kind is KindConfig, and nil in one that ends the track.
	Config *av.Track

	size int
}

// Marker tells whether the packet of the payload has the marker bit: the last one of a picture (RFC 6184 5.1, RFC 7798
// 4.1, RFC 9628 4.1, AV1 over RTP 4.2). Sound has none (RFC 7587 4.1: the start of a talkspurt, which nobody looks at).
func (u *Unit) Marker(i int) bool { return u.Codec.IsVideo() && i == len(u.Payloads)-1 }

// Size is the sum of the payloads, in bytes.
func (u *Unit) Size() int { return u.size }

// Bytes is the memory that the unit keeps alive.
func (u *Unit) Bytes() int { return unitOverhead + u.size + 24*len(u.Payloads) }

// Time is the unit's decoding time on the stream's clock.
func (u *Unit) Time() time.Duration { return u.DTS }

// Join tells whether a reader may start here.
func (u *Unit) Join() bool { return u.JoinPoint }

// Beat tells whether the unit is a picture, or sound of a stream without any.
func (u *Unit) Beat() bool { return u.JoinPoint || u.Kind == av.KindMedia && u.Codec.IsVideo() }

// Over tells whether the unit says that its track is over.
func (u *Unit) Over() bool { return u.Kind == av.KindConfig && u.Config == nil }
