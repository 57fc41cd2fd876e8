package rtmp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"weir/mux/av"
	"weir/room/auth"
	"weir/room/live"
)

type authorizer interface {
	Authorize(ctx context.Context, r auth.Request) (auth.Grant, error)
}

type hub interface {
	Publish(k live.Key, o live.PublishOptions) (*live.Publisher, error)
}

// Options say how publishers are taken. All are required but Log.
type Options struct {
	Auth   authorizer
	Hub    hub
	Policy live.Policy
	Codecs []av.Codec // video codecs taken
	// Timeout is the silence after which a stream is interrupted.
	Timeout time.Duration
	// Handshake is how long a connection may take up to its publish command.
	Handshake time.Duration
	// MaxConns is how many connections may be open, MaxPerAddress how many of them from one address (one /64 of
	// IPv6).
	MaxConns, MaxPerAddress int
	Log                     *slog.Logger
}

// Server takes RTMP publishers on its listeners.
type Server struct {
	opts  Options
	log   *slog.Logger
	stats *Stats
	tasks sync.WaitGroup // connections

	listeners []net.Listener // not changed once Run was called

	mu    sync.Mutex // guards the fields below
	conns int
	each  map[netip.Prefix]int
}

// NewServer returns a Server without listeners.
func NewServer(o Options) *Server {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Server{opts: o, log: o.Log, stats: newStats(), each: make(map[netip.Prefix]int)}
}

// Stats are the door's figures, to be registered with Prometheus.
func (s *Server) Stats() *Stats { return s.stats }

// Listen opens a socket, for RTMPS when secure is not nil, and returns its address. Nothing is taken before Run.
func (s *Server) Listen(addr string, secure *tls.Config) (net.Addr, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("cannot listen for rtmp: %w", err)
	}
	if secure != nil {
		l = tls.NewListener(l, secure)
	}
	s.listeners = append(s.listeners, l)
	return l.Addr(), nil
}

// Close gives back the sockets of a server that never ran.
func (s *Server) Close() error {
	var errs []error
	for _, l := range s.listeners {
		errs = append(errs, l.Close())
	}
	return errors.Join(errs...)
}

// Run takes publishers until ctx is done, then ends all of them and waits. It fails when a listener does.
func (s *Server) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	for _, l := range s.listeners {
		s.tasks.Go(func() {
			if err := s.accept(ctx, l); ctx.Err() == nil {
				cancel(fmt.Errorf("cannot accept RTMP: %w", err))
			}
		})
	}
	<-ctx.Done()
	_ = s.Close()
	s.tasks.Wait()
	if err := context.Cause(ctx); !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// acceptPause is how long accepting rests when the process has no file descriptor left.
const acceptPause = 50 * time.Millisecond

func (s *Server) accept(ctx context.Context, l net.Listener) error {
	for {
		nc, err := l.Accept()
		switch {
		case err == nil:
			s.admit(ctx, nc)
		case errors.Is(err, net.ErrClosed):
			return err
		default:
			s.log.Warn("cannot accept an RTMP connection", "error", err)
			select {
			case <-time.After(acceptPause):
			case <-ctx.Done():
			}
		}
	}
}

// admit serves a connection in a goroutine of its own, or closes it when there are too many.
func (s *Server) admit(ctx context.Context, nc net.Conn) {
	from := network(nc.RemoteAddr())
	s.mu.Lock()
	full := s.conns >= s.opts.MaxConns || s.each[from] >= s.opts.MaxPerAddress
	if !full {
		s.conns++
		s.each[from]++
	}
	s.mu.Unlock()
	if full {
		s.stats.refusals.WithLabelValues("too_many_connections").Inc()
		_ = nc.Close()
		return
	}
	s.stats.conns.Inc()
	s.tasks.Go(func() {
		defer s.release(from)
		newConn(s, nc).serve(ctx)
	})
}

func (s *Server) release(from netip.Prefix) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conns--
	if s.each[from]--; s.each[from] == 0 {
		delete(s.each, from)
	}
	s.stats.conns.Dec()
}

// network is what counts as one address: with IPv6 everyone has a /64.
func network(a net.Addr) netip.Prefix {
	ap, err := netip.ParseAddrPort(a.String())
	if err != nil {
		return netip.Prefix{}
	}
	ip, bits := ap.Addr().Unmap().WithZone(""), 32
	if ip.Is6() {
		bits = 64
	}
	p, _ := ip.Prefix(bits) // the length fits
	return p
}

func (s *Server) takes(c av.Codec) bool { return slices.Contains(s.opts.Codecs, c) }

// fourCC is the name of a video codec in Enhanced RTMP.
func fourCC(c av.Codec) string {
	switch c {
	case av.CodecH264:
		return "avc1"
	case av.CodecH265:
		return "hvc1"
	case av.CodecAV1:
		return "av01"
	case av.CodecVP9:
		return "vp09"
	default:
		return ""
	}
}
