package rtmp

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
)

const (
	// DefaultChunk is the largest payload of a chunk until a side says another size (Adobe RTMP 5.4.1).
	DefaultChunk = 128
	maxChunk     = 1 << 24 // a size past that of the largest message means the same
	// maxStreams is how many chunk streams a peer may use: encoders use two to five.
	maxStreams = 16
	// eagerSize is up to which size the buffer of a message is made at once. A larger one grows with what really
	// comes, so that announcing costs a peer as much as us.
	eagerSize = 64 << 10
	// oddDelta is the step beyond which a repeated absolute timestamp is taken as no step; see repeat.
	oddDelta = 1000
	noTime   = 0xffffff // says that an extended timestamp follows
)

// chunkStream is what the header of the next chunk of a stream may leave out (5.3.1.2).
type chunkStream struct {
	started  bool
	typ      byte
	stream   uint32
	time     uint32
	delta    uint32
	absolute bool   // delta is the timestamp of a type 0 chunk
	length   int    // of the message
	extended bool   // the header had an extended timestamp
	field    uint32 // its value
	body     []byte // so far
	open     bool   // a message is under way
}

// Reader puts messages together. Whatever a peer sends, it holds no more than its limit of bytes for unfinished
// messages and 16 chunk streams. It is for one goroutine.
type Reader struct {
	r       *bufio.Reader
	size    int // of a chunk's payload at most
	limit   int // bytes of a message, and of the buffers of all that are unfinished
	streams map[uint32]*chunkStream
	pending int // bytes of those buffers
	scratch [11]byte
}

// NewReader returns a reader of what follows the handshake, in which a message, and all that is unfinished together, may
// have limit bytes.
func NewReader(r *bufio.Reader, limit int) *Reader {
	return &Reader{r: r, size: DefaultChunk, limit: limit, streams: make(map[uint32]*chunkStream)}
}

// Limit changes the limit.
func (c *Reader) Limit(bytes int) { c.limit = bytes }

// Next returns the next message. Those about chunks (5.4.1, 5.4.2) it keeps to, and passes over.
//
// Errors: ErrProtocol, ErrTooMuch, or the reader's; nothing can be read after one.
func (c *Reader) Next() (Message, error) {
	for {
		s, err := c.header()
		if err != nil {
			return Message{}, err
		}
		if err := c.payload(s); err != nil {
			return Message{}, err
		}
		if len(s.body) < s.length {
			continue
		}
		m := Message{Type: s.typ, Stream: s.stream, Time: s.time, Body: s.body}
		c.drop(s)
		if m.Type != TypeChunkSize && m.Type != TypeAbort {
			return m, nil
		}
		if err := c.control(&m); err != nil {
			return Message{}, err
		}
	}
}

// control takes a message about chunks.
func (c *Reader) control(m *Message) error {
	if len(m.Body) < 4 {
		return fmt.Errorf("%w: control message of %d bytes", ErrProtocol, len(m.Body))
	}
	v := binary.BigEndian.Uint32(m.Body)
	if m.Type == TypeAbort {
		c.abort(v)
		return nil
	}
	if v == 0 || v >= 1<<31 { // 5.4.1: the first bit must be zero, and the size at least 1
		return fmt.Errorf("%w: chunk size %d", ErrProtocol, v)
	}
	c.size = int(min(v, maxChunk))
	return nil
}

// abort drops what has come of a message (5.4.2).
func (c *Reader) abort(id uint32) {
	if s := c.streams[id]; s != nil && s.open {
		c.drop(s)
	}
}

func (c *Reader) drop(s *chunkStream) {
	c.pending -= cap(s.body)
	s.body, s.open = nil, false
}

// header reads a chunk's headers and brings its stream up to date.
func (c *Reader) header() (*chunkStream, error) {
	first, err := c.r.ReadByte()
	if err != nil {
		return nil, err
	}
	id, err := c.streamID(uint32(first & 0x3f))
	if err != nil {
		return nil, err
	}
	s := c.streams[id]
	if s == nil {
		if len(c.streams) == maxStreams {
			return nil, fmt.Errorf("%w: more than %d chunk streams", ErrTooMuch, maxStreams)
		}
		s = new(chunkStream)
		c.streams[id] = s
	}
	form := first >> 6
	if form > 0 && !s.started {
		return nil, fmt.Errorf("%w: the first chunk of a stream has form %d", ErrProtocol, form)
	}
	if form == 3 {
		return s, c.repeat(s)
	}
	if s.open {
		return nil, fmt.Errorf("%w: a message begins within another one", ErrProtocol)
	}
	if err := c.full(s, form); err != nil {
		return nil, err
	}
	return s, c.begin(s)
}

// streamID reads what the basic header has beyond its first byte (5.3.1.1).
func (c *Reader) streamID(low uint32) (uint32, error) {
	if low > 1 {
		return low, nil
	}
	b := c.scratch[:2]
	b[1] = 0
	if _, err := io.ReadFull(c.r, b[:1+low]); err != nil {
		return 0, err
	}
	return 64 + uint32(b[0]) + uint32(b[1])<<8, nil
}

// full reads a message header of form 0, 1 or 2 (5.3.1.2).
func (c *Reader) full(s *chunkStream, form byte) error {
	b := c.scratch[:]
	if _, err := io.ReadFull(c.r, b[:[...]int{11, 7, 3}[form]]); err != nil {
		return err
	}
	field := uint32(b[0])<<16 | uint32(b[1])<<8 | uint32(b[2])
	if form < 2 {
		s.length, s.typ = int(b[3])<<16|int(b[4])<<8|int(b[5]), b[6]
	}
	if form == 0 {
		s.stream = binary.LittleEndian.Uint32(b[7:])
	}
	s.extended = field == noTime
	if s.extended {
		if _, err := io.ReadFull(c.r, b[:4]); err != nil {
			return err
		}
		field = binary.BigEndian.Uint32(b[:4])
	}
	s.field, s.delta, s.absolute, s.started = field, field, form == 0, true
	if form == 0 {
		s.time = field
	} else {
		s.time += field
	}
	return nil
}

// repeat takes a chunk without a message header: the next piece of a message, or another one like the last.
func (c *Reader) repeat(s *chunkStream) error {
	if err := c.repeated(s); err != nil || s.open {
		return err
	}
	// 5.3.1.2.4: the step is the last one, or the timestamp of a type 0 chunk before. ffmpeg does so; librtmp means
	// no step at all by it, which shows when the timestamp is no plausible step.
	if !s.absolute || s.delta <= oddDelta {
		s.time += s.delta
	}
	return c.begin(s)
}

// repeated reads the extended timestamp that chunks without a header repeat (5.3.1.3). Some encoders leave it out,
// so it is one only if it has the same value.
func (c *Reader) repeated(s *chunkStream) error {
	if !s.extended {
		return nil
	}
	b, err := c.r.Peek(4)
	if err != nil {
		return err
	}
	if binary.BigEndian.Uint32(b) == s.field {
		_, err = c.r.Discard(4)
	}
	return err
}

func (c *Reader) begin(s *chunkStream) error {
	if s.length > c.limit {
		return fmt.Errorf("%w: a message of %d bytes", ErrTooMuch, s.length)
	}
	s.open = true
	return c.grow(s, min(s.length, eagerSize))
}

// payload reads a chunk's share of its message.
func (c *Reader) payload(s *chunkStream) error {
	n := min(s.length-len(s.body), c.size)
	for n > 0 {
		at, k := len(s.body), min(n, eagerSize)
		if at+k > cap(s.body) {
			if err := c.grow(s, min(s.length, max(2*cap(s.body), at+k))); err != nil {
				return err
			}
		}
		s.body = s.body[:at+k]
		if _, err := io.ReadFull(c.r, s.body[at:]); err != nil {
			return err
		}
		n -= k
	}
	return nil
}

// grow gives a message under way a buffer of size bytes.
func (c *Reader) grow(s *chunkStream, size int) error {
	if c.pending += size - cap(s.body); c.pending > c.limit {
		return fmt.Errorf("%w: %d bytes of unfinished messages", ErrTooMuch, c.pending)
	}
	grown := make([]byte, len(s.body), size)
	copy(grown, s.body)
	s.body = grown
	return nil
}
