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
	"sync/atomic"
	"time"
)

// closeWait is how long a client may take to answer a close frame; browsers do so at once.
const closeWait = time.Second

// inputPace is the shortest time between two frames that are read, of which a player sends one in many seconds: a
// flood of them costs nearly nothing.
const inputPace = 100 * time.Millisecond

// webSocket is a framing in which each write is a binary message.
type webSocket struct{}

func (webSocket) head(dst []byte, size int) []byte { return appendFrameHead(dst, opBinary, size) }
func (webSocket) tail() []byte                     { return nil }

func (webSocket) end(reason error) []byte {
	switch {
	case isWhole(reason):
		return appendClose(nil, closeNormal, reasonOf(reason))
	case errors.Is(reason, errSlow), errors.Is(reason, errGone):
		return nil
	default:
		return appendClose(nil, closeInternal, reasonOf(reason))
	}
}

// talk is what the client of a WebSocket says, in a goroutine that is over when the connection is closed.
type talk struct {
	done    chan struct{}          // closed when nothing more is read
	pong    atomic.Pointer[[]byte] // the answer to the last ping (RFC 6455 5.5.3), to be sent between two writes
	parting []byte                 // the close frame that answers what was read; written before done is closed
	wake    atomic.Pointer[func()] // tells whoever writes that there is a pong
}

// openWebSocket answers the handshake. The context is done when the client leaves or breaks the protocol.
func openWebSocket(conn net.Conn, buffered *bufio.ReadWriter, r *http.Request, head http.Header, timeout time.Duration) (*connSink, context.Context, error) {
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
	s := newConnSink(conn, webSocket{}, timeout)
	s.talk = &talk{done: make(chan struct{})}
	ctx, leave := context.WithCancelCause(context.Background())
	go s.talk.listen(from, leave)
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
	if _, err := w.Write(lineEnd); err != nil {
		return err
	}
	return w.Flush()
}

// listen reads until the client leaves or has nothing more to say.
func (t *talk) listen(from io.Reader, leave context.CancelCauseFunc) {
	defer leave(errGone)
	defer close(t.done)
	in := wsInput{from: from, pace: inputPace}
	for {
		opcode, payload, err := in.next()
		var fault *wsError
		switch {
		case errors.As(err, &fault):
			t.parting = appendClose(nil, fault.status, fault.text)
			return
		case err != nil:
			return
		case opcode == opClose: // RFC 6455 5.5.1: it is answered with its own status
			t.parting = appendClose(nil, closeStatus(payload), "")
			return
		}
		pong := append(appendFrameHead(nil, opPong, len(payload)), payload...)
		t.pong.Store(&pong)
		if wake := t.wake.Load(); wake != nil {
			(*wake)()
		}
	}
}

// asks tells whether the client waits for a pong.
func (t *talk) asks() bool { return t != nil && t.pong.Load() != nil }

// farewell is what the client is told last.
func (t *talk) farewell() []byte {
	select {
	case <-t.done:
		return t.parting
	default:
		return nil // it does not listen
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
