package flv

import (
	"time"

	"weir/mux/av"
)

// Tag is one FLV tag, made once and shared by all who send it. It is immutable.
type Tag struct {
	// Data is the whole tag with the PreviousTagSize behind it, as it goes over the wire. It is empty in a tag
	// that only says that its track is over.
	Data  []byte
	Track av.TrackID
	// Kind is KindMedia, or KindConfig for a sequence header.
	Kind av.Kind
	// Key tells that the tag's access unit can be decoded without any before it.
	Key bool
	// JoinPoint tells that a player may begin here, behind a preamble.
	JoinPoint bool
	// Again tells that it is the picture before a new sequence header once more, for players that would lose it otherwise.
	Again bool
	// DTS is the frame's own, in full precision; the tag says milliseconds that rise strictly.
	DTS time.Duration
	// Config is the track as the sequence header announces it; nil for other tags.
	Config *av.Track
}

// Over tells whether the tag says that its track is over. It goes over no wire.
func (t Tag) Over() bool { return t.Kind == av.KindConfig && t.Config == nil }

// Type is the tag's type: BodyAudio or BodyVideo.
func (t Tag) Type() byte { return t.Data[0] }

// Stamp is the tag's time in milliseconds, wrapping at 2^32 (E.4.1).
func (t Tag) Stamp() uint32 {
	return uint32(t.Data[7])<<24 | uint32(t.Data[4])<<16 | uint32(t.Data[5])<<8 | uint32(t.Data[6])
}

// Bytes is the memory that the tag keeps alive.
func (t Tag) Bytes() int { return len(t.Data) }

// Time is the tag's decoding time on the stream's clock.
func (t Tag) Time() time.Duration { return t.DTS }

// Join tells whether a reader may start here.
func (t Tag) Join() bool { return t.JoinPoint }

// Beat tells whether the tag is a picture, or sound of a stream without any.
func (t Tag) Beat() bool {
	return t.JoinPoint || t.Kind == av.KindMedia && len(t.Data) > 0 && t.Data[0] == typeVideo
}

// Body is the tag without its head and the PreviousTagSize: the body of an RTMP message.
func (t Tag) Body() []byte { return t.Data[tagHeadSize : len(t.Data)-prevSizeSize] }
