package whip

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pion/sdp/v3"
	"github.com/pion/webrtc/v4"

	"weir/mux/av"
	"weir/mux/codec/opus"
	"weir/rtc/signaling"
)

const (
	maxSections = 8 // media sections in an offer; more than two are refused anyway, with a better reason
	attrMuxOnly = "rtcp-mux-only"
)

// offer is what weir takes from an SDP offer.
type offer struct {
	video, audio *section
	text         string   // what the peer connection is given to answer
	ufrag, pwd   string   // of the publisher's ICE session
	offered      []string // the publisher's candidates that stand in text, in short
	mids         []string // names of the sections
}

// tracks are the ids of the tracks announced.
func (o *offer) tracks() []av.TrackID {
	var ids []av.TrackID
	if o.video != nil {
		ids = append(ids, videoID)
	}
	if o.audio != nil {
		ids = append(ids, audioID)
	}
	return ids
}

// sound is the audio track as it is offered, or nil.
func (o *offer) sound() *av.Track {
	if o.audio == nil {
		return nil
	}
	n := o.audio.channels()
	return &av.Track{
		ID: audioID, Codec: av.CodecOpus, ClockRate: opus.ClockRate, Channels: n, Config: opus.AppendHead(nil, n, 0),
	}
}

// channels is how many the sound has, as far as the offer tells (RFC 7587 6.1).
func (s *section) channels() int {
	if s.stereo {
		return 2
	}
	return 1
}

// layers are the names of the simulcast layers that are taken.
func (o *offer) layers() []string {
	if o.video == nil {
		return nil
	}
	return o.video.layers
}

// section is one media section and the codec chosen in it.
type section struct {
	kind  webrtc.RTPCodecType
	codec av.Codec
	// params are as the offer has them, feedback reduced to what is really sent.
	params webrtc.RTPCodecParameters
	rtx    *webrtc.RTPCodecParameters
	red    *webrtc.RTPCodecParameters // copies of packets in later ones; nil when it is not offered
	// transportCC is the id of the header extension; 0 when there is none.
	transportCC uint8
	muxOnly     bool     // RFC 8858: RTCP has no port of its own
	stereo      bool     // RFC 7587 6.1: the sender is likely to send stereo
	sets        [][]byte // RFC 6184 8.1, RFC 7798 7.1: parameter sets
	declared    bool     // the offer names its SSRC
	extensions  streamExtensions
	layers      []string // names of the simulcast layers that are taken; nil without simulcast
}

// readOffer checks an SDP offer and chooses the codecs. Video is H.264 wherever it is offered, else the first of
// codecs; an offer of which a part cannot be served is refused as a whole.
func readOffer(text []byte, codecs []av.Codec) (*offer, error) {
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
	if slices.ContainsFunc(s.MediaDescriptions, func(m *sdp.MediaDescription) bool { return signaling.Attribute(&s, m, "setup") == "passive" }) {
		return nil, signaling.Unsupported("setup_passive", "the offer must have setup:actpass or setup:active")
	}
	o := new(offer)
	for _, m := range s.MediaDescriptions {
		o.mids = append(o.mids, signaling.Attribute(&s, m, "mid"))
		plainRTX(m)
		if err := o.add(m, &s, codecs); err != nil {
			return nil, err
		}
		o.boundCandidates(m)
	}
	for _, m := range s.MediaDescriptions {
		if err := o.takeSources(m); err != nil {
			return nil, err
		}
	}
	first := signaling.Transport(&s)
	o.ufrag, o.pwd = signaling.Attribute(&s, first, "ice-ufrag"), signaling.Attribute(&s, first, "ice-pwd")
	one, err := s.Marshal()
	if err != nil {
		return nil, signaling.BadOffer("the body is not SDP")
	}
	o.text = string(one)
	return o, nil
}

// takeSources settles which streams of a section are taken: one, or the layers of a simulcast, and their repair.
func (o *offer) takeSources(m *sdp.MediaDescription) error {
	s, kind := o.audio, m.MediaName.Media
	if kind == "video" {
		s = o.video
	}
	declared := sources(m)
	s.takeLayers(m, o.audio == nil || o.audio.declared)
	switch {
	case len(s.layers) > 0:
		// Where SSRC lines stand beside the layers, repair packets may name a layer as if they were its media.
		if len(declared) > 0 || !s.extensions.repaired {
			s.rtx = nil
		}
	case len(declared) > 1:
		return signaling.Unsupported("too_many_tracks", "the "+kind+" section has more than one source") // RFC 9725 4.4.2
	case len(declared) == 0:
		s.rtx = nil // nothing would tell the repair stream from the media
	}
	return nil
}

// boundCandidates leaves out the candidates that are too many.
func (o *offer) boundCandidates(m *sdp.MediaDescription) {
	m.Attributes = slices.DeleteFunc(m.Attributes, func(a sdp.Attribute) bool {
		if a.Key != "candidate" || len(o.offered) >= signaling.MaxCandidates {
			return a.Key == "candidate"
		}
		o.offered = append(o.offered, signaling.Describe(a.Value))
		return false
	})
}

func (o *offer) add(m *sdp.MediaDescription, s *sdp.SessionDescription, codecs []av.Codec) error {
	if err := checkDirection(m, s); err != nil {
		return err
	}
	kind := m.MediaName.Media
	switch {
	case kind == "video" && o.video == nil:
		v, err := chooseVideo(m, codecs)
		o.video = v
		return err
	case kind == "audio" && o.audio == nil:
		a, err := chooseAudio(m)
		o.audio = a
		return err
	case kind == "video" || kind == "audio":
		// RFC 9725 4.4.2: one MediaStream, no more than a track of each kind; else 422 or 400.
		return signaling.Unsupported("too_many_tracks", "the offer has more than one "+kind+" section")
	default:
		return signaling.Unsupported("media_unsupported", "the offer has a section that is neither audio nor video")
	}
}

func checkDirection(m *sdp.MediaDescription, s *sdp.SessionDescription) error {
	if d := signaling.Direction(m, s); d == "recvonly" || d == "inactive" {
		return signaling.Unsupported("not_sending", "a media section is "+d+"; a publisher must offer sendonly")
	}
	if _, bundled := m.Attribute("bundle-only"); m.MediaName.Port.Value == 0 && !bundled {
		return signaling.Unsupported("not_sending", "a media section is switched off (port 0)")
	}
	return nil
}

// sources are the SSRCs of a section that carry media of their own and not the repair of others (RFC 5576 4.2).
func sources(m *sdp.MediaDescription) map[string]bool {
	out := make(map[string]bool)
	for _, a := range m.Attributes {
		if a.Key == "ssrc" {
			id, _, _ := strings.Cut(a.Value, " ")
			out[id] = true
		}
	}
	for _, a := range m.Attributes {
		f := strings.Fields(a.Value)
		if a.Key == "ssrc-group" && len(f) > 2 && (f[0] == "FID" || f[0] == "FEC-FR") {
			for _, repair := range f[2:] {
				delete(out, repair)
			}
		}
	}
	return out
}

func chooseVideo(m *sdp.MediaDescription, codecs []av.Codec) (*section, error) {
	all := signaling.Payloads(m)
	for _, c := range h264First(codecs) {
		f := formats[c]
		if p := f.best(all); p != nil {
			s := newSection(m, webrtc.RTPCodecTypeVideo, c, *p, all)
			s.params.SDPFmtpLine = f.answer(p.Parameters)
			s.sets = f.parameterSets(p.Parameters)
			return s, nil
		}
	}
	return nil, signaling.Unsupported("no_common_codec", fmt.Sprintf("the offer has none of the video codecs %v; it has %v", codecs, signaling.Names(all)))
}

// h264First puts H.264, which every output carries, before the other codecs.
func h264First(codecs []av.Codec) []av.Codec {
	out := slices.Clone(codecs)
	slices.SortStableFunc(out, func(a, b av.Codec) int {
		switch {
		case a == b:
			return 0
		case a == av.CodecH264:
			return -1
		case b == av.CodecH264:
			return 1
		default:
			return 0
		}
	})
	return out
}

func chooseAudio(m *sdp.MediaDescription) (*section, error) {
	all := signaling.Payloads(m)
	for _, p := range all {
		if p.Name == "OPUS" && p.ClockRate == 48000 { // RFC 7587 4.1: always 48000
			s := newSection(m, webrtc.RTPCodecTypeAudio, av.CodecOpus, p, all)
			s.red = redOf(all, &p)
			s.stereo = p.Parameters["sprop-stereo"] == "1" || p.Parameters["stereo"] == "1"
			return s, nil
		}
	}
	return nil, signaling.Unsupported("no_common_codec", fmt.Sprintf("the offer has no Opus; it has %v", signaling.Names(all)))
}

func newSection(m *sdp.MediaDescription, kind webrtc.RTPCodecType, c av.Codec, p signaling.Payload, all []signaling.Payload) *section {
	s := &section{kind: kind, codec: c, params: params(&p), transportCC: signaling.Extension(m, signaling.TransportCC)}
	s.declared = len(sources(m)) > 0
	_, s.muxOnly = m.Attribute(attrMuxOnly)
	s.params.RTCPFeedback = s.feedback(m)
	if r := signaling.Repair(all, p.Type); r != nil {
		rtx := params(r)
		s.rtx = &rtx
	}
	return s
}

// params is a payload type as the library takes it.
func params(p *signaling.Payload) webrtc.RTPCodecParameters {
	return webrtc.RTPCodecParameters{
		RTPCodecCapability: webrtc.RTPCodecCapability{
			MimeType: p.MIME, ClockRate: p.ClockRate, Channels: p.Channels, SDPFmtpLine: p.Format,
		},
		PayloadType: webrtc.PayloadType(p.Type),
	}
}

// feedback is what is offered of that which weir really sends.
func (s *section) feedback(m *sdp.MediaDescription) []webrtc.RTCPFeedback {
	sent := []webrtc.RTCPFeedback{{Type: "nack"}}
	if s.kind == webrtc.RTPCodecTypeVideo {
		sent = append(sent, webrtc.RTCPFeedback{Type: "nack", Parameter: "pli"})
	}
	if s.transportCC != 0 {
		sent = append(sent, webrtc.RTCPFeedback{Type: "transport-cc"})
	}
	var out []webrtc.RTCPFeedback
	for _, fb := range sent {
		if signaling.OffersFeedback(m, uint8(s.params.PayloadType), strings.TrimSpace(fb.Type+" "+fb.Parameter)) {
			out = append(out, fb)
		}
	}
	return out
}

// sends tells whether a kind of feedback was agreed on.
func (s *section) sends(kind, parameter string) bool {
	return slices.Contains(s.params.RTCPFeedback, webrtc.RTCPFeedback{Type: kind, Parameter: parameter})
}
