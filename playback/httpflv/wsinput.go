package httpflv

import (
	"encoding/binary"
	"fmt"
	"io"
	"time"
)

const (
	maxControl = 125     // bytes of a control frame (RFC 6455 5.5)
	maxData    = 4 << 10 // bytes of a frame of data: a player of FLV has nothing to say
)

// wsInput reads what a client sends: pings, the close, and data, which is skipped.
type wsInput struct {
	from    io.Reader
	pace    time.Duration // the shortest time between two frames
	buf     [maxControl]byte
	begun   bool // a frame was read
	message bool // in the midst of a message in several frames
}

// next reads frames up to the next ping or close. The payload is good until the next call.
//
// Errors: *wsError for what breaks the protocol or is too big; those of the connection.
func (in *wsInput) next() (opcode byte, payload []byte, err error) {
	for {
		opcode, n, mask, err := in.head()
		if err != nil {
			return 0, nil, err
		}
		if opcode < opClose {
			if err := in.skip(n); err != nil {
				return 0, nil, err
			}
			continue
		}
		payload = in.buf[:n]
		if _, err := io.ReadFull(in.from, payload); err != nil {
			return 0, nil, err
		}
		for i := range payload {
			payload[i] ^= mask[i%4] // RFC 6455 5.3
		}
		if opcode != opPong {
			return opcode, payload, nil
		}
	}
}

// head reads the head of a frame and checks that its payload may follow.
func (in *wsInput) head() (opcode byte, n int, mask [4]byte, err error) {
	if in.begun {
		time.Sleep(in.pace)
	}
	in.begun = true
	b := in.buf[:2]
	if _, err := io.ReadFull(in.from, b); err != nil {
		return 0, 0, mask, err
	}
	first, second := b[0], b[1]
	size, err := in.size(second &^ maskedBit)
	if err != nil {
		return 0, 0, mask, err
	}
	if err := in.check(first, second, size); err != nil {
		return 0, 0, mask, err
	}
	_, err = io.ReadFull(in.from, mask[:])
	return first & 0x0f, int(size), mask, err
}

// size reads the length of the payload (RFC 6455 5.2).
func (in *wsInput) size(short byte) (uint64, error) {
	switch short {
	case 126:
		_, err := io.ReadFull(in.from, in.buf[:2])
		return uint64(binary.BigEndian.Uint16(in.buf[:])), err
	case 127:
		_, err := io.ReadFull(in.from, in.buf[:8])
		return binary.BigEndian.Uint64(in.buf[:]), err
	default:
		return uint64(short), nil
	}
}

// check refuses a frame that breaks the protocol, or is larger than a player's can be.
func (in *wsInput) check(first, second byte, size uint64) error {
	opcode, final := first&0x0f, first&finalFrame != 0
	switch {
	case second&maskedBit == 0: // RFC 6455 5.1
		return &wsError{closeProtocol, "not masked"}
	case first&0x70 != 0: // RFC 6455 5.2: no extension has given these bits a meaning
		return &wsError{closeProtocol, "reserved bits"}
	case opcode >= opClose && (!final || size > maxControl): // RFC 6455 5.5
		return &wsError{closeProtocol, "control frame"}
	case opcode > opBinary && opcode < opClose || opcode > opPong:
		return &wsError{closeProtocol, "opcode"}
	case opcode < opClose && (opcode == opContinuation) != in.message: // RFC 6455 5.4
		return &wsError{closeProtocol, "fragments"}
	case size > maxData:
		return &wsError{closeTooBig, "nothing is expected"}
	}
	if opcode < opClose {
		in.message = !final
	}
	return nil
}

func (in *wsInput) skip(n int) error {
	for n > 0 {
		part := in.buf[:min(n, len(in.buf))]
		if _, err := io.ReadFull(in.from, part); err != nil {
			return err
		}
		n -= len(part)
	}
	return nil
}

// wsError is why a connection is closed from here.
type wsError struct {
	status uint16
	text   string
}

func (f *wsError) Error() string { return fmt.Sprintf("WebSocket status %d: %s", f.status, f.text) }
