package rtmp

import "time"

const (
	// maxJump is how far timestamps may step past the time that really went by before they count as another time
	// line: an encoder that was restarted, or a value gone mad. Backlogs come in many small steps, which are kept.
	maxJump = 3 * time.Second
	// maxBack is how far they may fall behind the newest one: audio and video are interleaved, and some encoders
	// send one of them a second ahead.
	maxBack = 3 * time.Second
)

// clock places the timestamps of one connection, which audio and video share, on the stream's clock. The first one
// stands at its arrival; from then on timestamps count.
type clock struct {
	started bool
	last    uint32
	arrived time.Duration // of last
	at      time.Duration // of last, on the stream's clock
	newest  time.Duration // the latest time given
	jumps   uint64
}

// place returns the time of a message that came at arrival.
func (c *clock) place(ts uint32, arrival time.Duration) time.Duration {
	if !c.started {
		c.started, c.last, c.arrived, c.at, c.newest = true, ts, arrival, arrival, arrival
		return arrival
	}
	step := time.Duration(int32(ts-c.last)) * time.Millisecond // wraps at 2^32 (Adobe RTMP 5.3)
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
