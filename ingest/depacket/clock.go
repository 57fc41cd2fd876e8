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
	// maxAhead is how far many small steps may bring a track before its arrival; a sender that queued media while it
	// connected sends some seconds at once.
	maxAhead = 10 * time.Second
	// settle is how long a track must be behind its arrival by more than maxJump before it is placed anew. A sender
	// that stood still sends what it had queued first, and is then where it was; one that went on with the
	// timestamp at which it stopped stays behind.
	settle = time.Second
)

// Clock places the RTP timestamps of one track on the stream's clock. The first one stands at its packet's
// arrival; from then on RTP time counts, shifted little by little as its Sync says. It is made by Sync.Clock.
// Its methods may be called from several goroutines.
type Clock struct {
	sync *Sync
	rate uint32 // Hz
	lead bool   // the others follow it: audio, of which nobody hears 500 ppm and everybody a step

	// The fields below are guarded by Sync.mu.

	started bool
	last    uint32        // RTP timestamp
	arrived time.Duration // of last
	seen    time.Duration // when a unit came that was not made here
	newest  time.Duration // the latest time given, before the shift
	behind  time.Duration // since when the track is behind by more than maxJump; 0 when it is not
	ticks   int64         // of last, unwrapped, since the base
	base    time.Duration
	jumps   uint64

	shift   time.Duration // added to every time
	reserve time.Duration // by how much its times are to be behind its arrival; see Sync.follow
	settled bool          // reserve is valid
	floor   floor
	report  senderReport
	paired  time.Duration // when its reports and those of the track that it follows were last good
}

// At returns the time of a unit, and by how much it is to be shifted, what stands beside it (such as its decoding
// time) by the same. RTP time alone counts in the first, so that the order of pictures can be told from it.
func (c *Clock) At(u *Unit) (at, shift time.Duration) {
	c.sync.mu.Lock()
	defer c.sync.mu.Unlock()
	at = c.place(u)
	step := at - c.newest
	if c.newest = max(c.newest, at); step > 0 {
		c.sync.follow(c, step, u.Arrival)
	}
	return at, c.shift
}

// place is the time of a unit before the shift.
func (c *Clock) place(u *Unit) time.Duration {
	if !c.started {
		c.started, c.last, c.arrived, c.base, c.newest = true, u.Timestamp, u.Arrival, u.Arrival, u.Arrival
	}
	step := int64(int32(u.Timestamp - c.last)) // RFC 3550 5.1: wraps at 2^32
	d, took := av.Duration(step, c.rate), u.Arrival-c.arrived
	c.last, c.arrived = u.Timestamp, u.Arrival
	c.ticks += step
	if d-took > maxJump || d < -maxBack || c.ahead(u.Arrival) || c.lags(u.Arrival) {
		c.begin(u.Arrival)
	}
	at := c.at(0)
	if !u.Made {
		c.seen = u.Arrival
		c.floor.note(u.Arrival, u.Arrival-at)
	}
	return at
}

// at is the time of an RTP timestamp, by its distance from the last one, before the shift.
func (c *Clock) at(distance int32) time.Duration {
	return c.base + av.Duration(c.ticks+int64(distance), c.rate)
}

// ahead tells whether the track has come too far before its arrival.
func (c *Clock) ahead(arrival time.Duration) bool { return c.at(0)+c.shift-arrival > maxAhead }

// lags tells whether the track has been too far behind its arrival for too long.
func (c *Clock) lags(arrival time.Duration) bool {
	if arrival-(c.at(0)+c.shift) <= maxJump {
		c.behind = 0
		return false
	}
	if c.behind == 0 {
		c.behind = arrival
	}
	return arrival-c.behind > settle
}

// begin begins anew at the arrival, but never back: media that came in a burst has run ahead of its arrival. What
// was known of the timestamps is void.
func (c *Clock) begin(arrival time.Duration) {
	c.base, c.ticks, c.behind = max(arrival-c.shift, c.newest+time.Millisecond), 0, 0
	c.floor, c.report, c.settled = floor{}, senderReport{}, false
	c.jumps++
}

// Report takes a sender report (RFC 3550 6.4.1) that arrived now: its NTP time is that of its RTP timestamp. One that
// cannot be is left out.
func (c *Clock) Report(ntp uint64, rtp uint32, now time.Duration) {
	c.sync.mu.Lock()
	defer c.sync.mu.Unlock()
	if !c.started || ntp == 0 { // 6.4.1: a sender without a clock may say 0
		return
	}
	at := c.at(int32(rtp - c.last))
	if off := at + c.shift - now; max(off, -off) > maxReportOff {
		return
	}
	c.report.note(ntpTime(ntp)-at, now)
}

// Jumps is how often the track was placed anew.
func (c *Clock) Jumps() uint64 {
	c.sync.mu.Lock()
	defer c.sync.mu.Unlock()
	return c.jumps
}

// Drift is by how much the sender's clock of this track is faster than ours, in millionths. It is not known (ok is
// false) before a minute's worth of packets came.
func (c *Clock) Drift() (ppm float64, ok bool) {
	c.sync.mu.Lock()
	defer c.sync.mu.Unlock()
	slope, ok := c.floor.slope()
	return -slope * 1e6, ok
}
