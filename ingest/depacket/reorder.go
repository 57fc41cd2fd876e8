package depacket

import "time"

// sink takes packets in the order of their sequence numbers. lost is the number of packets that are missing
// right before p. The packet and its payload are valid only during the call.
type sink interface {
	packet(p *Packet, lost int)
}

// ReorderStats count since the start.
type ReorderStats struct {
	Received, Duplicate, Late, Lost, Recovered, Asked uint64
	Restored                                          uint64 // from copies in other packets
}

// slot is the place of one sequence number between the next packet to hand on and the newest one.
type slot struct {
	have    bool
	packet  Packet        // its payload is held
	missing time.Duration // since when it is known to be missing
	asked   time.Duration // when it was last asked for
	asks    int
}

// Reorder is a ring of the packets that wait for an earlier one. Packets that come in order pass through it
// without a copy.
type Reorder struct {
	out      sink
	deadline time.Duration
	trip     roundTrip
	slots    []slot
	free     [][]byte // payload buffers to use again

	started   bool
	next      int64 // extended sequence number to hand on next
	high      int64 // the highest one seen
	probation int   // sequence number that would confirm the far packet that was just dropped; -1: none was
	lost      int   // missing right before next
	first     int64 // the first one seen, and by as much later as restarts have skipped
	stats     ReorderStats
}

const (
	// nackDelay lets packets that merely overtook each other arrive before they are asked for.
	nackDelay = 10 * time.Millisecond
	// nackRetry is about a round trip on a mobile path, as long as none was measured; a retransmission needs one.
	nackRetry = 60 * time.Millisecond
	// nackLimit bounds how often one packet is asked for.
	nackLimit = 8
	// maxMisorder is how far behind a packet is merely late (RFC 3550 A.1), or the ring's size where that is more:
	// what was asked for can come when all that waited for it has been handed on.
	maxMisorder = 100
)

// NewReorder returns a ring of size slots (a power of two) that hands packets on to out, waiting for a missing
// one no longer than deadline, unless packets that are asked for are known to take longer.
func NewReorder(size int, deadline time.Duration, out sink) *Reorder {
	return &Reorder{out: out, deadline: deadline, slots: make([]slot, size), probation: -1}
}

// Stats are the counts so far.
func (r *Reorder) Stats() ReorderStats { return r.stats }

// Expected is how many packets there should have been by now (RFC 3550 A.3).
func (r *Reorder) Expected() uint64 { return uint64(r.high - r.first + 1) }

// Highest is the extended highest sequence number received (RFC 3550 6.4.1).
func (r *Reorder) Highest() uint32 { return uint32(r.high) }

func (r *Reorder) slot(seq int64) *slot { return &r.slots[seq&int64(len(r.slots)-1)] }

// Push takes a packet and hands on all that are now in order.
func (r *Reorder) Push(p *Packet) {
	r.stats.Received++
	r.push(p)
}

// restore takes a copy of a packet that has not come, if it still can be handed on.
func (r *Reorder) restore(p *Packet) {
	if !r.started {
		return
	}
	seq := r.near(p.Seq)
	if seq < r.next || r.far(seq) || seq <= r.high && r.slot(seq).have {
		return
	}
	if seq <= r.high {
		r.slot(seq).asks = 0 // it is not the one that was asked for
	}
	r.stats.Restored++
	r.push(p)
}

// near is the extended sequence number that is nearest to the highest one.
func (r *Reorder) near(seq uint16) int64 {
	return r.high + int64(int16(seq-uint16(r.high))) // RFC 3550 A.1
}

func (r *Reorder) push(p *Packet) {
	if !r.started {
		r.started = true
		r.next = int64(p.Seq)
		r.first, r.high = r.next, r.next-1
	}
	seq := r.near(p.Seq)
	if r.far(seq) {
		// RFC 3550 A.1: two in a row tell a sender that goes on elsewhere from a stray packet.
		if r.probation != int(p.Seq) {
			r.probation = int(p.Seq + 1)
			r.stats.Late++
			return
		}
		seq = r.restart(seq)
	}
	r.probation = -1
	if seq < r.next {
		r.stats.Late++
		return
	}
	r.makeRoom(seq)
	if seq == r.next {
		r.high = max(r.high, seq)
		r.recovered(r.slot(seq))
		r.hand(p)
		r.flow()
		return
	}
	r.store(seq, p)
}

// store keeps a packet that came before an earlier one.
func (r *Reorder) store(seq int64, p *Packet) {
	for s := r.high + 1; s < seq; s++ {
		*r.slot(s) = slot{missing: p.Arrival}
	}
	at := r.slot(seq)
	if seq > r.high {
		r.high = seq
		*at = slot{}
	}
	if at.have {
		r.stats.Duplicate++
		return
	}
	r.recovered(at)
	at.have, at.packet = true, *p
	at.packet.Payload = append(r.buffer(), p.Payload...)
}

func (r *Reorder) recovered(s *slot) {
	if s.asks > 0 {
		r.stats.Recovered++
		s.asks = 0
	}
}

// far tells whether a packet is too far from the others to be late or to wait for them.
func (r *Reorder) far(seq int64) bool {
	size := int64(len(r.slots))
	return seq > r.high+size || seq < r.next-max(maxMisorder, size)
}

// restart gives up on all that is missing and begins anew at seq, whose extended number it returns.
func (r *Reorder) restart(seq int64) int64 {
	for r.next <= r.high {
		r.step()
	}
	if seq < r.next {
		seq += 1 << 16 // a step back counts as a cycle: the highest number only grows (RFC 3550 6.4.1)
		r.lose(1)      // how many is not known, and none of those that the cycle skips was sent
		r.first += seq - r.next - 1
	} else {
		r.lose(int(seq - r.next))
	}
	r.next, r.high = seq, seq-1
	return seq
}

// makeRoom gives up on the oldest until the ring reaches seq.
func (r *Reorder) makeRoom(seq int64) {
	for seq >= r.next+int64(len(r.slots)) {
		r.step()
		r.flow()
	}
}

// step hands on the next packet, or counts it as lost.
func (r *Reorder) step() {
	s := r.slot(r.next)
	if !s.have {
		*s = slot{}
		r.next++
		r.lose(1)
		return
	}
	r.hand(&s.packet)
	r.free = append(r.free, s.packet.Payload[:0])
	*s = slot{}
}

func (r *Reorder) lose(n int) {
	r.lost += n
	r.stats.Lost += uint64(n)
}

func (r *Reorder) hand(p *Packet) {
	r.next++
	r.out.packet(p, r.lost)
	r.lost = 0
}

// flow hands on what is now in order.
func (r *Reorder) flow() {
	for r.next <= r.high && r.slot(r.next).have {
		r.step()
	}
}

// Expire gives up on packets that have been missing for longer than the deadline.
func (r *Reorder) Expire(now time.Duration) {
	for r.next <= r.high {
		if s := r.slot(r.next); !s.have && now-s.missing < r.trip.wait(r.deadline) {
			return
		}
		r.step()
	}
}

// Missing appends to dst the sequence numbers to ask for now, oldest first: each after a short wait for packets
// that only overtook each other, then at the pace of a round trip, and not too often.
func (r *Reorder) Missing(dst []uint16, now time.Duration) []uint16 {
	retry := r.trip.retry()
	for seq := r.next; seq <= r.high; seq++ {
		s := r.slot(seq)
		if s.have || s.asks >= nackLimit {
			continue
		}
		if s.asks == 0 && now-s.missing < nackDelay || s.asks > 0 && now-s.asked < retry {
			continue
		}
		s.asked = now
		s.asks++
		r.stats.Asked++
		dst = append(dst, uint16(seq))
	}
	return dst
}

// Waiting tells whether a packet is missing, so that Expire and Missing have work to do.
func (r *Reorder) Waiting() bool { return r.next <= r.high }

func (r *Reorder) buffer() []byte {
	if n := len(r.free); n > 0 {
		b := r.free[n-1]
		r.free = r.free[:n-1]
		return b
	}
	return make([]byte, 0, 1200)
}
