package live

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"weir/mux/av"
)

// Key names a stream.
type Key struct{ App, Room, Stream string }

// String is the key as it is shown.
func (k Key) String() string { return k.App + "/" + k.Room + "/" + k.Stream }

// LogValue makes logs write the key as String does.
func (k Key) LogValue() slog.Value { return slog.StringValue(k.String()) }

// State is how a stream is.
type State uint8

const (
	// StateWaiting: there is a publisher, and no media yet.
	StateWaiting State = iota
	// StateLive: media comes.
	StateLive
	// StateInterrupted: the publisher went silent or away; it may come back within the grace time.
	StateInterrupted
	// StateEnded: over for good.
	StateEnded
)

var stateNames = [...]string{"waiting", "live", "interrupted", "ended"}

// String is the state's name as logs, metrics and the API write it.
func (s State) String() string { return stateNames[s] }

// Stream is the tracks of one publisher and one ring of their frames: one writer, many readers. It lives as
// long as its publisher, and for the grace time after the publisher was lost.
type Stream struct {
	key     Key
	reg     *Registry
	ring    *ring[Frame]
	asker   keyAsker
	started time.Time
	ready   chan struct{} // closed once the tracks are known
	readers atomic.Int64
	wall    atomic.Int64 // capture time of the newest picture, in Unix milliseconds; of sound where there is none

	mu          sync.Mutex // guards the fields below; lock order: Registry.mu, Stream.mu, keyAsker.mu
	state       State
	reason      error // why interrupted or ended
	since       time.Time
	publisher   *Publisher
	id          string // its stream id, or empty; changed with Registry.mu held, too
	snap        *snapshot
	last        map[av.TrackID]time.Duration // DTS of each track's last frame
	layers      *switcher                    // chooses what MainVideo is; nil without simulcast
	announced   int                          // tracks the publisher said would come
	isReady     bool
	readyTimer  *time.Timer // runs from the first media until ready
	graceTimer  *time.Timer // runs while interrupted
	feeds       map[string]any
	interrupted int
	frames      uint64
	dataBytes   uint64

	mirrored []byte // data of the newest frame of another server's ring
	silence  silence
	still    still
	made     []*av.Frame // scratch of fillLocked, empty
	hidden   av.Tracks   // video tracks that are over until their next key picture
	silent   uint64      // packets of silence
	repeated uint64      // pictures shown again
	misfits  uint64      // frames that could not follow those
}

func newStream(key Key, reg *Registry) *Stream {
	now := reg.opts.Now()
	s := &Stream{
		key: key, reg: reg, started: now, since: now,
		ring:  newRing[Frame](reg.opts.RingBytes, reg.opts.RingTime, &reg.tasks),
		ready: make(chan struct{}),
		snap:  newSnapshot(nil),
		last:  make(map[av.TrackID]time.Duration),
		feeds: make(map[string]any),
	}
	s.asker = keyAsker{stats: reg.stats, now: reg.opts.Now}
	return s
}

// Key names the stream.
func (s *Stream) Key() Key { return s.key }

// Started is the wall time at which the stream's clock was 0.
func (s *Stream) Started() time.Time { return s.started }

// Now is the present time on the stream's clock.
func (s *Stream) Now() time.Duration { return s.reg.opts.Now().Sub(s.started) }

// Newest is the latest decoding time of all frames so far; 0 before the first.
func (s *Stream) Newest() time.Duration { return time.Duration(s.ring.newest.Load()) }

// Wall is when the newest picture was captured, or the newest sound where there is no picture: the clock of HLS's program
// date times. ok is false while that is not known.
func (s *Stream) Wall() (at time.Time, ok bool) {
	ms := s.wall.Load()
	return time.UnixMilli(ms), ms != 0
}

// Done is closed when the stream is over; Err then tells why.
func (s *Stream) Done() <-chan struct{} { return s.ring.done }

// Err is the reason of the end, or nil before it.
func (s *Stream) Err() error {
	if s.ring.ended() {
		return s.ring.endErr
	}
	return nil
}

// Ready waits until it is known which tracks the stream has: all that were announced have come, or the track
// wait has passed since the first media.
//
// Errors: ErrEnded with the reason, or the context's.
func (s *Stream) Ready(ctx context.Context) error {
	select {
	case <-s.ready: // also when the context is done: they are known
		return nil
	default:
	}
	select {
	case <-s.ready:
		return nil
	case <-s.ring.done:
		return fmt.Errorf("%w: %w", ErrEnded, s.ring.endErr)
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Tracks are the present tracks.
func (s *Stream) Tracks() av.Tracks {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.snap.get()
}

// WantKeyFrame asks the publisher for a key frame. Requests are merged and their rate is bounded, so that any
// number of readers may ask; reason is counted.
func (s *Stream) WantKeyFrame(reason string) { s.asker.want(reason) }

// NewReader returns a cursor into the stream's frames.
func (s *Stream) NewReader(o ReaderOptions) *Reader[Frame] {
	return openReader(s, s.ring, o, s.counted(o))
}

// counted counts a reader in, and returns what counts it out.
func (s *Stream) counted(o ReaderOptions) (out func()) {
	if o.feed {
		return func() {}
	}
	s.readers.Add(1)
	return func() { s.readers.Add(-1) }
}

// Readers is how many read the stream or its feeds; an output that makes something for many viewers is one of them. A feed
// that goes on for a while without readers is none. When it is 0 nobody has any use for the stream.
func (s *Stream) Readers() int { return int(s.readers.Load()) }

// openReader returns a reader of one of the stream's rings; free is called when it is closed.
func openReader[T Item](s *Stream, r *ring[T], o ReaderOptions, free func()) *Reader[T] {
	return &Reader[T]{
		ring: r, opts: o, waker: r.wakers.acquire(pace{o.Join, o.Beat}), fresh: s.reg.opts.Fresh, ready: s.ready,
		want: s.asker.want, onLag: s.reg.stats.lagged.WithLabelValues(o.Name).Inc, free: free,
	}
}

// write puts a frame into the ring for its publisher. It never waits for a reader.
func (s *Stream) write(p *Publisher, f *av.Frame) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.publisher != p {
		return ErrGone
	}
	if err := s.takeLocked(f); err != nil {
		return err
	}
	if !p.settled {
		s.settleLocked(p, f)
	}
	return nil
}

func (s *Stream) takeLocked(f *av.Frame) error {
	if s.publisher.opts.Mirror {
		return s.mirrorLocked(f)
	}
	if f.Kind == av.KindConfig {
		return s.configureLocked(f)
	}
	if err := s.misfitLocked(f); err != nil {
		return err
	}
	if err := s.admitLocked(f); err != nil {
		s.reg.stats.rejected.Inc()
		return err
	}
	s.aliveLocked()
	s.fillLocked(f)
	s.frames++
	s.dataBytes += uint64(len(f.Data))
	if !f.Wall.IsZero() && (f.Codec.IsVideo() || f.Codec.IsAudio() && s.snap.get().Video() == nil) {
		s.wall.Store(f.Wall.UnixMilli())
	}
	if s.isLayerLocked(f.Track) {
		s.appendLayerLocked(f)
		return nil
	}
	isKey := f.Key && f.Codec.IsVideo()
	s.ring.append(Frame{Frame: f, join: isKey || s.audioJoinsLocked(f)}, s.snap)
	if isKey {
		s.asker.came()
	}
	return nil
}

// configureLocked takes a track's new configuration, or its end. One that changes nothing produces nothing.
func (s *Stream) configureLocked(f *av.Frame) error {
	s.hidden = s.hidden.Without(f.Track)
	if f.Config == nil {
		s.overLocked(f.Track, f)
		return nil
	}
	old := s.snap.get().Find(f.Track)
	if old != nil && old.Same(f.Config) {
		return nil
	}
	with := s.snap.get().With(f.Config)
	s.snap = s.snap.next(with)
	s.aliveLocked()
	s.ring.append(Frame{Frame: f}, s.snap)
	if f.Config.Codec.IsVideo() {
		s.still.configure(f.Track)
	} else if with.Audio().ID == f.Track {
		s.silence.configure(f.Config, f.DTS)
	}
	if !s.isReady && shownTracks(with) >= s.announced {
		s.readyLocked()
	}
	if s.isLayerLocked(f.Track) {
		s.configureLayerLocked(f)
	}
	return nil
}

// admitLocked checks a frame's place: its track is known and its DTS rises.
func (s *Stream) admitLocked(f *av.Frame) error {
	if f.Kind == av.KindData {
		return nil
	}
	if s.snap.get().Find(f.Track) == nil {
		if err := s.unhideLocked(f); err != nil {
			return err
		}
	}
	if last, ok := s.last[f.Track]; ok && f.DTS <= last {
		s.still.missed(f)
		return fmt.Errorf("%w: track %d, %v after %v", ErrOrder, f.Track, f.DTS, last)
	}
	s.last[f.Track] = f.DTS
	return nil
}

// audioJoinsLocked tells whether a reader may start at this audio frame: not while there is video, or may be.
func (s *Stream) audioJoinsLocked(f *av.Frame) bool {
	ts := s.snap.get()
	return f.Kind == av.KindMedia && f.Codec.IsAudio() && ts.Video() == nil && (s.isReady || s.announced <= shownTracks(ts))
}

// aliveLocked notes that the publisher has sent something.
func (s *Stream) aliveLocked() {
	switch s.state {
	case StateLive:
		return
	case StateWaiting:
		if !s.isReady {
			s.readyTimer = time.AfterFunc(s.reg.opts.TrackWait, s.trackWaitOver)
		}
	case StateInterrupted:
		s.graceTimer.Stop()
		s.silence.resume()
		s.reg.log.Info("stream resumed", "stream", s.key, "after", s.reg.opts.Now().Sub(s.since))
	case StateEnded:
		return
	}
	s.setStateLocked(StateLive, nil)
}

func (s *Stream) setStateLocked(to State, reason error) {
	from := s.state
	s.state, s.reason, s.since = to, reason, s.reg.opts.Now()
	s.reg.opts.Changed(s.key, from, to, reason)
	s.reg.changes.tell(s.key)
}

func (s *Stream) trackWaitOver() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.snap.get()) > 0 {
		s.promiseLocked()
		s.readyLocked()
		return
	}
	s.announced = 1 // whatever comes first makes it ready
}

func (s *Stream) readyLocked() {
	if s.isReady {
		return
	}
	s.isReady = true
	close(s.ready)
	if s.readyTimer != nil {
		s.readyTimer.Stop()
	}
}

// interrupt notes that the publisher went silent or away. When it is not back within the grace time, the stream
// ends. A publisher that has not sent anything yet has nothing to come back to: the stream ends at once.
func (s *Stream) interrupt(p *Publisher, reason error) {
	if waiting := s.pause(p, reason); !waiting {
		return
	}
	if !s.reg.remove(s, reason, func() bool { return s.publisher == p && s.state == StateWaiting }) {
		s.pause(p, reason) // its first frame came in between
	}
}

// pause interrupts the stream if it is live; waiting tells that nothing came of the publisher yet.
func (s *Stream) pause(p *Publisher, reason error) (waiting bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.publisher != p || s.state != StateLive {
		return s.publisher == p && s.state == StateWaiting
	}
	s.setStateLocked(StateInterrupted, reason)
	s.interrupted++
	s.graceTimer = time.AfterFunc(s.reg.opts.Grace, func() { s.graceOver(p, reason) })
	s.reg.stats.interruptions.WithLabelValues(Reason(reason)).Inc()
	s.reg.log.Warn("stream interrupted", "stream", s.key, "reason", reason, "grace", s.reg.opts.Grace)
	return false
}

func (s *Stream) graceOver(p *Publisher, reason error) {
	s.reg.remove(s, reason, func() bool { return s.publisher == p && s.state == StateInterrupted })
}

// finish ends the stream for good. It is called by the registry, once it has let go of the stream.
func (s *Stream) finish(reason error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state == StateEnded {
		return
	}
	s.setStateLocked(StateEnded, reason)
	for _, t := range []*time.Timer{s.readyTimer, s.graceTimer} {
		if t != nil {
			t.Stop()
		}
	}
	if s.publisher != nil {
		s.publisher.leave(reason)
		s.publisher = nil
	}
	s.asker.reset(nil)
	s.ring.end(reason)
	s.reg.stats.ends.WithLabelValues(Reason(reason)).Inc()
	s.reg.log.Info("stream ended", "stream", s.key, "reason", reason)
}

// take hands the stream to a publisher; the one before is told reason.
func (s *Stream) take(p *Publisher, reason error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if old := s.publisher; old != nil {
		old.leave(reason)
	}
	s.publisher = p
	s.announced = p.opts.Tracks
	if !p.opts.Mirror {
		s.takeLayersLocked(p.opts.Layers)
	}
	s.asker.reset(p.opts.KeyFrame)
	if s.state == StateLive {
		// The new publisher has the grace time to send its first frame.
		s.setStateLocked(StateInterrupted, reason)
		s.graceTimer = time.AfterFunc(s.reg.opts.Grace, func() { s.graceOver(p, reason) })
	} else if s.state == StateInterrupted {
		s.graceTimer.Stop()
		s.graceTimer = time.AfterFunc(s.reg.opts.Grace, func() { s.graceOver(p, reason) })
	}
}

// Info is a stream as lists show it.
type Info struct {
	Key     Key
	ID      string // its stream id; empty: none
	User    string // the publisher's identity
	Origin  Origin // where the publisher comes from
	Mirror  bool   // what it holds comes out of another server's ring
	State   State
	Reason  error // why interrupted or ended; nil otherwise
	Since   time.Time
	Started time.Time
	Tracks  av.Tracks
	// Interruptions, Frames and Bytes count since the stream began.
	Interruptions int
	Frames, Bytes uint64
	// Silent and Repeated are the packets of silence and the pictures that stood in for what did not come,
	// Misfits the frames that were dropped since they could not follow those.
	Silent, Repeated, Misfits uint64
}

// Info describes the stream as it is now.
func (s *Stream) Info() Info {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := Info{
		Key: s.key, ID: s.id, State: s.state, Reason: s.reason, Since: s.since, Started: s.started, Tracks: s.snap.get(),
		Interruptions: s.interrupted, Frames: s.frames, Bytes: s.dataBytes,
		Silent: s.silent, Repeated: s.repeated, Misfits: s.misfits,
	}
	if s.publisher != nil {
		i.User, i.Origin, i.Mirror = s.publisher.opts.User, s.publisher.opts.Origin, s.publisher.opts.Mirror
	}
	return i
}
