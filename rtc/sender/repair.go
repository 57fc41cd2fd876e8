package sender

import (
	"time"

	"github.com/pion/rtcp"

	"weir/room/live"
)

const (
	// repairUnknown is what a viewer gets sent again at most, in bit/s, while its path has shown no limit, and
	// repairShare of what it carries otherwise: more packets do not help a path that loses them for being full.
	repairUnknown = 4_000_000
	repairShare   = 0.5
	// repairBurst is how much may come at once: what there is in so much time.
	repairBurst = 500 * time.Millisecond
	// repairLeast is the shortest time between two copies of a packet, and repairFirst the one while the round trip is
	// not known.
	repairLeast = 10 * time.Millisecond
	repairFirst = 50 * time.Millisecond
	// maxAsked bounds the packets that one RTCP packet may ask for.
	maxAsked = 512
)

// repairs is the bucket of what may be sent again.
type repairs struct {
	spent float64 // bytes
	last  time.Time
	sent  int // bytes that nobody has taken into account yet
}

// take takes bytes out, if there are as many on a path that carries rate bit/s; 0 is no limit. Half is kept for first
// copies: they are more likely to be missed than others.
func (r *repairs) take(bytes int, first bool, now time.Time, rate int) bool {
	share := float64(repairUnknown)
	if rate > 0 {
		share = min(share, repairShare*float64(rate))
	}
	share /= 8
	r.spent = max(0, r.spent-now.Sub(r.last).Seconds()*share)
	r.last = now
	room := share * repairBurst.Seconds()
	if !first {
		room /= 2
	}
	if r.spent > 0 && r.spent+float64(bytes) > room { // else one packet may go, however narrow the path is
		return false
	}
	r.spent += float64(bytes)
	r.sent += bytes
	return true
}

// lost sends again what the viewer misses (RFC 4585 6.2.1), as far as it is held, once in a round trip, and within
// bounds.
func (e *egress) lost(n *rtcp.TransportLayerNack) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	l := e.lineLocked(n.MediaSSRC)
	if l == nil {
		return nil
	}
	now, left := time.Now(), maxAsked
	for _, pair := range n.Nacks {
		for bit, mask := uint16(0), uint32(pair.LostPackets)<<1|1; mask != 0; bit, mask = bit+1, mask>>1 {
			if mask&1 == 0 {
				continue
			}
			if left--; left < 0 {
				return e.to.Flush()
			}
			if err := e.repairLocked(l, pair.PacketID+bit, now); err != nil {
				return err
			}
		}
	}
	return e.to.Flush()
}

// repairLocked sends one packet again.
func (e *egress) repairLocked(l *line, seq uint16, now time.Time) error {
	p, i, ok := l.sent.find(seq)
	if !ok {
		e.stats.asked("unknown")
		return nil
	}
	size := len(p.unit.Payloads[int(p.from)+i]) + packetOverhead
	copies := l.asked.again(seq, now.Sub(e.began), e.patienceLocked())
	switch {
	case copies == 0:
		e.stats.asked("repeated")
	case !e.repairs.take(size, copies == 1, now, e.estimate.Bitrate()):
		l.asked.undo(seq)
		e.stats.asked("too_many")
	default:
		e.stats.asked("sent")
		e.pace.spend(size)
		return e.retransmitLocked(l, p, i, now)
	}
	return nil
}

// probe sends the newest packets of a line once more, as retransmissions that nobody asked for, to find out whether the
// path carries bytes more.
func (e *egress) probe(l *line, bytes int) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if l.RepairType == 0 {
		return nil // the same number again is no packet to who reports arrivals
	}
	now := time.Now()
	for back := uint16(1); bytes > 0; back++ {
		p, i, ok := l.sent.find(l.header.SequenceNumber - back)
		if !ok {
			break
		}
		size := len(p.unit.Payloads[int(p.from)+i]) + packetOverhead
		if err := e.retransmitLocked(l, p, i, now); err != nil {
			return err
		}
		e.stats.probed.Add(float64(size))
		bytes -= size
	}
	return e.to.Flush()
}

// patienceLocked is the time in which a copy is not sent again.
func (e *egress) patienceLocked() time.Duration {
	if e.roundTrip == 0 {
		return repairFirst
	}
	return max(repairLeast, e.roundTrip*3/4) // round trips vary
}

// lineLocked is the line of a source; nil when there is none.
func (e *egress) lineLocked(ssrc uint32) *line {
	for _, l := range []*line{e.video, e.audio} {
		if l != nil && l.SSRC == ssrc {
			return l
		}
	}
	return nil
}

// wishes is the bucket of a viewer's wishes for key frames.
type wishes struct {
	spent float64
	last  time.Time
}

const (
	// wishBurst wishes are heard at once, and then one each wishEvery: a path that is bad for a while needs some, and a
	// viewer that asks for ever would cost all others.
	wishBurst = 5
	wishEvery = 5 * time.Second
)

// take tells whether a wish is heard; those within keyAgain of one that was are for the same key frame.
func (w *wishes) take(now time.Time) bool {
	if now.Sub(w.last) < keyAgain {
		return false
	}
	spent := max(0, w.spent-float64(now.Sub(w.last))/float64(wishEvery))
	if spent+1 > wishBurst {
		return false
	}
	w.spent, w.last = spent+1, now
	return true
}

// wanted passes a viewer's wish for a key frame on (RFC 4585 6.3.1, RFC 5104 4.3.1), within bounds. The stream merges
// those of all viewers.
func (e *egress) wanted(s *live.Stream) {
	e.mu.Lock()
	heard := e.wishes.take(time.Now())
	e.mu.Unlock()
	if heard {
		e.stats.keyFrames.Inc()
		s.WantKeyFrame("viewer")
	}
}
