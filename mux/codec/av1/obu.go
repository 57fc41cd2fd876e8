// Package av1 holds what weir must know of AV1 bitstreams: the headers of open bitstream units (OBUs), the facts of
// a sequence header, and the configuration record (av1C) that containers embed.
//
// It decodes no picture and knows no container or network. It starts no goroutine; every function is safe
// for concurrent use, and none panics on what comes from outside.
package av1

// The OBU types that weir tells apart (AV1 6.2.2).
const (
	OBUSequenceHeader    byte = 1
	OBUTemporalDelimiter byte = 2
	OBUFrameHeader       byte = 3
	OBUTileGroup         byte = 4
	OBUMetadata          byte = 5
	OBUFrame             byte = 6
	OBUTileList          byte = 8
	OBUPadding           byte = 15
)

const (
	extensionFlag = 0x04
	sizeFlag      = 0x02
	maxLEB128     = 8 // bytes (AV1 4.10.5)
)

// OBUType is the type of the OBU whose first byte is b.
func OBUType(b byte) byte { return b >> 3 & 0x0f }

// OBU is an open bitstream unit taken apart; it aliases what it was read from.
type OBU struct {
	Type    byte
	Header  []byte // one byte, or two with extension
	Payload []byte
}

// ParseOBU reads the OBU that b begins with. Where it says its size, rest is what is behind it; otherwise it is all of
// b. ok is false when it does not fit or its forbidden bit is set (AV1 5.3).
func ParseOBU(b []byte) (o OBU, rest []byte, ok bool) {
	if len(b) == 0 || b[0]&0x80 != 0 {
		return o, nil, false
	}
	n := 1
	if b[0]&extensionFlag != 0 {
		n = 2
	}
	if len(b) < n {
		return o, nil, false
	}
	o.Type, o.Header = OBUType(b[0]), b[:n]
	o.Payload = b[n:]
	if b[0]&sizeFlag != 0 {
		size, used, ok := LEB128(o.Payload)
		if !ok || size > len(o.Payload)-used {
			return o, nil, false
		}
		o.Payload, rest = o.Payload[used:used+size], o.Payload[used+size:]
	}
	return o, rest, true
}

// AppendHeader appends the OBU's header with a size field: what stands before its payload in the low-overhead format
// (AV1 5.2).
func (o *OBU) AppendHeader(dst []byte) []byte {
	dst = append(dst, o.Header[0]|sizeFlag)
	dst = append(dst, o.Header[1:]...)
	return AppendLEB128(dst, len(o.Payload))
}

// LEB128 reads the number that b begins with and says how many bytes it took. ok is false for one that is cut short
// or does not fit into 31 bits: no OBU is as large.
func LEB128(b []byte) (v, n int, ok bool) {
	var u uint64
	for i := 0; i < len(b) && i < maxLEB128; i++ {
		u |= uint64(b[i]&0x7f) << (7 * i)
		if b[i]&0x80 == 0 {
			return int(u & (1<<31 - 1)), i + 1, u < 1<<31
		}
	}
	return 0, 0, false
}

// AppendLEB128 appends v, which is not negative, in as few bytes as can be.
func AppendLEB128(dst []byte, v int) []byte {
	for v >= 0x80 {
		dst = append(dst, byte(v)|0x80)
		v >>= 7
	}
	return append(dst, byte(v))
}

// ShownKeyFrame tells whether the payload of an OBU of type OBUFrame or OBUFrameHeader begins a key frame that is
// shown (AV1 5.9.2). The sequence must not be of reduced still pictures, whose headers have no such fields.
func ShownKeyFrame(payload []byte) bool {
	// show_existing_frame 0, frame_type KEY_FRAME in 2 bits, show_frame 1
	return len(payload) > 0 && payload[0]&0xf0 == 0x10
}
