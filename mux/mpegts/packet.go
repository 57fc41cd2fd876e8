package mpegts

import "encoding/binary"

const (
	headerSize = 4 // of a packet
	syncByte   = 0x47

	// ISO/IEC 13818-1 2.4.3.3, 2.4.3.5.
	flagStart      = 0x40 // payload_unit_start_indicator, in the second byte
	flagPayload    = 0x10 // adaptation_field_control: there is a payload
	flagAdaptation = 0x20 // and an adaptation field
	flagRandom     = 0x40 // random_access_indicator
	flagPCR        = 0x10

	pcrSize = 6
	noPCR   = -1
)

// elementary is a PID with its continuity counter.
type elementary struct {
	pid   uint16
	count byte // of the next packet with a payload, modulo 16
}

// appendHeader appends a packet's header.
func (e *elementary) appendHeader(dst []byte, flags uint16, control byte) []byte {
	dst = append(dst, syncByte)
	dst = binary.BigEndian.AppendUint16(dst, flags<<8|e.pid)
	dst = append(dst, control|e.count&0xf)
	if control&flagPayload != 0 { // 2.4.3.3: the counter stands still without a payload
		e.count++
	}
	return dst
}

// appendClock appends a packet of nothing but a PCR.
func (e *elementary) appendClock(dst []byte, pcr int64) []byte {
	quiet := elementary{e.pid, e.count - 1} // the counter is that of the packet before
	dst = quiet.appendHeader(dst, 0, flagAdaptation)
	return appendAdaptation(dst, 0, pcr, PacketSize-headerSize)
}

// appendAdaptation appends an adaptation field (2.4.3.4) of size bytes, its length byte included.
func appendAdaptation(dst []byte, flags byte, pcr int64, size int) []byte {
	end := len(dst) + size
	dst = append(dst, byte(size-1))
	if size == 1 {
		return dst
	}
	if pcr != noPCR {
		flags |= flagPCR
	}
	dst = append(dst, flags)
	if pcr != noPCR {
		// 33 bits of 90 kHz, 6 reserved, 9 bits of 27 MHz.
		base, extension := uint64(pcr/300)&(1<<33-1), uint64(pcr%300)
		v := base<<15 | 0x3f<<9 | extension
		dst = append(dst, byte(v>>40), byte(v>>32), byte(v>>24), byte(v>>16), byte(v>>8), byte(v))
	}
	for len(dst) < end {
		dst = append(dst, 0xff)
	}
	return dst
}

// cutter cuts a payload, which comes in pieces, into packets.
type cutter struct {
	dst    []byte
	to     *elementary
	left   int // bytes of payload to come
	room   int // in the present packet
	begun  bool
	random bool  // the first packet says that decoding may begin
	pcr    int64 // of the first packet; noPCR: none
}

// write appends the next bytes of the payload.
func (c *cutter) write(b []byte) {
	for len(b) > 0 {
		if c.room == 0 {
			c.next()
		}
		n := min(len(b), c.room)
		c.dst = append(c.dst, b[:n]...)
		b = b[n:]
		c.room -= n
		c.left -= n
	}
}

// next begins a packet. An adaptation field fills up the last one.
func (c *cutter) next() {
	var start uint16
	var flags byte
	pcr, size := int64(noPCR), 0
	if !c.begun {
		c.begun, start, pcr = true, flagStart, c.pcr
		if c.random {
			flags = flagRandom
		}
		if c.random || pcr != noPCR {
			size = 2
		}
		if pcr != noPCR {
			size += pcrSize
		}
	}
	c.room = PacketSize - headerSize - size
	if c.left < c.room {
		size += c.room - c.left
		c.room = c.left
	}
	if size == 0 {
		c.dst = c.to.appendHeader(c.dst, start, flagPayload)
		return
	}
	c.dst = c.to.appendHeader(c.dst, start, flagPayload|flagAdaptation)
	c.dst = appendAdaptation(c.dst, flags, pcr, size)
}
