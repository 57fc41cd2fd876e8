package live

import (
	"slices"

	"weir/mux/av"
)

// fillLocked puts what is due of the other kind before a frame that is about to be written, so that no player waits:
// silence before a picture or a returning sound, the last picture before a sound.
func (s *Stream) fillLocked(f *av.Frame) {
	switch {
	case f.Kind != av.KindMedia:
	case f.Codec.IsVideo():
		s.still.picture(f)
		s.madeLocked(s.silence.picture(s.made, f))
	default:
		s.madeLocked(s.silence.sound(s.made, f))
		again, over := s.still.sound(s.made, f)
		if len(again) > 0 {
			s.asker.want("still")
		}
		s.madeLocked(again)
		if over {
			s.hideLocked(f)
		}
	}
}

// madeLocked appends frames that no publisher sent. The slice is scratch from then on.
func (s *Stream) madeLocked(frames []*av.Frame) {
	defer clear(frames) // hold none
	s.made = frames[:0]
	for _, f := range frames {
		s.last[f.Track] = f.DTS
		kind := "picture"
		if f.Codec.IsAudio() {
			kind = "silence"
			s.silent++
		} else {
			s.repeated++
		}
		s.reg.stats.filled.WithLabelValues(kind).Inc()
		s.ring.append(Frame{Frame: f, join: f.Codec.IsVideo() && !s.isLayerLocked(f.Track)}, s.snap)
	}
}

// misfitLocked tells why a frame cannot follow what was filled in, or nil.
func (s *Stream) misfitLocked(f *av.Frame) error {
	switch {
	case f.Kind != av.KindMedia:
		return nil
	case s.silence.late(f):
		s.reg.stats.misfits.WithLabelValues("audio").Inc()
		s.misfits++
		return ErrLate
	case s.still.needsKey(f):
		s.asker.want("still")
		s.reg.stats.misfits.WithLabelValues("video").Inc()
		s.misfits++
		return ErrStill
	default:
		return nil
	}
}

// promiseLocked gives a stream of pictures the sound that was announced and has not come: silence, so that players
// are told of a track that may come yet.
func (s *Stream) promiseLocked() {
	if s.publisher == nil || s.publisher.opts.Audio == nil {
		return
	}
	ts, t := s.snap.get(), s.publisher.opts.Audio
	if ts.Video() == nil || ts.Audio() != nil || !s.silence.pictures {
		return
	}
	s.silence.configure(t, s.silence.first)
	s.silence.begin()
	s.snap = s.snap.next(ts.With(t))
	at := s.silence.newest
	s.ring.append(Frame{Frame: &av.Frame{Track: t.ID, Kind: av.KindConfig, Codec: t.Codec, DTS: at, PTS: at, Config: t}}, s.snap)
}

// hideLocked takes the video tracks away that have had no picture for too long. Each is back with its next key picture.
func (s *Stream) hideLocked(f *av.Frame) {
	s.reg.log.Info("no pictures: video is over until they come", "stream", s.key)
	for _, t := range s.snap.get() {
		if t.Codec.IsVideo() {
			s.hidden = s.hidden.With(&t)
			s.overLocked(t.ID, f)
		}
	}
	if s.layers != nil { // they begin anew, and the main video with them
		s.layers = newSwitcher("", s.publisher.opts.Layers)
		s.hidden = s.hidden.Without(MainVideo)
	}
}

// unhideLocked brings a hidden track back with its key picture.
func (s *Stream) unhideLocked(f *av.Frame) error {
	t := s.hidden.Find(f.Track)
	if t == nil {
		return ErrNoTrack
	}
	if !f.Key {
		s.asker.want("still")
		return ErrStill
	}
	return s.configureLocked(&av.Frame{
		Track: t.ID, Kind: av.KindConfig, Codec: t.Codec, DTS: f.DTS, PTS: f.DTS, Wall: f.Wall, Config: t,
	})
}

// overLocked ends a track at a frame. Sound that goes while pictures stay is replaced by silence.
func (s *Stream) overLocked(id av.TrackID, at *av.Frame) {
	ts := s.snap.get()
	t := ts.Find(id)
	if t == nil {
		return
	}
	if ts.Video() != nil && s.silence.fills(id) {
		s.silence.begin()
		return
	}
	if t.Codec.IsVideo() {
		s.still.over(id)
	} else if s.silence.fills(id) {
		s.silence.over()
	}
	s.snap = s.snap.next(ts.Without(id))
	s.ring.append(Frame{Frame: &av.Frame{
		Track: id, Kind: av.KindConfig, Codec: t.Codec, DTS: at.DTS, PTS: at.DTS, Wall: at.Wall,
	}}, s.snap)
}

// settleLocked ends the tracks that a publisher does not bring, once it has sent its first frame: until then the one
// before may still be what viewers see.
func (s *Stream) settleLocked(p *Publisher, first *av.Frame) {
	p.settled = true
	if p.opts.Brings == nil {
		return
	}
	for _, t := range s.hidden {
		if !slices.Contains(p.opts.Brings, t.ID) {
			s.hidden = s.hidden.Without(t.ID)
		}
	}
	// Video first: sound that goes is replaced by silence only while there are pictures.
	for _, video := range [...]bool{true, false} {
		for _, t := range s.snap.get() {
			if t.Codec.IsVideo() == video && t.Layer == "" && !slices.Contains(p.opts.Brings, t.ID) {
				s.overLocked(t.ID, first)
			}
		}
	}
}
