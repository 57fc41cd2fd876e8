package whip

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"time"

	"weir/cdnrelay/push"
	"weir/mux/av"
	"weir/room/live"
	"weir/rtc"
	"weir/rtc/peer"
	"weir/rtc/sender"
)

// handshake is how long ICE and DTLS may take together, at most: the context of Open may allow less.
const handshake = 15 * time.Second

// goodbye is how long a session that did not come about may take to end at the server.
const goodbye = 2 * time.Second

// Output opens sessions at WHIP endpoints. It is safe for concurrent use.
type Output struct {
	engine *rtc.Engine
	stats  *sender.Stats
}

// New returns an Output whose media goes out by the addresses of the engine's port. It starts nothing.
func New(engine *rtc.Engine) *Output {
	return &Output{engine: engine, stats: sender.NewStats("weir_push_whip", "servers that are pushed to by WHIP")}
}

// Stats are the figures of all sessions together, to be registered with Prometheus.
func (o *Output) Stats() *sender.Stats { return o.stats }

// Open implements push.Output: it offers the stream's tracks as they are now, and returns when media can be sent.
func (o *Output) Open(ctx context.Context, t push.Target) (push.Session, error) {
	if t.Audio != av.CodecNone && t.Audio != av.CodecOpus {
		return nil, fmt.Errorf("%w: WHIP takes Opus, not %v", push.ErrUnfit, t.Audio)
	}
	offered, err := tracksOf(ctx, t.Stream)
	if err != nil {
		return nil, err
	}
	s := &session{target: &t, resource: newResource(&t)}
	s.life, s.end = context.WithCancelCause(context.Background())
	if err := s.open(ctx, o, offered); err != nil {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), goodbye)
		defer cancel()
		s.Close(ctx)
		return nil, err
	}
	return s, nil
}

// tracksOf are the tracks that are offered: the stream's first video and, if it has sound, Opus.
func tracksOf(ctx context.Context, s *live.Stream) ([]*media, error) {
	if err := s.Ready(ctx); err != nil {
		return nil, err
	}
	var out []*media
	ts := s.Tracks()
	if v := ts.Video(); v != nil {
		m, err := newVideo(v)
		if err != nil {
			return nil, err
		}
		out = append(out, m)
	}
	if a := ts.Audio(); a != nil {
		out = append(out, newAudio(a))
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%w: it has no track", push.ErrUnfit)
	}
	switch err := sender.InOrder(s, false); {
	case errors.Is(err, sender.ErrBFrames):
		return nil, fmt.Errorf("%w: its pictures are not shown in the order in which they are decoded", push.ErrUnfit)
	case err != nil:
		return nil, fmt.Errorf("%w: %w", push.ErrUnfit, err)
	}
	return out, nil
}

// connect prepares the connection that is offered.
func (s *session) connect(ctx context.Context, o *Output) error {
	var err error
	s.peer, err = peer.New(peer.Options{
		Engine: o.engine, Loopback: isLocal(ctx, s.target.URL.Hostname()), Setup: handshake,
		Allow:    func(a netip.Addr) bool { return s.target.Guard.Check(a) == nil },
		Feedback: s.feedback, Log: s.target.Log,
	})
	if err != nil {
		return fmt.Errorf("%w: %w", push.ErrConnect, err)
	}
	return nil
}

// isLocal tells whether a host is this machine, so that loopback addresses mean something to it.
func isLocal(ctx context.Context, host string) bool {
	addresses, err := net.DefaultResolver.LookupNetIP(ctx, "ip", strings.TrimSuffix(host, "."))
	if err != nil {
		return false // connecting says why
	}
	for _, a := range addresses {
		if a.Unmap().IsLoopback() {
			return true
		}
	}
	return false
}
