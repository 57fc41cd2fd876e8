package whip

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/pion/sdp/v3"

	"weir/cdnrelay/push"
	"weir/rtc/peer"
	"weir/rtc/sender"
	"weir/rtc/signaling"
)

// answer is what this side takes from a server's SDP answer.
type answer struct {
	remote     peer.Remote
	candidates []string // from "candidate:" on
}

// readAnswer checks an SDP answer to an offer of sections, and notes in them what was agreed on.
//
// Errors: push.ErrProtocol for what is no answer to the offer, push.ErrUnfit where nothing of a kind is taken.
func readAnswer(text []byte, offered []*media) (*answer, error) {
	var s sdp.SessionDescription
	if err := s.Unmarshal(text); err != nil {
		return nil, fmt.Errorf("%w: the answer is not SDP", push.ErrProtocol)
	}
	if len(s.MediaDescriptions) != len(offered) { // RFC 3264 6
		return nil, fmt.Errorf("%w: %d sections answer %d", push.ErrProtocol, len(s.MediaDescriptions), len(offered))
	}
	var transport *sdp.MediaDescription
	taken := 0
	for i, m := range offered {
		d := s.MediaDescriptions[i]
		if d.MediaName.Media != m.kind {
			return nil, fmt.Errorf("%w: %s is answered by another kind of section", push.ErrProtocol, m.kind)
		}
		if err := m.take(d, &s); err != nil {
			return nil, err
		}
		if m.taken == nil {
			continue
		}
		if taken++; transport == nil {
			transport = d
		}
	}
	switch {
	case transport == nil || offered[0].kind == "video" && offered[0].taken == nil:
		return nil, fmt.Errorf("%w: the server takes no %s of %v", push.ErrUnfit, offered[0].kind, offered[0].codec)
	case taken > 1 && !signaling.Bundled(&s):
		return nil, fmt.Errorf("%w: the server takes no BUNDLE", push.ErrProtocol) // RFC 9725 4.4
	}
	return &answer{remoteOf(&s, transport), candidatesOf(&s)}, nil
}

// take notes what the answer says of the section; one that was declined has nothing taken.
func (m *media) take(d *sdp.MediaDescription, s *sdp.SessionDescription) error {
	if way := signaling.Direction(d, s); d.MediaName.Port.Value == 0 || way == "inactive" || way == "sendonly" {
		return nil
	}
	for _, text := range d.MediaName.Formats { // RFC 3264 6.1: the first is the one to be used
		n, err := strconv.ParseUint(text, 10, 7)
		if err != nil {
			return fmt.Errorf("%w: a payload type is no number", push.ErrProtocol)
		}
		f := m.format(uint8(n))
		if f == nil {
			continue
		}
		m.taken = &sender.Track{
			Codec: m.codec, ClockRate: m.rate, PayloadType: f.number, SSRC: m.ssrc, MID: m.kind,
			MIDExtension: agreed(d, uriMID, extensionMID), CountExtension: agreed(d, signaling.TransportCC, extensionCount),
		}
		if r := signaling.Repair(signaling.Payloads(d), f.number); r != nil && r.Type == f.repair {
			m.taken.RepairType, m.taken.RepairSSRC = f.repair, m.repair
		}
		return nil
	}
	return nil
}

// agreed is the number of a header extension if the answer has it with the number of the offer (RFC 8285 7), else 0.
func agreed(d *sdp.MediaDescription, uri string, number uint8) uint8 {
	if signaling.Extension(d, uri) != number {
		return 0
	}
	return number
}

// remoteOf is what the answer says of its side.
func remoteOf(s *sdp.SessionDescription, d *sdp.MediaDescription) peer.Remote {
	r := peer.Remote{
		Ufrag: signaling.Attribute(s, d, "ice-ufrag"), Pwd: signaling.Attribute(s, d, "ice-pwd"),
		Setup: signaling.Attribute(s, d, "setup"),
	}
	_, r.Lite = s.Attribute("ice-lite")
	for _, list := range [][]sdp.Attribute{d.Attributes, s.Attributes} {
		for _, a := range list {
			if a.Key == "fingerprint" {
				r.Fingerprints = append(r.Fingerprints, a.Value)
			}
		}
		if len(r.Fingerprints) > 0 { // RFC 8122 5: those of the session stand in for a section without
			break
		}
	}
	return r
}

// candidatesOf are the server's, which stand in the section of the transport or, with some, in each.
func candidatesOf(s *sdp.SessionDescription) []string {
	var out []string
	for _, d := range s.MediaDescriptions {
		for _, a := range d.Attributes {
			if a.Key == "candidate" && len(out) < signaling.MaxCandidates {
				out = append(out, "candidate:"+strings.TrimSpace(a.Value))
			}
		}
	}
	return out
}

// ofPeer says what became of the connection in the words of pushes.
func ofPeer(err error) error {
	kind := push.ErrClosed
	switch {
	case errors.Is(err, peer.ErrNoPath), errors.Is(err, peer.ErrHandshake):
		kind = push.ErrConnect
	case errors.Is(err, peer.ErrFingerprint), errors.Is(err, peer.ErrBadRemote):
		kind = push.ErrProtocol
	}
	return fmt.Errorf("%w: %w", kind, err)
}
