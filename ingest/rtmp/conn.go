package rtmp

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"log/slog"
	"net"
	"sync/atomic"
	"time"

	"weir/mux/rtmp"
	"weir/room/auth"
	"weir/room/live"
)

const (
	readBuffer = 16 << 10
	// maxCommand bounds a message before a publisher is known, maxMedia one of its media: a key frame of 50 Mbit/s
	// video is not half of it.
	maxCommand = 16 << 10
	maxMedia   = 4 << 20
	// maxTalk is how many messages may come before the publish command; encoders send six.
	maxTalk = 64
	// maxDrain is what is read and thrown away behind a goodbye, so that the peer can read it.
	maxDrain = 4 << 20
)

// conn is one connection, from its handshake to its end. It is for the goroutine that reads it.
type conn struct {
	net.Conn
	server *Server
	log    *slog.Logger
	in     *rtmp.Reader
	out    *writer

	app      string // of the connect command, with its query
	site     string // that the peer connected to; empty when it did not say
	enhanced bool   // the peer said which FourCCs it knows

	received atomic.Uint64 // bytes
	flow     rtmp.Flow
}

func newConn(s *Server, nc net.Conn) *conn {
	c := &conn{
		Conn: nc, server: s, out: newWriter(nc),
		log: s.log.With("peer", nc.RemoteAddr().String()),
	}
	c.in = rtmp.NewReader(bufio.NewReaderSize(counter{c}, readBuffer), maxCommand)
	return c
}

// counter counts what is read.
type counter struct{ c *conn }

func (r counter) Read(b []byte) (int, error) {
	n, err := r.c.Conn.Read(b)
	r.c.received.Add(uint64(n))
	r.c.server.stats.bytes.Add(float64(n))
	return n, err
}

// serve talks to the peer until it publishes, then lets the session run.
func (c *conn) serve(ctx context.Context) {
	defer func() { _ = c.Close() }()
	stop := context.AfterFunc(ctx, func() { _ = c.Close() })
	deadline := time.Now().Add(c.server.opts.Handshake)
	err := c.SetDeadline(deadline)
	if err == nil {
		err = greet(c.Conn)
	}
	var s *session
	if err == nil {
		talk, over := context.WithDeadline(ctx, deadline) // also for a decision that hangs
		s, err = c.negotiate(talk)
		over()
	}
	stop()
	if err != nil {
		c.refuse(ctx, err)
		return
	}
	s.run(ctx)
}

// greet makes the handshake.
func greet(nc net.Conn) error {
	var random rtmp.Random
	_, _ = rand.Read(random[:]) // never fails
	return rtmp.Accept(nc, &random)
}

// read returns the next message that is not about the connection itself.
func (c *conn) read() (rtmp.Message, error) {
	for {
		m, err := c.in.Next()
		if err != nil {
			return rtmp.Message{}, err
		}
		if ack, due := c.flow.Ack(c.received.Load()); due {
			if err := c.out.send(ack); err != nil {
				return rtmp.Message{}, err
			}
		}
		answer, taken, err := c.flow.Take(m)
		if err == nil && answer.Type != 0 {
			err = c.out.send(answer)
		}
		if err != nil || !taken {
			return m, err
		}
	}
}

// refuse tells the peer why it is not taken, or not any longer, and counts it.
func (c *conn) refuse(ctx context.Context, err error) {
	reason := c.outcome(ctx, err)
	c.server.stats.refusals.WithLabelValues(live.Reason(reason)).Inc()
	c.log.Debug("publisher refused", "reason", reason)
	var told *refusal
	if errors.As(reason, &told) {
		c.goodbye(told)
	}
}

// outcome is the reason for counters and the peer why a connection did not come to publish.
func (c *conn) outcome(ctx context.Context, err error) error {
	var told *refusal
	switch {
	case errors.As(err, &told):
		return err
	case ctx.Err() != nil:
		return errShutdown
	case errors.Is(err, live.ErrBusy):
		return refuse("stream_busy", "%v", err)
	case errors.Is(err, live.ErrIDTaken):
		return refuse("streamid_taken", "%v", err)
	case errors.Is(err, live.ErrFull):
		return refuse("server_full", "the server takes no more streams")
	case errors.Is(err, live.ErrStopping):
		return refuse("shutting_down", "the server is shutting down")
	case errors.Is(err, rtmp.ErrProtocol), errors.Is(err, rtmp.ErrTooMuch):
		return errBadBytes
	}
	if _, code := auth.Status(err); code != "internal" {
		return refuse(code, "%v", err)
	}
	return ioReason(err)
}

// ioReason is the reason why a connection can no longer be read.
func ioReason(err error) error {
	var slow net.Error
	switch {
	case errors.Is(err, rtmp.ErrProtocol), errors.Is(err, rtmp.ErrTooMuch):
		return errBadBytes
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed):
		return errClosed
	case errors.As(err, &slow) && slow.Timeout():
		return errHandshake
	default:
		return errFailed
	}
}

// goodbye sends the reason as an onStatus and lets the peer read it: a connection that is closed while data is on its
// way to us would be reset, and the peer might never see the reason.
func (c *conn) goodbye(r *refusal) {
	half, ok := c.Conn.(interface{ CloseWrite() error })
	if err := c.out.status("error", statusCode(r.code), r.detail); err == nil && ok && half.CloseWrite() == nil {
		c.linger()
	}
}

// linger waits for the peer to close, though not for long.
func (c *conn) linger() {
	if c.SetReadDeadline(time.Now().Add(lingerTimeout)) != nil {
		return
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(c.Conn, maxDrain)) // its end, whatever it is, is the end
}

// statusCode is the code of an onStatus that goes with a refusal's.
func statusCode(code string) string {
	switch code {
	case "bad_address", "bad_id", "stream_busy", "streamid_taken":
		return "NetStream.Publish.BadName"
	case "play":
		return "NetStream.Play.Failed"
	case "codec", "server_full", "shutting_down":
		return "NetStream.Publish.Rejected"
	default:
		return "NetStream.Publish.Denied"
	}
}
