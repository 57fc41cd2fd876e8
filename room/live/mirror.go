package live

import (
	"fmt"
	"slices"

	"weir/mux/av"
)

// mirrorLocked takes a frame of a ring on another server (PublishOptions.Mirror): it goes into this ring as it is. What
// stands in for what does not come, and which layer is the main video, was decided there.
func (s *Stream) mirrorLocked(f *av.Frame) error {
	if f.Kind == av.KindConfig {
		s.mirrorConfigLocked(f)
		return nil
	}
	ts := s.snap.get()
	t := ts.Find(f.Track)
	if f.Kind == av.KindMedia {
		last, ok := s.last[f.Track]
		switch {
		case t == nil:
			s.reg.stats.rejected.Inc()
			return ErrNoTrack
		case ok && f.DTS <= last:
			s.reg.stats.rejected.Inc()
			return fmt.Errorf("%w: track %d, %v after %v", ErrOrder, f.Track, f.DTS, last)
		}
		s.last[f.Track] = f.DTS
	}
	if s.state == StateWaiting { // from an interruption the publisher resumes as it is told
		s.aliveLocked()
	}
	s.frames++
	s.dataBytes += uint64(len(f.Data))
	isLayer := t != nil && t.Layer != ""
	if !f.Wall.IsZero() && (f.Codec.IsVideo() || f.Codec.IsAudio() && ts.Video() == nil) {
		s.wall.Store(f.Wall.UnixMilli())
	}
	shared := f.Track == MainVideo && len(f.Data) > 0 && len(s.mirrored) == len(f.Data) && &s.mirrored[0] == &f.Data[0]
	s.mirrored = f.Data
	isKey := f.Kind == av.KindMedia && f.Key && f.Codec.IsVideo() && !isLayer
	s.ring.append(Frame{Frame: f, join: isKey || s.audioJoinsLocked(f), shared: shared}, s.snap)
	if isKey {
		s.asker.came()
	}
	return nil
}

// mirrorConfigLocked takes a track's configuration, or its end.
func (s *Stream) mirrorConfigLocked(f *av.Frame) {
	ts := s.snap.get()
	old := ts.Find(f.Track)
	if f.Config == nil {
		if old != nil {
			s.snap = s.snap.next(ts.Without(f.Track))
			s.ring.append(Frame{Frame: f}, s.snap)
		}
		return
	}
	if old != nil && old.Same(f.Config) {
		return
	}
	ts = ts.With(f.Config)
	s.snap = s.snap.next(ts)
	s.ring.append(Frame{Frame: f}, s.snap)
	if !s.isReady && shownTracks(ts) >= s.announced {
		s.readyLocked()
	}
}

// Resume says that the publisher of an interrupted stream is back. One that writes frames of its own need not: the first
// of them says it.
func (p *Publisher) Resume() {
	s := p.stream
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.publisher == p && s.state == StateInterrupted {
		s.aliveLocked()
	}
}

// SetLayers says which simulcast layers a mirrored stream has now.
func (p *Publisher) SetLayers(names []string) {
	p.stream.mu.Lock()
	defer p.stream.mu.Unlock()
	p.opts.Layers = slices.Clone(names)
}

// Rename says who publishes a mirrored stream now, and which stream id it has: none, where another one here has that.
func (p *Publisher) Rename(user, id string) {
	s, r := p.stream, p.stream.reg
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.mayHaveLocked(s.key, id) != nil {
		id = ""
	}
	s.mu.Lock()
	has := s.publisher == p && r.streams[s.key] == s
	if has {
		p.opts.User = user
	}
	s.mu.Unlock()
	if has {
		r.renameLocked(s, id)
	}
}

// Mirrored tells whether what the stream holds comes out of the ring of another server.
func (s *Stream) Mirrored() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.publisher != nil && s.publisher.opts.Mirror
}
