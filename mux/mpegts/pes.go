package mpegts

import (
	"encoding/binary"
	"time"

	"weir/mux/av"
)

const (
	// ISO/IEC 13818-1 table 2-22.
	idVideo   = 0xe0
	idAudio   = 0xc0
	idPrivate = 0xbd // private_stream_1: Opus

	pesFixed  = 9 // bytes before the times
	stampSize = 5
	maxPES    = pesFixed + 2*stampSize

	clockRate = 90000
)

// appendPES appends the header of a PES packet (2.4.3.6) of an access unit whose payload has size bytes.
func appendPES(dst []byte, id byte, dts, pts time.Duration, size int) []byte {
	decode, show := av.Ticks(dts+delay, clockRate), av.Ticks(pts+delay, clockRate)
	flags, stamps := byte(0x80), stampSize // a PTS alone means that both are the same
	if show > decode {
		flags, stamps = 0xc0, 2*stampSize
	} else {
		show = decode // nothing is shown before it is decoded
	}
	dst = append(dst, 0, 0, 1, id)
	// The length lets a receiver have the access unit with its last packet instead of with the next one. Pictures that it
	// has no bits for have none (2.4.3.7).
	length := pesFixed - 6 + stamps + size
	if length > 0xffff {
		length = 0
	}
	dst = binary.BigEndian.AppendUint16(dst, uint16(length))
	dst = append(dst, 0x84, flags, byte(stamps)) // data_alignment_indicator: an access unit begins here
	if flags == 0x80 {
		return appendStamp(dst, 0x2, show)
	}
	return appendStamp(appendStamp(dst, 0x3, show), 0x1, decode)
}

// appendStamp appends a time of 33 bits behind 4 bits of prefix, each part with a marker bit.
func appendStamp(dst []byte, prefix byte, ticks int64) []byte {
	return append(
		dst, prefix<<4|byte(ticks>>29)&0xe|1,
		byte(ticks>>22), byte(ticks>>14)|1,
		byte(ticks>>7), byte(ticks<<1)|1,
	)
}

// noClock says that a packet has no time.
const noClock = -1

// PESPacket is a packet of an elementary stream that Demux found: access units of one track, as their codec is framed in transport
// streams. See NALUnits, ADTS and OpusUnit.
type PESPacket struct {
	PID   uint16
	Order int      // of the stream among those of its programme, as the tables name them
	Codec av.Codec // of the four that Encoder knows; CodecNone for all others
	// Channels are those that the tables tell of Opus.
	Channels int
	// PTS and DTS are in 1/90000 s, in 33 bits; see Timed.
	PTS, DTS int64
	// Data is the packet's own. Some of it may be missing.
	Data    []byte
	Damaged bool
}

// Timed tells whether the packet has a time.
func (p *PESPacket) Timed() bool { return p.PTS != noClock }

// parsePES reads the head of a packet (2.4.3.6).
func parsePES(b []byte) (p PESPacket, ok bool) {
	const fixed = 9
	if len(b) < fixed || b[0] != 0 || b[1] != 0 || b[2] != 1 || b[6]&0xc0 != 0x80 {
		return p, false
	}
	head := fixed + int(b[8])
	if head > len(b) {
		return p, false
	}
	end := len(b)
	if n := int(binary.BigEndian.Uint16(b[4:])); n != 0 { // 0 stands for as much as there is, of video only
		end = min(end, 6+n)
	}
	p.PTS, p.DTS = noClock, noClock
	if b[7]&0x80 != 0 && head >= fixed+5 {
		p.PTS = parseTime(b[fixed:])
		p.DTS = p.PTS
		if b[7]&0x40 != 0 && head >= fixed+10 {
			p.DTS = parseTime(b[fixed+5:])
		}
	}
	if head < end {
		p.Data = b[head:end]
	}
	return p, true
}

// parseTime reads a time stamp (2.4.3.6).
func parseTime(b []byte) int64 {
	return int64(b[0]&0x0e)<<29 | int64(binary.BigEndian.Uint16(b[1:])&0xfffe)<<14 | int64(binary.BigEndian.Uint16(b[3:]))>>1
}
