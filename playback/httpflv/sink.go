package httpflv

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"
)

// sink is where a viewer's bytes go. It is for one goroutine.
type sink interface {
	// write sends the slices one after another, and waits as long as that takes, up to the write timeout. It keeps
	// none and changes none.
	write(b [][]byte) error
	// close ends the response; reason is why.
	close(reason error)
}

// openSink begins the response. HTTP/1 is written straight to the connection, many tags in one system call; other
// versions go through the ResponseWriter. The context is done when the client leaves, as far as that can be seen
// without writing.
func openSink(w http.ResponseWriter, r *http.Request, timeout time.Duration) (sink, context.Context, error) {
	header(w.Header())
	control := http.NewResponseController(w)
	if r.ProtoMajor == 1 {
		conn, buffered, err := control.Hijack()
		if err == nil && wantsWebSocket(r) {
			return openWebSocket(conn, buffered, r, w.Header(), timeout)
		}
		if err == nil {
			// From here on only a write can tell that the client is gone, and the stream's end that it is over. The
			// request's context would hold the request, and end with its handler.
			s, err := answer(conn, buffered, r, w.Header(), timeout)
			return s, context.Background(), err
		}
		if !errors.Is(err, http.ErrNotSupported) {
			return nil, nil, fmt.Errorf("cannot take the connection: %w", err)
		}
	}
	w.WriteHeader(http.StatusOK)
	return &responseSink{w: w, control: control, timeout: timeout}, r.Context(), nil
}

// responseSink writes to an http.ResponseWriter.
type responseSink struct {
	w       http.ResponseWriter
	control *http.ResponseController
	timeout time.Duration
}

func (s *responseSink) write(b [][]byte) error {
	if err := s.control.SetWriteDeadline(time.Now().Add(s.timeout)); err != nil {
		return err
	}
	for _, t := range b {
		if _, err := s.w.Write(t); err != nil {
			return err
		}
	}
	if err := s.control.Flush(); err != nil {
		return err
	}
	return s.control.SetWriteDeadline(time.Time{}) // HTTP/2 resets the stream at a deadline, also where nothing is written
}

func (s *responseSink) close(reason error) {
	if !isWhole(reason) {
		panic(http.ErrAbortHandler) // net/http's way to cut a response: the client must not take it for whole
	}
}

// answer writes the head of the response to an HTTP/1 request, whose body goes to the sink: in chunks, or, for
// HTTP/1.0, as it is.
func answer(conn net.Conn, buffered *bufio.ReadWriter, r *http.Request, head http.Header, timeout time.Duration) (*connSink, error) {
	var f framing = plain{}
	if r.ProtoAtLeast(1, 1) {
		f = chunked{}
		head.Set("Transfer-Encoding", "chunked")
	}
	head.Set("Connection", "close")
	head.Set("Date", time.Now().UTC().Format(http.TimeFormat))
	err := conn.SetDeadline(time.Now().Add(timeout))
	if err == nil {
		_, err = buffered.WriteString("HTTP/1.1 200 OK\r\n")
	}
	if err == nil {
		err = head.Write(buffered)
	}
	if err == nil {
		_, err = buffered.Write(lineEnd)
	}
	if err == nil {
		err = buffered.Flush()
	}
	if err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("cannot begin the response: %w", err)
	}
	return newConnSink(conn, f, timeout), nil
}
