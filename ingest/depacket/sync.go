package depacket

import (
	"sync"
	"time"
)

const (
	// A track that others follow is moved by 500 ppm at most, which no ear notices and any crystal keeps within. It
	// is let be while it is less than leadSlack from where it should be, and how far it began behind the shortest
	// delay is kept up to maxReserve.
	leadPPM    = 500
	leadTime   = 20 * time.Second // in which it would get there if it went on at the same speed
	leadSlack  = 5 * time.Millisecond
	maxReserve = 200 * time.Millisecond
	// One that follows is moved by 5 % at most: 1.7 ms a picture at 30 a second, which nobody sees, so that 300 ms are
	// made good in less than 10 s.
	followPPM = 50_000
	// Without reports it is moved by no more than this: a path that becomes worse for a while shows in one track's
	// shortest delay a little before it does in the other's.
	arrivalPPM = 10_000
	followTime = 2 * time.Second
	// leadGone is how long a track is followed that sends nothing.
	leadGone = 5 * time.Second
	// maxDisagree is how far sender reports may be from what the arrival of both tracks says: above it, the two were
	// not made with one clock.
	maxDisagree = 2 * time.Second
)

// Sync keeps the tracks of one sender together. All start where they arrive. From then on
//
//   - the audio track, or the only one, follows the sender's clock: it is shifted, by no more than 500 ppm, so that
//     its times keep their distance from the arrival of the packets with the shortest delay;
//   - every other one is shifted, by no more than 5 %, to where it belongs beside it. That is told by the sender
//     reports of both, and without them, by no more than 1 %, by the shortest delays of both.
//
// So no time ever steps, except where a track's own timestamps do. The methods of a Sync and its clocks may be called
// from several goroutines.
type Sync struct {
	mu     sync.Mutex // guards the clocks
	clocks []*Clock
}

// Clock adds a track whose timestamps count in units of 1/rate s. leads is true for audio.
func (s *Sync) Clock(rate uint32, leads bool) *Clock {
	c := &Clock{sync: s, rate: rate, lead: leads}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clocks = append(s.clocks, c)
	return c
}

// leader is the track that the others follow: audio as long as it comes, else the first that does. It may be nil.
func (s *Sync) leader(now time.Duration) *Clock {
	var found *Clock
	for _, c := range s.clocks {
		if c.started && now-c.seen < leadGone && (found == nil || c.lead && !found.lead) {
			found = c
		}
	}
	return found
}

// follow shifts a track whose time has gone on by step.
func (s *Sync) follow(c *Clock, step, now time.Duration) {
	leader := s.leader(now)
	if leader == nil {
		return
	}
	if c == leader {
		s.lead(c, step, now)
		return
	}
	switch apart, by := c.apart(leader, now); by {
	case byReports:
		c.shift += limit(-apart, step, followTime, followPPM)
	case byArrival:
		c.shift += limit(-apart, step, followTime, arrivalPPM)
	case unknown:
	}
}

// lead shifts the track that the others follow.
func (s *Sync) lead(c *Clock, step, now time.Duration) {
	if !c.floor.known(now) {
		return
	}
	if !c.settled {
		c.settled = true
		c.reserve = min(max(c.shift-c.floor.low, 0), maxReserve)
	}
	if off := c.floor.low + c.reserve - c.shift; max(off, -off) > leadSlack {
		c.shift += limit(off, step, leadTime, leadPPM)
	}
}

// limit is the part of a way that is gone in a step: all of it in about the given time, but no faster than ppm.
func limit(way, step, in time.Duration, ppm int64) time.Duration {
	part := time.Duration(float64(way) * min(float64(step)/float64(in), 1))
	most := time.Duration(int64(step) * ppm / 1_000_000)
	return min(max(part, -most), most)
}

// basis is by what it is known how far tracks are apart.
type basis uint8

const (
	unknown basis = iota
	byArrival
	byReports
)

// apart is by how much the track is shown too late beside its leader. It is not known while their sender reports are
// in doubt: what they said before then holds.
func (c *Clock) apart(leader *Clock, now time.Duration) (time.Duration, basis) {
	arrived, seen := c.apartByArrival(leader, now)
	if c.report.good(now) && leader.report.good(now) {
		c.paired = now
		apart := c.apartByReports(leader)
		if off := apart - arrived; !seen || max(off, -off) <= maxDisagree {
			return apart, byReports
		}
	} else if c.paired > 0 && now-c.paired < reportOld {
		return 0, unknown
	}
	if !seen {
		return 0, unknown
	}
	return arrived, byArrival
}

func (c *Clock) apartByReports(leader *Clock) time.Duration {
	return (c.shift - c.report.offset) - (leader.shift - leader.report.offset)
}

func (c *Clock) apartByArrival(leader *Clock, now time.Duration) (time.Duration, bool) {
	return (c.shift - c.floor.low) - (leader.shift - leader.floor.low), c.floor.known(now) && leader.floor.known(now)
}

// Skew is by how much pictures are shown too late beside the sound, the most of all tracks. reported tells whether
// that is by sender reports, else it is by arrival. ok is false while it is not known.
func (s *Sync) Skew(now time.Duration) (skew time.Duration, reported, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	leader := s.leader(now)
	if leader == nil || !leader.lead {
		return 0, false, false
	}
	for _, c := range s.clocks {
		if c == leader || !c.started || now-c.seen >= leadGone {
			continue
		}
		apart, by := c.apart(leader, now)
		if by == unknown {
			continue
		}
		if !ok || max(apart, -apart) > max(skew, -skew) {
			skew, reported = apart, by == byReports
		}
		ok = true
	}
	return skew, reported, ok
}

// Captured is when on the sender's clock, since the Unix epoch, what stands at 0 on the stream's was or would have
// been captured. ok is false without sender reports.
func (s *Sync) Captured(now time.Duration) (origin time.Duration, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	leader := s.leader(now)
	if leader == nil || !leader.report.good(now) {
		return 0, false
	}
	return leader.report.offset - leader.shift, true
}
