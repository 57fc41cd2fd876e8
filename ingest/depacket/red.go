package depacket

import "encoding/binary"

// maxBlocks bounds the blocks of a RED packet; senders put one or two copies into each.
const maxBlocks = 16

// RED takes packets of redundant audio data apart (RFC 2198): each has copies of the packets before it, which stand
// in for those that were lost as soon as it comes.
type RED struct {
	ring    *Reorder
	payload uint8
	blocks  [maxBlocks]redBlock
	media   Packet // scratch
}

// redBlock is one block of a packet: a payload, and how much older than the packet it is.
type redBlock struct {
	offset  uint32 // ticks
	payload []byte
	ours    bool // of the payload type that the track has
}

// NewRED returns what puts the packets and their copies, of a payload type, into a ring.
func NewRED(ring *Reorder, payload uint8) *RED { return &RED{ring: ring, payload: payload} }

// Push takes a packet of redundant data. One without sense counts as a packet of nothing.
func (r *RED) Push(p *Packet) {
	n := r.read(p.Payload)
	for i := range max(n-1, 0) {
		b := &r.blocks[i]
		if !b.ours || len(b.payload) == 0 {
			continue
		}
		// The copies are of the packets sent right before, the oldest first.
		r.media = Packet{
			Seq: p.Seq - uint16(n-1-i), Timestamp: p.Timestamp - b.offset, Type: r.payload, Arrival: p.Arrival, Payload: b.payload,
		}
		r.ring.restore(&r.media)
	}
	r.media = *p
	r.media.Type, r.media.Payload = r.payload, nil
	if n > 0 && r.blocks[n-1].ours {
		r.media.Payload = r.blocks[n-1].payload
	}
	r.ring.Push(&r.media)
}

// read finds the blocks of a payload, the last of which is the packet's own. It returns how many there are, 0 if the
// payload makes no sense.
func (r *RED) read(b []byte) int {
	var lengths [maxBlocks]int
	n := 0
	for {
		if n == maxBlocks || len(b) == 0 {
			return 0
		}
		r.blocks[n] = redBlock{ours: b[0]&0x7f == r.payload}
		if b[0]&0x80 == 0 { // RFC 2198 3: the last header is one byte
			b = b[1:]
			n++
			break
		}
		if len(b) < 4 {
			return 0
		}
		h := binary.BigEndian.Uint32(b)
		r.blocks[n].offset, lengths[n] = h>>10&0x3fff, int(h&0x3ff)
		b = b[4:]
		n++
	}
	for i := range n - 1 {
		if lengths[i] > len(b) {
			return 0
		}
		r.blocks[i].payload, b = b[:lengths[i]], b[lengths[i]:]
	}
	r.blocks[n-1].payload = b
	return n
}
