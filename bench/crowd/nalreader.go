package crowd

import "encoding/binary"

// The packet types of RFC 6184 5.2.
const (
	typeSTAPA = 24
	typeFUA   = 28
)

// maxNAL bounds what fragments are put together to.
const maxNAL = 4 << 20

// nalReader puts NAL units together out of RTP payloads (RFC 6184). What lost a packet is left out.
type nalReader struct {
	buf   []byte // fragments so far; empty without a beginning
	next  uint16 // sequence number
	begun bool
}

// read calls see with every NAL unit that is whole with this packet.
func (r *nalReader) read(seq uint16, payload []byte, see func(nal []byte)) {
	if !r.begun || seq != r.next {
		r.buf = r.buf[:0]
	}
	r.begun, r.next = true, seq+1
	if len(payload) < 2 {
		return
	}
	switch payload[0] & 0x1f {
	case typeSTAPA:
		for b := payload[1:]; len(b) > 2; {
			n := int(binary.BigEndian.Uint16(b))
			if b = b[2:]; n > len(b) {
				return
			}
			see(b[:n])
			b = b[n:]
		}
	case typeFUA:
		r.fragment(payload, see)
	default:
		see(payload)
	}
}

// fragment takes an FU-A (RFC 6184 5.8).
func (r *nalReader) fragment(payload []byte, see func(nal []byte)) {
	const start, end = 0x80, 0x40
	if payload[1]&start != 0 {
		r.buf = append(r.buf[:0], payload[0]&0xe0|payload[1]&0x1f)
	}
	if len(r.buf) == 0 || len(r.buf)+len(payload) > maxNAL {
		r.buf = r.buf[:0]
		return
	}
	r.buf = append(r.buf, payload[2:]...)
	if payload[1]&end != 0 {
		see(r.buf)
		r.buf = r.buf[:0]
	}
}
