package rtmp

import (
	"encoding/binary"
	"fmt"
)

const (
	tagHead = 11 // of the FLV tags in an aggregate
	tagTail = 4
)

// AppendParts appends the messages that an aggregate message is made of (Adobe RTMP 7.1.6). Their bodies lie in its body.
//
// Errors: ErrProtocol; what was whole before it is appended.
func AppendParts(dst []Message, m Message) ([]Message, error) {
	var first uint32
	for b := m.Body; len(b) > 0; {
		if len(b) < tagHead {
			return dst, fmt.Errorf("%w: an aggregate cut short", ErrProtocol)
		}
		n := int(b[1])<<16 | int(b[2])<<8 | int(b[3])
		if len(b) < tagHead+n+tagTail {
			return dst, fmt.Errorf("%w: an aggregate cut short", ErrProtocol)
		}
		at := binary.BigEndian.Uint32([]byte{b[7], b[4], b[5], b[6]})
		if len(b) == len(m.Body) {
			first = at
		}
		// 7.1.6: their times are those of the message and of what they differ by
		dst = append(dst, Message{Type: b[0], Stream: m.Stream, Time: m.Time + at - first, Body: b[tagHead : tagHead+n : tagHead+n]})
		b = b[tagHead+n+tagTail:]
	}
	return dst, nil
}
