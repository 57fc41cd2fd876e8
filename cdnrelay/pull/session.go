package pull

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"weir/mux/av"
	"weir/room/live"
	"weir/room/live/timeline"
)

// sink takes what a source reads. It is for one goroutine.
type sink interface {
	// takes tells whether pictures of a codec are taken.
	takes(c av.Codec) bool
	// expect says what the source announced, and how long it may be silent beyond the usual.
	expect(pictures, sound bool, patience time.Duration)
	// configure says how a track is from the next frame of its kind on.
	//
	// Errors: ErrUnfit, which is for the source to return.
	configure(t *av.Track) error
	// write takes an access unit with the source's own times, without wraps.
	//
	// Errors: those for the source to return. A frame that is of no use is no error.
	write(f *av.Frame) error
	// damaged says that a picture is missing.
	damaged()
	// left says that a track cannot be carried, and why; the others are.
	left(err error)
}

// session is one connection to a source: it publishes what comes.
type session struct {
	*puller
	writer *timeline.Writer // nil before the first media
	held   []*av.Track      // configurations before that

	announced       bool // the source said which tracks there are
	pictures, sound bool // that it said so of

	came     time.Time    // when the connection began
	began    time.Time    // when the first media was written
	seen     atomic.Int64 // when media came last, in Unix nanoseconds; or the connection began
	patience atomic.Int64 // beyond Options.Timeout
	lost     chan *live.Publisher
}

func newSession(p *puller) *session {
	s := &session{puller: p, pictures: true, sound: true, came: time.Now(), lost: make(chan *live.Publisher, 1)}
	s.seen.Store(s.came.UnixNano())
	return s
}

func (s *session) expect(pictures, sound bool, patience time.Duration) {
	s.announced, s.pictures, s.sound = true, pictures, sound
	s.patience.Store(int64(patience))
}

func (s *session) takes(c av.Codec) bool { return slices.Contains(s.m.opts.Codecs, c) }

func (s *session) configure(t *av.Track) error {
	if t.Codec.IsVideo() && !s.takes(t.Codec) {
		return fmt.Errorf("%w: %v is not among ingest.codecs", ErrUnfit, t.Codec)
	}
	if s.writer == nil {
		s.held = append(slices.DeleteFunc(s.held, func(o *av.Track) bool { return o.Codec.IsVideo() == t.Codec.IsVideo() }), t)
		return nil
	}
	s.writer.Configure(t)
	return nil
}

func (s *session) damaged() {
	if s.writer != nil {
		s.writer.Damaged()
	}
}

func (s *session) left(err error) {
	s.log.Warn("a track of the source is left out", "from", s.status().URL, "error", err)
}

func (s *session) write(f *av.Frame) error {
	s.seen.Store(time.Now().UnixNano())
	if s.writer == nil {
		if s.tooSoon(f) {
			return nil
		}
		if err := s.publish(); err != nil {
			return err
		}
	}
	n, jumps := len(f.Data), s.writer.Jumps()
	err := s.writer.Write(f)
	s.m.stats.jumps.Add(float64(s.writer.Jumps() - jumps))
	switch {
	case errors.Is(err, live.ErrGone):
		return s.gone()
	case err != nil:
		s.m.stats.dropped.Inc()
		return nil //nolint:nilerr // the next one may be taken
	}
	s.bytes.Add(uint64(n))
	s.frames.Add(1)
	s.m.stats.bytes.Add(float64(n))
	s.m.stats.frames.Inc()
	return nil
}

const (
	// keyWait is how long sound alone is dropped at the beginning, since pictures were announced: nginx sends sound at once and
	// pictures from the next key frame on.
	keyWait = 10 * time.Second
	// tellWait is how long it is dropped where nothing was announced: most groups of pictures are shorter.
	tellWait = 3 * time.Second
)

// tooSoon tells whether a stream does not begin with a frame: a picture before the first key frame, or sound before that
// where there will be pictures. Who waits for the stream would have to wait for the pictures all the same, and a player
// that was told of sound alone would have to begin anew.
func (s *session) tooSoon(f *av.Frame) bool {
	if f.Codec.IsVideo() {
		return !f.Key
	}
	wait := time.Duration(0)
	switch {
	case s.announced && s.pictures, slices.ContainsFunc(s.held, func(t *av.Track) bool { return t.Codec.IsVideo() }):
		wait = keyWait
	case !s.announced:
		wait = tellWait
	}
	return time.Since(s.came) < wait
}

// tracks is how many the source is to bring.
func (s *session) tracks() int {
	if s.pictures && s.sound {
		return 2
	}
	return 1
}

// gone is why the publisher lost the stream.
func (s *session) gone() error {
	if err := s.publisher.Err(); err != nil {
		return err
	}
	return live.ErrGone
}

// publish takes the stream, or goes on with it.
func (s *session) publish() error {
	if s.publisher == nil || s.publisher.Err() != nil {
		p, err := s.m.opts.Hub.Publish(s.key, live.PublishOptions{
			// Nobody who publishes here has to give way to a source, and only the operator may take it over.
			Policy: live.PolicyReject, Keeps: true, Tracks: s.tracks(), Origin: live.Origin{Form: way, Session: s.task.ID},
		})
		switch {
		case errors.Is(err, live.ErrBusy):
			return ErrBusy
		case err != nil:
			return err
		}
		s.publisher = p
	}
	s.lost <- s.publisher
	s.writer = timeline.NewWriter(s.publisher)
	for _, t := range s.held {
		s.writer.Configure(t)
	}
	if err := s.writer.Announce(); err != nil {
		return s.gone()
	}
	s.held, s.began = nil, time.Now()
	s.change(func(now *Status) { now.State = Running })
	s.log.Info("pull running", "from", s.status().URL)
	return nil
}

// close tells the hub that the source's media is over, and returns how long it came.
func (s *session) close(reason error) (ran time.Duration) {
	if s.writer == nil {
		return 0
	}
	s.publisher.Interrupt(reason)
	return max(time.Since(s.began), 1)
}

// watch ends the connection when no media comes, or its publisher loses the stream.
func (s *session) watch(ctx context.Context, end context.CancelCauseFunc) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	var (
		done <-chan struct{}
		of   *live.Publisher
	)
	for {
		select {
		case <-ctx.Done():
			return
		case of = <-s.lost:
			done = of.Done()
		case <-done:
			end(of.Err())
			return
		case <-tick.C:
			allowed := s.m.opts.Timeout + time.Duration(s.patience.Load())
			if time.Since(time.Unix(0, s.seen.Load())) > allowed {
				end(ErrTimeout)
				return
			}
		}
	}
}
