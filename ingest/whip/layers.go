package whip

import (
	"slices"
	"strconv"
	"strings"

	"github.com/pion/sdp/v3"
	"github.com/pion/webrtc/v4"

	"weir/mux/av"
)

const (
	// maxLayers are taken of a simulcast; the answer leaves out the others, and the publisher does not send them.
	maxLayers = 3
	// maxRID is what a header extension of one byte's length can hold (RFC 8285 4.2).
	maxRID = 16
	// firstLayer is the track of the first layer in the offer's order; the others follow.
	firstLayer av.TrackID = 3
)

// streamExtensions are the header extensions that tell layers apart, by the URI that stands for each.
type streamExtensions struct{ mid, rid, repaired bool }

// readExtensions looks for the extensions of RFC 9143 15.2 and RFC 8852 4.
func readExtensions(m *sdp.MediaDescription) (e streamExtensions) {
	for _, a := range m.Attributes {
		if a.Key != "extmap" {
			continue
		}
		switch f := strings.Fields(a.Value); {
		case len(f) < 2:
		case f[1] == sdp.SDESMidURI:
			e.mid = true
		case f[1] == sdp.SDESRTPStreamIDURI:
			e.rid = true
		case f[1] == sdp.SDESRepairRTPStreamIDURI:
			e.repaired = true
		}
	}
	return e
}

// takeLayers reads the simulcast that a video section offers, and leaves in it what is taken: all layers, the first
// three of more, or none when there are not two. Its answer then agrees to those, and the publisher sends no others
// (RFC 8853 5.3.2); without any it sends one stream.
//
// known says that the SSRC of the sound is declared: see registerLayers.
func (s *section) takeLayers(m *sdp.MediaDescription, known bool) {
	rids := s.offeredLayers(m)
	dropLayers(m)
	if len(rids) < 2 || !known {
		return
	}
	s.layers = rids[:min(len(rids), maxLayers)]
	for _, rid := range s.layers {
		m.Attributes = append(m.Attributes, sdp.NewAttribute("rid", rid+" send"))
	}
	// RFC 8853 5.1: what is taken is wanted at once, also where the publisher would have begun it paused ("~").
	m.Attributes = append(m.Attributes, sdp.NewAttribute("simulcast", "send "+strings.Join(s.layers, ";")))
	dropSources(m)
	if _, ok := m.Attribute("msid"); !ok {
		m.Attributes = append(m.Attributes, sdp.NewAttribute("msid", "- video")) // the peer connection wants one
	}
}

// offeredLayers are the names of the layers, in the order of the simulcast line. They need the header extensions
// that tell their packets apart.
func (s *section) offeredLayers(m *sdp.MediaDescription) []string {
	s.extensions = readExtensions(m)
	line, ok := m.Attribute("simulcast")
	if !ok || !s.extensions.mid || !s.extensions.rid || s.codec != av.CodecH264 {
		return nil
	}
	restrictions := ridLines(m)
	var out []string
	for stream := range strings.SplitSeq(sendList(line), ";") {
		for rid := range strings.SplitSeq(stream, ",") { // alternatives, the preferred one first
			rid = strings.TrimPrefix(rid, "~")
			if pts, ok := restrictions[rid]; ok && isRID(rid) && allows(pts, s.params.PayloadType) && !slices.Contains(out, rid) {
				out = append(out, rid)
				break
			}
		}
	}
	return out
}

// sendList is the list behind "send" in a simulcast line (RFC 8853 5.1).
func sendList(line string) string {
	f := strings.Fields(line)
	for i := 0; i+1 < len(f); i += 2 {
		if f[i] == "send" {
			return f[i+1]
		}
	}
	return ""
}

// ridLines are the streams that a section may send, each with its restriction to payload types (RFC 8851 4).
func ridLines(m *sdp.MediaDescription) map[string]string {
	out := make(map[string]string)
	for _, a := range m.Attributes {
		f := strings.SplitN(a.Value, " ", 3)
		if a.Key != "rid" || len(f) < 2 || f[1] != "send" {
			continue
		}
		out[f[0]] = ""
		if len(f) == 3 {
			for p := range strings.SplitSeq(f[2], ";") {
				if pts, ok := strings.CutPrefix(strings.TrimSpace(p), "pt="); ok {
					out[f[0]] = pts
				}
			}
		}
	}
	return out
}

// allows tells whether a list of payload types has pt; an empty list allows all.
func allows(list string, pt webrtc.PayloadType) bool {
	return list == "" || slices.Contains(strings.Split(list, ","), strconv.Itoa(int(pt)))
}

// isRID tells whether a name may stand in packets and addresses: RFC 8852 3 allows letters and digits, RFC 8851 10
// two marks more.
func isRID(rid string) bool {
	return rid != "" && len(rid) <= maxRID && !strings.ContainsFunc(rid, func(c rune) bool {
		return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_'
	})
}

// dropSources takes the SSRC lines out: packets say by themselves of which layer they are.
func dropSources(m *sdp.MediaDescription) {
	m.Attributes = slices.DeleteFunc(m.Attributes, func(a sdp.Attribute) bool {
		return a.Key == "ssrc" || a.Key == "ssrc-group"
	})
}

// dropLayers takes simulcast out of a section. Its answer then agrees to none, and the publisher has to send one
// stream (RFC 8853 5.3.2).
func dropLayers(m *sdp.MediaDescription) {
	m.Attributes = slices.DeleteFunc(m.Attributes, func(a sdp.Attribute) bool {
		return a.Key == "rid" || a.Key == "simulcast"
	})
}

// registerLayers makes a media engine read the header extensions that tell layers apart. It is done for simulcast
// only: with them the peer connection drops media of sections without SSRC lines whose packets lack them.
func (s *section) registerLayers(media *webrtc.MediaEngine) error {
	uris := []string{sdp.SDESMidURI, sdp.SDESRTPStreamIDURI}
	if s.rtx != nil {
		uris = append(uris, sdp.SDESRepairRTPStreamIDURI)
	}
	for _, uri := range uris {
		if err := media.RegisterHeaderExtension(webrtc.RTPHeaderExtensionCapability{URI: uri}, s.kind); err != nil {
			return err
		}
	}
	return nil
}

// track is the id of a stream of the section by its layer's name, which is empty without simulcast; ok is false when
// it was not taken. It may be called for no section.
func (s *section) track(rid string) (id av.TrackID, ok bool) {
	switch {
	case s == nil:
		return 0, false
	case s.kind == webrtc.RTPCodecTypeAudio:
		return audioID, true
	case len(s.layers) == 0:
		return videoID, true
	}
	i := slices.Index(s.layers, rid)
	return firstLayer + av.TrackID(max(i, 0)), i >= 0
}

// layer is the name of the track's layer; empty without simulcast.
func (t *track) layer() string {
	if t.id < firstLayer {
		return ""
	}
	return t.section.layers[t.id-firstLayer]
}

// readReport reads RTCP that the publisher sends with the track.
func (t *track) readReport(receiver *webrtc.RTPReceiver, buf []byte) (n int, err error) {
	if rid := t.layer(); rid != "" {
		n, _, err = receiver.ReadSimulcast(buf, rid)
	} else {
		n, _, err = receiver.Read(buf)
	}
	return n, err
}
