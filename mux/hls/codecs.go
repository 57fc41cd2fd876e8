package hls

import (
	"fmt"
	"strings"

	"weir/mux/av"
	"weir/mux/codec/aac"
	"weir/mux/codec/av1"
	"weir/mux/codec/h264"
	"weir/mux/codec/h265"
	"weir/mux/codec/vp9"
)

// Codecs is the CODECS attribute of the tracks in fMP4 (RFC 6381), such as "avc1.42c01f,opus".
//
// Errors: ErrCodec for a codec without a name; those of the codec packages for a Config that cannot be read.
func Codecs(ts av.Tracks) (string, error) {
	names := make([]string, len(ts))
	for i := range ts {
		name, err := codecName(&ts[i])
		if err != nil {
			return "", fmt.Errorf("cannot name codec of track %d: %w", ts[i].ID, err)
		}
		names[i] = name
	}
	return strings.Join(names, ","), nil
}

func codecName(t *av.Track) (string, error) {
	switch t.Codec {
	case av.CodecH264:
		return h264.CodecString(t.Config)
	case av.CodecH265:
		return h265.CodecString(t.Config)
	case av.CodecAV1:
		return av1.CodecString(t.Config)
	case av.CodecVP9:
		return vp9.CodecString(t.Config)
	case av.CodecAAC:
		return aac.CodecString(t.Config)
	case av.CodecOpus:
		// The sample entry is called Opus, but in lower case every browser takes it.
		return "opus", nil
	default:
		return "", fmt.Errorf("%w: %v", ErrCodec, t.Codec)
	}
}
