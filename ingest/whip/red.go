package whip

import (
	"slices"
	"strconv"
	"strings"

	"github.com/pion/sdp/v3"
	"github.com/pion/webrtc/v4"

	"weir/rtc/signaling"
)

// redOf finds the payload type under which packets of p can be sent together with copies of those before (RFC 2198).
func redOf(all []signaling.Payload, p *signaling.Payload) *webrtc.RTPCodecParameters {
	pt := strconv.Itoa(int(p.Type))
	for i := range all {
		r := &all[i]
		if r.Name != "RED" || r.ClockRate != p.ClockRate || r.Channels != p.Channels {
			continue
		}
		// RFC 2198 5: fmtp lists the payload types of the blocks, which all have to be p's.
		types := strings.Split(strings.TrimSpace(r.Format), "/")
		if !slices.ContainsFunc(types, func(t string) bool { return t != pt }) {
			red := params(r)
			return &red
		}
	}
	return nil
}

// preferRED puts redundancy before the codec itself: browsers then send it, and take the first of the list otherwise.
func preferRED(m *sdp.MediaDescription, s *section) {
	if s.red == nil {
		return
	}
	red := strconv.Itoa(int(s.red.PayloadType))
	if i := slices.Index(m.MediaName.Formats, red); i > 0 {
		m.MediaName.Formats = slices.Insert(slices.Delete(m.MediaName.Formats, i, i+1), 0, red)
	}
}

// plainRTX writes the format lines of retransmission as pion reads them: the payload type that is repaired (apt) and
// nothing else. What is left out says how long the sender keeps packets (RFC 4588 8.6), which changes nothing here.
func plainRTX(m *sdp.MediaDescription) {
	for i, a := range m.Attributes {
		pt, _, _ := strings.Cut(a.Value, " ")
		n, err := strconv.ParseUint(pt, 10, 7)
		if a.Key != "fmtp" || err != nil {
			continue
		}
		if p, ok := signaling.ReadPayload(m, uint8(n)); ok && p.Name == "RTX" && p.Parameters["apt"] != "" {
			m.Attributes[i].Value = pt + " apt=" + p.Parameters["apt"]
		}
	}
}
