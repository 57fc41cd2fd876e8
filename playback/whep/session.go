package whep

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"log/slog"

	"github.com/pion/rtcp"

	"weir/room/audience"
	"weir/room/auth"
	"weir/room/live"
	"weir/rtc/peer"
	"weir/rtc/sender"
	"weir/rtc/signaling"
)

// viewing is what one viewer is to get.
type viewing struct {
	stream *live.Stream
	layer  string // of a simulcast; empty without one
	offer  *offer
	media  []*agreed
	grant  auth.Grant

	settled func() // see session
}

// session is one viewer's connection, from the answer to the end.
type session struct {
	id       string
	handler  *Handler
	fragment fragmentHead // of the answer to an ICE restart
	stream   *live.Stream
	user     string // who asked; empty when nobody in particular did
	known    bool   // whether by a token or a signed address
	viewer   audience.ID
	settled  func() // gives back the place among those that are connecting
	peer     *peer.Peer
	sender   *sender.Sender
	ice      *signaling.Negotiation
	firstTag string // the entity-tag that the 201 has
	log      *slog.Logger

	life   context.Context // over when the session is, with the reason as its cause
	end    context.CancelCauseFunc
	finish chan struct{} // closed when run is over and the place is free
}

// newSession prepares a session and answers its offer, of which it keeps little. Whoever calls it calls run, or closes
// its peer.
func newSession(h *Handler, v *viewing, viewer audience.ID, isLocal bool) (s *session, answer string, err error) {
	s = &session{
		id:      rand.Text(), // 130 random bits: who does not know the URL cannot guess it
		handler: h, fragment: v.offer.fragmentHead(), stream: v.stream, user: v.grant.User, known: isKnown(v.grant), viewer: viewer,
		settled: v.settled, finish: make(chan struct{}),
	}
	s.life, s.end = context.WithCancelCause(context.Background())
	s.log = h.log.With("stream", v.stream.Key().String(), "session", s.id[:6], "user", s.user)
	s.peer, err = peer.New(peer.Options{
		Engine: h.opts.Engine, Remote: &v.offer.remote, Loopback: isLocal, Setup: h.opts.Handshake,
		Feedback: s.feedback, Log: s.log,
	})
	if err != nil {
		return nil, "", err
	}
	for _, c := range v.offer.candidates {
		s.AddCandidate(c)
	}
	if answer, err = s.agree(v); err != nil {
		s.peer.Close()
		return nil, "", err
	}
	return s, answer, nil
}

// agree writes the answer and prepares what sends.
func (s *session) agree(v *viewing) (answer string, err error) {
	cname := rand.Text()[:16]
	setSources(v.media)
	local := s.peer.Local()
	if answer, err = v.offer.answer(&local, v.media, sessionNumber(), cname); err != nil {
		return "", err
	}
	s.ice, s.firstTag = signaling.NewNegotiation(v.offer.remote.Ufrag, v.offer.remote.Pwd, v.offer.described(), v.offer.mids())
	o := sender.Options{
		Stream: s.stream, Layer: v.layer, To: s.peer, CNAME: cname, MaxLags: s.handler.opts.MaxLags,
		Stats: s.handler.stats.sender,
	}
	for _, a := range v.media {
		switch {
		case a.inactive:
			o.Declined = true
		case a.codec.IsVideo():
			o.Video = a.track()
		default:
			o.Audio = a.track()
		}
	}
	s.sender, err = sender.New(o)
	return answer, err
}

// sessionNumber is the id in the answer's origin, of 62 bits (RFC 9429 5.2.1).
func sessionNumber() uint64 {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	return binary.BigEndian.Uint64(b[:]) >> 2
}

// feedback takes the viewer's reports, which come once the connection is up.
func (s *session) feedback(packets []rtcp.Packet) { s.sender.Feedback(packets) }

// AddCandidate implements signaling.Peer.
func (s *session) AddCandidate(value string) {
	if err := s.peer.AddCandidate(value); err != nil {
		s.log.Debug("candidate discarded", "error", err)
	}
}

// Restart implements signaling.Peer: a new ICE session begins under the connection, whose keys and media stay.
func (s *session) Restart(ufrag, pwd string) (answer string, begun bool, err error) {
	local, err := s.peer.Restart(ufrag, pwd)
	if err != nil {
		return "", true, err
	}
	s.handler.stats.restarts.Inc()
	s.log.Debug("ICE restarted")
	return s.fragment.restarted(&local), true, nil
}

// run is the session from its answer to its end. The connection outlives the sender, which says goodbye on it.
func (s *session) run(ctx context.Context) {
	defer s.settled()
	stop := context.AfterFunc(ctx, func() { s.end(endOf(ctx)) })
	defer stop()
	link, cut := context.WithCancel(context.WithoutCancel(ctx))
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		s.end(s.peer.Run(link))
	}()
	s.end(s.send())
	s.ice.Close()
	cut()
	<-gone
	reason := context.Cause(s.life)
	name := reasonOf(reason)
	s.handler.stats.closed.WithLabelValues(name).Inc()
	s.log.Debug("viewer left", "reason", name, "error", reason)
}

// endOf is why the context of the sessions, or of what was granted, is done.
func endOf(ctx context.Context) error {
	if err := context.Cause(ctx); errors.Is(err, auth.ErrEnds) {
		return err
	}
	return errShutdown
}

// send waits for the connection and sends on it; it returns why that is over.
func (s *session) send() error {
	select {
	case <-s.peer.Connected():
	case <-s.life.Done():
		return context.Cause(s.life)
	}
	s.settled()
	leave := s.handler.opts.Audience.Enter(s.stream.Key(), audience.WebRTC, s.viewer)
	defer leave()
	s.log.Debug("viewer came")
	return s.sender.Run(s.life)
}
