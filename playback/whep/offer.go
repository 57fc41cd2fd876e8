package whep

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/pion/sdp/v3"

	"weir/mux/av"
	"weir/room/auth"
	"weir/rtc/peer"
	"weir/rtc/sender"
	"weir/rtc/signaling"
)

// maxSections is how many media sections an offer may have: two are served, and players add a data channel.
const maxSections = 8

// The header extensions that are answered.
const uriMID = "urn:ietf:params:rtp-hdrext:sdes:mid" // RFC 9143 14

// What a header of one byte has room for (RFC 8285 4.2): the highest id, and the longest MID in bytes.
const (
	maxExtension = 14
	maxMID       = 16
)

// offer is what weir takes from a viewer's SDP offer.
type offer struct {
	sections   []*section // all, in their order
	group      []string   // names of the BUNDLE group's sections, in its order
	transport  *section   // whose transport the group uses
	remote     peer.Remote
	candidates []string // of the transport, from "candidate:" on
	mixed      bool     // RFC 8285 6: headers of one and of two bytes may be mixed

	rights  auth.Rights // of the viewer
	refused bool        // a section is declined since the viewer may not receive its kind
}

// section is one media section of an offer.
type section struct {
	media    *sdp.MediaDescription
	mid      string
	payloads []signaling.Payload
	served   bool // it is the one of its kind that the stream is sent in
}

func (s *section) kind() string { return s.media.MediaName.Media }

// readOffer checks an SDP offer. The first section of each kind that the viewer may receive is served; what else there is is
// declined, such as data channels. Errors are refusals, and auth.ErrForbidden when he may receive nothing of what is offered.
func readOffer(text []byte, rights auth.Rights) (*offer, error) {
	var s sdp.SessionDescription
	if err := s.Unmarshal(text); err != nil {
		return nil, signaling.BadOffer("the body is not SDP")
	}
	if len(s.MediaDescriptions) == 0 || len(s.MediaDescriptions) > maxSections {
		return nil, signaling.BadOffer("the offer has no media section, or too many")
	}
	if err := signaling.CheckTransport(&s); err != nil {
		return nil, err
	}
	o := &offer{group: signaling.Group(&s), rights: rights}
	_, o.mixed = s.Attribute("extmap-allow-mixed")
	for _, m := range s.MediaDescriptions {
		if err := o.add(m, &s); err != nil {
			return nil, err
		}
	}
	if err := o.takeTransport(&s); err != nil {
		return nil, err
	}
	return o, nil
}

func (o *offer) add(m *sdp.MediaDescription, s *sdp.SessionDescription) error {
	one := &section{media: m, payloads: signaling.Payloads(m)}
	one.mid, _ = m.Attribute("mid")
	if one.mid == "" || slices.ContainsFunc(o.sections, func(other *section) bool { return other.mid == one.mid }) {
		return signaling.BadOffer("each media section must have a mid of its own") // RFC 9143 7.1
	}
	o.sections = append(o.sections, one)
	_, bundled := m.Attribute("bundle-only")
	if m.MediaName.Port.Value == 0 && !bundled || one.kind() != "video" && one.kind() != "audio" {
		return nil
	}
	// WHEP 4.2.5: recvonly, or sendrecv; inactive and sendonly must not be used.
	if d := signaling.Direction(m, s); d != "recvonly" && d != "sendrecv" {
		return signaling.Unsupported("not_receiving", "a media section is "+d+"; a viewer must offer recvonly")
	}
	may := o.mayReceive(one.kind())
	one.served = may && o.section(one.kind()) == nil // WHEP 4.5.2: no two tracks of a kind
	o.refused = o.refused || !may
	return nil
}

func (o *offer) mayReceive(kind string) bool {
	sound, pictures := o.rights.Receives()
	return kind == "audio" && sound || kind == "video" && pictures
}

// section is the section of a kind that is served, or nil.
func (o *offer) section(kind string) *section {
	for _, s := range o.sections {
		if s.served && s.kind() == kind {
			return s
		}
	}
	return nil
}

// takeTransport finds the section whose transport is used: of those that are served, the one that the group names first
// (RFC 9143 7.3.1).
func (o *offer) takeTransport(s *sdp.SessionDescription) error {
	for _, mid := range o.group {
		i := slices.IndexFunc(o.sections, func(one *section) bool { return one.served && one.mid == mid })
		if i >= 0 {
			o.transport = o.sections[i]
			break
		}
	}
	if o.transport == nil && o.refused {
		return fmt.Errorf("%w: the token does not allow what is offered", auth.ErrForbidden)
	}
	if o.transport == nil {
		return signaling.Unsupported("media_unsupported", "the offer has no section for audio or video")
	}
	m := o.transport.media
	// Copies, since a session keeps them, and would keep the whole offer with them.
	o.remote = peer.Remote{
		Ufrag: strings.Clone(signaling.Attribute(s, m, "ice-ufrag")), Pwd: strings.Clone(signaling.Attribute(s, m, "ice-pwd")),
		Fingerprints: fingerprints(s, m), Setup: strings.Clone(signaling.Attribute(s, m, "setup")),
	}
	_, o.remote.Lite = s.Attribute("ice-lite")
	switch o.remote.Setup {
	case "active", "actpass", "passive":
	case "":
		o.remote.Setup = "active" // RFC 4145 4.1
	default:
		return signaling.Unsupported("setup_unsupported", "setup must be actpass, active or passive")
	}
	for _, a := range m.Attributes {
		if a.Key == "candidate" && len(o.candidates) < signaling.MaxCandidates {
			o.candidates = append(o.candidates, "candidate:"+a.Value)
		}
	}
	return nil
}

// fingerprints are a section's, or else the session's (RFC 8122 5).
func fingerprints(s *sdp.SessionDescription, m *sdp.MediaDescription) []string {
	for _, attributes := range [][]sdp.Attribute{m.Attributes, s.Attributes} {
		var out []string
		for _, a := range attributes {
			if a.Key == "fingerprint" {
				out = append(out, strings.Clone(a.Value))
			}
		}
		if len(out) > 0 {
			return out
		}
	}
	return nil
}

// mids are the names of the sections.
func (o *offer) mids() []string {
	var out []string
	for _, s := range o.sections {
		out = append(out, strings.Clone(s.mid))
	}
	return out
}

// described are the candidates in short.
func (o *offer) described() []string {
	var out []string
	for _, c := range o.candidates {
		out = append(out, signaling.Describe(c))
	}
	return out
}

// agreed is what offer and answer say of one kind of media.
type agreed struct {
	section  *section
	codec    av.Codec
	payload  signaling.Payload
	inactive bool  // nothing is sent
	stereo   bool  // sound of two channels
	repair   uint8 // payload type of retransmissions (RFC 4588), or 0

	ssrc, repairSSRC uint32 // repairSSRC is 0 without repair

	// Ids of header extensions, 0 where they were not offered.
	mid, transportCC uint8
	// Kinds of feedback that the viewer will send.
	nack, pli, fir, remb bool
}

// agree chooses the codecs for a stream as it is now. Sound and video may come later and are agreed on in any case, video
// with what is most likely its codec then. But beside sound it is inactive until then: browsers play no sound beside video
// that does not come.
//
// Errors are refusals: 406 where the offer has no codec that fits, and nothing is served by halves.
func (o *offer) agree(ts av.Tracks) ([]*agreed, error) {
	var all []*agreed
	for _, s := range o.sections {
		if !s.served {
			continue
		}
		agree, t := s.agreeAudio, ts.Audio()
		if s.kind() == "video" {
			agree, t = s.agreeVideo, ts.Video()
		}
		a, err := agree(t)
		if err != nil {
			return nil, err
		}
		a.inactive = a.codec.IsVideo() && ts.Video() == nil && ts.Audio() != nil && o.section("audio") != nil
		all = append(all, a)
	}
	return all, nil
}

// unpublished are the codecs of a video that is still to come, the likeliest first.
var unpublished = []av.Codec{av.CodecH264, av.CodecVP9, av.CodecH265, av.CodecAV1}

func (s *section) agreeVideo(t *av.Track) (*agreed, error) {
	if t != nil {
		if p := choose(s.payloads, t); p != nil {
			return s.take(t.Codec, p), nil
		}
		return nil, noCodec(fmt.Sprintf("the stream's video is %s", describe(t)), s)
	}
	for _, c := range unpublished {
		if p := choose(s.payloads, &av.Track{Codec: c}); p != nil {
			return s.take(c, p), nil
		}
	}
	return nil, noCodec(fmt.Sprintf("video is %v", unpublished), s)
}

// agreeAudio agrees on Opus: sound of another codec is turned.
func (s *section) agreeAudio(t *av.Track) (*agreed, error) {
	for i := range s.payloads {
		if p := &s.payloads[i]; p.Name == "OPUS" && p.ClockRate == 48000 { // RFC 7587 4.1
			a := s.take(av.CodecOpus, p)
			a.stereo = t != nil && t.Channels == 2
			return a, nil
		}
	}
	return nil, noCodec("sound is Opus", s)
}

func noCodec(is string, s *section) error {
	return signaling.Refuse(http.StatusNotAcceptable, "no_common_codec",
		fmt.Sprintf("%s, and the offer has nothing that fits; it has %v", is, signaling.Names(s.payloads)))
}

// take agrees on a payload type, with what the section offers for it.
func (s *section) take(c av.Codec, p *signaling.Payload) *agreed {
	offers := func(kind string) bool { return signaling.OffersFeedback(s.media, p.Type, kind) }
	a := &agreed{section: s, codec: c, payload: *p, nack: offers("nack")}
	if c.IsVideo() {
		a.pli, a.fir = offers("nack pli"), offers("ccm fir")
	}
	if r := signaling.Repair(s.payloads, p.Type); r != nil && a.nack {
		a.repair = r.Type
	}
	if offers("transport-cc") {
		a.transportCC = extension(s.media, signaling.TransportCC)
	}
	a.remb = a.transportCC == 0 && offers("goog-remb") // the older way to say what the path carries
	if len(s.mid) <= maxMID {
		a.mid = extension(s.media, uriMID)
	}
	return a
}

// extension is the id of a header extension, or 0 when it was not offered or does not fit into a header of one byte each.
func extension(m *sdp.MediaDescription, uri string) uint8 {
	if id := signaling.Extension(m, uri); id <= maxExtension {
		return id
	}
	return 0
}

// track is what the sender has to know.
func (a *agreed) track() *sender.Track {
	return &sender.Track{
		Codec: a.codec, ClockRate: a.payload.ClockRate, PayloadType: a.payload.Type, SSRC: a.ssrc,
		RepairType: a.repair, RepairSSRC: a.repairSSRC,
		MID: strings.Clone(a.section.mid), MIDExtension: a.mid, CountExtension: a.transportCC,
	}
}
