package live

import (
	"weir/mux/av"
	"weir/mux/flv"
)

// Tags returns the stream as FLV tags, whose bodies are also those of RTMP messages: with sound of a codec, AAC or Opus, as
// WithAudio has it, and the picture of a layer, as Layer has it. Each tag is made once for all who read the same, viewers
// and servers that the stream is pushed to alike.
//
// Errors: those of WithAudio and Layer.
func (s *Stream) Tags(audio av.Codec, layer string) (Source[flv.Tag], error) {
	frames, err := s.WithAudio(audio)
	if err != nil {
		return nil, err
	}
	frames, err = s.Layer(layer, audio.String(), frames)
	if err != nil {
		return nil, err
	}
	return FeedOf(s, "flv-"+audio.String()+"/"+layer, frames, newTagEncoder), nil
}

// tagEncoder makes tags out of frames.
type tagEncoder struct{ *flv.Encoder }

func newTagEncoder(ts av.Tracks) (Encoder[Frame, flv.Tag], error) {
	return tagEncoder{flv.NewEncoder(ts)}, nil
}

// Encode implements Encoder.
func (e tagEncoder) Encode(dst []flv.Tag, f Frame) ([]flv.Tag, error) {
	out, err := e.Encoder.Encode(dst, f.Frame)
	for i := len(dst); i < len(out); i++ {
		out[i].JoinPoint = out[i].Kind == av.KindMedia && f.Join() // the ring knows where a reader may start
	}
	return out, err
}
