package whip

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"

	"github.com/pion/rtcp"

	"weir/cdnrelay/push"
	"weir/mux/rtp"
	"weir/room/live"
	"weir/rtc/peer"
	"weir/rtc/sender"
)

// session is a stream at one endpoint.
type session struct {
	target   *push.Target
	resource *resource
	peer     *peer.Peer
	sender   *sender.Sender
	progress *push.Progress // set by Send

	life context.Context //nolint:containedctx // over when the connection is, with the reason as its cause
	end  context.CancelCauseFunc
	gone chan struct{} // closed when run is over; nil: it was not started
}

// errClosed ends the connection of a session that is over.
var errClosed = errors.New("the session is over")

// open makes the session: offer, answer, connection.
func (s *session) open(ctx context.Context, o *Output, offered []*media) error {
	if err := s.connect(ctx, o); err != nil {
		return err
	}
	setSources(offered)
	cname := rand.Text()[:16]
	local := s.peer.Local()
	offer, err := offerOf(&local, offered, cname)
	if err != nil {
		return err
	}
	text, err := s.resource.create(ctx, offer)
	if err != nil {
		return err
	}
	a, err := readAnswer(text, offered)
	if err != nil {
		return err
	}
	if err := s.prepare(o, offered, cname); err != nil {
		return err
	}
	return s.start(ctx, a)
}

// prepare makes what sends the tracks that were agreed on.
func (s *session) prepare(o *Output, offered []*media, cname string) (err error) {
	options := sender.Options{
		Stream: s.target.Stream, To: s.peer, CNAME: cname, MaxLags: s.target.MaxLags, Stats: o.stats,
		Name: s.target.Reader.Name, Declined: true, Silent: true, Live: true,
		Sent:   func(u *rtp.Unit) { s.progress.Sent(1, u.Size(), u.DTS) },
		Lagged: func() { s.progress.Lagged() },
	}
	for _, m := range offered {
		if m.codec.IsVideo() {
			options.Video, options.Declined = m.taken, false
			continue
		}
		options.Audio, options.Silent = m.taken, false
		if m.taken == nil {
			s.target.Log.Warn("the server takes no sound")
		}
	}
	s.sender, err = sender.New(options)
	return err
}

// start connects to the server, as its answer says.
func (s *session) start(ctx context.Context, a *answer) error {
	if err := s.peer.SetRemote(a.remote); err != nil {
		return ofPeer(err)
	}
	for _, c := range a.candidates {
		if err := s.peer.AddCandidate(c); err != nil {
			s.target.Log.Debug("candidate discarded", "error", err)
		}
	}
	s.gone = make(chan struct{})
	go func() {
		defer close(s.gone)
		s.end(ofPeer(s.peer.Run(s.life)))
	}()
	select {
	case <-s.peer.Connected():
		return nil
	case <-s.life.Done():
		return context.Cause(s.life)
	case <-ctx.Done():
		return fmt.Errorf("%w: there is no path for its media: %w", push.ErrTimeout, context.Cause(ctx))
	}
}

// feedback takes the server's reports, which come once the connection is up.
func (s *session) feedback(packets []rtcp.Packet) { s.sender.Feedback(packets) }

// Send implements push.Session.
func (s *session) Send(ctx context.Context, p *push.Progress) error {
	s.progress = p
	both, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(s.life, func() { cancel(context.Cause(s.life)) })()
	err := s.sender.Run(both)
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case both.Err() != nil:
		return context.Cause(both)
	default:
		return s.ofSender(err)
	}
}

// ofSender says why sending has ended in the words of pushes.
func (s *session) ofSender(err error) error {
	kind := push.ErrClosed
	switch {
	case errors.Is(err, sender.ErrEnded):
		kind = live.ErrEnded
	case errors.Is(err, sender.ErrSlow):
		kind = push.ErrSlow
	case errors.Is(err, sender.ErrChanged):
		kind = push.ErrChanged
	case errors.Is(err, sender.ErrBFrames):
		kind = push.ErrUnfit
	}
	return fmt.Errorf("%w: %w", kind, err)
}

// Close implements push.Session: the server hears that the session is over, then the connection goes.
func (s *session) Close(ctx context.Context) {
	s.resource.remove(ctx)
	s.end(errClosed)
	switch {
	case s.gone != nil:
		<-s.gone
	case s.peer != nil:
		s.peer.Close()
	}
}
