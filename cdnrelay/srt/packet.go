package srt

import "encoding/binary"

const (
	headerSize = 16
	maxPacket  = 1500 - 20 - 8 // bytes: what Ethernet carries
	// payloadSize is what live mode sends at most: seven packets of a transport stream (draft 7.1).
	payloadSize = 7 * 188

	sequenceMask = 1<<31 - 1

	controlFlag = 1 << 31
)

// Types of control packets (draft 3.2, table 1).
const (
	typeHandshake = 0
	typeKeepAlive = 1
	typeACK       = 2
	typeNAK       = 3
	typeShutdown  = 5
	typeACKACK    = 6
)

// Fields of the second word of a data packet (draft 3.1).
const (
	solo       = 3 << 30 // PP: the message is this packet alone
	evenKey    = 1 << 27 // KK
	again      = 1 << 26 // R
	numberMask = 1<<26 - 1
)

// control is a control packet.
type control struct {
	kind        uint16
	information uint32 // specific to the type
	to          uint32 // socket
	content     []byte
}

// appendControl appends a control packet; at is in microseconds since the connection began.
func appendControl(dst []byte, c *control, at uint32) []byte {
	dst = binary.BigEndian.AppendUint32(dst, controlFlag|uint32(c.kind)<<16)
	dst = binary.BigEndian.AppendUint32(dst, c.information)
	dst = binary.BigEndian.AppendUint32(dst, at)
	dst = binary.BigEndian.AppendUint32(dst, c.to)
	return append(dst, c.content...)
}

// parseControl reads a control packet, which aliases b; ok is false for anything else.
func parseControl(b []byte) (c control, ok bool) {
	if len(b) < headerSize || binary.BigEndian.Uint32(b)&controlFlag == 0 {
		return control{}, false
	}
	return control{
		kind: binary.BigEndian.Uint16(b) &^ (controlFlag >> 16), information: binary.BigEndian.Uint32(b[4:]),
		to: binary.BigEndian.Uint32(b[12:]), content: b[headerSize:],
	}, true
}

// appendData appends the header of a data packet.
func appendData(dst []byte, sequence, second, at, to uint32) []byte {
	dst = binary.BigEndian.AppendUint32(dst, sequence)
	dst = binary.BigEndian.AppendUint32(dst, second)
	dst = binary.BigEndian.AppendUint32(dst, at)
	return binary.BigEndian.AppendUint32(dst, to)
}

// messageNumber is that of the n-th packet, from 1 on. 0 is not among them: receivers take a packet of that number for one of a
// filter, such as those of forward error correction.
func messageNumber(n uint32) uint32 { return (n-1)%numberMask + 1 }

// losses calls lost for each range of sequence numbers that a NAK names (draft 3.2.5, appendix A).
func losses(content []byte, lost func(first, last uint32)) {
	for len(content) >= 4 {
		first := binary.BigEndian.Uint32(content)
		content = content[4:]
		last := first
		if first&controlFlag != 0 {
			if len(content) < 4 {
				return
			}
			first &= sequenceMask
			last = binary.BigEndian.Uint32(content) & sequenceMask
			content = content[4:]
		}
		lost(first, last)
	}
}
