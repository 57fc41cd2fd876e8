package edge

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"weir/room/auth"
	"weir/room/live"
)

const (
	// patience is how long a stream's first media is waited for.
	patience = 10 * time.Second
	// wakeTimeout is how long a stream is waited for that is brought on demand, by each further node half as long: all of them
	// less than askTimeout. What takes longer is there when it is asked for again.
	wakeTimeout = 1400 * time.Millisecond
)

// may lets a node's request pass, and returns the stream that it asks for and the nodes that it came through.
func (e *Edge) may(w http.ResponseWriter, r *http.Request) (k live.Key, via []string, ok bool) {
	if e.opts.Key == "" {
		e.problem(w, r, http.StatusNotFound, "not_found", "this server gives nothing to other nodes")
		return k, nil, false
	}
	given, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	a, b := sha256.Sum256([]byte(given)), sha256.Sum256([]byte(e.opts.Key)) // of one length, whatever was given
	if subtle.ConstantTimeCompare(a[:], b[:]) != 1 {
		e.problem(w, r, http.StatusForbidden, "edge_forbidden", "nodes have to know the key")
		return k, nil, false
	}
	k = live.Key{App: r.PathValue("app"), Room: r.PathValue("room"), Stream: r.PathValue("stream")}
	id := r.PathValue("streamid")
	if id != "" {
		k = live.IDKey(k.App, id)
	}
	if _, err := strconv.ParseUint(k.App, 10, 32); err != nil {
		e.problem(w, r, http.StatusNotFound, "app_not_found", "an app has a number")
		return k, nil, false
	}
	err := auth.CheckStream(k.Stream)
	if id == "" {
		err = errors.Join(auth.CheckRoom(k.Room), err)
	}
	if err != nil {
		status, code := auth.Status(err)
		e.problem(w, r, status, code, err.Error())
		return k, nil, false
	}
	via = nodes(r.Header.Get(headerVia))
	if slices.Contains(via, e.id) || len(via) > maxHops {
		e.problem(w, r, http.StatusLoopDetected, "loop", "the request came through this node before")
		return k, nil, false
	}
	return k, via, true
}

func (e *Edge) problem(w http.ResponseWriter, r *http.Request, status int, code, detail string) {
	w.Header().Set("Cache-Control", "no-store")
	e.opts.Problem(w, r, status, code, detail)
}

// ServeStream gives a stream, which is named by the path values app, room and stream, or app and streamid, to another node: GET as one endless fragmented MP4, HEAD whether it is there. A stream that is not is
// looked for at this node's own origins.
func (e *Edge) ServeStream(w http.ResponseWriter, r *http.Request) {
	k, via, ok := e.may(w, r)
	if !ok {
		return
	}
	bring := r.Method != http.MethodHead
	s, path, err := e.find(r.Context(), k, via, bring)
	if err != nil && e.wakeFor(r.Context(), k, via) {
		s, path, err = e.find(r.Context(), k, via, bring)
	}
	if err != nil {
		e.fail(w, r, err)
		return
	}
	w.Header().Set(headerPath, strings.Join(append(slices.Clip(path), e.id), ", "))
	w.Header().Set("Cache-Control", "no-store")
	if r.Method == http.MethodHead {
		state := live.StateLive.String() // as an origin of this node says
		if s != nil {
			state = s.Info().State.String()
		}
		w.Header().Set(headerState, state)
		w.WriteHeader(http.StatusNoContent)
		return
	}
	e.serve(w, r, s, via)
}

// wake waits for a stream that something brings here on demand and that could not be had otherwise, and tells whether it came.
// Names that nothing brings cost no wait.
func (e *Edge) wake(ctx context.Context, k live.Key) bool {
	if _, ok := e.hub.Stream(k); ok || e.opts.Brings == nil || !e.opts.Brings(k) {
		return false
	}
	_, err := e.hub.Await(ctx, k)
	return err == nil
}

// wakeFor is wake on behalf of the nodes via, so that another node's viewers are as good as this one's.
func (e *Edge) wakeFor(ctx context.Context, k live.Key, via []string) bool {
	ctx, cancel := context.WithTimeout(ctx, wakeTimeout>>max(0, len(via)-1))
	defer cancel()
	return e.wake(ctx, k)
}

// find returns a stream that is here, or, if bring says so, is brought here from an origin, with the nodes that it comes
// through. Without bring the stream is nil when it is live at an origin.
func (e *Edge) find(ctx context.Context, k live.Key, via []string, bring bool) (*live.Stream, []string, error) {
	s, ok := e.hub.Stream(k)
	if !ok {
		if !bring {
			_, isLive, err := e.client.choose(ctx, k, via, "")
			if err == nil && !isLive {
				err = live.ErrNoStream
			}
			return nil, nil, err
		}
		if err := e.bring(ctx, k, via); err != nil {
			return nil, nil, err
		}
		if s, ok = e.hub.Stream(k); !ok {
			return nil, nil, live.ErrNoStream
		}
	}
	path := e.path(s)
	if meet(path, via) { // it would come back to who sends it
		return nil, nil, live.ErrNoStream
	}
	return s, path, nil
}

// path lists the nodes that a stream comes through; none when it is published here.
func (e *Edge) path(s *live.Stream) []string {
	e.mu.Lock()
	p := e.pulls[s.Key()]
	e.mu.Unlock()
	if p == nil || !s.Mirrored() {
		return nil
	}
	return p.from().path
}

// ServeKeyFrame passes on that another node wants a key frame.
func (e *Edge) ServeKeyFrame(w http.ResponseWriter, r *http.Request) {
	k, _, ok := e.may(w, r)
	if !ok {
		return
	}
	s, ok := e.hub.Stream(k)
	if !ok {
		e.fail(w, r, live.ErrNoStream)
		return
	}
	s.WantKeyFrame("edge")
	w.WriteHeader(http.StatusNoContent)
}

// ServeFile gives an HLS object of a stream to another node, as it is for everybody.
func (e *Edge) ServeFile(w http.ResponseWriter, r *http.Request) {
	k, via, ok := e.may(w, r)
	if !ok {
		return
	}
	file := r.PathValue("file")
	b, err := e.object(r.Context(), k, file, via)
	if err != nil && isPlaylist(file) && e.wakeFor(r.Context(), k, via) {
		b, err = e.object(r.Context(), k, file, via)
	}
	if err != nil {
		e.fail(w, r, err)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "application/octet-stream")
	h.Set("Content-Length", strconv.Itoa(len(b)))
	h.Set("Cache-Control", "no-store")
	n, _ := w.Write(b) // that the node is gone is no error of ours
	e.stats.sent.Add(float64(n))
}

// object is an HLS object of a stream of this node, or of one of its origins.
func (e *Edge) object(ctx context.Context, k live.Key, name string, via []string) ([]byte, error) {
	if s, ok := e.hub.Stream(k); !ok || !s.Mirrored() {
		b, err := e.opts.Files.Object(ctx, k, name)
		if ok || !errors.Is(err, live.ErrNoStream) {
			return b, err
		}
	}
	return e.objects.get(ctx, k, name, via)
}

// fail answers for an error.
func (e *Edge) fail(w http.ResponseWriter, r *http.Request, err error) {
	w.Header().Set(headerState, stateNone)
	switch {
	case r.Context().Err() != nil:
		// The node is gone.
	case errors.Is(err, live.ErrNoStream), errors.Is(err, live.ErrEnded):
		e.problem(w, r, http.StatusNotFound, "stream_not_found", "the stream is not live")
	default:
		w.Header().Set("Retry-After", "1")
		e.problem(w, r, http.StatusServiceUnavailable, "stream_not_ready", "the stream cannot be given now")
	}
}
