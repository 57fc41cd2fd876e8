package whep

import (
	"encoding/hex"
	"strconv"
	"strings"

	"weir/mux/av"
	"weir/mux/codec/av1"
	"weir/mux/codec/h264"
	"weir/mux/codec/h265"
	"weir/mux/codec/vp9"
	"weir/rtc/signaling"
)

// choose finds the payload type in which a track can be sent: of those that fit best, the first. A track without a
// configuration is one that is still to come. It is nil when none fits.
func choose(all []signaling.Payload, t *av.Track) *signaling.Payload {
	f, ok := formats[t.Codec]
	if !ok {
		return nil
	}
	var found *signaling.Payload
	highest := -1
	for i := range all {
		p := &all[i]
		if p.Name != f.name || p.ClockRate != 90000 {
			continue
		}
		if r := f.rank(p.Parameters, t.Config); r > highest {
			found, highest = p, r
		}
	}
	return found
}

// format is how a video codec stands in an offer and in its answer.
type format struct {
	name string // of the encoding, in upper case
	// rank tells how well format parameters fit a track's configuration; less than 0: not at all.
	rank func(p map[string]string, config []byte) int
	// echo are the parameters that the answer repeats, always is what it says in any case.
	echo   []string
	always string
}

var formats = map[av.Codec]format{
	// RFC 6184 8.2.2: the same mode and profile back.
	av.CodecH264: {
		name: "H264", rank: rankH264, always: "level-asymmetry-allowed=1",
		echo: []string{"packetization-mode", "profile-level-id"},
	},
	// RFC 7798 7.2.2: the same profile, tier and transmission mode back, and no higher level.
	av.CodecH265: {name: "H265", rank: rankH265, echo: []string{"profile-space", "profile-id", "tier-flag", "level-id", "tx-mode"}},
	// AV1 over RTP 7.2.3.
	av.CodecAV1: {name: "AV1", rank: rankAV1, echo: []string{"profile", "level-idx", "tier"}},
	// RFC 9628 6: the same profile back.
	av.CodecVP9: {name: "VP9", rank: rankVP9, echo: []string{"profile-id"}},
}

// parameters are the format parameters to answer with; empty for none.
func (a *agreed) parameters() string {
	var out []string
	if a.codec == av.CodecOpus {
		out = append(out, "minptime=10", "useinbandfec=1")
		if a.stereo {
			out = append(out, "stereo=1", "sprop-stereo=1") // RFC 7587 6.1: what is sent is likely to be stereo
		}
		return strings.Join(out, ";")
	}
	f := formats[a.codec]
	if f.always != "" {
		out = append(out, f.always)
	}
	for _, k := range f.echo {
		if v := a.payload.Parameters[k]; v != "" {
			out = append(out, k+"="+v)
		}
	}
	return strings.Join(out, ";")
}

// profile is a profile of H.264 (RFC 6184 8.1, table 5).
type profile uint8

const (
	profileNone profile = iota // of those that no browser has
	profileConstrainedBaseline
	profileBaseline
	profileMain
	profileConstrainedHigh
	profileHigh
)

// The flags of profile-iop (RFC 6184 8.1).
const (
	constraint0 = 0x80
	constraint1 = 0x40
	constraint4 = 0x08
	constraint5 = 0x04
)

func profileOf(idc, iop byte) profile {
	switch {
	case idc == 66 && iop&constraint1 != 0, idc == 77 && iop&constraint0 != 0,
		idc == 88 && iop&constraint0 != 0 && iop&constraint1 != 0:
		return profileConstrainedBaseline
	case idc == 66:
		return profileBaseline
	case idc == 77:
		return profileMain
	case idc == 100 && iop&constraint4 != 0 && iop&constraint5 != 0:
		return profileConstrainedHigh
	case idc == 100:
		return profileHigh
	default:
		return profileNone
	}
}

// holds tells whether a decoder of p surely has what a stream of s needs (H.264 A.2).
func (p profile) holds(s profile) bool {
	switch s {
	case profileConstrainedBaseline:
		return p != profileNone
	case profileMain, profileConstrainedHigh:
		return p == profileHigh
	default:
		return false
	}
}

// rankH264 wants fragments (packetization mode 1), and prefers the stream's own profile, then one that holds it. Of the
// others those of browsers are taken: Firefox names constrained baseline alone and decodes the high profile all the same.
// The level is not looked at, since browsers name 3.1 and decode more (level-asymmetry-allowed).
func rankH264(p map[string]string, avcC []byte) int {
	const fragments = 10
	rank := 0
	switch p["packetization-mode"] {
	case "1":
		rank = fragments
	case "": // RFC 6184 8.1: single NAL units only, which is what some say that take fragments all the same
	default:
		return -1
	}
	offered := profileConstrainedBaseline // RFC 6184 8.1: baseline at level 1 is the default
	var idc byte
	if v, err := hex.DecodeString(p["profile-level-id"]); err == nil && len(v) == 3 {
		offered, idc = profileOf(v[0], v[1]), v[0]
	}
	if len(avcC) < 4 {
		if offered == profileConstrainedBaseline {
			rank++ // which every decoder has
		}
		return rank
	}
	switch stream := profileOf(avcC[1], avcC[2]); {
	case stream == profileNone:
		if idc != avcC[1] {
			return -1 // ten bits, or colour that is not subsampled
		}
	case stream == offered:
		rank += 3
	case offered.holds(stream):
		rank += 2
	case offered == profileNone:
		return -1
	}
	return rank
}

// rankH265 takes the stream's own profile, or main 10 for main (H.265 A.3.3), sent in decoding order (RFC 7798 7.1).
func rankH265(p map[string]string, hvcC []byte) int {
	if mode := p["tx-mode"]; mode != "" && !strings.EqualFold(mode, "SRST") {
		return -1
	}
	offered := number(p["profile-id"], 1) // RFC 7798 7.1
	stream := 1
	if len(hvcC) > 1 {
		stream = int(hvcC[1] & 0x1f)
	}
	switch {
	case offered == stream:
		return 1
	case stream == 1 && offered == 2:
		return 0
	default:
		return -1
	}
}

// rankAV1 takes the stream's own profile, or one above it, which holds it (AV1 A.2).
func rankAV1(p map[string]string, av1C []byte) int {
	offered, stream := number(p["profile"], 0), 0 // AV1 over RTP 7.2.1
	if len(av1C) > 1 {
		stream = int(av1C[1] >> 5)
	}
	switch {
	case offered == stream:
		return 1
	case offered > stream:
		return 0
	default:
		return -1
	}
}

// rankVP9 takes the stream's own profile (RFC 9628 6).
func rankVP9(p map[string]string, vpcC []byte) int {
	stream := 0
	if len(vpcC) > 4 {
		stream = int(vpcC[4]) // behind version and flags
	}
	if number(p["profile-id"], 0) != stream {
		return -1
	}
	return 0
}

func number(text string, missing int) int {
	if text == "" {
		return missing
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		return -1
	}
	return n
}

// describe is a track's codec and profile for people.
func describe(t *av.Track) string {
	name := func(f func([]byte) (string, error)) string {
		if s, err := f(t.Config); err == nil {
			return t.Codec.String() + " (" + s + ")"
		}
		return t.Codec.String()
	}
	switch t.Codec {
	case av.CodecH264:
		return name(h264.CodecString)
	case av.CodecH265:
		return name(h265.CodecString)
	case av.CodecAV1:
		return name(av1.CodecString)
	case av.CodecVP9:
		return name(vp9.CodecString)
	default:
		return t.Codec.String()
	}
}
