package httpflv

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

// closeWait is how long a client may take to answer a close frame; browsers do so at once.
const closeWait = time.Second

// wsSink writes to a WebSocket, each write as one binary message, and answers what the client sends in between.
type wsSink struct {
	conn    net.Conn
	timeout time.Duration
	done    chan struct{} // closed when nothing more is read
	parting []byte        // the close frame that answers what was read; written before done is closed

	mu     sync.Mutex // guards the order of what is written, and the scratch below
	head   []byte
	vector net.Buffers
	joined []byte // where the connection cannot take a vector (TLS)
}

// openWebSocket answers the handshake. The context is done when the client leaves or breaks the protocol. The one
// goroutine is over when the sink is closed.
func openWebSocket(conn net.Conn, buffered *bufio.ReadWriter, r *http.Request, head http.Header, timeout time.Duration) (*wsSink, context.Context, error) {
	upgrade(head, r)
	if err := greet(conn, buffered.Writer, head, timeout); err != nil {
		_ = conn.Close()
		return nil, nil, fmt.Errorf("cannot begin the WebSocket: %w", err)
	}
	var from io.Reader = conn
	if n := buffered.Reader.Buffered(); n > 0 {
		early, _ := buffered.Reader.Peek(n)
		from = io.MultiReader(bytes.NewReader(bytes.Clone(early)), conn)
	}
	s := &wsSink{conn: conn, timeout: timeout, done: make(chan struct{})}
	ctx, leave := context.WithCancelCause(context.WithoutCancel(r.Context()))
	go s.listen(from, leave)
	return s, ctx, nil
}

// greet writes the head of the answer. From then on reading has no deadline: a player says nothing for hours.
func greet(conn net.Conn, w *bufio.Writer, head http.Header, timeout time.Duration) error {
	if err := errors.Join(conn.SetReadDeadline(time.Time{}), conn.SetWriteDeadline(time.Now().Add(timeout))); err != nil {
		return err
	}
	if _, err := w.WriteString("HTTP/1.1 101 Switching Protocols\r\n"); err != nil {
		return err
	}
	if err := head.Write(w); err != nil {
		return err
	}
	if _, err := w.WriteString("\r\n"); err != nil {
		return err
	}
	return w.Flush()
}

// listen reads until the client leaves or has nothing more to say, and answers its pings.
func (s *wsSink) listen(from io.Reader, leave context.CancelCauseFunc) {
	defer close(s.done)
	defer leave(errGone)
	in := wsInput{from: from}
	for {
		opcode, payload, err := in.next()
		var fault *wsFault
		switch {
		case errors.As(err, &fault):
			s.parting = appendClose(nil, fault.status, fault.text)
			return
		case err != nil:
			return
		case opcode == opClose: // RFC 6455 5.5.1: it is answered with its own status
			s.parting = appendClose(nil, closeStatus(payload), "")
			return
		}
		if err := s.control(append(appendFrameHead(nil, opPong, len(payload)), payload...)); err != nil { // RFC 6455 5.5.3
			return
		}
	}
}

// closeStatus is the status of a close frame, or that of a usual end where it has none or one that may not be sent
// (RFC 6455 7.4).
func closeStatus(payload []byte) uint16 {
	if len(payload) < 2 {
		return closeNormal
	}
	status := binary.BigEndian.Uint16(payload)
	if status < 1000 || status >= 5000 || status >= 1004 && status <= 1006 || status >= 1012 && status < 3000 {
		return closeNormal
	}
	return status
}

// control writes a control frame between two messages.
func (s *wsSink) control(frame []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.conn.SetWriteDeadline(time.Now().Add(s.timeout)); err != nil {
		return err
	}
	_, err := s.conn.Write(frame)
	return err
}

func (s *wsSink) write(b [][]byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	size := 0
	for _, t := range b {
		size += len(t)
	}
	s.head = appendFrameHead(s.head[:0], opBinary, size)
	all := append(append(s.vector[:0], s.head), b...)
	s.vector = all
	defer clear(all) // hold nothing while waiting
	if err := s.conn.SetWriteDeadline(time.Now().Add(s.timeout)); err != nil {
		return err
	}
	return s.send(all)
}

func (s *wsSink) send(all net.Buffers) error {
	if _, ok := s.conn.(*net.TCPConn); ok {
		_, err := all.WriteTo(s.conn)
		return err
	}
	s.joined = s.joined[:0]
	for _, b := range all {
		s.joined = append(s.joined, b...)
	}
	_, err := s.conn.Write(s.joined)
	return err
}

// close says why, and waits a moment for the client to agree. One that takes nothing is cut.
func (s *wsSink) close(reason error) {
	if frame := s.farewell(reason); frame != nil && s.control(frame) == nil {
		_ = s.conn.SetReadDeadline(time.Now().Add(closeWait)) // RFC 6455 7.1.1: the answer is awaited
		<-s.done
	}
	_ = s.conn.Close()
	<-s.done
}

// farewell is the close frame for a reason, or nil where there is nobody to tell.
func (s *wsSink) farewell(reason error) []byte {
	switch {
	case isWhole(reason):
		return appendClose(nil, closeNormal, reasonOf(reason))
	case errors.Is(reason, errSlow):
		return nil
	case errors.Is(reason, errGone):
		select {
		case <-s.done:
			return s.parting
		default:
			return nil
		}
	default:
		return appendClose(nil, closeInternal, reasonOf(reason))
	}
}
