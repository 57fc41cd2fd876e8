package depacket

import (
	"time"

	"weir/mux/av"
)

// maxJump is how far media time and arrival time may differ before the track is placed anew: a sender that
// restarts its encoder may begin at any timestamp.
const maxJump = 2 * time.Second

// Clock places the RTP timestamps of one track on the stream's clock. The first one stands at its packet's
// arrival; from then on RTP time counts.
type Clock struct {
	Rate uint32 // Hz

	started bool
	last    uint32 // RTP timestamp
	ticks   int64  // of last, unwrapped, since the base
	base    time.Duration
	jumps   uint64
}

// At returns the time of an RTP timestamp whose packet arrived at the given time of the stream.
func (c *Clock) At(ts uint32, arrival time.Duration) time.Duration {
	if !c.started {
		c.started, c.last, c.base = true, ts, arrival
	}
	c.ticks += int64(int32(ts - c.last)) // RFC 3550 5.1: wraps at 2^32
	c.last = ts
	at := c.base + av.Duration(c.ticks, c.Rate)
	if d := at - arrival; d > maxJump || d < -maxJump {
		c.base, c.ticks = arrival, 0
		c.jumps++
		return arrival
	}
	return at
}

// Jumps is how often the track was placed anew.
func (c *Clock) Jumps() uint64 { return c.jumps }
