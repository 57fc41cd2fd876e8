package live

import (
	"fmt"

	"weir/mux/av"
	"weir/mux/transcode"
)

// WithAudio returns the stream's frames with audio of a codec: the stream itself when its audio is of that codec
// or it has none, else the feed in which Opus has become AAC. That feed is shared by all outputs and works only
// while one of them reads.
//
// Errors: transcode.ErrNoEncoder when the program was built without the encoder.
func (s *Stream) WithAudio(c av.Codec) (Source[Frame], error) {
	a := s.Tracks().Audio()
	if a == nil && c == av.CodecOpus || a != nil && a.Codec == c {
		return s, nil
	}
	if c != av.CodecAAC || a != nil && a.Codec != av.CodecOpus {
		return nil, fmt.Errorf("cannot make %v out of the stream's audio", c)
	}
	if !transcode.Available() {
		return nil, transcode.ErrNoEncoder
	}
	// Without audio so far the feed passes everything on; a track that appears later is turned like any other.
	return FeedOf(s, "aac", Source[Frame](s), newAACEncoder), nil
}

// aacEncoder turns the Opus frames of a stream into AAC and passes everything else on, so that video is not held
// back for audio.
type aacEncoder struct {
	tracks av.Tracks
	opus   av.TrackID // the track that is turned; 0 while there is none
	audio  *transcode.OpusToAAC
	units  []transcode.Packet
}

func newAACEncoder(ts av.Tracks) (Encoder[Frame, Frame], error) {
	e := new(aacEncoder)
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
func (e *aacEncoder) Tracks() av.Tracks { return e.tracks }

// turn returns the track as the feed announces it.
func (e *aacEncoder) turn(t *av.Track) (*av.Track, error) {
	if t.Codec != av.CodecOpus {
		if t.ID == e.opus {
			e.opus = 0
		}
		return t, nil
	}
	if e.audio == nil {
		audio, err := transcode.NewOpusToAAC()
		if err != nil {
			return nil, err
		}
		e.audio = audio
	}
	e.opus = t.ID
	// Always 48 kHz stereo, so that a change between mono and stereo changes nothing for the outputs.
	return &av.Track{
		ID: t.ID, Codec: av.CodecAAC, ClockRate: t.ClockRate, Channels: 2, Config: e.audio.Config(),
	}, nil
}

// Encode implements Encoder.
func (e *aacEncoder) Encode(dst []Frame, f Frame) ([]Frame, error) {
	switch {
	case f.Kind == av.KindConfig:
		return e.config(dst, f)
	case f.Kind != av.KindMedia || f.Track != e.opus:
		return append(dst, f), nil
	}
	units, err := e.audio.Push(e.units[:0], transcode.Packet{PTS: f.PTS, Wall: f.Wall, Data: f.Data})
	for _, u := range units {
		dst = append(dst, Frame{join: f.join, Frame: &av.Frame{
			Track: f.Track, Codec: av.CodecAAC, Key: true, DTS: u.PTS, PTS: u.PTS, Wall: u.Wall, Data: u.Data,
		}})
	}
	e.units = units
	if err != nil { // the encoder is broken for good: the next frame has another one
		if audio, failed := transcode.NewOpusToAAC(); failed == nil {
			e.audio = audio
		}
	}
	return dst, err
}

func (e *aacEncoder) config(dst []Frame, f Frame) ([]Frame, error) {
	if f.Config == nil {
		e.tracks = e.tracks.Without(f.Track)
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
