package h264

import (
	"fmt"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
)

const (
	// maxSPSSize bounds what is parsed: real sets have 10 to 100 bytes, with scaling lists some hundreds.
	maxSPSSize = 1024
	// maxDimension bounds width and height in pixels; level 6.2 allows no more than 16880 (table A-1).
	maxDimension = 16384
	// maxFrameRate bounds the rate that is believed; level 6.2 allows no more than 300 (A.3.4.1).
	maxFrameRate = 300
	// mbSize is the width and height of a macroblock.
	mbSize = 16
)

// SPS is what weir needs of a sequence parameter set.
type SPS struct {
	// Width and Height are the size of the cropped picture in pixels, both in 1..16384.
	Width, Height int
	// Profile, Constraints and Level are the three bytes behind the NAL header: profile_idc, the
	// constraint_set flags and level_idc.
	Profile, Constraints, Level byte
	// MayReorder is false when pictures are surely shown in the order in which they are decoded, so that
	// PTS equals DTS.
	MayReorder bool
	// FrameRate is the number of pictures a second that the encoder means to make, or 0 where it does not say.
	FrameRate float64
}

// ParseSPS reads the NAL unit, header byte included and start code or length excluded. An error wraps ErrSPS.
func ParseSPS(nal []byte) (SPS, error) {
	raw, err := parseSPS(nal)
	if err != nil {
		return SPS{}, err
	}
	w, h, err := size(raw)
	if err != nil {
		return SPS{}, err
	}
	return SPS{
		Width: w, Height: h,
		Profile: nal[1], Constraints: nal[2], Level: nal[3],
		MayReorder: mayReorder(raw), FrameRate: frameRate(raw),
	}, nil
}

func parseSPS(nal []byte) (*h264.SPS, error) {
	if len(nal) < 4 || len(nal) > maxSPSSize || NALType(nal[0]) != NALSPS {
		return nil, fmt.Errorf("%w: %d bytes", ErrSPS, len(nal))
	}
	var raw h264.SPS
	if err := raw.Unmarshal(nal); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSPS, err)
	}
	// ITU-T H.264 7.4.2.1.1: the ranges of the fields that the configuration record repeats.
	if raw.ChromaFormatIdc > 3 || raw.BitDepthLumaMinus8 > 6 || raw.BitDepthChromaMinus8 > 6 {
		return nil, fmt.Errorf("%w: chroma format %d, bit depth %d/%d", ErrSPS,
			raw.ChromaFormatIdc, raw.BitDepthLumaMinus8, raw.BitDepthChromaMinus8)
	}
	return &raw, nil
}

// size is the picture's size after cropping. It is computed here because the parser's own methods wrap
// around on wild values and do not crop monochrome pictures.
func size(s *h264.SPS) (w, h int, err error) {
	if s.PicWidthInMbsMinus1 >= maxDimension/mbSize || s.PicHeightInMapUnitsMinus1 >= maxDimension/mbSize {
		return 0, 0, fmt.Errorf("%w: too large", ErrSPS)
	}
	fields := 2 // frame_mbs_only_flag 0: a map unit is a pair of field macroblocks (7-18)
	if s.FrameMbsOnlyFlag {
		fields = 1
	}
	w = int(s.PicWidthInMbsMinus1+1) * mbSize
	h = int(s.PicHeightInMapUnitsMinus1+1) * mbSize * fields
	if c := s.FrameCropping; c != nil {
		if max(c.LeftOffset, c.RightOffset, c.TopOffset, c.BottomOffset) > maxDimension {
			return 0, 0, fmt.Errorf("%w: cropped to nothing", ErrSPS)
		}
		unitX, unitY := cropUnits(s)
		w -= unitX * int(c.LeftOffset+c.RightOffset)
		h -= unitY * fields * int(c.TopOffset+c.BottomOffset)
	}
	if w <= 0 || h <= 0 || w > maxDimension || h > maxDimension {
		return 0, 0, fmt.Errorf("%w: picture of %dx%d", ErrSPS, w, h)
	}
	return w, h, nil
}

// cropUnits is SubWidthC and SubHeightC, or 1 and 1 where chroma has no samples of its own
// (ITU-T H.264 7-19 to 7-22, table 6-1).
func cropUnits(s *h264.SPS) (x, y int) {
	switch {
	case s.ChromaFormatIdc == 1:
		return 2, 2
	case s.ChromaFormatIdc == 2:
		return 2, 1
	default: // monochrome, 4:4:4, and 4:4:4 in separate planes
		return 1, 1
	}
}

// frameRate is the rate of E.2.1, where a tick is the time of one field. fixed_frame_rate_flag is hardly ever set, also
// where the rate is kept; an encoder that knows no rate writes the ticks of a clock there, which are too many.
func frameRate(s *h264.SPS) float64 {
	if s.VUI == nil || s.VUI.TimingInfo == nil {
		return 0
	}
	t := s.VUI.TimingInfo
	if t.NumUnitsInTick == 0 {
		return 0
	}
	rate := float64(t.TimeScale) / (2 * float64(t.NumUnitsInTick))
	if rate > maxFrameRate {
		return 0
	}
	return rate
}

func mayReorder(s *h264.SPS) bool {
	// ITU-T H.264 8.2.1.3: with type 2 the output order is the decoding order.
	if s.PicOrderCntType == 2 {
		return false
	}
	// A.2.1: the baseline profiles have no B slices.
	if s.ProfileIdc == 66 {
		return false
	}
	if s.VUI != nil && s.VUI.BitstreamRestriction != nil {
		return s.VUI.BitstreamRestriction.MaxNumReorderFrames > 0
	}
	// E.2.1: without the field it is 0 for the intra profiles, else as large as the picture buffer.
	switch s.ProfileIdc {
	case 44, 86, 100, 110, 122, 244:
		return !s.ConstraintSet3Flag
	default:
		return true
	}
}
