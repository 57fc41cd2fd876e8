package whep

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"weir/room/audience"
	"weir/room/auth"
	"weir/room/live"
	"weir/rtc"
	"weir/rtc/sender"
	"weir/rtc/signaling"
)

// retryAfter is when a viewer should ask again for a stream that is not there, in seconds.
const retryAfter = "2"

type hub interface {
	Await(ctx context.Context, k live.Key) (*live.Stream, error)
}

type authorizer interface {
	Authorize(ctx context.Context, r auth.Request) (auth.Grant, error)
}

// Options say how viewers are served. All are required but ICEServers and Log.
type Options struct {
	Engine *rtc.Engine
	Auth   authorizer
	Hub    hub
	// Audience is told of every viewer who is connected.
	Audience   *audience.Audience
	MaxViewers int // sessions at once, those included that are connecting
	// MaxConnecting is how many of them of one address, for IPv6 one /64, may be connecting at once.
	MaxConnecting int
	MaxLags       int // a viewer that lags more often within a minute is closed
	// Handshake is how long a connection may take to come up, and how long a viewer waits for the first media of a stream
	// whose publisher is still connecting.
	Handshake  time.Duration
	ICEServers signaling.ICEServers // that viewers are told of; none when empty
	// Problem answers with an error (RFC 9457).
	Problem func(w http.ResponseWriter, r *http.Request, status int, code, detail string)
	Log     *slog.Logger
}

// Handler is the HTTP side of WHEP. It serves the endpoint (POST) and the session URLs that it hands out (PATCH,
// DELETE), and OPTIONS on both.
type Handler struct {
	opts  Options
	log   *slog.Logger
	stats *Stats

	connecting *signaling.Connecting
	sessions   *signaling.Sessions[*session]

	mu    sync.Mutex // guards total
	total int        // sessions, those included that are being made
}

// NewHandler returns a Handler. Sessions are taken once Run is called; a viewer that comes before waits for it.
func NewHandler(o Options) *Handler {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	h := &Handler{
		opts: o, log: o.Log, connecting: signaling.NewConnecting(o.MaxConnecting),
		sessions: signaling.NewSessions[*session](),
	}
	h.stats = newStats(h)
	return h
}

// Stats are the door's figures, to be registered with Prometheus.
func (h *Handler) Stats() *Stats { return h.stats }

// Total is the number of sessions, those included that are connecting.
func (h *Handler) Total() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.total
}

// Run takes viewers until ctx is done, then ends all sessions and waits for them.
func (h *Handler) Run(ctx context.Context) error {
	h.sessions.Run(ctx)
	return nil
}

// Play answers an offer: POST to the endpoint of a room and a stream (WHEP 4.2). ?layer= names a layer of a simulcast;
// without it the picture follows what the path carries. A viewer that comes before the publisher waits for it, as long
// as the hub says.
func (h *Handler) Play(w http.ResponseWriter, r *http.Request) {
	s, answer, err := h.play(w, r)
	if err != nil {
		h.refuse(w, r, err)
		return
	}
	// TURN servers cost whoever runs them: their credentials are for viewers who have shown some authority.
	h.opts.ICEServers.AddLinks(w.Header(), s.user, s.known, time.Now())
	signaling.AnswerOffer(w, r, s.id, answer, s.firstTag)
}

func (h *Handler) play(w http.ResponseWriter, r *http.Request) (*session, string, error) {
	key, grant, err := h.authorize(r, auth.Request.Beginning)
	if err != nil {
		return nil, "", err
	}
	layer, err := layerOf(r)
	if err != nil {
		return nil, "", err
	}
	body, err := signaling.ReadOffer(w, r)
	if err != nil {
		return nil, "", err
	}
	o, err := readOffer(body, grant.Rights)
	if err != nil {
		return nil, "", err
	}
	whole, err := wholeOf(r)
	if err != nil {
		return nil, "", err
	}
	stream, err := h.stream(r.Context(), key, layer)
	if err != nil {
		return nil, "", err
	}
	if o.section("video") != nil {
		if err := sender.InOrder(stream, whole); err != nil {
			return nil, "", err
		}
	}
	media, err := o.agree(stream.Tracks())
	if err != nil {
		return nil, "", err
	}
	return h.open(r, &viewing{stream: stream, layer: layer, offer: o, media: media, grant: grant})
}

// stream is a stream whose tracks are known and whose layer can be sent.
func (h *Handler) stream(ctx context.Context, key live.Key, layer string) (*live.Stream, error) {
	s, err := h.opts.Hub.Await(ctx, key)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, h.opts.Handshake, errNoMedia)
	defer cancel()
	if err := s.Ready(ctx); err != nil {
		return nil, err
	}
	_, err = sender.Units(s, layer)
	return s, err
}

// open makes a session and the answer to its offer. Whatever fails leaves nothing behind.
func (h *Handler) open(r *http.Request, v *viewing) (*session, string, error) {
	if err := h.sessions.Await(r.Context()); err != nil {
		return nil, "", err
	}
	leave, err := h.connecting.Enter(r)
	if err != nil {
		return nil, "", err
	}
	if err := h.enter(); err != nil {
		leave()
		return nil, "", err
	}
	v.settled = leave
	s, answer, err := newSession(h, v, audience.Of(v.grant.User, r), signaling.IsLocal(r))
	if err == nil {
		err = h.start(s, v.grant)
	}
	if err != nil {
		h.leave()
		leave()
		return nil, "", err
	}
	return s, answer, nil
}

// enter takes a place.
func (h *Handler) enter() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.total >= h.opts.MaxViewers {
		return errFull
	}
	h.total++
	return nil
}

// leave frees a place.
func (h *Handler) leave() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.total--
}

// start lets a session run.
func (h *Handler) start(s *session, grant auth.Grant) error {
	err := h.sessions.Go(s.id, s, func(ctx context.Context) {
		defer close(s.finish) // whoever waits for it finds the place free
		defer h.leave()
		defer h.sessions.Remove(s.id)
		ctx, stop := grant.Bound(ctx)
		defer stop()
		s.run(ctx)
	})
	if err != nil {
		s.peer.Close()
	}
	return err
}

// Patch takes more candidates of a viewer (204) or restarts ICE (200), as WHEP 4.4 has it. It needs the same authority
// as the POST did.
func (h *Handler) Patch(w http.ResponseWriter, r *http.Request) {
	answer, tag, err := h.patch(w, r)
	if err != nil {
		h.refuse(w, r, err)
		return
	}
	signaling.AnswerPatch(w, answer, tag)
}

func (h *Handler) patch(w http.ResponseWriter, r *http.Request) (answer, tag string, err error) {
	s, err := h.find(r)
	if err != nil {
		return "", "", err
	}
	f, match, err := signaling.ReadPatch(w, r)
	if err != nil {
		return "", "", err
	}
	return s.ice.Patch(match, f, s)
}

// Delete ends a session (WHEP 4.3). It needs the same authority as the POST did.
func (h *Handler) Delete(w http.ResponseWriter, r *http.Request) {
	s, err := h.find(r)
	if err != nil {
		h.refuse(w, r, err)
		return
	}
	s.end(errDeleted)
	<-s.finish
	w.WriteHeader(http.StatusOK)
}

// EndpointOptions answers OPTIONS on the endpoint, which needs no authority (WHEP 4.3). What CORS asks for is added by
// whoever mounts the handler.
func (h *Handler) EndpointOptions(w http.ResponseWriter, r *http.Request) {
	head := w.Header()
	signaling.AllowEndpoint(head)
	// RFC 9725 4.6: a preflight gets no server lists, which might cost something to make.
	if r.Header.Get("Access-Control-Request-Method") == "" && len(h.opts.ICEServers.URLs) > 0 {
		head.Set("Cache-Control", "no-store")
		_, grant, err := h.authorize(r, asIs) // an address for playing is never for one use
		h.opts.ICEServers.AddLinks(head, grant.User, err == nil && isKnown(grant), time.Now())
	}
	w.WriteHeader(http.StatusOK)
}

// SessionOptions answers OPTIONS on a session's URL, whether there is such a session or not.
func (h *Handler) SessionOptions(w http.ResponseWriter, _ *http.Request) {
	signaling.AllowSession(w.Header())
	w.WriteHeader(http.StatusOK)
}

// find is the session that a request names, if the request has the authority over it. Who knows a session's id has begun
// it; a token of somebody else does not go with it.
func (h *Handler) find(r *http.Request) (*session, error) {
	key, grant, err := h.authorize(r, auth.Request.OfSession)
	if err != nil {
		return nil, err
	}
	s, ok := h.sessions.Get(r.PathValue("session"))
	if !ok || s.stream.Key() != key {
		return nil, signaling.Refuse(http.StatusNotFound, "session_not_found", "there is no such session")
	}
	if grant.User != "" && grant.User != s.user && !grant.Admin {
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
	grant, err := h.opts.Auth.Authorize(r.Context(), as(auth.RequestOf(r, auth.ActionPlay, room, stream)))
	return live.Key{App: auth.AppName(grant.App), Room: room, Stream: stream}, grant, err
}

func asIs(r auth.Request) auth.Request { return r }

// isKnown tells whether a grant is for a token or a signed address, which end; what is open to everybody does not.
func isKnown(g auth.Grant) bool { return g.User != "" || !g.Expires.IsZero() }
