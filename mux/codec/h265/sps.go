package h265

import (
	"fmt"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h265"
)

const (
	// maxSPSSize bounds what is parsed: real sets have 30 to 150 bytes, with scaling lists some hundreds.
	maxSPSSize = 2048
	// maxDimension bounds width and height in pixels; level 6.2 allows no more than 16888 (table A.8).
	maxDimension = 16384
	// profileSize is the part of profile_tier_level that the configuration record repeats (7.3.3).
	profileSize = 12
)

// SPS is what weir needs of a sequence parameter set.
type SPS struct {
	// ID is sps_seq_parameter_set_id, 0 to 15.
	ID uint8
	// Width and Height are the size of the cropped picture in pixels, both in 1..16384.
	Width, Height int
	// Profile is the general part of profile_tier_level: profile space, tier and profile in a byte, 4 bytes of
	// compatibility flags, 6 of constraint flags, the level.
	Profile [profileSize]byte
	// ChromaFormat is chroma_format_idc; LumaDepth and ChromaDepth are bits a sample less 8.
	ChromaFormat, LumaDepth, ChromaDepth uint8
	// SubLayers is the number of temporal layers, 1 to 7; Nested is sps_temporal_id_nesting_flag.
	SubLayers uint8
	Nested    bool
	// MayReorder is false when pictures are surely shown in the order in which they are decoded, so that
	// PTS equals DTS.
	MayReorder bool
}

// ParseSPS reads the NAL unit, header bytes included and start code or length excluded. An error wraps ErrSPS.
func ParseSPS(nal []byte) (SPS, error) {
	if len(nal) < HeaderSize+1+profileSize || len(nal) > maxSPSSize || NALType(nal[0]) != NALSPS {
		return SPS{}, fmt.Errorf("%w: %d bytes", ErrSPS, len(nal))
	}
	var raw h265.SPS
	if err := raw.Unmarshal(nal); err != nil {
		return SPS{}, fmt.Errorf("%w: %w", ErrSPS, err)
	}
	// ITU-T H.265 7.4.3.2.1: the ranges of the fields that the configuration record repeats.
	if raw.ID > 15 || raw.ChromaFormatIdc > 3 || raw.BitDepthLumaMinus8 > 8 || raw.BitDepthChromaMinus8 > 8 || raw.MaxSubLayersMinus1 > 6 {
		return SPS{}, fmt.Errorf("%w: id %d, chroma format %d, bit depth %d/%d, %d sub-layers", ErrSPS,
			raw.ID, raw.ChromaFormatIdc, raw.BitDepthLumaMinus8, raw.BitDepthChromaMinus8, raw.MaxSubLayersMinus1+1)
	}
	w, h, err := size(&raw)
	if err != nil {
		return SPS{}, err
	}
	s := SPS{
		ID: raw.ID, Width: w, Height: h,
		ChromaFormat: uint8(raw.ChromaFormatIdc),
		LumaDepth:    uint8(raw.BitDepthLumaMinus8), ChromaDepth: uint8(raw.BitDepthChromaMinus8),
		SubLayers: raw.MaxSubLayersMinus1 + 1, Nested: raw.TemporalIDNestingFlag,
		MayReorder: mayReorder(&raw),
	}
	// The emulation prevention bytes (7.3.1.1) are not part of the fields.
	plain := h264.EmulationPreventionRemove(nal[HeaderSize:])
	if copy(s.Profile[:], plain[1:]) < profileSize {
		return SPS{}, fmt.Errorf("%w: cut short", ErrSPS)
	}
	return s, nil
}

// size is the picture's size after cropping; the parser's own methods wrap around on wild values.
func size(s *h265.SPS) (w, h int, err error) {
	if s.PicWidthInLumaSamples > maxDimension || s.PicHeightInLumaSamples > maxDimension {
		return 0, 0, fmt.Errorf("%w: too large", ErrSPS)
	}
	w, h = int(s.PicWidthInLumaSamples), int(s.PicHeightInLumaSamples)
	if c := s.ConformanceWindow; c != nil {
		if max(c.LeftOffset, c.RightOffset, c.TopOffset, c.BottomOffset) > maxDimension {
			return 0, 0, fmt.Errorf("%w: cropped to nothing", ErrSPS)
		}
		unitX, unitY := cropUnits(s.ChromaFormatIdc)
		w -= unitX * int(c.LeftOffset+c.RightOffset)
		h -= unitY * int(c.TopOffset+c.BottomOffset)
	}
	if w <= 0 || h <= 0 {
		return 0, 0, fmt.Errorf("%w: picture of %dx%d", ErrSPS, w, h)
	}
	return w, h, nil
}

// cropUnits is SubWidthC and SubHeightC (ITU-T H.265 table 6-1).
func cropUnits(chromaFormat uint32) (x, y int) {
	switch chromaFormat {
	case 1:
		return 2, 2
	case 2:
		return 2, 1
	default: // monochrome and 4:4:4
		return 1, 1
	}
}

// mayReorder goes by the highest temporal layer, whose value is the largest (ITU-T H.265 7.4.3.2.1).
func mayReorder(s *h265.SPS) bool {
	n := len(s.MaxNumReorderPics)
	return n == 0 || s.MaxNumReorderPics[n-1] > 0
}
