package transcode

import (
	"time"

	"weir/mux/av"
)

// stamp is a place on the stream's clock in samples with the wall time of it, which may be zero.
type stamp struct {
	pos  int64
	wall time.Time
}

// timeline is the way of a transcoder's sound on the stream's clock: what it is fed is counted in samples, and the
// count follows the clock of the packets.
type timeline struct {
	pos     int64 // the place on the stream's clock of the next sample to be fed, in samples
	started bool  // pos is valid
	anchor  stamp // a known pair of stream time and wall time
	credit  int64 // samples played since the last one put in or taken out
	stats   Stats
}

// Stats returns the counts so far.
func (t *timeline) Stats() Stats { return t.stats }

// begin starts at the first packet, and tells whether one of n samples at a place is still to come: not when it came
// before.
func (t *timeline) begin(at, n int64) bool {
	if !t.started {
		t.pos, t.started = at, true
	}
	if at+n <= t.pos && t.pos-at > slack(n) {
		t.stats.Dropped++
		return false
	}
	return true
}

// slack is how far a packet of n samples may be off the count of samples before it means that something is
// missing or came twice: half a packet, which is midway between none and one lost. It is at most 20 ms, the most
// that picture and sound may ever be apart.
func slack(n int64) int64 { return min(max(n/2, plcStep), 20*millis) }

// slew tells by how many samples a packet of n samples should be longer so that the count of samples follows
// the stream's clock, which is ahead of it.
func (t *timeline) slew(ahead, n int64) int64 {
	t.credit = min(t.credit+n, max(n, slewEvery))
	off := max(ahead, -ahead) - deadBand
	by := min(off, t.credit/slewEvery)
	if by <= 0 {
		return 0
	}
	t.credit -= by * slewEvery
	if ahead < 0 {
		t.stats.Removed += uint64(by)
		return -by
	}
	t.stats.Inserted += uint64(by)
	return by
}

// stampAt is the stamp of a place on the stream's clock, its wall time counted from the anchor's.
func (t *timeline) stampAt(pos int64) stamp {
	if t.anchor.wall.IsZero() {
		return stamp{pos: pos}
	}
	return stamp{pos, t.anchor.wall.Add(av.Duration(pos-t.anchor.pos, sampleRate))}
}
