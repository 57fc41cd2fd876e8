package av1

import (
	"fmt"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/av1"
)

// maxSequence bounds what is parsed: real headers have 10 to 20 bytes.
const maxSequence = 256

// Sequence is what weir needs of a sequence header.
type Sequence struct {
	// Width and Height are the largest size of a picture in pixels, both in 1..65536.
	Width, Height int
	// Profile, Level and Tier are those of operating point 0.
	Profile, Level, Tier uint8
	// Depth is bits a sample: 8, 10 or 12.
	Depth                int
	Monochrome           bool
	SubsamplingX         bool
	SubsamplingY         bool
	ChromaSamplePosition uint8
	ReducedHeaders       bool
}

// ParseSequence reads the payload of a sequence header OBU. An error wraps ErrSequence.
func ParseSequence(payload []byte) (Sequence, error) {
	if len(payload) == 0 || len(payload) > maxSequence {
		return Sequence{}, fmt.Errorf("%w: %d bytes", ErrSequence, len(payload))
	}
	var raw av1.SequenceHeader
	var scratch [1 + maxSequence]byte
	if err := raw.Unmarshal(append(append(scratch[:0], OBUSequenceHeader<<3), payload...)); err != nil {
		return Sequence{}, fmt.Errorf("%w: %w", ErrSequence, err)
	}
	c := &raw.ColorConfig
	s := Sequence{
		Width: int(raw.MaxFrameWidthMinus1) + 1, Height: int(raw.MaxFrameHeightMinus1) + 1,
		Profile: raw.SeqProfile, Level: raw.SeqLevelIdx[0], Depth: c.BitDepth,
		Monochrome: c.MonoChrome, SubsamplingX: c.SubsamplingX, SubsamplingY: c.SubsamplingY,
		ChromaSamplePosition: uint8(c.ChromaSamplePosition),
		ReducedHeaders:       raw.ReducedStillPictureHeader,
	}
	if raw.SeqTier[0] {
		s.Tier = 1
	}
	if s.Profile > 2 { // AV1 6.4.1: reserved
		return Sequence{}, fmt.Errorf("%w: profile %d", ErrSequence, s.Profile)
	}
	return s, nil
}
