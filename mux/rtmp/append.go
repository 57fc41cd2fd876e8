package rtmp

import "encoding/binary"

const (
	maxHead = 1 + 11 + 4 // of a chunk: basic header of 1 byte, message header, extended timestamp
)

// appendHead appends the header of a message's first chunk, in the form that leaves nothing out (5.3.1.2.1).
func appendHead(dst []byte, m *Message) []byte {
	n, field := len(m.Body), min(m.Time, noTime)
	dst = append(dst, m.csid(), byte(field>>16), byte(field>>8), byte(field), byte(n>>16), byte(n>>8), byte(n), m.Type)
	return appendExtended(binary.LittleEndian.AppendUint32(dst, m.Stream), m) // 5.3.1.2.5: the one number so written
}

// appendAgain appends the header of a further chunk (5.3.1.2.4).
func appendAgain(dst []byte, m *Message) []byte { return appendExtended(append(dst, 3<<6|m.csid()), m) }

// appendExtended appends the timestamp where 24 bits cannot say it. All chunks of the message have it (5.3.1.3).
func appendExtended(dst []byte, m *Message) []byte {
	if m.Time < noTime {
		return dst
	}
	return binary.BigEndian.AppendUint32(dst, m.Time)
}

// AppendMessage appends a message in chunks with a payload of up to size bytes. The body must fit into 24 bits of length.
func AppendMessage(dst []byte, m Message, size int) []byte {
	dst = appendHead(dst, &m)
	body := m.Body
	for len(body) > size {
		dst = appendAgain(append(dst, body[:size]...), &m)
		body = body[size:]
	}
	return append(dst, body...)
}

// Packer lays messages out as chunks without copying their bodies: many connections can send the same ones. The zero
// value is ready; it is for one goroutine.
type Packer struct {
	heads  []byte
	pieces [][]byte
	size   int
}

// Add lays a message out behind those before it, in chunks with a payload of up to size bytes. Its body must not change
// until Reset.
func (p *Packer) Add(m Message, size int) {
	p.size += len(m.Body)
	p.reserve()
	p.head(appendHead(p.heads, &m))
	body := m.Body
	for len(body) > size {
		p.pieces = append(p.pieces, body[:size])
		p.reserve()
		p.head(appendAgain(p.heads, &m))
		body = body[size:]
	}
	if len(body) > 0 {
		p.pieces = append(p.pieces, body)
	}
}

// reserve sees to it that a header fits. Those before it stay where they are when there is no more room.
func (p *Packer) reserve() {
	if cap(p.heads)-len(p.heads) < maxHead {
		p.heads = make([]byte, 0, max(64*maxHead, 2*cap(p.heads)))
	}
}

// head adds what was appended to the headers.
func (p *Packer) head(longer []byte) {
	head := longer[len(p.heads):]
	p.heads, p.size = longer, p.size+len(head)
	p.pieces = append(p.pieces, head)
}

// Pieces are the bytes of all messages, in order. They are valid until Reset; the slice may be changed.
func (p *Packer) Pieces() [][]byte { return p.pieces }

// Size is how many bytes the pieces have.
func (p *Packer) Size() int { return p.size }

// Reset makes room for other messages and lets go of the bodies.
func (p *Packer) Reset() {
	clear(p.pieces)
	p.heads, p.pieces, p.size = p.heads[:0], p.pieces[:0], 0
}
