package segmenter

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"weir/mux/av"
	"weir/room/live"
)

const (
	// wake is the shortest time between two wakes of a segmenter's goroutine.
	wake = 20 * time.Millisecond
	// catchUp is how long the past is read at most. A feed may just have begun to make it: it is read up to behind
	// the stream's newest frame, since audio that is encoded comes later than its source.
	catchUp, behind = 500 * time.Millisecond, 200 * time.Millisecond
	// batch is how many frames are read at once.
	batch = 64
	// maxBacklog bounds the frames of the past that are looked at.
	maxBacklog = 1 << 16
	// reason is the name under which the hub counts the key frames that segmenters ask for.
	reason = "hls"
)

// Segmenter makes the segments of one stream.
type Segmenter struct {
	stream *live.Stream
	layer  string // the simulcast layer; empty for the stream's main video
	opts   Options
	stats  *stats

	window  atomic.Pointer[Window] // nil before the first segment
	first   chan struct{}          // closed when window is there
	gone    chan struct{}          // closed when Run has returned
	err     error                  // why Run returned; written before gone is closed
	touched atomic.Int64           // when it was last asked for, in Unix nanoseconds

	// The fields below belong to the goroutine of Run.
	build  *builder
	next   *Window // what window will be, or is
	forced bool    // a forced cut was logged
}

// newSegmenter returns the segmenter of a stream; generation is a number that none before it had.
func newSegmenter(stream *live.Stream, layer string, o Options, st *stats, generation uint64) *Segmenter {
	now := time.Now()
	s := &Segmenter{
		stream: stream, layer: layer, opts: o, stats: st, first: make(chan struct{}), gone: make(chan struct{}),
	}
	// A stream or segmenter made anew goes on with higher numbers, as long as it made less than one segment a
	// second, and the other discontinuity number tells players that the timeline is another one. That one must be
	// small: hls.js counts up to it.
	number := uint64(now.Unix())
	s.build = newBuilder(randomName(), number, stream.Started(), o.Segment, o.Part)
	s.next = newWindow(bounds{segments: o.Window, target: targetSeconds(o.Segment), bytes: o.MaxBytes}, generation)
	s.touch()
	return s
}

// randomName begins the names of all of a segmenter's files: no two segmenters share a name, so that files may be
// cached for good, and who was not shown the playlist cannot guess it.
func randomName() string { return strings.ToLower(rand.Text()) }

// Run makes segments until the stream has ended and lingered, nobody has asked for Options.Idle, or ctx is done.
// It returns why.
func (s *Segmenter) Run(ctx context.Context) error {
	s.stats.active.Add(1)
	defer s.stats.active.Add(-1)
	defer close(s.gone)
	s.err = s.follow(ctx)
	if errors.Is(s.err, live.ErrEnded) {
		s.finish()
		s.linger(ctx)
	}
	return s.err
}

// touch notes that somebody asked.
func (s *Segmenter) touch() { s.touched.Store(time.Now().UnixNano()) }

func (s *Segmenter) idle() bool {
	return time.Since(time.Unix(0, s.touched.Load())) >= s.opts.Idle
}

// await waits for the first segment.
//
// Errors: ErrNotReady after Options.Wait, what Run returned, or the context's.
func (s *Segmenter) await(ctx context.Context) (*Window, error) {
	if w := s.window.Load(); w != nil {
		return w, nil
	}
	timer := time.NewTimer(s.opts.Wait)
	defer timer.Stop()
	select {
	case <-s.first:
		return s.window.Load(), nil
	case <-s.gone:
		return nil, s.err
	case <-timer.C:
		return nil, fmt.Errorf("%w after %v", ErrNotReady, s.opts.Wait)
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// follow reads the stream to its end.
func (s *Segmenter) follow(ctx context.Context) error {
	source, err := s.source(ctx)
	if err != nil {
		return err
	}
	r := source.NewReader(live.ReaderOptions{Name: "hls", Start: live.StartOldest, Join: wake})
	defer r.Close()
	if err := s.begin(ctx, r); err != nil {
		return err
	}
	var frames [batch]live.Frame
	for {
		if s.idle() {
			return errIdle
		}
		n, err := r.ReadBatch(ctx, frames[:])
		if err = s.lagged(r, err); err != nil {
			return err
		}
		for _, f := range frames[:n] {
			s.push(f.Frame)
		}
		clear(frames[:n]) // hold nothing while waiting
	}
}

// begin fills the window from what the stream still holds. When that is not a whole segment, the first one is
// closed as soon as can be: somebody waits for it.
func (s *Segmenter) begin(ctx context.Context, r *live.Reader[live.Frame]) error {
	tracks, err := r.Start(ctx)
	if err != nil {
		return err
	}
	s.restart(tracks)
	frames, err := s.backlog(ctx, r)
	if err != nil {
		return err
	}
	span := time.Duration(s.opts.Window+1) * s.opts.Segment
	from := usable(frames, span, s.build.cut.limit)
	s.build.cut.past = true
	for i, f := range frames {
		if i >= from || f.Kind == av.KindConfig {
			s.push(f.Frame)
		}
	}
	s.build.cut.past = false
	s.show()
	if len(s.build.tracks) == 0 {
		return fmt.Errorf("%w: %w", ErrNoTracks, unsupported(tracks))
	}
	if s.window.Load() == nil && s.build.rush() {
		s.stream.WantKeyFrame(reason)
	}
	return nil
}

// unsupported names the codecs of tracks.
func unsupported(ts av.Tracks) error {
	var names []string
	for _, t := range ts {
		names = append(names, t.Codec.String())
	}
	return errors.New(strings.Join(names, ", "))
}

// backlog reads what the stream holds now, from where r has started.
func (s *Segmenter) backlog(ctx context.Context, r *live.Reader[live.Frame]) (frames []live.Frame, err error) {
	soon, stop := context.WithTimeout(ctx, catchUp) // when nothing more comes, that was all
	defer stop()
	held := s.stream.Newest()
	for len(frames) < maxBacklog {
		at := len(frames)
		frames = append(frames, make([]live.Frame, batch)...)
		n, err := r.ReadBatch(soon, frames[at:])
		frames = frames[:at+n]
		switch {
		case errors.Is(err, live.ErrLagged):
			frames = frames[:0]
			_ = s.lagged(r, err)
		case err != nil && ctx.Err() == nil:
			return frames, nil // the next read tells the end
		case err != nil:
			return nil, err
		case n > 0 && (frames[at+n-1].DTS >= held || n < batch && frames[at+n-1].DTS >= held-behind):
			return frames, nil
		}
	}
	return frames, nil
}

// lagged begins anew where the reader went on after it fell behind; other errors pass.
func (s *Segmenter) lagged(r *live.Reader[live.Frame], err error) error {
	if errors.Is(err, live.ErrLagged) {
		s.opts.Log.Warn("segmenter lagged", "stream", s.stream.Key())
		s.restart(r.Tracks())
		return nil
	}
	return err
}

func (s *Segmenter) restart(ts av.Tracks) {
	closed, err := s.build.restart(ts)
	s.publish(closed)
	s.complain(err)
}

func (s *Segmenter) push(f *av.Frame) {
	o, err := s.build.push(f)
	s.complain(err)
	if o.ask {
		s.stream.WantKeyFrame(reason)
	}
	if o.forced {
		s.stats.forced.Add(1)
		if !s.forced {
			s.forced = true
			s.opts.Log.Warn("HLS segment cut without a key frame", "stream", s.stream.Key(), "limit", s.build.cut.limit)
		}
	}
	s.publish(o.closed)
}

func (s *Segmenter) complain(err error) {
	if err != nil {
		s.opts.Log.Error("cannot carry tracks in HLS", "stream", s.stream.Key(), "error", err)
	}
}

// publish takes a segment into the window; nil is none. Those of the past are shown together, so that the first
// viewer gets them all.
func (s *Segmenter) publish(closed *Segment) {
	if closed == nil {
		return
	}
	s.stats.segments.Add(1)
	s.next = s.next.with(closed)
	if !s.build.cut.past {
		s.show()
	}
}

// finish closes the playlist for good.
func (s *Segmenter) finish() {
	s.publish(s.build.finish())
	s.next = s.next.end()
	s.show()
}

// show makes the window available, once there is something in it.
func (s *Segmenter) show() {
	if len(s.next.Segments) > 0 && s.window.Swap(s.next) == nil {
		close(s.first)
	}
}

// linger keeps the last window for those who are still watching it.
func (s *Segmenter) linger(ctx context.Context) {
	if s.window.Load() == nil {
		return
	}
	timer := time.NewTimer(s.opts.Linger)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
