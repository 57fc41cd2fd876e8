package httpflv

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"weir/mux/av"
	"weir/mux/flv"
	"weir/mux/transcode"
	"weir/room/audience"
	"weir/room/auth"
	"weir/room/live"
)

type hub interface {
	Stream(k live.Key) (*live.Stream, bool)
	Await(ctx context.Context, k live.Key) (*live.Stream, error)
}

type authorizer interface {
	Authorize(ctx context.Context, r auth.Request) (auth.Grant, error)
}

// retryAfter is when a viewer should ask again for a stream that is not there, in seconds.
const retryAfter = "2"

// Options say how viewers are served. All are required but Log.
type Options struct {
	Auth authorizer
	Hub  hub
	// Audience is told of every viewer.
	Audience *audience.Audience
	// Encoder is the maker that viewers are told of, such as weir/1.2.
	Encoder string
	// Join is the shortest time between two writes to a viewer; with 0 every picture is written as it comes.
	Join time.Duration
	// MaxJoin is how far that may grow while the machine has more to do than it can, and what viewers may ask for.
	MaxJoin time.Duration
	// MaxAge is how far behind live a viewer may be when there is a later key frame to skip to.
	MaxAge       time.Duration
	WriteTimeout time.Duration // a viewer that takes nothing for so long is closed
	MaxLags      int           // a viewer that lags more often within a minute is closed
	MaxViewers   int
	// Patience is how long a viewer waits for the first media of a stream whose publisher is still connecting.
	Patience time.Duration
	// Problem answers with an error (RFC 9457).
	Problem func(w http.ResponseWriter, r *http.Request, status int, code, detail string)
	Log     *slog.Logger
}

// Handler serves HTTP-FLV.
type Handler struct {
	opts  Options
	log   *slog.Logger
	stats *Stats
	pumps pumps
	tasks sync.WaitGroup // viewers, and goroutines that serve them

	mu      sync.Mutex // guards the fields below
	total   int        // viewers
	stopped bool
}

// NewHandler returns a Handler.
func NewHandler(o Options) *Handler {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	h := &Handler{opts: o, log: o.Log}
	h.pumps = pumps{handler: h, all: make(map[*live.Waker][]*pump)}
	h.stats = newStats(h)
	return h
}

// Stats are the door's figures, to be registered with Prometheus.
func (h *Handler) Stats() *Stats { return h.stats }

// Total is the number of open responses.
func (h *Handler) Total() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.total
}

// Run waits until ctx is done and then for the viewers, who leave when the hub ends their streams.
func (h *Handler) Run(ctx context.Context) error {
	<-ctx.Done()
	h.mu.Lock()
	h.stopped = true
	h.mu.Unlock()
	h.tasks.Wait()
	return nil
}

// ServeHTTP plays the stream named by the request's path values room and stream. ?audio= is aac (the default) or
// opus, which only players of Enhanced FLV take. ?video=vp9 asks for VP9, where that is what is published.
// ?layer= names a layer of a simulcast; without it the picture is the largest that comes. ?start=gop begins at the
// newest key frame held, ?start=live at the next one; without it the former has to be fresh. ?delay= is how many
// milliseconds of pictures one write may collect, in place of Options.Join.
//
// Who may receive sound or pictures alone gets that alone, and is refused where the stream has none of it.
//
// A WebSocket handshake on the same URL gives the same bytes in binary messages (WS-FLV).
//
// A viewer that comes before the publisher waits for it, as long as the hub says. HEAD is answered at once, as GET
// would be if it did not wait.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	key, grant, err := h.authorize(r)
	if err != nil {
		status, code := auth.Status(err)
		h.opts.Problem(w, r, status, code, err.Error())
		return
	}
	q, err := parseQuery(r.URL.Query())
	if err == nil && wantsWebSocket(r) {
		err = checkWebSocket(r)
	}
	if err != nil {
		h.refuse(w, r, err)
		return
	}
	q.omit = omissionOf(grant.Rights)
	if r.Method == http.MethodHead {
		h.head(w, r, key, q)
		return
	}
	s, err := h.opts.Hub.Await(r.Context(), key)
	if err != nil {
		h.refuse(w, r, err)
		return
	}
	if err := h.enter(); err != nil {
		h.refuse(w, r, err)
		return
	}
	v, err := h.open(r, s, q)
	if err != nil {
		h.leave()
		h.refuse(w, r, err)
		return
	}
	v.key, v.pull = key, audience.PullOf(r.Context())
	if v.pull != nil {
		v.part = v.pull.Keep()
	} else {
		v.part = h.opts.Audience.Enter(key, audience.FLV, audience.Of(grant.User, r))
	}
	v.respond(w, r, grant)
}

// head answers HEAD with what GET would be answered now.
func (h *Handler) head(w http.ResponseWriter, r *http.Request, k live.Key, q query) {
	s, ok := h.opts.Hub.Stream(k)
	if !ok {
		h.refuse(w, r, live.ErrNoStream)
		return
	}
	_, err := h.source(r.Context(), s, q, 0)
	if err == nil {
		_, err = q.takes(s.Tracks())
	}
	if err != nil {
		h.refuse(w, r, err)
		return
	}
	header(w.Header())
}

// authorize is the stream that a request asks for, and what is granted there.
func (h *Handler) authorize(r *http.Request) (live.Key, auth.Grant, error) {
	room, stream := r.PathValue("room"), r.PathValue("stream")
	if err := errors.Join(auth.CheckRoom(room), auth.CheckStream(stream)); err != nil {
		return live.Key{}, auth.Grant{}, err
	}
	asked := auth.RequestOf(r, auth.ActionPlay, room, stream)
	asked.Begins = r.Method != http.MethodHead
	grant, err := h.opts.Auth.Authorize(r.Context(), asked)
	return live.Key{App: auth.AppName(grant.App), Room: room, Stream: stream}, grant, err
}

// source is the feed of tags that the viewer asked for, once it is known which tracks the stream has.
func (h *Handler) source(ctx context.Context, s *live.Stream, q query, patience time.Duration) (live.Source[flv.Tag], error) {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, errNoMedia)
	defer cancel()
	if err := s.Ready(ctx); err != nil {
		return nil, err
	}
	codec := q.audio
	if codec == av.CodecNone {
		codec = s.UsualAudio()
	}
	return s.Tags(codec, q.layer)
}

// takes are those of the tracks that the viewer gets, if it takes the video there is. Browsers play H.265 and AV1 in Enhanced
// FLV as far as they have the decoder; VP9 has its place there, too, but mpegts.js refuses it and would play the sound alone.
func (q query) takes(ts av.Tracks) (av.Tracks, error) {
	ts, err := q.omit.of(ts)
	if err != nil {
		return nil, err
	}
	if v := ts.Video(); v != nil && v.Codec == av.CodecVP9 && !q.vp9 {
		return nil, errVP9
	}
	return ts, nil
}

// enter counts a viewer in, if there is room.
func (h *Handler) enter() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.stopped {
		return live.ErrStopping
	}
	if h.total >= h.opts.MaxViewers {
		return errFull
	}
	h.total++
	h.tasks.Add(1)
	return nil
}

func (h *Handler) leave() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.total--
	h.tasks.Done()
}

// refuse answers with the reason why a viewer is not served.
func (h *Handler) refuse(w http.ResponseWriter, r *http.Request, err error) {
	problem := func(status int, code, detail string) { h.opts.Problem(w, r, status, code, detail) }
	var bad *parameterError
	switch {
	case errors.As(err, &bad):
		problem(http.StatusBadRequest, "bad_"+bad.name, bad.Error())
	case errors.Is(err, errHandshake):
		problem(http.StatusBadRequest, "bad_handshake", err.Error())
	case errors.Is(err, errVersion):
		w.Header().Set("Sec-WebSocket-Version", "13") // RFC 6455 4.4
		problem(http.StatusUpgradeRequired, "bad_handshake", err.Error())
	case errors.Is(err, errVP9):
		problem(http.StatusNotAcceptable, "video_unavailable", "the video is VP9, which few players take in FLV: play it by HLS, or ask for ?video=vp9")
	case errors.Is(err, auth.ErrForbidden):
		status, code := auth.Status(err)
		problem(status, code, err.Error())
	case errors.Is(err, live.ErrNoLayer):
		problem(http.StatusNotFound, "layer_not_found", err.Error())
	case errors.Is(err, live.ErrNoStream):
		w.Header().Set("Retry-After", retryAfter)
		problem(http.StatusNotFound, "stream_not_found", "the stream is not live")
	case errors.Is(err, errNoMedia), errors.Is(err, live.ErrEnded):
		w.Header().Set("Retry-After", retryAfter)
		problem(http.StatusNotFound, "stream_not_found", "the stream has no media")
	case errors.Is(err, transcode.ErrNoDecoder), errors.Is(err, transcode.ErrSource):
		problem(http.StatusNotAcceptable, "audio_unavailable", "the stream's sound is AAC that cannot be made Opus here; ask for ?audio=aac")
	case errors.Is(err, transcode.ErrNoEncoder):
		problem(http.StatusNotAcceptable, "audio_unavailable", "this server makes no AAC; ask for ?audio=opus")
	case errors.Is(err, errFull), errors.Is(err, live.ErrStopping):
		w.Header().Set("Retry-After", "5")
		problem(http.StatusServiceUnavailable, "server_full", "the server takes no more viewers now")
	case r.Context().Err() != nil: // nobody is listening
	default:
		h.log.Error("cannot serve a viewer", "error", err)
		problem(http.StatusInternalServerError, "internal", "the stream cannot be served as FLV")
	}
}

func header(head http.Header) {
	head.Set("Content-Type", "video/x-flv")
	head.Set("Cache-Control", "no-store")
	head.Set("X-Accel-Buffering", "no") // nginx would collect what is to be seen at once
}
