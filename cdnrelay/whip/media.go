package whip

import (
	"fmt"

	"weir/cdnrelay/push"
	"weir/mux/av"
	"weir/rtc/sender"
)

// The payload types that are offered, of the dynamic ones (RFC 3551 6), and the header extensions.
const (
	typeVideo       = 96 // as the stream's video is, and its repair
	typeVideoRepair = 97
	typePlain       = 98 // H.264 of the profile that all servers know, and its repair
	typePlainRepair = 99
	typeOpus        = 111

	extensionMID   = 1
	extensionCount = 2

	uriMID = "urn:ietf:params:rtp-hdrext:sdes:mid" // RFC 9143 14
)

// media is a section of the offer, and what the answer makes of it.
type media struct {
	kind     string // video or audio, which is its mid as well
	codec    av.Codec
	rate     uint32
	encoding string // as a=rtpmap has it: name, clock rate, channels
	formats  []format
	ssrc     uint32
	repair   uint32 // SSRC of retransmissions; 0 for sound

	taken *sender.Track // nil while the answer is not there, or has declined it
}

// format is a payload type of a section.
type format struct {
	number     uint8
	repair     uint8  // payload type of its retransmissions (RFC 4588); 0: none
	parameters string // of a=fmtp
}

// newVideo describes a video track as it is.
//
// Errors: push.ErrUnfit for what RTP has no format for, or whose configuration cannot be read.
func newVideo(t *av.Track) (*media, error) {
	m := &media{kind: "video", codec: t.Codec, rate: 90000}
	own := format{number: typeVideo, repair: typeVideoRepair}
	c := t.Config
	short := func(n int) bool { return len(c) < n }
	switch {
	case t.Codec == av.CodecH264 && !short(4): // RFC 6184 8.1; avcC: profile, constraints and level follow the version
		m.encoding = "H264/90000"
		own.parameters = h264Parameters(c[1], c[2], c[3])
		m.formats = append(m.formats, own)
		if c[1] != 0x42 {
			// Many servers know no other profile and look at the packets, which tell for themselves what they are.
			m.formats = append(m.formats, format{typePlain, typePlainRepair, h264Parameters(0x42, 0xe0, c[3])})
		}
		return m, nil
	case t.Codec == av.CodecH265 && !short(13): // RFC 7798 7.1; hvcC
		m.encoding = "H265/90000"
		own.parameters = fmt.Sprintf("profile-id=%d;tier-flag=%d;level-id=%d;tx-mode=SRST", c[1]&0x1f, c[1]>>5&1, c[12])
	case t.Codec == av.CodecAV1 && !short(3): // AV1 over RTP 7.2.1; av1C
		m.encoding = "AV1/90000"
		own.parameters = fmt.Sprintf("profile=%d;level-idx=%d;tier=%d", c[1]>>5, c[1]&0x1f, c[2]>>7)
	case t.Codec == av.CodecVP9 && !short(5): // RFC 9628 6; vpcC behind its version and flags
		m.encoding = "VP9/90000"
		own.parameters = fmt.Sprintf("profile-id=%d", c[4])
	default:
		return nil, fmt.Errorf("%w: video of %v, or its configuration, cannot be offered", push.ErrUnfit, t.Codec)
	}
	m.formats = append(m.formats, own)
	return m, nil
}

func h264Parameters(profile, constraints, level byte) string {
	return fmt.Sprintf("level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=%02x%02x%02x", profile, constraints, level)
}

// newAudio describes sound, which is always sent as Opus.
func newAudio(t *av.Track) *media {
	f := format{number: typeOpus, parameters: "minptime=10;useinbandfec=1"}
	if t.Channels == 2 {
		f.parameters += ";stereo=1;sprop-stereo=1" // RFC 7587 6.1: what is sent is likely to be stereo
	}
	return &media{kind: "audio", codec: av.CodecOpus, rate: 48000, encoding: "opus/48000/2", formats: []format{f}}
}

// format is the one of a payload type, or nil.
func (m *media) format(number uint8) *format {
	for i := range m.formats {
		if m.formats[i].number == number {
			return &m.formats[i]
		}
	}
	return nil
}
