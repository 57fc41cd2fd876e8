package segmenter

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"weir/mux/av"
	"weir/mux/fmp4"
	"weir/mux/hls"
)

// maxDrift is by how much the wall clock of the frames may part from the sum of the durations before
// EXT-X-PROGRAM-DATE-TIME follows it.
const maxDrift = 500 * time.Millisecond

// firstSize is the room for a first segment; later ones get that of the one before, and a little more.
const firstSize = 256 << 10

// outcome is what a frame brought about.
type outcome struct {
	// closed is the segment that ended, or nil.
	closed *Segment
	// ask says that a key frame is wanted.
	ask bool
	// forced says that a segment had to end without a key frame.
	forced bool
}

// builder turns frames into parts and parts into segments. It is pure: it has no clock and starts nothing. It is
// for one goroutine.
//
// A sample's duration is known when the next frame of its track comes, so that no timeline has a hole: the last
// frame of every track is held until then and goes into whichever part is open. Segments are cut where a frame
// of the leading track stands; frames of the other track follow in the order of their arrival.
type builder struct {
	cut  cutter
	name string // what all file names begin with

	tracks  []*track
	all     av.Tracks    // as the stream has them, coming changes included
	changed []av.TrackID // that are different from their next frame on, or over
	init    *Init
	inits   int

	seg      *Segment // open; nil before the first join point
	sequence uint64   // of the next segment
	fragment uint32   // of the next part
	begun    bool     // a segment was closed
	broken   bool     // the next segment begins with a discontinuity
	pictures bool     // the open segment has video samples
	dark     bool     // the tracks changed between two key frames: pictures wait for the next one
	room     int

	epoch time.Time // when the stream's time was 0, for frames that do not say when they were captured
	clock time.Time // the EXT-X-PROGRAM-DATE-TIME that goes on from the segment before
	floor time.Time // that of the segment before
}

// newBuilder returns a builder whose files are called name and something, whose segments are numbered from
// sequence on, and whose stream began at epoch. restart gives it its tracks.
func newBuilder(name string, sequence uint64, epoch time.Time, target, part time.Duration) *builder {
	return &builder{
		cut: newCutter(target, part), name: name, sequence: sequence, epoch: epoch, room: firstSize,
	}
}

// restart begins with tracks ts, at the next frame that may begin a segment. What was open is closed; it is nil
// when nothing was.
func (b *builder) restart(ts av.Tracks) (closed *Segment, err error) {
	closed = b.finish()
	b.all, b.dark = ts, false
	return closed, b.retrack()
}

// finish closes the open segment where its last frames are expected to end.
func (b *builder) finish() (closed *Segment) {
	if b.seg == nil {
		return nil
	}
	closed = b.close(b.end())
	b.seg, b.broken = nil, b.begun
	return closed
}

// push takes the next frame. An error means that the tracks, as they are from it on, cannot be described: nothing
// is written then until they change.
func (b *builder) push(f *av.Frame) (o outcome, err error) {
	switch f.Kind {
	case av.KindConfig:
		return o, b.configure(f)
	case av.KindMedia:
		return b.media(f)
	default:
		return o, nil
	}
}

// configure notes that a track is different from its next frame on, or over.
func (b *builder) configure(f *av.Frame) error {
	if f.Config != nil && f.Config.Layer != "" {
		return nil // the layers stand beside what is shown
	}
	old := b.all.Find(f.Track)
	switch {
	case f.Config == nil:
		b.all = b.all.Without(f.Track)
	case old != nil && old.Same(f.Config):
		return nil
	default:
		b.all = b.all.With(f.Config)
	}
	if b.seg == nil {
		return b.retrack()
	}
	b.changed = slices.DeleteFunc(b.changed, func(id av.TrackID) bool { return id == f.Track })
	t := b.track(f.Track)
	if carried := t != nil; carried != (f.Config != nil) || carried && !t.Same(f.Config) {
		b.changed = append(b.changed, f.Track)
	}
	return nil
}

func (b *builder) media(f *av.Frame) (outcome, error) {
	if len(b.changed) > 0 && (slices.Contains(b.changed, f.Track) || b.lost() && b.mayBegin(f)) {
		return b.change(f)
	}
	return b.take(f), nil
}

// lost tells whether one of the tracks that are carried is over.
func (b *builder) lost() bool {
	return slices.ContainsFunc(b.tracks, func(t *track) bool { return b.all.Find(t.ID) == nil })
}

// mayBegin tells whether a segment of the tracks to come may begin with the frame.
func (b *builder) mayBegin(f *av.Frame) bool {
	return b.all.Find(f.Track) != nil && f.Key && (f.Codec.IsVideo() || b.all.Video() == nil)
}

// take puts a frame of the present tracks in its place.
func (b *builder) take(f *av.Frame) (o outcome) {
	t := b.track(f.Track)
	switch {
	case t == nil:
		return o
	case b.dark && f.Codec.IsVideo() && !f.Key:
		return outcome{ask: !b.cut.past}
	case b.seg != nil:
		o = b.place(t, f)
	case b.joins(f):
		b.open(f.DTS, b.wall(f))
	default:
		return o
	}
	t.hold(f)
	b.dark = b.dark && !f.Codec.IsVideo()
	return o
}

// joins tells whether a first segment may begin with the frame.
func (b *builder) joins(f *av.Frame) bool { return b.leads(f) && f.Key }

// leads tells whether the frame is of the track that segments are cut by.
func (b *builder) leads(f *av.Frame) bool { return f.Codec.IsVideo() || !b.cut.video }

// place ends the open part or segment if f is past its end, and gives the track's held frame its duration.
func (b *builder) place(t *track, f *av.Frame) (o outcome) {
	last := b.cut.last
	v, ask := b.cut.frame(mark{dts: f.DTS, lead: b.leads(f), key: f.Key})
	o.ask = ask
	switch v {
	case cutForced:
		// What is held belongs to the new segment: the old one then ends before it, below the limit.
		o.closed, o.forced = b.close(last), b.cut.video
		b.open(last, b.clock)
		t.settle(f.DTS)
	case cutHole:
		o.closed = b.close(b.end())
		b.broken = b.begun
		b.open(f.DTS, b.wall(f))
	case cutSegment:
		t.settle(f.DTS)
		o.closed = b.close(f.DTS)
		b.open(f.DTS, b.wall(f))
	case cutPart:
		t.settle(f.DTS)
		b.endPart(f.DTS)
	default:
		t.settle(f.DTS)
	}
	return o
}

// change brings the changed tracks in force with f: the first frame of one of them, or of what is left when one is
// over.
func (b *builder) change(f *av.Frame) (outcome, error) {
	if f.Codec.IsVideo() && !f.Key {
		return outcome{ask: !b.cut.past}, nil // there is nothing to decode it from
	}
	closed := b.close(b.leave(f))
	b.seg, b.broken = nil, b.begun
	err := b.retrack()
	blind := b.track(f.Track) != nil && !b.joins(f) // the sound changed; the picture must begin anew, too
	b.dark = blind && b.tracks[0].held == nil       // video stands before audio
	if blind {
		b.open(f.DTS, b.wall(f))
	}
	o := b.take(f)
	o.closed, o.ask = closed, o.ask || b.dark && !b.cut.past
	return o, err
}

// leave settles what belongs to the tracks before f, the first frame after a change, and returns where the open
// segment ends: at f, unless that is too far.
func (b *builder) leave(f *av.Frame) time.Duration {
	if f.DTS-b.cut.last > b.cut.target {
		return b.end()
	}
	if t := b.track(f.Track); t != nil {
		t.settle(f.DTS)
	}
	for _, t := range b.tracks {
		// A picture that is held is of use to what follows only if that can begin with it.
		if slices.Contains(b.changed, t.ID) || t.held != nil && !t.held.Key {
			t.release()
		}
	}
	return min(max(f.DTS, b.cut.start+time.Millisecond), b.cut.start+b.cut.limit)
}

// retrack makes the tracks to be carried those of b.all: the first video and the first audio track. Tracks that
// stay the same keep the frame they hold.
func (b *builder) retrack() error {
	b.changed = nil
	var carried av.Tracks
	for _, t := range []*av.Track{b.all.Video(), b.all.Audio()} {
		if t != nil && fmp4.Carries(t.Codec) {
			carried = append(carried, *t)
		}
	}
	var tracks []*track
	for i := range carried {
		t := b.track(carried[i].ID)
		if t == nil || !t.Same(&carried[i]) {
			t = &track{Track: carried[i], scale: fmp4.TimeScale(carried[i].Codec)}
		}
		tracks = append(tracks, t)
	}
	b.tracks, b.init = tracks, nil
	b.cut.video = carried.Video() != nil
	if len(carried) == 0 {
		return nil
	}
	if err := b.describe(carried); err != nil {
		b.tracks = nil
		return err
	}
	return nil
}

// describe makes the init section of the tracks.
func (b *builder) describe(ts av.Tracks) error {
	data, err := fmp4.Init(ts)
	if err != nil {
		return fmt.Errorf("cannot make init section: %w", err)
	}
	codecs, err := hls.Codecs(ts)
	if err != nil {
		return err
	}
	b.init = &Init{Name: b.name + "_init" + strconv.Itoa(b.inits) + ".mp4", Data: data, Codecs: codecs}
	if v := ts.Video(); v != nil {
		b.init.Width, b.init.Height = v.Width, v.Height
	}
	b.inits++
	return nil
}

func (b *builder) track(id av.TrackID) *track {
	for _, t := range b.tracks {
		if t.ID == id {
			return t
		}
	}
	return nil
}

// wall is when the frame was captured.
func (b *builder) wall(f *av.Frame) time.Time {
	if f.Wall.IsZero() {
		return b.epoch.Add(f.PTS)
	}
	return f.Wall
}

// open begins a segment at the stream's time at, whose first frame was captured at wall.
func (b *builder) open(at time.Duration, wall time.Time) {
	// The time goes on by the durations, so that it is as even as they are, and never back.
	if drift := wall.Sub(b.clock).Abs(); b.clock.IsZero() || drift > maxDrift && wall.After(b.floor) {
		b.clock = wall
	}
	b.seg = &Segment{
		Name:     b.name + "_" + strconv.FormatUint(b.sequence, 10) + ".m4s",
		Sequence: b.sequence, Init: b.init, Start: at, ProgramDateTime: b.clock, Discontinuity: b.broken,
		Independent: true, Data: make([]byte, 0, b.room),
	}
	b.pictures = false
	b.cut.begin(at)
}

// close ends the open segment at the stream's time at and returns it, or nil when nothing is in it.
func (b *builder) close(at time.Duration) *Segment {
	s := b.seg
	b.endPart(at)
	if len(s.Parts) == 0 {
		return nil
	}
	s.Duration = at - s.Start
	b.floor, b.clock = s.ProgramDateTime, s.ProgramDateTime.Add(s.Duration)
	s.compact()
	b.room = len(s.Data) + len(s.Data)/8
	b.sequence++
	b.begun, b.broken, b.cut.hurry = true, false, false
	return s
}

// endPart writes what the tracks have settled as a part that lasts until at.
func (b *builder) endPart(at time.Duration) {
	p := fmp4.Part{Sequence: b.fragment}
	for _, t := range b.tracks {
		if len(t.samples) > 0 {
			p.Tracks = append(p.Tracks, fmp4.PartTrack{ID: fmp4.TrackID(t.ID), BaseTime: t.base, Samples: t.samples})
		}
	}
	if len(p.Tracks) == 0 {
		return
	}
	b.fragment++
	s := b.seg
	from, begin := len(s.Data), s.Start
	for _, q := range s.Parts {
		begin += q.Duration
	}
	s.Data = fmp4.AppendPart(s.Data, p)
	video, key := b.picture(p)
	if video && !b.pictures {
		b.pictures, s.Independent = true, key
	}
	s.Parts = append(s.Parts, Part{
		Duration: at - begin, Independent: key || !b.cut.video, Data: s.Data[from:len(s.Data):len(s.Data)],
	})
	for _, t := range b.tracks {
		clear(t.samples) // hold no frame
		t.samples = t.samples[:0]
	}
}

// picture tells whether the part has pictures, and whether the first is a key frame.
func (b *builder) picture(p fmp4.Part) (video, key bool) {
	first := &p.Tracks[0] // video stands before audio
	video = b.cut.video && first.ID == fmp4.TrackID(b.tracks[0].ID)
	return video, video && first.Samples[0].Key
}

// end settles what all tracks hold, with the durations they are expected to have, and returns where the open
// segment then ends.
func (b *builder) end() time.Duration {
	end := b.cut.start + time.Millisecond
	for _, t := range b.tracks {
		end = max(end, t.release())
	}
	return min(end, b.cut.start+b.cut.limit)
}

// rush makes the first segment as short as can be, since somebody waits for it. It tells whether to ask for a key
// frame now.
func (b *builder) rush() (ask bool) {
	b.cut.hurry = true
	switch {
	case !b.cut.video:
		return false
	case b.seg == nil:
		return true
	default:
		return b.cut.wants(b.cut.last) && b.cut.keys.ask(b.cut.last)
	}
}
