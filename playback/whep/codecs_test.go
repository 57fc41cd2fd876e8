package whep

import (
	"strings"
	"testing"

	"weir/mux/av"
	"weir/rtc/signaling"
)

// avcC is the beginning of a configuration of H.264 with this profile, constraints and level.
func avcC(idc, iop, level byte) []byte { return []byte{1, idc, iop, level, 0xff, 0xe1, 0} }

// offered are payload types from 100 on, each "name format line".
func offered(all ...string) []signaling.Payload {
	var out []signaling.Payload
	for i, one := range all {
		name, format, _ := strings.Cut(one, " ")
		p := signaling.Payload{Type: uint8(100 + i), Name: name, ClockRate: 90000, Parameters: make(map[string]string)}
		for kv := range strings.SplitSeq(format, ";") {
			k, v, _ := strings.Cut(kv, "=")
			p.Parameters[k] = v
		}
		out = append(out, p)
	}
	return out
}

// The payload type that fits the stream best is taken, or none.
func TestChoose(t *testing.T) {
	const mode1 = "packetization-mode=1;profile-level-id="
	browser := offered("VP8", "H264 packetization-mode=0;profile-level-id=42e01f", "H264 "+mode1+"42001f", "H264 "+mode1+"42e01f", "H264 "+mode1+"4d001f", "H264 "+mode1+"64001f")
	firefox := offered("H264 "+mode1+"42e01f", "H264 packetization-mode=0;profile-level-id=42e01f")
	for _, tc := range []struct {
		name   string
		codec  av.Codec
		config []byte
		offer  []signaling.Payload
		want   int // payload type; 0 for none
	}{
		{"RFC 6184 8.1: constrained baseline", av.CodecH264, avcC(66, 0xe0, 31), browser, 103},
		{"RFC 6184 8.1: constrained baseline as x264 has it", av.CodecH264, avcC(66, 0xc0, 31), browser, 103},
		{"RFC 6184 8.1, table 5: constrained baseline under the name of main", av.CodecH264, avcC(77, 0x80, 31), browser, 103},
		{"baseline", av.CodecH264, avcC(66, 0, 31), browser, 102},
		{"main", av.CodecH264, avcC(77, 0, 31), browser, 104},
		{"high, and a higher level", av.CodecH264, avcC(100, 0, 42), browser, 105},
		{"constrained high is held by high", av.CodecH264, avcC(100, 0x0c, 42), browser, 105},
		{"high, where constrained baseline alone is named", av.CodecH264, avcC(100, 0, 31), firefox, 100},
		{"main is held by high", av.CodecH264, avcC(77, 0, 31), offered("H264 "+mode1+"42e01f", "H264 "+mode1+"64001f"), 101},
		{"constrained baseline is held by all", av.CodecH264, avcC(66, 0xc0, 31), offered("H264 " + mode1 + "64001f"), 100},
		{"ten bits", av.CodecH264, avcC(110, 0, 31), browser, 0},
		{"ten bits, named", av.CodecH264, avcC(110, 0, 31), offered("H264 " + mode1 + "6e001f"), 100},
		{"RFC 6184 6.2: single NAL units alone", av.CodecH264, avcC(66, 0xe0, 31), offered("H264 packetization-mode=0;profile-level-id=42e01f"), 0},
		{"RFC 6184 6.4: interleaved", av.CodecH264, avcC(66, 0xe0, 31), offered("H264 packetization-mode=2;profile-level-id=42e01f"), 0},
		{"no mode named", av.CodecH264, avcC(66, 0xe0, 31), offered("H264 profile-level-id=42e01f", "H264 "+mode1+"64001f"), 101},
		{"nothing named", av.CodecH264, avcC(66, 0xe0, 31), offered("H264"), 100},
		{"a profile that is none", av.CodecH264, avcC(66, 0xe0, 31), offered("H264 " + mode1 + "xyz"), 100},
		{"another codec", av.CodecH264, avcC(66, 0xe0, 31), offered("VP8", "H265 profile-id=1"), 0},
		{"video to come", av.CodecH264, nil, browser, 103},

		{"RFC 7798 7.1: main is the default", av.CodecH265, []byte{1, 1}, offered("H265"), 100},
		{"main before main 10", av.CodecH265, []byte{1, 1}, offered("H265 profile-id=2", "H265 profile-id=1"), 101},
		{"main is held by main 10", av.CodecH265, []byte{1, 1}, offered("H265 profile-id=2"), 100},
		{"main 10 is not held by main", av.CodecH265, []byte{1, 2}, offered("H265 profile-id=1"), 0},
		{"RFC 7798 7.1: several streams", av.CodecH265, []byte{1, 1}, offered("H265 tx-mode=MRST"), 0},
		{"one stream", av.CodecH265, []byte{1, 1}, offered("H265 level-id=93;tx-mode=SRST"), 100},

		{"AV1 over RTP 7.2.1: main is the default", av.CodecAV1, []byte{0x81, 0x05}, offered("AV1"), 100},
		{"AV1: high", av.CodecAV1, []byte{0x81, 0x25}, offered("AV1 profile=0", "AV1 profile=1"), 101},
		{"AV1: main is held by high", av.CodecAV1, []byte{0x81, 0x05}, offered("AV1 profile=1"), 100},
		{"AV1: high is not held by main", av.CodecAV1, []byte{0x81, 0x25}, offered("AV1 profile=0"), 0},

		{"RFC 9628 6: profile 0 is the default", av.CodecVP9, []byte{1, 0, 0, 0, 0}, offered("VP9 profile-id=2", "VP9"), 101},
		{"VP9: ten bits", av.CodecVP9, []byte{1, 0, 0, 0, 2}, offered("VP9 profile-id=0", "VP9 profile-id=2"), 101},
		{"VP9: a profile that is none", av.CodecVP9, []byte{1, 0, 0, 0, 0}, offered("VP9 profile-id=x"), 0},
	} {
		got := 0
		if p := choose(tc.offer, &av.Track{Codec: tc.codec, Config: tc.config}); p != nil {
			got = int(p.Type)
		}
		if got != tc.want {
			t.Errorf("%s: took %d, want %d", tc.name, got, tc.want)
		}
	}
	slow := offered("H264 packetization-mode=1")
	slow[0].ClockRate = 8000
	if choose(slow, &av.Track{Codec: av.CodecH264}) != nil {
		t.Error("RFC 6184 8.2.1: another clock rate is taken")
	}
}
