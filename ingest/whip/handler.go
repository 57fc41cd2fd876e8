package whip

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"weir/mux/av"
	"weir/room/auth"
	"weir/room/live"
	"weir/rtc"
	"weir/rtc/signaling"
)

type authorizer interface {
	Authorize(ctx context.Context, r auth.Request) (auth.Grant, error)
}

type publisher interface {
	Publish(k live.Key, o live.PublishOptions) (*live.Publisher, error)
}

// Options say how publishers are taken. All are required but Log.
type Options struct {
	Engine *rtc.Engine
	Auth   authorizer
	Hub    publisher
	Policy live.Policy
	// Codecs are the video codecs taken, in the order of choice behind H.264.
	Codecs       []av.Codec
	StartBitrate int           // kbit/s that browsers are told to begin with
	Reorder      time.Duration // how long a missing packet is waited for
	Timeout      time.Duration // silence after which a stream is interrupted
	Handshake    time.Duration // how long a connection may take to come up
	// MaxConnecting is how many publishers of one address, for IPv6 one /64, may be connecting at once.
	MaxConnecting int
	ICEServers    signaling.ICEServers // that publishers are told of; none when empty
	// Problem answers with an error (RFC 9457).
	Problem func(w http.ResponseWriter, r *http.Request, status int, code, detail string)
	Log     *slog.Logger
}

// Handler is the HTTP side of WHIP. It serves the endpoint (POST) and the session URLs that it hands out (PATCH,
// DELETE), and OPTIONS on both.
type Handler struct {
	opts  Options
	log   *slog.Logger
	stats *Stats

	failures   failures
	connecting *signaling.Connecting
	sessions   *signaling.Sessions[*session]

	mu   sync.Mutex // guards past, and makes one step of its growth and of the end of a session
	past totals     // of the sessions that are no more
}

// NewHandler returns a Handler. Sessions are taken once Run is called; a publisher that comes before waits for it.
func NewHandler(o Options) *Handler {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	h := &Handler{
		opts: o, log: o.Log, connecting: signaling.NewConnecting(o.MaxConnecting),
		sessions: signaling.NewSessions[*session](), past: newTotals(),
	}
	h.stats = newStats(h)
	return h
}

// Stats are the door's figures, to be registered with Prometheus.
func (h *Handler) Stats() *Stats { return h.stats }

// Run takes publishers until ctx is done, then ends all sessions and waits for them.
func (h *Handler) Run(ctx context.Context) error {
	h.sessions.Run(ctx)
	return nil
}

// Publish answers an offer: POST to the endpoint of a room and a stream (RFC 9725 4.2).
func (h *Handler) Publish(w http.ResponseWriter, r *http.Request) {
	s, answer, err := h.publish(w, r)
	if err != nil {
		h.refuse(w, r, err)
		return
	}
	h.opts.ICEServers.AddLinks(w.Header(), s.publisher.User(), true, time.Now())
	signaling.AnswerOffer(w, r, s.id, answer, s.firstTag)
}

// Delete ends a session (RFC 9725 4.2.3). It needs the same authority as the POST did.
func (h *Handler) Delete(w http.ResponseWriter, r *http.Request) {
	s, err := h.find(r)
	if err != nil {
		h.refuse(w, r, err)
		return
	}
	s.delete()
	w.WriteHeader(http.StatusOK)
}

// find is the session that a request names, if the request has the authority over it: that of its user, or of an
// administrator.
func (h *Handler) find(r *http.Request) (*session, error) {
	key, grant, err := h.authorize(r, auth.Request.OfSession)
	if err != nil {
		return nil, err
	}
	s, ok := h.sessions.Get(r.PathValue("session"))
	if !ok || s.publisher.Stream().Key() != key {
		return nil, signaling.Refuse(http.StatusNotFound, "session_not_found", "there is no such session")
	}
	if user := s.publisher.User(); user != grant.User && !grant.Admin {
		return nil, signaling.Refuse(http.StatusForbidden, "forbidden", "the session is another user's")
	}
	return s, nil
}

// authorize checks a request's ids and its authority, as the request that as makes of it.
func (h *Handler) authorize(r *http.Request, as func(auth.Request) auth.Request) (live.Key, auth.Grant, error) {
	room, stream := r.PathValue("room"), r.PathValue("stream")
	if err := errors.Join(auth.CheckRoom(room), auth.CheckStream(stream)); err != nil {
		return live.Key{}, auth.Grant{}, err
	}
	grant, err := h.opts.Auth.Authorize(r.Context(), as(auth.RequestOf(r, auth.ActionPublish, room, stream)))
	return live.Key{App: auth.AppName(grant.App), Room: room, Stream: stream}, grant, err
}

func asIs(r auth.Request) auth.Request { return r }

func (h *Handler) publish(w http.ResponseWriter, r *http.Request) (*session, string, error) {
	key, grant, err := h.authorize(r, auth.Request.Beginning)
	if err != nil {
		return nil, "", err
	}
	policy, err := h.policyOf(r, grant.Admin)
	if err != nil {
		return nil, "", err
	}
	body, err := signaling.ReadOffer(w, r)
	if err != nil {
		return nil, "", err
	}
	o, err := readOffer(body, h.opts.Codecs)
	if err != nil {
		return nil, "", err
	}
	if err := checkRights(o, grant.Rights); err != nil {
		return nil, "", err
	}
	return h.open(r, key, grant, policy, o)
}

func checkRights(o *offer, rights auth.Rights) error {
	if o.video != nil && !rights.Has(auth.RightSendVideo) || o.audio != nil && !rights.Has(auth.RightSendAudio) {
		return fmt.Errorf("%w: the token does not allow all that is offered", auth.ErrForbidden)
	}
	return nil
}

// open makes the connection and takes the stream. Whatever fails leaves nothing behind.
func (h *Handler) open(r *http.Request, key live.Key, grant auth.Grant, policy live.Policy, o *offer) (*session, string, error) {
	leave, err := h.connecting.Enter(r)
	if err != nil {
		return nil, "", err
	}
	pc, err := h.connect(o)
	if err != nil {
		leave()
		return nil, "", err
	}
	s := newSession(h, rand.Text(), o, pc) // 130 random bits: who does not know the URL cannot guess it
	s.settled = leave
	answer, err := s.negotiate(r)
	if err == nil {
		err = h.sessions.Await(r.Context())
	}
	if err == nil {
		err = h.start(s, key, grant, live.PublishOptions{
			User: grant.User, Policy: policy, ID: r.URL.Query().Get("streamid"), Origin: originOf(r, s),
		})
	}
	if err != nil {
		close(s.finish)
		leave()
		_ = pc.GracefulClose()
		return nil, "", err
	}
	return s, answer, nil
}

// originOf is where a session's publisher comes from. The session's whole id is its publisher's secret.
func originOf(r *http.Request, s *session) live.Origin {
	from := auth.ClientOf(r)
	return live.Origin{Form: "whip", Session: s.id[:6], Addr: from.Addr, Site: from.Site, Query: r.URL.RawQuery}
}

// negotiate answers the offer, with all candidates in the answer.
func (s *session) negotiate(r *http.Request) (string, error) {
	answer, err := answerOf(r.Context(), s.pc, s.offer.text)
	if err != nil {
		return "", err
	}
	o := s.handler.opts
	s.answer, err = finishAnswer(answer, s.offer, o.StartBitrate, signaling.IsLocal(r))
	return s.answer, err
}

// start takes the stream for the session and lets it run.
func (h *Handler) start(s *session, key live.Key, grant auth.Grant, o live.PublishOptions) error {
	tracks := s.offer.tracks()
	o.Tracks, o.Brings, o.Audio = len(tracks), tracks, s.offer.sound()
	o.Layers = s.offer.layers()
	o.KeyFrame, o.Report = s.wantKeyFrame, s.figures
	p, err := h.opts.Hub.Publish(key, o)
	if err != nil {
		return err
	}
	s.attach(p)
	s.log = h.log.With("stream", key.String(), "session", s.id[:6], "user", o.User)
	if err := h.sessions.Go(s.id, s, func(ctx context.Context) {
		ctx, stop := grant.Bound(ctx)
		defer stop()
		s.run(ctx)
	}); err != nil {
		p.End(errShutdown)
		return err
	}
	close(s.ready)
	h.stats.sessions.Inc()
	return nil
}

func (h *Handler) forget(s *session) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.past.add(s)
	h.sessions.Remove(s.id)
}

// refuse answers with the reason why a publisher was not taken, or a session not ended.
func (h *Handler) refuse(w http.ResponseWriter, r *http.Request, err error) {
	if r.Context().Err() != nil {
		return // the client hung up: nobody is listening, and nothing went wrong here
	}
	status, code, detail := outcome(err)
	if status == http.StatusServiceUnavailable || status == http.StatusTooManyRequests {
		w.Header().Set("Retry-After", "5") // RFC 9725 4.5
	}
	if status == http.StatusInternalServerError {
		h.log.Error("cannot take a publisher", "error", err)
		detail = "the server could not take the stream"
	}
	h.stats.refusals.WithLabelValues(code).Inc()
	h.opts.Problem(w, r, status, code, detail)
}

func outcome(err error) (status int, code, detail string) {
	var no *signaling.RefusedError
	switch {
	case errors.As(err, &no):
		return no.Status, no.Code, no.Detail
	case errors.Is(err, live.ErrBusy):
		return http.StatusConflict, "stream_busy", err.Error()
	case errors.Is(err, live.ErrIDTaken):
		return http.StatusConflict, "streamid_taken", err.Error()
	case errors.Is(err, live.ErrFull):
		return http.StatusServiceUnavailable, "server_full", "the server takes no more streams"
	case errors.Is(err, live.ErrStopping):
		return http.StatusServiceUnavailable, "shutting_down", "the server is shutting down"
	default:
		status, code = auth.Status(err)
		return status, code, err.Error()
	}
}
