package record

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"sync"
	"time"

	"weir/mux/av"
	"weir/room/live"
	"weir/room/store"
)

const (
	// batch is how many frames are read at once, wake how often a session looks for some.
	batch, wake = 256, 200 * time.Millisecond
	// hole is the longest pause that a file has; behind a longer one another file begins.
	hole = 3 * time.Second
	// saving is how long the store may take. Meanwhile the stream goes on in the ring.
	saving = 5 * time.Second
)

// The states of recordings.
const (
	stateRecording = "recording"
	statePaused    = "paused" // nothing can be written, or was not for a moment
	stateComplete  = "complete"
	stateFailed    = "failed"
)

// session is a recording that goes on. Its goroutine alone touches it, but for what mu guards and stop.
type session struct {
	of     *Recorder
	stream *live.Stream
	spec   Spec
	start  live.Start
	stop   context.CancelCauseFunc
	done   chan struct{} // closed when it is over
	info   live.Info     // of the stream, when the recording began
	log    *slog.Logger

	mu  sync.Mutex      // guards rec
	rec store.Recording // as it is now, files included

	all    av.Tracks // of the stream, now
	box    container // the file that is open; nil between two
	file   store.RecordingFile
	number int           // of the last file that was begun
	ts     av.Tracks     // of the file
	due    bool          // the file cannot take the sound as it is now: another one begins at the next key frame
	began  time.Duration // of the stream, where the file begins
	newest time.Duration // of the stream
	last   map[av.TrackID]time.Duration
	carry  []*av.Frame // begin the next file
	asked  bool        // for a key frame to split at
	retry  time.Time   // when to try again after a fault
	unsaid []store.RecordingFile
}

// run records until the stream ends, or until ctx does, for whose cause. It returns why.
func (s *session) run(ctx context.Context) error {
	source, err := s.source()
	if err != nil {
		return err
	}
	r := source.NewReader(live.ReaderOptions{Name: "record", Start: s.start, Join: wake})
	defer r.Close()
	tracks, err := r.Start(ctx)
	if err != nil {
		return err
	}
	s.all = tracks
	var frames [batch]live.Frame
	last := time.Duration(-1) // of the stream, when the recording was stopped; negative before
	for {
		n, err := r.ReadBatch(ctx, frames[:])
		for _, f := range frames[:n] {
			s.push(ctx, f.Frame)
		}
		clear(frames[:n]) // hold nothing while waiting
		switch {
		case errors.Is(err, live.ErrLagged):
			s.lag(ctx, r.Tracks())
		case err != nil && ctx.Err() != nil && last < 0:
			last = s.stream.Newest() // the reader wakes seldom: what came since is at hand, and is given once more
		case err != nil:
			return err
		case last >= 0 && s.newest >= last:
			return context.Cause(ctx)
		}
	}
}

// source is the stream with the audio that the recording is to have.
func (s *session) source() (live.Source[live.Frame], error) {
	if s.spec.Audio == "" {
		return s.stream, nil
	}
	codec, _ := av.ParseCodec(s.spec.Audio) // Spec.fill has checked it
	source, err := s.stream.WithAudio(codec)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errTracks, err)
	}
	return source, nil
}

// lag notes that a part of the stream is missing, and goes on in another file where the reader stands now.
func (s *session) lag(ctx context.Context, ts av.Tracks) {
	s.change(func(r *store.Recording) { r.Lags++ })
	s.of.stats.lags.Inc()
	s.log.Warn("recording lagged", "file", s.file.Name)
	s.end(ctx, s.newest, false)
	s.all = ts
	s.save(ctx)
	s.tell("lagged", "", nil)
}

// push takes the next frame.
func (s *session) push(ctx context.Context, f *av.Frame) {
	switch f.Kind {
	case av.KindConfig:
		s.configure(ctx, f)
	case av.KindMedia:
		s.media(ctx, f)
	default:
	}
}

// configure notes that a track is different from its next frame on, or over.
func (s *session) configure(ctx context.Context, f *av.Frame) {
	if f.Config != nil && f.Config.Layer != "" {
		return // the layers stand beside what is recorded
	}
	if f.Config == nil {
		s.all = s.all.Without(f.Track)
	} else {
		s.all = s.all.With(f.Config)
	}
	if s.box == nil {
		return
	}
	ts := carried(s.all)
	takes := s.box.takes(ts)
	if s.due = !takes && s.sameVideo(ts); s.due {
		return // the next key frame may be far: until then the pictures go on, and sound that is not as the file has it is left out
	}
	if !takes {
		s.end(ctx, s.newest, false)
		return
	}
	if err := s.box.write(f); err != nil {
		s.fault(ctx, err)
	}
}

// sameVideo tells whether the pictures go on as the file that is open has them.
func (s *session) sameVideo(ts av.Tracks) bool {
	was, is := s.ts.Video(), ts.Video()
	return was != nil && is != nil && was.ID == is.ID && was.Same(is)
}

func (s *session) media(ctx context.Context, f *av.Frame) {
	ts := carried(s.all)
	if ts.Find(f.Track) == nil {
		return
	}
	lead := f.Codec.IsVideo() || ts.Video() == nil
	if s.box != nil && f.DTS-s.newest > hole {
		s.end(ctx, s.newest, false)
	}
	if s.box != nil && lead && f.Key && s.full(f) {
		s.end(ctx, f.DTS, !s.due)
	}
	if s.box == nil {
		if !lead || !f.Key {
			if lead {
				s.stream.WantKeyFrame("record")
			}
			return
		}
		s.begin(ctx, ts, f)
	}
	s.newest = max(s.newest, f.DTS)
	s.last[f.Track] = f.DTS
	if s.due && !lead {
		return
	}
	s.write(ctx, f)
	if lead && !f.Key && (s.due || !s.asked) && s.box != nil && s.full(f) {
		s.stream.WantKeyFrame("record")
		s.asked = true
	}
}

// full tells whether the file that is open is to be followed by another one.
func (s *session) full(f *av.Frame) bool {
	return s.due || f.DTS-s.began >= s.spec.Split || s.box.size() >= s.spec.SplitBytes
}

func (s *session) write(ctx context.Context, f *av.Frame) {
	if s.box == nil {
		return
	}
	if err := s.box.write(f); err != nil {
		s.fault(ctx, err)
		return
	}
	if s.box.holds() {
		s.resume(ctx)
	}
}

// begin opens the next file, which begins with the frame f. What fails is tried again with a later frame.
func (s *session) begin(ctx context.Context, ts av.Tracks, f *av.Frame) {
	carry := s.carry
	s.carry = nil
	if s.of.opts.Now().Before(s.retry) {
		return
	}
	zero := f.DTS
	for _, c := range carry {
		zero = min(zero, c.DTS)
	}
	for _, t := range ts {
		// Sound that belongs behind the last of the file before may come later than this picture.
		if at, ok := s.last[t.ID]; ok && t.ID != f.Track && len(carry) == 0 && f.DTS-at < time.Second {
			zero = min(zero, at)
		}
	}
	if err := s.open(ctx, ts, zero, f); err != nil {
		s.fault(ctx, err)
		return
	}
	s.began, s.ts, s.due, s.asked, s.newest = f.DTS, ts, false, false, f.DTS
	for _, c := range carry {
		s.write(ctx, c)
	}
}

// open makes the next file: first its row, so that no file is without one.
func (s *session) open(ctx context.Context, ts av.Tracks, zero time.Duration, f *av.Frame) error {
	n := s.number + 1
	s.file = store.RecordingFile{N: n, Name: strconv.Itoa(n) + "." + s.spec.Format, Begin: s.wall(f)}
	limited, cancel := s.limit(ctx)
	defer cancel()
	if err := s.of.opts.Index.PutRecordingFile(limited, s.rec.App, s.rec.ID, &s.file); err != nil {
		return err
	}
	raw, err := s.of.folder.create(s.rec.App, s.rec.ID, s.file.Name)
	if err != nil {
		return err
	}
	own := file(raw)
	if s.of.opts.wrap != nil {
		own = s.of.opts.wrap(s.file.Name, own)
	}
	out := newOutput(own, s.of.opts.Sync, s.of.opts.Now)
	box, err := formats[s.spec.Format](out, ts, zero, &s.of.opts)
	if err != nil {
		return errors.Join(err, own.Close())
	}
	s.box, s.number = box, n
	if n == 1 {
		s.poster(ts, f)
	}
	s.change(func(r *store.Recording) { r.Files = append(r.Files, s.file) })
	return nil
}

// resume ends a pause. A disk without room for media may still have some for the beginning of a file, so it is told only when
// media is written.
func (s *session) resume(ctx context.Context) {
	if !s.isPaused() {
		return
	}
	s.change(func(r *store.Recording) { r.State, r.Reason = stateRecording, "" })
	s.save(ctx)
	s.tell("resumed", "", nil)
	s.log.Info("recording goes on", "file", s.file.Name)
}

// wall is when a frame was captured.
func (s *session) wall(f *av.Frame) time.Time {
	if f.Wall.IsZero() {
		return s.stream.Started().Add(f.PTS)
	}
	return f.Wall
}

// end completes the file that is open, if there is one, at a time of the stream; split says that another one goes on there.
func (s *session) end(ctx context.Context, at time.Duration, split bool) {
	if s.box == nil {
		return
	}
	carry, f, err := s.box.finish(at, split)
	s.box, s.carry = nil, carry
	s.completed(ctx, whatIsLeft(f, err))
	if err != nil {
		s.pause(ctx, err)
	}
}

// fault gives up the file that is open: what it has is kept, and what can be saved of the rest is lost.
func (s *session) fault(ctx context.Context, err error) {
	if s.box != nil {
		f := s.box.abandon()
		s.box, s.carry = nil, nil
		s.completed(ctx, whatIsLeft(f, err))
	}
	s.pause(ctx, err)
}

// whatIsLeft is what is known of a file that ended with an error, which may be that nothing is left of it.
func whatIsLeft(f facts, err error) facts {
	if errors.Is(err, errLost) {
		return facts{}
	}
	return f
}

// pause has the recording wait before it tries again, and tells it once.
func (s *session) pause(ctx context.Context, err error) {
	s.retry = s.of.opts.Now().Add(s.of.opts.Retry)
	why := reasonOf(err)
	if r := s.recording(); r.State == statePaused && r.Reason == why {
		return
	}
	s.of.stats.failures.WithLabelValues(why).Inc()
	s.log.Error("recording has a pause", "reason", why, "error", err)
	s.change(func(r *store.Recording) { r.State, r.Reason = statePaused, why })
	s.save(ctx)
	s.tell("paused", why, nil)
}

// completed notes that the file is complete, and tells it. A file without media is none.
func (s *session) completed(ctx context.Context, f facts) {
	if f.duration == 0 {
		s.change(func(r *store.Recording) { r.Files = r.Files[:len(r.Files)-1] })
		s.discard(ctx)
		return
	}
	s.resume(ctx) // all of its media may have been written just now
	s.file.Complete, s.file.Duration, s.file.Size, s.file.Init, s.file.Segments = true, f.duration, f.size, f.init, f.segments
	file := s.file
	s.change(func(r *store.Recording) { r.Files[len(r.Files)-1] = file }) // files that are open are not deleted
	s.of.stats.files.Inc()
	s.of.stats.bytes.Add(float64(file.Size))
	s.unsaid = append(s.unsaid, file)
	s.save(ctx)
	s.log.Info("file of a recording is complete", "file", file.Name, "duration", file.Duration, "bytes", file.Size)
	s.tell("complete", "", &file)
	if s.of.bucket != nil {
		s.of.uploads.add(s.rec.App, s.rec.ID)
	}
}

// discard deletes the file of s.file, which has nothing in it, and its row.
func (s *session) discard(ctx context.Context) {
	limited, cancel := s.limit(ctx)
	defer cancel()
	err := s.of.folder.remove(s.rec.App, s.rec.ID, s.file.Name)
	if err == nil {
		err = s.of.opts.Index.DeleteRecordingFile(limited, s.rec.App, s.rec.ID, s.file.N)
	}
	if err != nil {
		s.log.Warn("cannot delete an empty file of a recording", "file", s.file.Name, "error", err)
	}
	s.file = store.RecordingFile{}
}

// finish brings the recording to its end.
func (s *session) finish(ctx context.Context, err error) {
	s.end(ctx, s.newest, false)
	if s.file.N > s.number { // it could not be opened
		s.discard(ctx)
	}
	planned := errors.Is(err, live.ErrEnded) || errors.As(err, new(reason))
	s.change(func(r *store.Recording) {
		r.Running, r.Ended = false, s.of.opts.Now()
		switch {
		case r.State == statePaused: // for a reason that stays
			r.State = stateFailed
		case planned:
			r.State, r.Reason = stateComplete, reasonOf(err)
		default:
			r.State, r.Reason = stateFailed, reasonOf(err)
		}
	})
	for range 3 {
		if s.save(ctx) {
			break
		}
	}
	r := s.recording()
	s.log.Info("recording closed", "reason", r.Reason, "state", r.State, "error", err)
	if r.State == stateFailed {
		s.tell("failed", r.Reason, nil)
		return
	}
	s.tell("ended", r.Reason, nil)
}

// save writes what has changed into the store. What fails is tried again at the next change, and set right at the next
// start.
func (s *session) save(ctx context.Context) (ok bool) {
	limited, cancel := s.limit(ctx)
	defer cancel()
	r := s.recording()
	err := s.of.opts.Index.PutRecording(limited, &r)
	for err == nil && len(s.unsaid) > 0 {
		if err = s.of.opts.Index.PutRecordingFile(limited, r.App, r.ID, &s.unsaid[0]); err == nil {
			s.unsaid = s.unsaid[1:]
		}
	}
	if err != nil {
		s.log.Error("cannot note a recording", "error", err)
	}
	return err == nil
}

// limit bounds how long the store may take, also when the recording is to end.
func (s *session) limit(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), saving)
}

func (s *session) change(do func(r *store.Recording)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	do(&s.rec)
}

func (s *session) isPaused() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.rec.State == statePaused
}

// recording is what is recorded, as it is now.
func (s *session) recording() store.Recording {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.rec
	r.Files = append([]store.RecordingFile(nil), s.rec.Files...)
	return r
}

// forget notes that a file was deleted since it was too old or too much.
func (s *session) forget(n int) {
	s.change(func(r *store.Recording) {
		r.Files = slices.DeleteFunc(r.Files, func(f store.RecordingFile) bool { return f.N == n })
	})
}
