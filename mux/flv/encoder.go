package flv

import (
	"fmt"
	"time"

	"weir/mux/av"
)

// Encoder turns a stream's frames into tags: the first video and the first audio track of it, as FLV has
// room for one of each. It is for one goroutine.
type Encoder struct {
	tracks       av.Tracks
	video, audio medium
	// picture is the newest video tag, to be sent once more before a new sequence header.
	picture Tag
}

// medium is what the encoder remembers of its video or its audio.
type medium struct {
	last int64 // ms of the newest tag
	sent bool  // there was one
}

// NewEncoder returns an encoder for a stream whose tracks are ts where the frames begin. What ts says is
// for the preamble to announce: the encoder makes sequence headers only of what changes.
func NewEncoder(ts av.Tracks) *Encoder { return &Encoder{tracks: ts} }

// Tracks are the tracks that govern what Encode has just returned. The slice stays the same until one changes.
func (e *Encoder) Tracks() av.Tracks { return e.tracks }

// Encode appends to dst what the frame becomes: one tag for an access unit, a sequence header for a changed
// configuration, with the last picture before it, an empty tag for a track that is over (see Tag.Over), and
// nothing for an unchanged configuration, for data and for tracks that FLV has no room for. Data of a tag is a single allocation. Frames must come in the order
// of the stream; a tag's milliseconds rise strictly within its track.
//
// Errors: ErrTrack, ErrNoConfig, ErrCodec, ErrComposition, ErrTooLarge. The frame is then left out, and the
// encoder may go on with the next.
func (e *Encoder) Encode(dst []Tag, f *av.Frame) ([]Tag, error) {
	switch f.Kind {
	case av.KindMedia:
		return e.media(dst, f)
	case av.KindConfig:
		return e.config(dst, f)
	default:
		return dst, nil
	}
}

func (e *Encoder) media(dst []Tag, f *av.Frame) ([]Tag, error) {
	t := e.tracks.Find(f.Track)
	if t == nil {
		return dst, fmt.Errorf("%w: %d", ErrTrack, f.Track)
	}
	m := e.medium(t)
	if m == nil {
		return dst, nil
	}
	if len(t.Config) == 0 {
		return dst, fmt.Errorf("%w: track %d", ErrNoConfig, t.ID)
	}
	if t.Codec != f.Codec {
		return dst, fmt.Errorf("%w: frame of %v on a track of %v", ErrCodec, f.Codec, t.Codec)
	}
	ms := milliseconds(f.DTS)
	if m.sent {
		ms = max(ms, m.last+1)
	}
	data, err := appendFrame(nil, f, ms)
	if err != nil {
		return dst, err
	}
	m.last, m.sent = ms, true
	tag := Tag{Data: data, Track: f.Track, Kind: av.KindMedia, Key: f.Key, DTS: f.DTS}
	if m == &e.video {
		e.picture = tag
		tag.JoinPoint = f.Key
	} else {
		tag.JoinPoint = e.tracks.Video() == nil
	}
	return append(dst, tag), nil
}

// medium is the state of the track's kind, or nil when another track of that kind is the one that is carried.
func (e *Encoder) medium(t *av.Track) *medium {
	if v := e.tracks.Video(); v != nil && v.ID == t.ID {
		return &e.video
	}
	if a := e.tracks.Audio(); a != nil && a.ID == t.ID {
		return &e.audio
	}
	return nil
}

func (e *Encoder) config(dst []Tag, f *av.Frame) ([]Tag, error) {
	t := f.Config
	if t == nil {
		return e.over(dst, f), nil
	}
	if old := e.tracks.Find(t.ID); old != nil && old.Same(t) {
		return dst, nil
	}
	e.tracks = e.tracks.With(t)
	m := e.medium(t)
	if m == nil || len(t.Config) == 0 {
		return dst, nil
	}
	ms := milliseconds(f.DTS)
	if m.sent {
		ms = max(ms, m.last)
	}
	data, err := appendSequenceHeader(nil, t, ms)
	if err != nil {
		return dst, err
	}
	if m == &e.video {
		dst = e.repeat(dst, f.DTS)
	}
	return append(dst, Tag{Data: data, Track: t.ID, Kind: av.KindConfig, DTS: f.DTS, Config: t}), nil
}

// over notes that a track is gone. FLV has no word for that: the tag is empty, for who sends tags to act on.
func (e *Encoder) over(dst []Tag, f *av.Frame) []Tag {
	t := e.tracks.Find(f.Track)
	if t == nil {
		return dst
	}
	carried := e.medium(t)
	e.tracks = e.tracks.Without(f.Track)
	if carried == nil {
		return dst
	}
	if carried == &e.video {
		e.picture = Tag{}
	}
	return append(dst, Tag{Track: f.Track, Kind: av.KindConfig, DTS: f.DTS})
}

// repeat appends the last picture once more, 1 ms before the key frame to come at dts. mpegts.js holds the
// newest picture back and would hand it to the browser behind the new sequence header, where it is dropped
// for not being a key frame; the hole that leaves is wider than browsers play across. Now it is the copy
// that is lost. Where there is no room for it between the pictures the hole is just as small.
func (e *Encoder) repeat(dst []Tag, dts time.Duration) []Tag {
	ms := milliseconds(dts) - 1
	if e.picture.Data == nil || ms <= e.video.last {
		return dst
	}
	tag := e.picture
	tag.Data = appendTag(make([]byte, 0, len(tag.Data)), typeVideo, ms, nil, tag.Body())
	tag.DTS, tag.Again = dts-time.Millisecond, true
	e.video.last = ms
	return append(dst, tag)
}
