package live

import (
	"time"

	"weir/mux/av"
	"weir/mux/codec/aac"
	"weir/mux/codec/opus"
)

const (
	// silenceAfter is how long pictures go on without sound before silence takes its place. It lies beyond the
	// 400 ms between the refreshes of an encoder that leaves silence out (RFC 6716 2.1.9), and beyond the 600 ms for
	// which an ingest may hold sound back behind a lost packet; players hold about as much.
	silenceAfter = 800 * time.Millisecond
	// silenceStep is the most that one picture counts towards that: a connection that stood still tells nothing
	// about the sound.
	silenceStep = 300 * time.Millisecond
	// minLag is by how much more than sound was silence stays behind the pictures, so that there is room for sound
	// when it returns; maxLag is how far it stays behind at most.
	minLag, maxLag = 100 * time.Millisecond, time.Second
	// maxSilence is the longest hole that is filled at once, and so the most work for one picture.
	maxSilence = 10 * time.Second
)

// silence says what a stream's audio track is to be filled with while pictures come and no sound does, so that no
// player waits for it. It has no clock: pictures drive it. Its times never go back, and between what it fills and
// sound there is less than a packet.
type silence struct {
	track  av.TrackID
	codec  av.Codec
	packet []byte // of silence; nil while there is no track that can be filled
	rate   uint32
	ticks  int64 // that the packet lasts

	base  time.Duration // the sound so far ends n packets behind it
	n     int64
	begun bool // base is valid

	first, newest time.Duration // of the pictures
	pictures      bool          // there was one
	lag           time.Duration // by which sound was behind the pictures
	quiet         time.Duration // of pictures since the last sound
	filled        bool          // the newest packet is silence
	paused        bool          // the publisher was away: what it did not send is no hole in the sound
}

// configure makes t the track to be filled. What cannot be filled is left alone.
func (s *silence) configure(t *av.Track, at time.Duration) {
	end := s.end()
	s.track, s.codec, s.packet, s.n = t.ID, t.Codec, nil, 0
	switch t.Codec {
	case av.CodecOpus:
		s.packet, s.rate = opus.Silence(t.Channels), opus.ClockRate
		s.ticks = av.Ticks(opus.SilenceDuration, s.rate)
	case av.CodecAAC:
		if c, err := aac.ParseConfig(t.Config); err == nil {
			s.packet = aac.AppendSilence(nil, c.Channels)
			s.rate, s.ticks = uint32(c.Rate), aac.SamplesPerFrame
		}
	default: // no silence is known
	}
	if s.base = end; !s.begun {
		s.base, s.begun, s.lag = at, true, minLag
	}
}

// over forgets the track.
func (s *silence) over() { s.packet, s.begun, s.n, s.filled = nil, false, 0, false }

// begin fills from the next picture on: it is known that no sound comes.
func (s *silence) begin() { s.quiet = silenceAfter + 1 }

// resume notes that the publisher was away.
func (s *silence) resume() { s.quiet, s.paused = 0, true }

// fills tells whether the track can be filled.
func (s *silence) fills(id av.TrackID) bool { return s.packet != nil && s.track == id }

// end is where the sound so far ends.
func (s *silence) end() time.Duration {
	if s.n == 0 {
		return s.base
	}
	return s.base + av.Duration(s.n*s.ticks, s.rate)
}

// picture appends the silence that is due before a picture.
func (s *silence) picture(dst []*av.Frame, f *av.Frame) []*av.Frame {
	if !s.pictures {
		s.pictures, s.first, s.newest = true, f.DTS, f.DTS
	}
	step := f.DTS - s.newest
	if step < 0 { // of another layer
		return dst
	}
	s.newest = f.DTS
	if s.packet == nil {
		return dst
	}
	if s.paused {
		s.paused = false
		s.skip(f.DTS - s.lag)
	}
	if s.quiet += min(step, silenceStep); s.quiet <= silenceAfter {
		return dst
	}
	return s.fill(dst, f.DTS-s.lag, f)
}

// late notes that there is sound, and tells whether it comes for a time that was filled.
func (s *silence) late(f *av.Frame) bool {
	if !s.fills(f.Track) {
		return false
	}
	s.quiet = 0
	return s.filled && f.DTS < s.end()
}

// sound appends the silence that is due before a packet that is not late.
func (s *silence) sound(dst []*av.Frame, f *av.Frame) []*av.Frame {
	if !s.fills(f.Track) {
		return dst
	}
	if s.filled && !s.paused {
		dst = s.fill(dst, f.DTS, f)
	}
	s.paused = false // the hole ends here: one behind it is filled
	s.base, s.n, s.filled = f.DTS+s.duration(f), 0, false
	if s.pictures {
		s.lag = min(max(s.newest-s.base, 0)+minLag, maxLag)
	}
	return dst
}

// duration is how long a packet of the track plays.
func (s *silence) duration(f *av.Frame) time.Duration {
	if f.Codec == av.CodecOpus {
		if d, err := opus.PacketDuration(f.Data); err == nil {
			return d
		}
	}
	return av.Duration(s.ticks, s.rate)
}

// fill appends whole packets that end before until; by tells wall time.
func (s *silence) fill(dst []*av.Frame, until time.Duration, by *av.Frame) []*av.Frame {
	if until-s.end() > maxSilence {
		s.skip(until)
	}
	for {
		at := s.end()
		s.n++
		if s.end() > until {
			s.n--
			return dst
		}
		f := &av.Frame{Track: s.track, Codec: s.codec, Key: true, DTS: at, PTS: at, Data: s.packet}
		if !by.Wall.IsZero() {
			f.Wall = by.Wall.Add(at - by.DTS)
		}
		dst, s.filled = append(dst, f), true
	}
}

// skip leaves a hole up to a time, but never goes back.
func (s *silence) skip(to time.Duration) {
	s.base, s.n, s.filled = max(to, s.end()), 0, false
}
