package live

import (
	"time"

	"weir/mux/av"
)

// Ingest is what the door of a stream's publisher knows of how its media comes in. A door leaves out (0, or false)
// what its protocol does not tell.
type Ingest struct {
	Door string // such as "whip"
	// Skew is by how much pictures are shown too late beside the sound, as it is while it is being made good;
	// valid if SkewBy is not SkewUnknown.
	Skew   time.Duration
	SkewBy SkewBy
	// KeyFrameRequests is how often the publisher was asked for a key frame.
	KeyFrameRequests uint64
	Tracks           []TrackIngest
}

// SkewBy says by what a skew is known.
type SkewBy string

const (
	// SkewUnknown: it is not known.
	SkewUnknown SkewBy = ""
	// SkewByReports: the sender says when both were captured (RFC 3550 6.4.1).
	SkewByReports SkewBy = "reports"
	// SkewByArrival: by when both arrive, which leaves out what the sender takes to encode.
	SkewByArrival SkewBy = "arrival"
)

// TrackIngest is one track of an Ingest. Counts are those since this publisher came.
type TrackIngest struct {
	ID      av.TrackID
	Bitrate float64 // bit/s of the last seconds
	Rate    float64 // access units a second, likewise

	Packets PacketCounts
	Jitter  time.Duration // RFC 3550 6.4.1
	// Drift is by how many millionths the sender's clock of this track is faster than ours; valid if HasDrift.
	Drift    float64
	HasDrift bool

	Units, Damaged, Dropped uint64        // access units: handed on; not whole; whole, but useless without one that was not
	Jumps                   uint64        // how often the track was placed anew in time
	Gaps                    uint64        // holes that losses made in the sound
	Concealed               time.Duration // of them, left to the decoders to conceal
	Paused                  time.Duration // of sound that was not sent because there was none (DTX)
}

// PacketCounts is what became of the packets of a track.
type PacketCounts struct {
	Received  uint64
	Lost      uint64 // given up
	Recovered uint64 // came when asked for again
	Restored  uint64 // were in a later packet as well (RED)
	Late      uint64 // came when given up, or handed on before
	Duplicate uint64
	Ignored   uint64 // of a kind that nobody should send, or without sense
}

// Ingest asks the door of the publisher for its figures. ok is false when there is no publisher, or its door has none.
func (s *Stream) Ingest() (in Ingest, ok bool) {
	s.mu.Lock()
	p := s.publisher
	s.mu.Unlock()
	if p == nil || p.opts.Report == nil {
		return Ingest{}, false
	}
	return p.opts.Report(), true // without the lock: the door takes its own, under which it writes
}
