//go:build !nolgpl

package transcode

import (
	"fmt"

	aac "github.com/tphakala/go-aac"
)

// goAAC is the Encoder made of go-aac, which is a port of FFmpeg's encoder and under its LGPL.
type goAAC struct {
	enc    *aac.Encoder
	planes [][]float32
}

// goAACConfig keeps the NMR coder: the others cost up to five times as much on tones or speech.
var goAACConfig = aac.EncoderConfig{
	SampleRate: sampleRate,
	Channels:   channels,
	Bitrate:    128_000,
	Coder:      aac.CoderNMR,
}

// Available tells whether this binary can encode and decode AAC.
func Available() bool { return true }

func newEncoder() (Encoder, error) {
	enc, err := aac.NewEncoder(goAACConfig)
	if err != nil {
		return nil, fmt.Errorf("cannot make an AAC encoder: %w", err)
	}
	return &goAAC{enc: enc, planes: make([][]float32, channels)}, nil
}

func (e *goAAC) Encode(dst []byte, left, right []float32) ([]byte, error) {
	e.planes[0], e.planes[1] = left, right
	return e.enc.EncodeFrame(dst, e.planes)
}

func (e *goAAC) Config() []byte { return e.enc.AudioSpecificConfig() }

func (e *goAAC) Reset() error { return e.enc.Reset(goAACConfig) }
