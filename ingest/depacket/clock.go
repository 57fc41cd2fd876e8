package depacket

import (
	"time"

	"weir/mux/av"
)

const (
	// maxJump is how far media time may step past the time that really went by before the track is placed anew: a
	// sender that restarts its encoder may go on at any timestamp. Media that was queued and comes in a burst makes
	// many small steps, which are kept as they are.
	maxJump = 2 * time.Second
	// maxBack is how far media time may step back: pictures that are shown in another order do, by some frames.
	maxBack = time.Second
	// settle is how long a track must be behind its arrival by more than maxJump before it is placed anew. A sender
	// that stood still sends what it had queued first, and is then where it was; one that went on with the
	// timestamp at which it stopped stays behind.
	settle = time.Second
)

// Clock places the RTP timestamps of one track on the stream's clock. The first one stands at its packet's
// arrival; from then on RTP time counts.
type Clock struct {
	Rate uint32 // Hz

	started bool
	last    uint32        // RTP timestamp
	arrived time.Duration // of last
	newest  time.Duration // the latest time given
	behind  time.Duration // since when the track is behind by more than maxJump; 0 when it is not
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
	d, took := av.Duration(step, c.Rate), arrival-c.arrived
	c.last, c.arrived = ts, arrival
	c.ticks += step
	if d-took > maxJump || d < -maxBack || c.lags(arrival) {
		c.place(arrival)
	}
	at := c.base + av.Duration(c.ticks, c.Rate)
	c.newest = max(c.newest, at)
	return at
}

// lags tells whether the track has been too far behind its arrival for too long.
func (c *Clock) lags(arrival time.Duration) bool {
	if arrival-(c.base+av.Duration(c.ticks, c.Rate)) <= maxJump {
		c.behind = 0
		return false
	}
	if c.behind == 0 {
		c.behind = arrival
	}
	return arrival-c.behind > settle
}

// place begins anew at the arrival, but never back: media that came in a burst has run ahead of its arrival.
func (c *Clock) place(arrival time.Duration) {
	c.base, c.ticks, c.behind = max(arrival, c.newest+time.Millisecond), 0, 0
	c.jumps++
}

// Jumps is how often the track was placed anew.
func (c *Clock) Jumps() uint64 { return c.jumps }
