package edge

import (
	"context"
	"errors"
	"net/http"
	"time"

	"weir/mux/av"
	"weir/mux/fmp4"
	"weir/room/live"
)

const (
	// wake is how long frames are collected into one fragment at least.
	wake = 20 * time.Millisecond
	// heartbeat is how long a connection is silent at most.
	heartbeat = time.Second
	// keepBuffer is how large a buffer may be that is kept: the first group of pictures is larger than what follows.
	keepBuffer = 1 << 20
)

// session sends a stream to another node.
type session struct {
	edge    *Edge
	stream  *live.Stream
	reader  *live.Reader[live.Frame]
	changed <-chan struct{}
	w       http.ResponseWriter
	control *http.ResponseController

	mux   *fmp4.Muxer
	told  state
	known av.Tracks // as the other node has them
	stale bool      // the reader has lagged: known may be other than now, the tracks where it goes on
	now   av.Tracks
	dirty bool                // the state has changed
	lit   map[av.TrackID]bool // video tracks of which a key frame was sent
	buf   []byte
	batch [64]live.Frame
	out   []*av.Frame
	sent  time.Time
}

// serve sends a stream until it ends or the other node goes, which has named itself in via. Who did not is another program.
func (e *Edge) serve(w http.ResponseWriter, r *http.Request, stream *live.Stream, via []string) {
	changed, over := e.watch(stream.Key())
	defer over()
	reader := stream.NewReader(live.ReaderOptions{
		Name: "edge", Start: live.StartNewest, Join: wake, MaxAge: e.opts.MaxAge, Layers: true,
	})
	defer reader.Close()
	s := &session{
		edge: e, stream: stream, reader: reader, changed: changed, w: w, control: http.NewResponseController(w),
		mux: fmp4.NewMuxer(), lit: make(map[av.TrackID]bool),
	}
	s.mux.Plain = len(via) == 0
	if err := s.begin(r.Context()); err != nil {
		e.fail(w, r, err)
		return
	}
	e.stats.sessions.Inc()
	defer e.stats.sessions.Dec()
	e.log.Info("edge session began", "stream", stream.Key(), "remote", r.RemoteAddr)
	err := s.run(r.Context())
	e.log.Info("edge session closed", "stream", stream.Key(), "remote", r.RemoteAddr, "reason", err)
}

// begin waits for the place where the reader starts and prepares what stands before it.
func (s *session) begin(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tracks, err := s.reader.Start(ctx)
	if err != nil {
		return err
	}
	if s.buf, err = s.mux.AppendStart(nil, tracks); err != nil {
		return err
	}
	s.known, s.told = tracks, stateOf(s.stream)
	s.buf = s.told.append(s.buf)
	return nil
}

// run sends what comes.
func (s *session) run(ctx context.Context) error {
	h := s.w.Header()
	h.Set("Content-Type", "video/mp4")
	h.Set(headerState, s.told.State)
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	for {
		if err := s.flush(); err != nil {
			return err
		}
		if s.reader.Idle() {
			if err := s.await(ctx, beat.C); err != nil {
				return err
			}
		}
		n, err := s.read(ctx)
		s.add(n)
		if err = s.outcome(err); err != nil {
			return errors.Join(err, s.flush())
		}
		if s.noticed() && n < len(s.batch) { // all of before the change is sent
			s.tell()
		}
		if len(s.buf) == 0 && time.Since(s.sent) >= heartbeat {
			s.buf = fmp4.AppendFree(s.buf, 8)
		}
	}
}

// await waits for something to send.
func (s *session) await(ctx context.Context, beat <-chan time.Time) error {
	gate := s.reader.Waker().Gate()
	if !s.reader.Idle() {
		return nil
	}
	select {
	case <-gate.Open():
	case <-s.stream.Done():
	case <-s.changed:
		s.dirty = true
	case <-beat:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	return nil
}

// read takes the frames at hand. While the reader looks for a place to go on after it lagged, it waits no longer than a heartbeat.
func (s *session) read(ctx context.Context) (int, error) {
	if s.reader.Idle() {
		return 0, nil
	}
	soon, stop := context.WithTimeout(ctx, heartbeat)
	defer stop()
	n, err := s.reader.ReadBatch(soon, s.batch[:])
	if err != nil && soon.Err() != nil && ctx.Err() == nil {
		return 0, nil
	}
	return n, err
}

// stopping is why streams end with their server, whether the hub ends them first or the door of their publisher.
var stopping = live.Reason(live.ErrStopping)

// outcome handles what reading ended with; an error ends the session.
func (s *session) outcome(err error) error {
	switch {
	case errors.Is(err, live.ErrLagged):
		s.stale, s.now = true, s.reader.Tracks()
		clear(s.lit)
		return nil
	case errors.Is(err, live.ErrEnded) && live.Reason(s.stream.Err()) != stopping:
		end := stateOf(s.stream)
		end.State, end.Reason = live.StateEnded.String(), live.Reason(s.stream.Err())
		s.buf = end.append(s.buf)
		return err
	default:
		return err // a server that stops says nothing: the publisher may go on at another one
	}
}

// add makes fragments of the first n frames of the batch.
func (s *session) add(n int) {
	if n == 0 {
		return
	}
	if s.stale {
		s.catchUp(s.batch[0].Frame)
	}
	s.out = s.out[:0]
	for _, f := range s.batch[:n] {
		if s.passes(f.Frame) {
			s.out = append(s.out, f.Frame)
		}
	}
	s.buf = s.mux.Append(s.buf, s.out...)
	clear(s.out) // hold nothing while waiting
	clear(s.batch[:n])
}

// passes tells whether the other node has use for a frame: pictures that build on others which it has not are left out.
func (s *session) passes(f *av.Frame) bool {
	switch {
	case f.Kind == av.KindConfig && f.Config == nil:
		s.known = s.known.Without(f.Track)
	case f.Kind == av.KindConfig:
		s.known = s.known.With(f.Config)
	case f.Kind == av.KindMedia && f.Codec.IsVideo():
		s.lit[f.Track] = s.lit[f.Track] || f.Key
		return s.lit[f.Track]
	}
	return true
}

// catchUp tells of the tracks that changed while the reader lagged, before the frame where it goes on.
func (s *session) catchUp(at *av.Frame) {
	s.stale = false
	now := s.now
	change := func(t *av.Track, config *av.Track) {
		s.buf = s.mux.Append(s.buf, &av.Frame{
			Track: t.ID, Kind: av.KindConfig, Codec: t.Codec, DTS: at.DTS, PTS: at.DTS, Wall: at.Wall, Config: config,
		})
	}
	for i := range s.known {
		if now.Find(s.known[i].ID) == nil {
			change(&s.known[i], nil)
		}
	}
	for i := range now {
		if old := s.known.Find(now[i].ID); old == nil || !old.Same(&now[i]) {
			change(&now[i], &now[i])
		}
	}
	s.known = now
}

// noticed tells whether the state may have changed since it was told.
func (s *session) noticed() bool {
	select {
	case <-s.changed:
		s.dirty = true
	default:
	}
	return s.dirty
}

// tell adds the stream's state, if it is another one than was told.
func (s *session) tell() {
	s.dirty = false
	now := stateOf(s.stream)
	if now.State == live.StateEnded.String() || now.same(&s.told) {
		return // the end is told behind the last frame
	}
	s.told = now
	s.buf = now.append(s.buf)
}

// flush sends what was added.
func (s *session) flush() error {
	if len(s.buf) == 0 {
		return nil
	}
	_ = s.control.SetWriteDeadline(time.Now().Add(s.edge.opts.WriteTimeout)) // writers without deadlines exist in tests only
	n, err := s.w.Write(s.buf)
	s.edge.stats.sent.Add(float64(n))
	if err != nil {
		return err
	}
	if s.buf = s.buf[:0]; cap(s.buf) > keepBuffer {
		s.buf = nil
	}
	s.sent = time.Now()
	return s.control.Flush()
}
