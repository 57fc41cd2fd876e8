package live

import (
	"time"

	"weir/mux/av"
)

// frameOverhead is what a frame costs in a ring beside its data: the frame, its entry and its slot.
const frameOverhead = 192

// Frame is an av.Frame in a ring, together with what the stream knows about its place.
type Frame struct {
	*av.Frame
	join   bool
	shared bool // its data is another frame's of the ring
}

// Bytes is the memory that the frame keeps alive.
func (f Frame) Bytes() int {
	if f.shared {
		return frameOverhead
	}
	return len(f.Data) + frameOverhead
}

// Time is the frame's DTS.
func (f Frame) Time() time.Duration { return f.DTS }

// Join tells whether a reader may start here: a key frame of a video track that is no simulcast layer, or, in a
// stream without video, any audio frame.
func (f Frame) Join() bool { return f.join }

// Beat tells whether the frame is a picture, or sound without any.
func (f Frame) Beat() bool { return f.join || f.Kind == av.KindMedia && f.Codec.IsVideo() }
