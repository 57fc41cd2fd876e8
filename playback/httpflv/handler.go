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
	"weir/room/auth"
	"weir/room/live"
)

type hub interface {
	Stream(k live.Key) (*live.Stream, bool)
}

type authorizer interface {
	Authorize(ctx context.Context, r auth.Request) (auth.Grant, error)
}

// Options say how viewers are served. All are required but Log.
type Options struct {
	App  string // the app that paths mean
	Auth authorizer
	Hub  hub
	// Join is the shortest time between two writes to a viewer; 0 writes every tag as it comes.
	Join         time.Duration
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
	tasks sync.WaitGroup // viewers

	mu      sync.Mutex // guards the fields below
	viewers map[live.Key]int
	total   int
	stopped bool
}

// NewHandler returns a Handler.
func NewHandler(o Options) *Handler {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	h := &Handler{opts: o, log: o.Log, viewers: make(map[live.Key]int)}
	h.stats = newStats(h)
	return h
}

// Stats are the door's figures, to be registered with Prometheus.
func (h *Handler) Stats() *Stats { return h.stats }

// Viewers is the number of viewers of a stream.
func (h *Handler) Viewers(k live.Key) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.viewers[k]
}

// Total is the number of viewers of all streams.
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
// ?layer= names a layer of a simulcast; without it the picture is the largest that comes.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	key := live.Key{App: h.opts.App, Room: r.PathValue("room"), Stream: r.PathValue("stream")}
	if err := h.authorize(r, key); err != nil {
		status, code := auth.Status(err)
		h.opts.Problem(w, r, status, code, err.Error())
		return
	}
	s, ok := h.opts.Hub.Stream(key)
	if !ok {
		h.opts.Problem(w, r, http.StatusNotFound, "stream_not_found", "the stream is not live")
		return
	}
	if r.Method == http.MethodHead {
		header(w.Header())
		return
	}
	if err := h.enter(key); err != nil {
		h.refuse(w, r, err)
		return
	}
	defer h.leave(key)
	source, err := h.source(r, s)
	if err != nil {
		h.refuse(w, r, err)
		return
	}
	h.play(w, r, s, source)
}

func (h *Handler) authorize(r *http.Request, k live.Key) error {
	if err := errors.Join(auth.CheckRoom(k.Room), auth.CheckStream(k.Stream)); err != nil {
		return err
	}
	_, err := h.opts.Auth.Authorize(r.Context(), auth.Request{
		Action: auth.ActionPlay, Room: k.Room, Stream: k.Stream, Token: auth.Token(r),
	})
	return err
}

// source is the feed of tags that the viewer asked for, once it is known which tracks the stream has.
func (h *Handler) source(r *http.Request, s *live.Stream) (live.Source[flv.Tag], error) {
	ctx, cancel := context.WithTimeoutCause(r.Context(), h.opts.Patience, errNoMedia)
	defer cancel()
	codec, err := askedAudio(r)
	if err != nil {
		return nil, err
	}
	if err := s.Ready(ctx); err != nil {
		return nil, err
	}
	if codec == av.CodecNone {
		codec = published(s.Tracks())
	}
	frames, err := s.WithAudio(codec)
	if err != nil {
		return nil, err
	}
	layer := r.URL.Query().Get("layer")
	frames, err = s.Layer(layer, codec.String(), frames)
	if err != nil {
		return nil, err
	}
	return live.FeedOf(s, "flv-"+codec.String()+"/"+layer, frames, newEncoder), nil
}

// askedAudio is the audio codec of ?audio=. The default is AAC, and none in a build that cannot make it.
func askedAudio(r *http.Request) (av.Codec, error) {
	switch r.URL.Query().Get("audio") {
	case "aac":
		return av.CodecAAC, nil
	case "opus":
		return av.CodecOpus, nil
	case "":
		if transcode.Available() {
			return av.CodecAAC, nil
		}
		return av.CodecNone, nil
	default:
		return 0, errBadAudio
	}
}

// published is the audio codec as it comes.
func published(ts av.Tracks) av.Codec {
	if a := ts.Audio(); a != nil {
		return a.Codec
	}
	return av.CodecOpus
}

// askedVideo tells whether the viewer takes the video there is. Browsers play H.265 and AV1 in Enhanced FLV as far as
// they have the decoder; VP9 has its place there, too, but mpegts.js refuses it and would play the sound alone.
func askedVideo(r *http.Request, ts av.Tracks) error {
	if v := ts.Video(); v != nil && v.Codec == av.CodecVP9 && r.URL.Query().Get("video") != "vp9" {
		return errVP9
	}
	return nil
}

// encoder makes tags out of frames.
type encoder struct{ *flv.Encoder }

func newEncoder(ts av.Tracks) (live.Encoder[live.Frame, flv.Tag], error) {
	return encoder{flv.NewEncoder(ts)}, nil
}

// Encode implements live.Encoder.
func (e encoder) Encode(dst []flv.Tag, f live.Frame) ([]flv.Tag, error) {
	out, err := e.Encoder.Encode(dst, f.Frame)
	for i := len(dst); i < len(out); i++ {
		out[i].JoinPoint = out[i].Kind == av.KindMedia && f.Join() // the hub knows where a reader may start
	}
	return out, err
}

// enter counts a viewer in, if there is room.
func (h *Handler) enter(k live.Key) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.stopped {
		return live.ErrStopping
	}
	if h.total >= h.opts.MaxViewers {
		return errFull
	}
	h.total++
	h.viewers[k]++
	h.tasks.Add(1)
	return nil
}

func (h *Handler) leave(k live.Key) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.total--
	if h.viewers[k]--; h.viewers[k] == 0 {
		delete(h.viewers, k)
	}
	h.tasks.Done()
}

// refuse answers with the reason why a viewer is not served.
func (h *Handler) refuse(w http.ResponseWriter, r *http.Request, err error) {
	problem := func(status int, code, detail string) { h.opts.Problem(w, r, status, code, detail) }
	switch {
	case errors.Is(err, errBadAudio):
		problem(http.StatusBadRequest, "bad_audio", err.Error())
	case errors.Is(err, errVP9):
		problem(http.StatusNotAcceptable, "video_unavailable", "the video is VP9, which few players take in FLV: play it by HLS, or ask for ?video=vp9")
	case errors.Is(err, live.ErrNoLayer):
		problem(http.StatusNotFound, "layer_not_found", err.Error())
	case errors.Is(err, errNoMedia), errors.Is(err, live.ErrEnded):
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
}
