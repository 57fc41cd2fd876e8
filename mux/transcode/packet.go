package transcode

import (
	"time"

	"github.com/thesyncim/gopus"
)

// Packet is one coded audio packet at its place in the stream: an Opus packet going in, an AAC access unit
// coming out.
type Packet struct {
	// PTS is on the stream's clock.
	PTS time.Duration
	// Wall is when the first sample was captured; zero if that is unknown.
	Wall time.Time
	// Data is the raw packet. Of a packet that went in nothing is kept; one that came out is immutable and
	// the caller's for as long as it likes.
	Data []byte
}

// maxOpusSamples is the longest Opus packet: 120 ms (RFC 6716 3.2.5, requirement R5).
const maxOpusSamples = 120 * sampleRate / 1000

// opusSamples is the duration of an Opus packet in samples, 0 if its first bytes make none (RFC 6716 3.1).
func opusSamples(p []byte) int64 {
	if len(p) == 0 {
		return 0
	}
	toc := gopus.ParseTOC(p[0])
	frames := 1
	switch toc.FrameCode {
	case 1, 2:
		frames = 2
	case 3:
		if len(p) < 2 {
			return 0
		}
		frames = int(p[1] & 0x3f)
	}
	if n := frames * toc.FrameSize; n <= maxOpusSamples {
		return int64(n)
	}
	return 0
}

// isDTX tells whether a packet says "silence from here on": a table of contents and at most one byte
// (RFC 6716 2.1.9). Its sender leaves out what follows, up to the next refresh 400 ms later.
func isDTX(p []byte) bool { return len(p) == 1 || len(p) == 2 }
