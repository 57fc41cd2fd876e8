package sender

import (
	"time"

	"weir/mux/rtp"
)

// piece is a run of a unit's packets as they were sent together. The packets themselves are the stream's, shared by all
// viewers: what a viewer keeps is which were sent under which numbers.
type piece struct {
	unit  *rtp.Unit
	seq   uint16 // sequence number of the first packet
	count uint16 // its transport-wide number
	from  uint16 // its place in the unit
	n     uint16 // packets
}

// history are the newest pieces of a line. It is bounded by its number of pieces.
type history struct {
	pieces []piece
	next   int // the oldest, to be replaced
}

func newHistory(n int) history { return history{pieces: make([]piece, n)} }

func (h *history) add(p piece) {
	h.pieces[h.next] = p
	h.next = (h.next + 1) % len(h.pieces)
}

// find returns the piece with a sequence number, and the packet's place in it; ok is false when it is not held.
func (h *history) find(seq uint16) (p *piece, i int, ok bool) {
	for back := 1; back <= len(h.pieces); back++ { // the newest first: most are asked for at once
		p := &h.pieces[(h.next-back+len(h.pieces))%len(h.pieces)]
		if p.unit == nil {
			break
		}
		if d := seq - p.seq; d < p.n {
			return p, int(d), true
		}
	}
	return nil, 0, false
}

// asked bounds how often a packet is sent again: once in a round trip, and maxCopies times. It remembers the newest
// requests, by their numbers modulo its size.
type asked struct {
	slots [128]struct {
		seq    uint16
		copies uint16
		at     uint32 // ms
	}
}

// maxCopies of a packet are sent: of 30 % lost, one in four hundred lacks then. There are receivers that never learn that
// a packet has come as a retransmission, and ask on.
const maxCopies = 5

// again tells which copy of a packet may be sent now, a time since one moment, and notes that it is; 0 is none.
func (a *asked) again(seq uint16, now, roundTrip time.Duration) (copies uint16) {
	slot := &a.slots[seq%uint16(len(a.slots))]
	ms := uint32(now.Milliseconds()) // differences are right also when it begins anew
	since := time.Duration(ms-slot.at) * time.Millisecond
	if slot.seq != seq || since > time.Minute { // another packet
		slot.seq, slot.copies = seq, 0
	}
	if slot.copies == maxCopies || slot.copies > 0 && since < roundTrip {
		return 0
	}
	slot.copies++
	slot.at = ms
	return slot.copies
}

// undo takes back what again has just noted.
func (a *asked) undo(seq uint16) { a.slots[seq%uint16(len(a.slots))].copies-- }
