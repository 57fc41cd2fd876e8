package rtmp

import (
	"bufio"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"net"
	"os"
	"sync"
	"time"

	"weir/mux/rtmp"
)

const (
	readBuffer = 16 << 10
	// maxAnswer bounds a message while nothing is played, maxMedia one of media: a key frame of 50 Mbit/s video is not half
	// of it.
	maxAnswer = 64 << 10
	maxMedia  = 4 << 20
	// maxDrain is what is read and thrown away behind a goodbye.
	maxDrain = 4 << 20
	// maxWrite is how many write timeouts all of a write may take from a server that takes a little now and then.
	maxWrite = 3
	// record is what goes into a record of TLS.
	record = 16 << 10
)

// Conn is a connection to an application of a server, over which one stream is published or played. Write and Close may be
// called while another goroutine is in Watch or Read.
type Conn struct {
	conn   net.Conn
	opts   Options
	target target

	reading  sync.Mutex // guards the fields below
	buffered *bufio.Reader
	in       *rtmp.Reader
	received uint64 // bytes
	flow     rtmp.Flow
	silence  time.Duration  // that ends a read; 0: none
	parts    []rtmp.Message // of an aggregate, to be read next

	transaction float64 // of the newest command; of the one goroutine that asks

	writing sync.Mutex // guards the fields below
	stream  uint32     // message stream id; 0: there is none
	use     use
	out     rtmp.Packer
	pieces  net.Buffers   // of out, not yet written
	secure  *bufio.Writer // for TLS, which copies in any case; else nil
	chunk   int
	timeout time.Duration // of a write; 0: a context bounds what is going on
	begun   time.Time     // of the present write
	broken  error         // why nothing more can be written

	hurry sync.Mutex // guards until
	until time.Time  // nothing is written for longer; zero: there is no end
}

func newConn(conn net.Conn, o Options, t target) *Conn {
	c := &Conn{conn: conn, opts: o, target: t, chunk: rtmp.DefaultChunk}
	c.buffered = bufio.NewReaderSize(source{c}, readBuffer)
	c.in = rtmp.NewReader(c.buffered, maxAnswer)
	if _, ok := conn.(*tls.Conn); ok {
		c.secure = bufio.NewWriterSize(timed{c}, record)
	}
	return c
}

// source is what is read, counted and bounded in time.
type source struct{ c *Conn }

func (s source) Read(b []byte) (int, error) {
	if s.c.silence > 0 {
		if err := s.c.conn.SetReadDeadline(time.Now().Add(s.c.silence)); err != nil {
			return 0, err
		}
	}
	n, err := s.c.conn.Read(b)
	s.c.received += uint64(n) //nolint:gosec // not negative
	return n, err
}

// timed is what is written by TLS, bounded in time.
type timed struct{ c *Conn }

func (t timed) Write(b []byte) (int, error) {
	if err := t.c.limit(); err != nil {
		return 0, err
	}
	return t.c.conn.Write(b)
}

// Write sends messages of the stream and returns how many bytes that took, beside what TLS adds. Their message stream id is
// set here. Bodies are not copied, and must not change before Write has returned. It may be called while another goroutine is
// in Watch. After an error nothing more can be written.
//
// Errors: ErrTimeout when the server takes nothing for the write timeout, or not all in three of them, ErrClosed.
func (c *Conn) Write(messages ...rtmp.Message) (int, error) {
	c.writing.Lock()
	defer c.writing.Unlock()
	for _, m := range messages {
		m.Stream = c.stream
		c.out.Add(m, c.chunk)
	}
	n := c.out.Size()
	return n, c.flushLocked()
}

// add has a message wait for the next flush.
func (c *Conn) add(m rtmp.Message) {
	c.writing.Lock()
	defer c.writing.Unlock()
	c.out.Add(m, c.chunk)
}

// send sends a message.
func (c *Conn) send(m rtmp.Message) error {
	c.writing.Lock()
	defer c.writing.Unlock()
	c.out.Add(m, c.chunk)
	return c.flushLocked()
}

// flush sends what waits.
func (c *Conn) flush() error {
	c.writing.Lock()
	defer c.writing.Unlock()
	return c.flushLocked()
}

func (c *Conn) flushLocked() error {
	defer c.out.Reset()
	if c.broken != nil {
		return c.broken
	}
	c.begun = time.Now()
	err := c.sendLocked()
	if err != nil {
		c.broken = failing(err)
	}
	return c.broken
}

func (c *Conn) sendLocked() error {
	if c.secure != nil {
		for _, p := range c.out.Pieces() {
			if _, err := c.secure.Write(p); err != nil {
				return err
			}
		}
		return c.secure.Flush()
	}
	c.pieces = c.out.Pieces()
	for {
		if err := c.limit(); err != nil {
			return err
		}
		n, err := c.pieces.WriteTo(c.conn)
		if err == nil || n == 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
			return err
		}
	}
}

// limit bounds the next write.
func (c *Conn) limit() error {
	if c.timeout == 0 {
		return nil
	}
	c.hurry.Lock()
	defer c.hurry.Unlock()
	by := earlier(time.Now().Add(c.timeout), c.begun.Add(maxWrite*c.timeout))
	if !c.until.IsZero() {
		by = earlier(by, c.until)
	}
	return c.conn.SetWriteDeadline(by)
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// Hurry has Write end at a time, also one that goes on already: nobody needs any longer what the server does not take.
func (c *Conn) Hurry(until time.Time) {
	c.hurry.Lock()
	defer c.hurry.Unlock()
	c.until = until
	_ = c.conn.SetWriteDeadline(until) // what fails for a connection that is closed
}

// use is what a connection is for.
type use uint8

const (
	asking use = iota
	publishing
	playing
)

// handOn begins the time in which the connection serves its purpose: timeouts bound it from now on, and no context.
func (c *Conn) handOn(as use) {
	c.writing.Lock()
	defer c.writing.Unlock()
	c.use, c.timeout = as, c.opts.WriteTimeout
}

// purpose is what the connection is for now, and its message stream.
func (c *Conn) purpose() (use, uint32) {
	c.writing.Lock()
	defer c.writing.Unlock()
	return c.use, c.stream
}

// next reads the next message that is not about the connection itself, and answers those that are.
func (c *Conn) next() (rtmp.Message, error) {
	for {
		m, err := c.in.Next()
		if err != nil {
			return rtmp.Message{}, failing(err)
		}
		if ack, due := c.flow.Ack(c.received); due {
			if err := c.send(ack); err != nil {
				return rtmp.Message{}, err
			}
		}
		answer, taken, err := c.flow.Take(m)
		switch {
		case err != nil:
			return rtmp.Message{}, failing(err)
		case answer.Type != 0:
			if err := c.send(answer); err != nil {
				return rtmp.Message{}, err
			}
		}
		if !taken || c.isOver(m) {
			return m, nil
		}
	}
}

// isOver tells whether the server says that there is no more to be played (7.1.7).
func (c *Conn) isOver(m rtmp.Message) bool {
	return m.Type == rtmp.TypeControl && len(m.Body) >= 2 && binary.BigEndian.Uint16(m.Body) == rtmp.EventEOF
}
