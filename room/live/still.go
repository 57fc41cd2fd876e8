package live

import (
	"slices"
	"time"

	"weir/mux/av"
)

const (
	// stillAfter is how long sound goes on without a picture before the last one is shown again: longer than the
	// second after which browsers send a still screen anew.
	stillAfter = 2 * time.Second
	// stillEvery is how often it is shown from then on.
	stillEvery = time.Second
	// stillFor is how long: behind it the pictures are over.
	stillFor = time.Minute
	// stillStep is the most that one packet of sound counts towards these times: a connection that stood still tells
	// nothing about the pictures.
	stillStep = 250 * time.Millisecond
	// maxStillLag bounds how far a picture shown again is behind the sound: as far as pictures were.
	maxStillLag = time.Second
)

// still shows the last key pictures again while sound comes and no picture does, since players wait for pictures and
// play no sound meanwhile (ADR 6). It has no clock: sound drives it.
type still struct {
	tracks []picture // of each video track, in the order of their coming

	newest time.Duration // of the sound
	heard  bool          // there was sound
	lag    time.Duration // by which pictures were behind the sound
	quiet  time.Duration // of sound since the last picture
	due    time.Duration // of quiet, when the pictures are to be shown again
}

// picture is what is known of a video track.
type picture struct {
	id    av.TrackID
	key   *av.Frame     // the newest key picture; nil before one and behind a change of configuration
	last  time.Duration // DTS of the newest picture, shown again or not
	moved bool          // there were pictures behind the key picture
	stale bool          // the key picture was shown again behind those, or one was dropped: only another one can follow
}

func (s *still) find(id av.TrackID) *picture {
	for i := range s.tracks {
		if s.tracks[i].id == id {
			return &s.tracks[i]
		}
	}
	return nil
}

// configure notes that a track is another one from its next picture on.
func (s *still) configure(id av.TrackID) {
	if p := s.find(id); p != nil {
		p.key = nil
	}
}

// over forgets a track.
func (s *still) over(id av.TrackID) {
	s.tracks = slices.DeleteFunc(s.tracks, func(p picture) bool { return p.id == id })
}

// needsKey tells whether a picture cannot be decoded behind what was shown.
func (s *still) needsKey(f *av.Frame) bool {
	p := s.find(f.Track)
	return p != nil && p.stale && !f.Key
}

// missed notes that a frame is dropped, since its time is taken: by one shown again, when it was on its way for long.
func (s *still) missed(f *av.Frame) {
	if p := s.find(f.Track); p != nil {
		p.stale = true
	}
}

// picture takes a picture that came.
func (s *still) picture(f *av.Frame) {
	p := s.find(f.Track)
	if p == nil {
		s.tracks = append(s.tracks, picture{id: f.Track})
		p = &s.tracks[len(s.tracks)-1]
	}
	p.last = f.DTS
	if p.moved = !f.Key; f.Key {
		p.key, p.stale = f, false
	}
	s.quiet, s.due = 0, stillAfter
	if s.heard {
		s.lag = min(max(s.newest-f.DTS, 0), maxStillLag)
	}
}

// sound appends the pictures that are due before a packet of sound, and tells whether there were none for so long
// that the video is over.
func (s *still) sound(dst []*av.Frame, f *av.Frame) (out []*av.Frame, over bool) {
	if !s.heard {
		s.heard, s.newest = true, f.DTS
	}
	s.quiet += min(max(f.DTS-s.newest, 0), stillStep)
	s.newest = max(s.newest, f.DTS)
	if len(s.tracks) == 0 || s.quiet < s.due {
		return dst, false
	}
	if s.quiet >= stillFor {
		return dst, true
	}
	s.due += stillEvery
	for i := range s.tracks {
		if again := s.tracks[i].again(f, s.lag); again != nil {
			dst = append(dst, again)
		}
	}
	return dst, false
}

// again is the key picture once more, or nil when there is none to be shown.
func (p *picture) again(f *av.Frame, lag time.Duration) *av.Frame {
	at := f.DTS - lag
	if p.key == nil || at <= p.last {
		return nil
	}
	again := *p.key
	again.DTS, again.PTS = at, at+again.PTS-again.DTS
	if !f.Wall.IsZero() {
		again.Wall = f.Wall.Add(-lag)
	}
	p.last, p.stale, p.moved = at, p.stale || p.moved, false
	return &again
}
