package rtmp

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"time"

	"weir/mux/rtmp"
	"weir/room/dial"
)

// Options say whom to connect to. All are required but those that say otherwise.
type Options struct {
	// URL is rtmp:// or rtmps://HOST[:PORT]/APP/NAME?QUERY, with USER:PASSWORD@ where the server wants a login. It is secret.
	URL string
	// Guard lets the connection pass; nil: to public addresses.
	Guard *dial.Guard
	// TLS is for RTMPS; nil: that of the system. It is not changed.
	TLS *tls.Config
	// Agent is what the server is told about the client, such as weir/1.2.
	Agent string
	// WriteTimeout is how long the server may take nothing of what is written.
	WriteTimeout time.Duration
	// Silence is how long a server that is played from may send nothing at all; 0: for ever.
	Silence time.Duration
}

// maxLogin is how many connections a login takes: one that is refused, one that is challenged, one that answers.
const maxLogin = 3

// Dial connects to a server and to an application there. ctx, which should end some time, bounds Dial alone.
//
// Errors: ErrAddress, ErrConnect, ErrRefused, ErrTimeout, ErrClosed, ErrProtocol, or the cause of the context's end where that
// was not a deadline.
func Dial(ctx context.Context, o Options) (*Conn, error) {
	t, err := parseTarget(o.URL)
	if err != nil {
		return nil, err
	}
	log := newLogin(&t)
	for range maxLogin {
		c, err := open(ctx, o, t)
		if err != nil {
			return nil, ended(ctx, err)
		}
		err = c.within(ctx, func() error { return c.connect(log.query) })
		if err == nil {
			return c, nil
		}
		_ = c.conn.Close()
		var refused *rejection
		if !errors.As(err, &refused) {
			return nil, err
		}
		if !log.next(refused.description) {
			return nil, t.refused(refused)
		}
	}
	return nil, fmt.Errorf("%w: the login does not end", ErrRefused)
}

// open makes the connection and the handshakes.
func open(ctx context.Context, o Options, t target) (*Conn, error) {
	conn, err := o.Guard.DialContext(ctx, "tcp", t.dial)
	if err != nil {
		return nil, dialing(err)
	}
	if t.secure {
		if conn, err = secured(ctx, conn, o.TLS, t.host); err != nil {
			return nil, dialing(err)
		}
	}
	c := newConn(conn, o, t)
	if err := c.within(ctx, c.greet); err != nil {
		_ = conn.Close()
		return nil, err
	}
	return c, nil
}

func secured(ctx context.Context, conn net.Conn, config *tls.Config, host string) (net.Conn, error) {
	if config == nil {
		config = new(tls.Config)
	}
	if config.ServerName == "" {
		config = config.Clone()
		config.ServerName = host
	}
	s := tls.Client(conn, config)
	if err := s.HandshakeContext(ctx); err != nil {
		_ = conn.Close()
		return nil, err
	}
	return s, nil
}

func (c *Conn) greet() error {
	var random rtmp.Random
	_, _ = rand.Read(random[:]) // never fails
	if err := rtmp.Greet(greeter{c}, &random); err != nil {
		return failing(err)
	}
	return nil
}

// greeter is the connection as the handshake sees it: read through the buffer that what follows is read from.
type greeter struct{ c *Conn }

func (g greeter) Read(b []byte) (int, error)  { return g.c.buffered.Read(b) }
func (g greeter) Write(b []byte) (int, error) { return g.c.conn.Write(b) }

// within has f end when ctx does.
func (c *Conn) within(ctx context.Context, f func() error) error {
	stop := context.AfterFunc(ctx, func() { _ = c.conn.SetDeadline(time.Unix(1, 0)) })
	err := f()
	if !stop() && err == nil {
		err = ErrTimeout // the deadline may be set any moment
	}
	if err != nil {
		return ended(ctx, err)
	}
	return failed(c.conn.SetDeadline(time.Time{}))
}

// ended is err, or why the context has ended where that is the reason and no matter of time.
func ended(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.DeadlineExceeded) {
		return cause
	}
	return err
}

func failed(err error) error {
	if err != nil {
		return failing(err)
	}
	return nil
}
