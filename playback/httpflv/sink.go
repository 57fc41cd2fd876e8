package httpflv

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"time"
)

// sink is where a viewer's bytes go. It is for one goroutine.
type sink interface {
	// write sends the slices one after another; it keeps none and changes none.
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
			// From here on only a write can tell that the client is gone, and the stream's end that it is over.
			s, err := newRawSink(conn, buffered, r, w.Header(), timeout)
			return s, context.WithoutCancel(r.Context()), err
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
	return s.control.Flush()
}

func (s *responseSink) close(reason error) {
	if !isWhole(reason) {
		panic(http.ErrAbortHandler) // net/http's way to cut a response: the client must not take it for whole
	}
}

// rawSink writes to the connection of an HTTP/1 request, in chunks (RFC 9112 7.1) or, for HTTP/1.0, as it is.
type rawSink struct {
	conn    net.Conn
	timeout time.Duration
	chunked bool
	size    []byte      // scratch: a chunk's head
	vector  net.Buffers // scratch
	joined  []byte      // scratch, where the connection cannot take a vector (TLS)
}

var chunkEnd = []byte("\r\n")

func newRawSink(conn net.Conn, buffered *bufio.ReadWriter, r *http.Request, head http.Header, timeout time.Duration) (*rawSink, error) {
	s := &rawSink{conn: conn, timeout: timeout, chunked: r.ProtoAtLeast(1, 1)}
	if s.chunked {
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
		_, err = buffered.Write(chunkEnd)
	}
	if err == nil {
		err = buffered.Flush()
	}
	if err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("cannot begin the response: %w", err)
	}
	return s, nil
}

func (s *rawSink) write(b [][]byte) error {
	total := 0
	for _, t := range b {
		total += len(t)
	}
	all := s.vector[:0]
	if s.chunked {
		s.size = append(strconv.AppendInt(s.size[:0], int64(total), 16), chunkEnd...)
		all = append(all, s.size)
	}
	all = append(all, b...)
	if s.chunked {
		all = append(all, chunkEnd)
	}
	s.vector = all
	defer clear(all) // hold nothing while waiting
	if err := s.conn.SetWriteDeadline(time.Now().Add(s.timeout)); err != nil {
		return err
	}
	return s.flush(all)
}

func (s *rawSink) flush(all net.Buffers) error {
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

// close ends the response properly when the stream is over, and cuts it otherwise.
func (s *rawSink) close(reason error) {
	if s.chunked && isWhole(reason) {
		_ = s.conn.SetWriteDeadline(time.Now().Add(s.timeout))
		_, _ = s.conn.Write([]byte("0\r\n\r\n")) // RFC 9112 7.1: the last chunk
	}
	_ = s.conn.Close()
}
