package timeline

import (
	"errors"
	"time"

	"weir/mux/av"
	"weir/room/live"
)

// Tracks keep their ids for the life of a stream, also across publishers; those of WHIP are the same.
const (
	VideoID av.TrackID = 1
	AudioID av.TrackID = 2
)

var (
	// ErrNoKey: a picture was dropped since nothing before it can be decoded.
	ErrNoKey = errors.New("no key frame yet")
	// ErrNoConfig: a frame was dropped whose track has no configuration yet.
	ErrNoConfig = errors.New("track is not configured yet")
)

// settleAfter is how long a track may take to come. What a stream has that is taken over and this source has not
// brought by then is over: an output that waits for it would wait for ever.
const settleAfter = 2 * time.Second

// Writer writes the media of one source, at most one video and one audio track, into a stream. It is for one goroutine,
// but for Now.
type Writer struct {
	publisher *live.Publisher
	started   time.Time     // when the stream's clock was 0
	ahead     time.Duration // by which this source's clock is before the stream's

	clock        clock
	video, audio track

	first   time.Duration // the time of the first frame written
	begun   bool          // there was one
	settled bool          // tracks that this source does not bring are over
}

// NewWriter returns a writer for a publisher. Its clock is the stream's, but never behind what the stream has: media that
// came in a burst ran ahead of its arrival, and this source goes on behind it, both tracks alike.
func NewWriter(p *live.Publisher) *Writer {
	w := &Writer{
		publisher: p, started: p.Stream().Started(),
		video: track{id: VideoID, waiting: true}, audio: track{id: AudioID},
	}
	if newest, ok := p.Newest(); ok {
		w.ahead = max(0, newest+time.Millisecond-w.Now())
	}
	return w
}

// Now is the time that media gets which arrives now.
func (w *Writer) Now() time.Duration { return time.Since(w.started) + w.ahead }

// Jumps is how often the source was placed anew in time, since its timestamps jumped.
func (w *Writer) Jumps() uint64 { return w.clock.jumps }

// wall is when media of a time arrived.
func (w *Writer) wall(at time.Duration) time.Time { return w.started.Add(at - w.ahead) }

func (w *Writer) track(c av.Codec) *track {
	if c.IsVideo() {
		return &w.video
	}
	return &w.audio
}

// Configure says how a track is from the next frame of its kind on, with which it goes into the stream. The writer gives it
// its id; it is the writer's from then on.
func (w *Writer) Configure(config *av.Track) {
	t := w.track(config.Codec)
	config.ID = t.id
	t.present, t.fresh = config, true
}

// Announce says at once how the tracks are that were configured so far, and not with their first frames: nobody has to wait
// for these to know which tracks there are.
//
// Errors: those of live.Publisher.Write.
func (w *Writer) Announce() error {
	at := w.Now()
	for _, t := range []*track{&w.video, &w.audio} {
		if !t.fresh {
			continue
		}
		t.fresh = false
		if err := w.config(&av.Frame{DTS: at, Wall: w.wall(at)}, t.present); err != nil {
			return err
		}
	}
	return nil
}

// Damaged says that a picture is missing: the ones up to the next key frame may depend on it and are dropped.
func (w *Writer) Damaged() { w.video.waiting = true }

// Write takes an access unit. Its DTS and PTS are on the source's clock, without wraps; both and its track become the
// stream's. Wall becomes its arrival unless the source says when it was captured. The frame is the writer's from then on.
//
// Errors: ErrNoKey and ErrNoConfig, or those of live.Publisher.Write; the frame is then dropped, and the next one may be
// taken.
func (w *Writer) Write(f *av.Frame) error {
	t := w.track(f.Codec)
	if t.present == nil || t.present.Codec != f.Codec {
		return ErrNoConfig
	}
	if t.waiting && !f.Key {
		return ErrNoKey
	}
	t.waiting = false
	at := w.clock.place(f.DTS, w.Now())
	if f.Codec.IsAudio() {
		at = t.steady.place(at, soundTime(t.present, f.Data))
	}
	f.Track = t.id
	f.DTS, f.PTS = t.times(at, f.PTS-f.DTS)
	if f.Wall.IsZero() {
		f.Wall = w.wall(f.PTS)
	}
	return w.hand(t, f)
}

// hand puts a frame in its place into the stream, behind the configuration that it brings.
func (w *Writer) hand(t *track, f *av.Frame) error {
	if t.fresh {
		t.fresh = false
		if err := w.config(f, t.present); err != nil {
			return err
		}
	}
	at := f.DTS
	err := w.publisher.Write(f)
	if !w.settled {
		w.settle(at)
	}
	return err
}

// config says that a track is as described from a frame on.
func (w *Writer) config(f *av.Frame, t *av.Track) error {
	return w.publisher.Write(&av.Frame{
		Track: t.ID, Kind: av.KindConfig, Codec: t.Codec, DTS: f.DTS, PTS: f.DTS, Wall: f.Wall, Config: t,
	})
}

// settle ends what does not come, once it is time.
func (w *Writer) settle(at time.Duration) {
	if !w.begun {
		w.first, w.begun = at, true
	}
	if at-w.first < settleAfter {
		return
	}
	w.settled = true
	for _, t := range w.publisher.Stream().Tracks() {
		if t.ID == VideoID && w.video.wrote || t.ID == AudioID && w.audio.wrote {
			continue
		}
		// Whether it is refused makes no difference: then the publisher lost the stream.
		_ = w.publisher.Write(&av.Frame{Track: t.ID, Kind: av.KindConfig, Codec: t.Codec, DTS: at, PTS: at, Wall: w.wall(at)})
	}
}
