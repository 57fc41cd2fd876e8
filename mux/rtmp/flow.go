package rtmp

import (
	"encoding/binary"
	"fmt"
)

const (
	// DefaultWindow is how many bytes may be on their way unacknowledged, as it is announced by this package's users.
	DefaultWindow = 2_500_000
	// minWindow is the smallest window of a peer that is kept to: a smaller one would cost a write for every read.
	minWindow = 64 << 10
)

// Flow answers what a peer says about the connection itself, beyond what concerns the Reader. The zero value is ready; it
// is for one goroutine.
type Flow struct {
	window uint64 // of the peer's; 0: DefaultWindow
	acked  uint64 // bytes that were acknowledged
}

// Ack returns the acknowledgement that is due when so many bytes were received (Adobe RTMP 5.4.3).
func (f *Flow) Ack(received uint64) (m Message, due bool) {
	window := f.window
	if window == 0 {
		window = DefaultWindow
	}
	if received-f.acked < window {
		return Message{}, false
	}
	f.acked = received
	return Number(TypeAck, uint32(received)), true
}

// Take takes a message about the connection itself (5.4, 7.1.7); taken is false for any other. answer has a type when there
// is something to answer.
//
// Errors: ErrProtocol.
func (f *Flow) Take(m Message) (answer Message, taken bool, err error) {
	switch m.Type {
	case TypeControl:
		if len(m.Body) == 6 && binary.BigEndian.Uint16(m.Body) == EventPing {
			answer = Control(EventPong, m.Body[2:]...)
		}
		return answer, true, nil
	case TypeAck, TypeWindow, TypeBandwidth:
	default:
		return Message{}, false, nil
	}
	if len(m.Body) < 4 {
		return Message{}, true, fmt.Errorf("%w: control message of %d bytes", ErrProtocol, len(m.Body))
	}
	if m.Type == TypeWindow {
		f.window = uint64(max(binary.BigEndian.Uint32(m.Body), minWindow))
	}
	return Message{}, true, nil
}
