// Package vp9 holds what weir must know of VP9 bitstreams: the uncompressed header of a frame, and the configuration
// record (vpcC) that containers embed.
//
// It decodes no picture and knows no container or network. It starts no goroutine; every function is safe
// for concurrent use, and none panics on what comes from outside.
package vp9

import (
	"fmt"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/vp9"
)

// Header is what weir needs of a frame's uncompressed header (VP9 6.2).
type Header struct {
	// Key is true for a key frame that is shown. The fields below are set for key frames only.
	Key bool
	// Width and Height are the picture's size in pixels, both in 1..65536.
	Width, Height int
	Profile       uint8
	// Depth is bits a sample: 8, 10 or 12.
	Depth uint8
	// Subsampling is as the configuration record has it: 1 for 4:2:0, 2 for 4:2:2, 3 for 4:4:4.
	Subsampling uint8
	FullRange   bool
	// ColorSpace is color_space (VP9 7.2.2).
	ColorSpace uint8
}

// ParseHeader reads the header of a frame, or of the first frame of a superframe. An error wraps ErrHeader.
func ParseHeader(frame []byte) (Header, error) {
	var raw vp9.Header
	if err := raw.Unmarshal(frame); err != nil {
		return Header{}, fmt.Errorf("%w: %w", ErrHeader, err)
	}
	if raw.ShowExistingFrame || raw.NonKeyFrame || !raw.ShowFrame {
		return Header{}, nil
	}
	return Header{
		Key: true, Width: raw.Width(), Height: raw.Height(), Profile: raw.Profile,
		Depth: raw.ColorConfig.BitDepth, Subsampling: raw.ChromaSubsampling(),
		FullRange: raw.ColorConfig.ColorRange, ColorSpace: raw.ColorConfig.ColorSpace,
	}, nil
}
