package whip

import (
	"encoding/base64"
	"strings"

	"weir/mux/av"
	"weir/mux/codec/h264"
	"weir/mux/codec/h265"
	"weir/rtc/signaling"
)

// maxSets bounds the parameter sets taken from an offer.
const maxSets = 8

// videoFormat is how a video codec stands in an offer and in its answer.
type videoFormat struct {
	// best finds the payload type to take, or nil.
	best func([]signaling.Payload) *signaling.Payload
	// echo are the parameters that the answer repeats, always is what it says in any case.
	echo   []string
	always string
	// sets are the parameters that carry parameter sets, isSet tells whether a NAL unit is one.
	sets  []string
	isSet func(nal []byte) bool
}

// formats are those of the codecs that ingest/depacket takes apart.
var formats = map[av.Codec]videoFormat{
	// RFC 6184 8.2.2: the same mode and profile back.
	av.CodecH264: {
		best: bestH264, always: "level-asymmetry-allowed=1",
		echo: []string{"packetization-mode", "profile-level-id"}, sets: []string{"sprop-parameter-sets"},
		isSet: func(nal []byte) bool {
			return len(nal) > 0 && (h264.NALType(nal[0]) == h264.NALSPS || h264.NALType(nal[0]) == h264.NALPPS)
		},
	},
	// RFC 7798 7.2.2: the same profile, tier and transmission mode back, and no higher level.
	av.CodecH265: {
		best: bestH265, echo: []string{"profile-space", "profile-id", "tier-flag", "level-id", "tx-mode"},
		sets: []string{"sprop-vps", "sprop-sps", "sprop-pps"},
		isSet: func(nal []byte) bool {
			return len(nal) > h265.HeaderSize && h265.IsParameterSet(h265.NALType(nal[0]))
		},
	},
	// AV1 over RTP 7.2.3.
	av.CodecAV1: {best: bestAV1, echo: []string{"profile", "level-idx", "tier"}},
	// RFC 9628 6: the same profile back.
	av.CodecVP9: {best: bestVP9, echo: []string{"profile-id"}},
}

// Carries tells whether a video codec can be taken in, so that a configuration can be checked.
func Carries(c av.Codec) bool { return formats[c].best != nil }

// answer is the format line to answer with.
func (f *videoFormat) answer(fmtp map[string]string) string {
	var out []string
	if f.always != "" {
		out = append(out, f.always)
	}
	for _, k := range f.echo {
		if v := fmtp[k]; v != "" {
			out = append(out, k+"="+v)
		}
	}
	return strings.Join(out, ";")
}

// parameterSets decodes the parameter sets of a format line; what is damaged is left out.
func (f *videoFormat) parameterSets(fmtp map[string]string) [][]byte {
	var out [][]byte
	for _, k := range f.sets {
		for b64 := range strings.SplitSeq(fmtp[k], ",") {
			nal, err := base64.StdEncoding.DecodeString(b64)
			if err == nil && f.isSet(nal) && len(out) < maxSets {
				out = append(out, nal)
			}
		}
	}
	return out
}

// best finds the payload type of a codec's name with the highest rank, of equals the first. One whose rank is negative
// is not taken.
func best(all []signaling.Payload, name string, rank func(fmtp map[string]string) int) *signaling.Payload {
	var found *signaling.Payload
	highest := -1
	for i := range all {
		p := &all[i]
		if p.Name != name || p.ClockRate != 90000 {
			continue
		}
		if r := rank(p.Parameters); r > highest {
			found, highest = p, r
		}
	}
	return found
}

// bestH264 prefers packetization mode 1, then constrained baseline, which every viewer can play, then the order of
// the offer.
func bestH264(all []signaling.Payload) *signaling.Payload {
	return best(all, "H264", func(fmtp map[string]string) int {
		rank := 0
		switch fmtp["packetization-mode"] {
		case "2": // interleaved
			return -1
		case "1":
			rank += 2
		}
		if level := strings.ToLower(fmtp["profile-level-id"]); strings.HasPrefix(level, "42e0") || strings.HasPrefix(level, "42c0") {
			rank++
		}
		return rank
	})
}

// bestH265 prefers the main profile. Only a single stream in decoding order is taken (RFC 7798 7.1).
func bestH265(all []signaling.Payload) *signaling.Payload {
	return best(all, "H265", func(fmtp map[string]string) int {
		mode := fmtp["tx-mode"]
		switch {
		case mode != "" && !strings.EqualFold(mode, "SRST"),
			positive(fmtp["sprop-max-don-diff"]), positive(fmtp["sprop-depack-buf-nalus"]):
			return -1
		case fmtp["profile-id"] == "" || fmtp["profile-id"] == "1": // 7.1: 1 is the default
			return 1
		default:
			return 0
		}
	})
}

func positive(v string) bool { return strings.Trim(v, "0") != "" }

// bestAV1 and bestVP9 prefer the profile that every viewer can play, which is the default too (AV1 over RTP 7.2.1,
// RFC 9628 6).
func bestAV1(all []signaling.Payload) *signaling.Payload {
	return best(all, "AV1", mainProfile("profile"))
}

func bestVP9(all []signaling.Payload) *signaling.Payload {
	return best(all, "VP9", mainProfile("profile-id"))
}

func mainProfile(name string) func(fmtp map[string]string) int {
	return func(fmtp map[string]string) int {
		if positive(fmtp[name]) {
			return 0
		}
		return 1
	}
}
