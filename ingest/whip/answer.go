package whip

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/pion/sdp/v3"
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
			dropLoopback(m)
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
	p, _ := readPayload(m, uint8(pt))
	if _, there := p.fmtp[name]; there {
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

// dropLoopback takes out candidates that only this machine can reach.
func dropLoopback(m *sdp.MediaDescription) {
	kept := m.Attributes[:0]
	for _, a := range m.Attributes {
		if a.Key == "candidate" {
			// RFC 8839 5.1: foundation component transport priority address …
			if f := strings.Fields(a.Value); len(f) > 4 {
				if ip, err := netip.ParseAddr(f[4]); err == nil && ip.IsLoopback() {
					continue
				}
			}
		}
		kept = append(kept, a)
	}
	m.Attributes = kept
}
