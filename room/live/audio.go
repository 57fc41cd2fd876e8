package live

import (
	"fmt"
	"time"

	"weir/mux/av"
	"weir/mux/transcode"
)

// UsualAudio is the sound for those who ask for none by name: AAC, which all know, or in a program without the transcoder the
// stream's own. Its tracks are known by then, see Ready.
func (s *Stream) UsualAudio() av.Codec {
	if transcode.Available() {
		return av.CodecAAC
	}
	if a := s.Tracks().Audio(); a != nil {
		return a.Codec
	}
	return av.CodecOpus
}

// WithAudio returns the stream's frames with audio of a codec, AAC or Opus, also when the publisher changes it:
// a feed in which audio of the other codec is turned and everything else passes. The feed is shared by all outputs
// and works only while one of them reads. Without the transcoder it is the stream itself, if that has the codec now.
//
// Errors: transcode.ErrNoEncoder and transcode.ErrNoDecoder when the program was built without them,
// transcode.ErrSource for AAC that cannot be decoded.
func (s *Stream) WithAudio(c av.Codec) (Source[Frame], error) {
	a := s.Tracks().Audio()
	if !transcode.Available() {
		if a == nil && c == av.CodecOpus || a != nil && a.Codec == c {
			return s, nil
		}
		if c == av.CodecAAC {
			return nil, transcode.ErrNoEncoder
		}
		return nil, transcode.ErrNoDecoder
	}
	if c != av.CodecAAC && c != av.CodecOpus {
		return nil, fmt.Errorf("cannot make %v out of the stream's audio", c)
	}
	if a != nil && a.Codec == av.CodecAAC && c == av.CodecOpus {
		if err := transcode.Decodes(a.Config); err != nil {
			return nil, err
		}
	}
	// Without audio so far the feed passes everything on; a track that appears later is turned like any other.
	return FeedOf(s, c.String(), Source[Frame](s), func(ts av.Tracks) (Encoder[Frame, Frame], error) {
		return newAudioEncoder(ts, c)
	}), nil
}

// transcoder is transcode.OpusToAAC or transcode.AACToOpus.
type transcoder interface {
	Push(dst []transcode.Packet, in transcode.Packet) ([]transcode.Packet, error)
	Config() []byte
}

// audioEncoder turns the audio frames of a stream into a codec and passes everything else on, so that video is not
// held back for audio.
type audioEncoder struct {
	to     av.Codec
	tracks av.Tracks
	source *av.Track // the track that is turned; nil while there is none
	mute   bool      // it cannot be: its frames are left out
	audio  transcoder
	last   time.Duration // DTS of the last audio frame that went out
	spoke  bool          // there was one
	units  []transcode.Packet
}

func newAudioEncoder(ts av.Tracks, to av.Codec) (Encoder[Frame, Frame], error) {
	e := &audioEncoder{to: to}
	for i := range ts {
		t, err := e.turn(&ts[i])
		if err != nil {
			return nil, err
		}
		e.tracks = e.tracks.With(t)
	}
	return e, nil
}

// Tracks implements Encoder.
func (e *audioEncoder) Tracks() av.Tracks { return e.tracks }

// turn returns the track as the feed announces it.
func (e *audioEncoder) turn(t *av.Track) (*av.Track, error) {
	if t.Codec == e.to || !t.Codec.IsAudio() {
		if e.source != nil && t.ID == e.source.ID {
			e.source = nil
		}
		return t, nil
	}
	e.source = t
	err := e.open()
	if e.mute = err != nil; e.mute {
		return nil, err
	}
	// Always 48 kHz stereo, so that a change between mono and stereo changes nothing for the outputs.
	return &av.Track{ID: t.ID, Codec: e.to, ClockRate: audioRate, Channels: 2, Config: e.audio.Config()}, nil
}

// audioRate is the rate of what is turned, and of Opus always.
const audioRate = 48000

// open makes a transcoder for the source, or goes on with the one at hand.
func (e *audioEncoder) open() (err error) {
	if e.to == av.CodecOpus {
		if known, ok := e.audio.(*transcode.AACToOpus); ok {
			return known.Source(e.source.Config)
		}
		opened, err := transcode.NewAACToOpus(e.source.Config)
		if err == nil {
			e.audio = opened
		}
		return err
	}
	if e.audio != nil {
		return nil
	}
	opened, err := transcode.NewOpusToAAC()
	if err == nil {
		e.audio = opened
	}
	return err
}

// Encode implements Encoder.
func (e *audioEncoder) Encode(dst []Frame, f Frame) ([]Frame, error) {
	switch {
	case f.Kind == av.KindConfig:
		return e.config(dst, f)
	case f.Kind != av.KindMedia || !f.Codec.IsAudio():
		return append(dst, f), nil
	case e.source == nil || f.Track != e.source.ID:
		if e.spoke && f.DTS <= e.last {
			return dst, nil // what was turned before it has its time
		}
		e.last, e.spoke = f.DTS, true
		return append(dst, f), nil
	case e.mute:
		return dst, nil
	}
	units, err := e.audio.Push(e.units[:0], transcode.Packet{PTS: f.PTS, Wall: f.Wall, Data: f.Data})
	for _, u := range units {
		if e.spoke && u.PTS <= e.last {
			continue // the encoder's delay is taken out of its times: where it begins it may be of the past
		}
		e.last, e.spoke = u.PTS, true
		dst = append(dst, Frame{join: f.join, Frame: &av.Frame{
			Track: f.Track, Codec: e.to, Key: true, DTS: u.PTS, PTS: u.PTS, Wall: u.Wall, Data: u.Data,
		}})
	}
	e.units = units
	if err != nil { // the encoder is broken for good: the next frame has another one
		e.audio = nil
		e.mute = e.open() != nil
	}
	return dst, err
}

func (e *audioEncoder) config(dst []Frame, f Frame) ([]Frame, error) {
	if f.Config == nil {
		e.tracks = e.tracks.Without(f.Track)
		if e.source != nil && e.source.ID == f.Track {
			e.source = nil
		}
		return append(dst, f), nil
	}
	t, err := e.turn(f.Config)
	if err != nil {
		return dst, err
	}
	if old := e.tracks.Find(t.ID); old != nil && old.Same(t) {
		return dst, nil
	}
	e.tracks = e.tracks.With(t)
	turned := *f.Frame
	turned.Codec, turned.Config = t.Codec, t
	return append(dst, Frame{Frame: &turned, join: f.join}), nil
}
