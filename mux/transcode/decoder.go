package transcode

import (
	"fmt"

	"weir/mux/codec/aac"
)

// Decoder turns AAC-LC access units into sound. It stands between this package and the module that does the work,
// like Encoder. It is used by one goroutine at a time.
type Decoder interface {
	// Decode appends a unit's FrameSamples samples of each channel, interleaved, to dst. After an error the Decoder
	// is as good as new: what the next unit overlaps with is silence.
	Decode(dst []float32, unit []byte) ([]float32, error)
}

// Decodes tells why AAC with the AudioSpecificConfig asc cannot be turned into Opus; nil when it can.
//
// Errors: those of NewAACToOpus.
func Decodes(asc []byte) error {
	c, err := aac.ParseConfig(asc)
	switch {
	case err != nil:
		return fmt.Errorf("%w: %w", ErrSource, err)
	case c.Channels > channels:
		return fmt.Errorf("%w: %d channels", ErrSource, c.Channels)
	case !Available():
		return ErrNoDecoder
	default:
		return nil
	}
}
