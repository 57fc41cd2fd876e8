package signaling

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/pion/sdp/v3"
)

// CheckTransport checks what all sections of an offer share: one transport with its credentials. Errors are refusals.
func CheckTransport(s *sdp.SessionDescription) error {
	if !Bundled(s) {
		return Unsupported("bundle_required", "all media sections must be in one BUNDLE group") // RFC 9725 4.4
	}
	for _, m := range s.MediaDescriptions {
		for _, name := range []string{"ice-ufrag", "ice-pwd", "fingerprint"} {
			if Attribute(s, m, name) == "" {
				return BadOffer("the offer has no " + name)
			}
		}
		// RFC 8839 5.4
		if !isICE(Attribute(s, m, "ice-ufrag"), 4) || !isICE(Attribute(s, m, "ice-pwd"), 22) {
			return BadOffer("the offer's ICE credentials are malformed")
		}
		_, mux := m.Attribute("rtcp-mux")
		if media := m.MediaName.Media; !mux && (media == "audio" || media == "video") {
			return Unsupported("rtcp_mux_required", "each media section must have rtcp-mux")
		}
	}
	return nil
}

// Bundled tells whether one BUNDLE group (RFC 9143 7.1) holds all sections. Other groups may stand beside it.
func Bundled(s *sdp.SessionDescription) bool {
	group := Group(s)
	return group != nil && !slices.ContainsFunc(s.MediaDescriptions, func(m *sdp.MediaDescription) bool {
		mid, _ := m.Attribute("mid")
		return !slices.Contains(group, mid)
	})
}

// Group are the names in the BUNDLE group, in its order; nil when there is none.
func Group(s *sdp.SessionDescription) []string {
	for _, a := range s.Attributes {
		if names := strings.Fields(a.Value); a.Key == "group" && len(names) > 0 && names[0] == "BUNDLE" {
			return names[1:]
		}
	}
	return nil
}

// Transport is the section whose transport the BUNDLE group uses: the one that the group names first (RFC 9143 7.1).
func Transport(s *sdp.SessionDescription) *sdp.MediaDescription {
	group := Group(s)
	for _, m := range s.MediaDescriptions {
		if mid, ok := m.Attribute("mid"); ok && len(group) > 0 && mid == group[0] {
			return m
		}
	}
	return s.MediaDescriptions[0]
}

// Attribute is a section's attribute, or else the session's.
func Attribute(s *sdp.SessionDescription, m *sdp.MediaDescription, name string) string {
	if v, ok := m.Attribute(name); ok {
		return v
	}
	v, _ := s.Attribute(name)
	return v
}

// Direction is a section's own, or else the session's, or else the default (RFC 8866 6.7).
func Direction(m *sdp.MediaDescription, s *sdp.SessionDescription) string {
	for _, attributes := range [][]sdp.Attribute{m.Attributes, s.Attributes} {
		for _, a := range attributes {
			switch a.Key {
			case "sendonly", "sendrecv", "recvonly", "inactive":
				return a.Key
			}
		}
	}
	return "sendrecv"
}

// DropLoopback takes out of a section the candidates that only this machine can reach.
func DropLoopback(m *sdp.MediaDescription) {
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
