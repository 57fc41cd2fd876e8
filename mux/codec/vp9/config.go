package vp9

import "fmt"

const recordSize = 12 // version and flags of the box, and a record without initialization data

// levels are the levels by what pictures they allow: luma samples of one, and a second (VP9 levels, webmproject.org).
var levels = []struct {
	level         uint8
	picture, rate int64
}{
	{10, 36864, 829440},
	{11, 73728, 2764800},
	{20, 122880, 4608000},
	{21, 245760, 9216000},
	{30, 552960, 20736000},
	{31, 983040, 36864000},
	{40, 2228224, 83558400},
	{41, 2228224, 160432128},
	{50, 8912896, 311951360},
	{51, 8912896, 588251136},
	{52, 8912896, 1176502272},
	{60, 35651584, 1176502272},
	{61, 35651584, 2353004544},
	{62, 35651584, 4706009088},
}

// rate is the picture rate that a level is chosen for: pictures from WebRTC do not say theirs.
const rate = 30

// level is the lowest level that allows pictures of the size.
func level(width, height int) uint8 {
	samples := int64(width) * int64(height)
	for _, l := range levels {
		if samples <= l.picture && samples*rate <= l.rate {
			return l.level
		}
	}
	return levels[len(levels)-1].level
}

// AppendConfig appends the content of the box vpcC (VP Codec ISO Media File Format Binding, version 1) for pictures
// that begin with a key frame of header h: the version and flags of the box, and the configuration record.
func AppendConfig(dst []byte, h *Header) []byte {
	primaries, transfer, matrix := color(h.ColorSpace)
	full := byte(0)
	if h.FullRange {
		full = 1
	}
	return append(dst,
		1, 0, 0, 0, // version 1, no flags
		h.Profile, level(h.Width, h.Height), h.Depth<<4|h.Subsampling<<1|full,
		primaries, transfer, matrix,
		0, 0) // codecInitializationDataSize: always 0 for VP9
}

// color translates color_space (VP9 7.2.2) into code points of ISO/IEC 23091-2.
func color(space uint8) (primaries, transfer, matrix byte) {
	switch space {
	case 1: // CS_BT_601
		return 6, 6, 6
	case 2: // CS_BT_709
		return 1, 1, 1
	case 3: // CS_SMPTE_170
		return 6, 6, 6
	case 4: // CS_SMPTE_240
		return 7, 7, 7
	case 5: // CS_BT_2020
		return 9, 14, 9
	case 7: // CS_RGB
		return 1, 13, 0
	default: // unknown
		return 2, 2, 2
	}
}

// ParseConfig returns the content of the box vpcC in the form of AppendConfig. Some writers of FLV leave out the
// version and flags, which are no part of the record itself. An error wraps ErrConfig.
func ParseConfig(vpcC []byte) ([]byte, error) {
	const head = 4
	switch {
	case len(vpcC) >= recordSize && string(vpcC[:head]) == "\x01\x00\x00\x00":
		return vpcC, nil
	case len(vpcC) == recordSize-head && vpcC[0] <= 3:
		return append([]byte{1, 0, 0, 0}, vpcC...), nil
	default:
		return nil, fmt.Errorf("%w: %d bytes", ErrConfig, len(vpcC))
	}
}

// CodecString is the codecs parameter of the content of a box vpcC, such as vp09.00.31.08.
func CodecString(vpcC []byte) (string, error) {
	if len(vpcC) < recordSize {
		return "", fmt.Errorf("%w: %d bytes", ErrConfig, len(vpcC))
	}
	return fmt.Sprintf("vp09.%02d.%02d.%02d", vpcC[4], vpcC[5], vpcC[6]>>4), nil
}
