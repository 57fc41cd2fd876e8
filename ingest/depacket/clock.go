package depacket

import (
	"time"

	"weir/mux/av"
)

// maxJump is how far a step of media time and the step of arrival time may differ before the track is placed anew: a
// sender that restarts its encoder may go on at any timestamp, and one that stood still may go on where it was.
// Media that was queued and comes in a burst makes many small steps, which are kept as they are.
const maxJump = 2 * time.Second

// Clock places the RTP timestamps of one track on the stream's clock. The first one stands at its packet's
// arrival; from then on RTP time counts.
type Clock struct {
	Rate uint32 // Hz

	started bool
	last    uint32        // RTP timestamp
	arrived time.Duration // of last
	newest  time.Duration // the latest time given
	ticks   int64         // of last, unwrapped, since the base
	base    time.Duration
	jumps   uint64
}

// At returns the time of an RTP timestamp whose packet arrived at the given time of the stream.
func (c *Clock) At(ts uint32, arrival time.Duration) time.Duration {
	if !c.started {
		c.started, c.last, c.arrived, c.base, c.newest = true, ts, arrival, arrival, arrival
	}
	step := int64(int32(ts - c.last)) // RFC 3550 5.1: wraps at 2^32
	took := arrival - c.arrived
	c.last, c.arrived = ts, arrival
	if d := av.Duration(step, c.Rate) - took; d > maxJump || d < -maxJump {
		// Never back: media that came in a burst has run ahead of its arrival.
		c.base, c.ticks = max(arrival, c.newest+time.Millisecond), 0
		c.jumps++
	} else {
		c.ticks += step
	}
	at := c.base + av.Duration(c.ticks, c.Rate)
	c.newest = max(c.newest, at)
	return at
}

// Jumps is how often the track was placed anew.
func (c *Clock) Jumps() uint64 { return c.jumps }
