package whip

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/pion/sdp/v3"

	"weir/rtc/signaling"
)

// finishAnswer adds to the peer connection's answer what it has no words for, and takes out the candidates that
// the client cannot reach.
func finishAnswer(text string, o *offer, startBitrate int, clientIsLocal bool) (string, error) {
	var s sdp.SessionDescription
	if err := s.UnmarshalString(text); err != nil {
		return "", fmt.Errorf("cannot read the answer: %w", err)
	}
	for _, m := range s.MediaDescriptions {
		section := o.audio
		if m.MediaName.Media == "video" {
			section = o.video
			// Without it Chromium begins a 720p source at 320x180 and climbs for 15 s, with a new SPS each step.
			addFormat(m, section, "x-google-start-bitrate", strconv.Itoa(startBitrate))
		} else if section.stereo {
			addFormat(m, section, "stereo", "1") // RFC 7587 6.1: we prefer to receive stereo
		}
		preferRED(m, section)
		if _, there := m.Attribute(attrMuxOnly); section.muxOnly && !there {
			m.WithPropertyAttribute(attrMuxOnly) // RFC 9725 4.4
		}
		if !clientIsLocal {
			signaling.DropLoopback(m)
		}
	}
	out, err := s.Marshal()
	if err != nil {
		return "", fmt.Errorf("cannot write the answer: %w", err)
	}
	return string(out), nil
}

// addFormat adds a parameter to the format line of the section's codec, unless the line has it.
func addFormat(m *sdp.MediaDescription, s *section, name, value string) {
	pt := s.params.PayloadType
	p, _ := signaling.ReadPayload(m, uint8(pt))
	if _, there := p.Parameters[name]; there {
		return
	}
	prefix := strconv.Itoa(int(pt)) + " "
	for i, a := range m.Attributes {
		if a.Key == "fmtp" && strings.HasPrefix(a.Value, prefix) {
			m.Attributes[i].Value += ";" + name + "=" + value
			return
		}
	}
	m.Attributes = append(m.Attributes, sdp.NewAttribute("fmtp", prefix+name+"="+value))
}
