package timeline

import "time"

const (
	// maxJump is how far timestamps may step past the time that really went by before they count as another time
	// line: an encoder that was restarted, or a value gone mad. Backlogs come in many small steps, which are kept.
	maxJump = 3 * time.Second
	// maxBack is how far they may fall behind the newest one: audio and video are interleaved, and some encoders
	// send one of them a second ahead.
	maxBack = 3 * time.Second
)

// clock places the timestamps of one source, which audio and video share, on the stream's clock. The first one
// stands at its arrival; from then on timestamps count.
type clock struct {
	started bool
	last    time.Duration
	arrived time.Duration // of last
	at      time.Duration // of last, on the stream's clock
	newest  time.Duration // the latest time given
	jumps   uint64
}

// place returns the time of what came at arrival with the timestamp ts.
func (c *clock) place(ts, arrival time.Duration) time.Duration {
	if !c.started {
		c.started, c.last, c.arrived, c.at, c.newest = true, ts, arrival, arrival, arrival
		return arrival
	}
	step := ts - c.last
	took := arrival - c.arrived
	c.last, c.arrived = ts, arrival
	c.at += step
	if step-took > maxJump || c.newest-c.at > maxBack {
		// Never back: a time line that came in a burst has run ahead of its arrival.
		c.at = max(arrival, c.newest+time.Millisecond)
		c.jumps++
	}
	c.newest = max(c.newest, c.at)
	return c.at
}

// Millis undoes the wrap of timestamps in 32 bits of milliseconds (Adobe RTMP 5.3, FLV E.4.1). The zero value is ready.
type Millis struct {
	begun bool
	last  int64
}

// Time is the timestamp that is nearest to the one before among those with the same 32 bits.
func (m *Millis) Time(ts uint32) time.Duration {
	if !m.begun {
		m.begun, m.last = true, int64(ts)
	}
	m.last += int64(int32(ts - uint32(m.last)))
	return time.Duration(m.last) * time.Millisecond
}
