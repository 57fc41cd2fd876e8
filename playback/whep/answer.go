package whep

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"

	"github.com/pion/sdp/v3"

	"weir/rtc/peer"
	"weir/rtc/signaling"
)

// mediaStream names the one MediaStream of all tracks (WHEP 4.5.2), which all players show: that of "-" would be none (RFC
// 8830 2). Chromium refuses descriptions in which two tracks have the same name beside it, so those are by kind.
const mediaStream = "weir"

func (a *agreed) msid() string { return mediaStream + " " + a.section.kind() }

// setSources gives all of them SSRCs of which none is another's or 0.
func setSources(media []*agreed) {
	used := map[uint32]bool{0: true}
	draw := func() uint32 {
		for {
			if n := rand.Uint32(); !used[n] {
				used[n] = true
				return n
			}
		}
	}
	for _, a := range media {
		a.ssrc = draw()
		if a.repair != 0 {
			a.repairSSRC = draw()
		}
	}
}

// answer is the SDP answer (RFC 9429 5.3.1) with all candidates of this side.
func (o *offer) answer(local *peer.Description, media []*agreed, id uint64, cname string) (string, error) {
	s := &sdp.SessionDescription{
		Origin: sdp.Origin{
			Username: "-", SessionID: id, SessionVersion: 1, NetworkType: "IN", AddressType: "IP4", UnicastAddress: "0.0.0.0",
		},
		SessionName:      "-",
		TimeDescriptions: []sdp.TimeDescription{{}},
	}
	s.WithValueAttribute("group", o.bundle()).WithValueAttribute("msid-semantic", "WMS "+mediaStream)
	if o.mixed {
		s.WithPropertyAttribute("extmap-allow-mixed")
	}
	for _, one := range o.sections {
		i := slices.IndexFunc(media, func(a *agreed) bool { return a.section == one })
		if i < 0 {
			s.MediaDescriptions = append(s.MediaDescriptions, one.decline())
			continue
		}
		m := media[i].answer(local, cname)
		if one == o.transport {
			for _, c := range local.Candidates {
				m.WithValueAttribute("candidate", c)
			}
			m.WithPropertyAttribute("end-of-candidates")
		}
		s.MediaDescriptions = append(s.MediaDescriptions, m)
	}
	out, err := s.Marshal()
	if err != nil {
		return "", fmt.Errorf("cannot write the answer: %w", err)
	}
	return string(out), nil
}

// bundle is the group of the sections that are served (RFC 9143 7.3.3), the transport's first.
func (o *offer) bundle() string {
	out := []string{"BUNDLE", o.transport.mid}
	for _, mid := range o.group {
		if slices.ContainsFunc(o.sections, func(s *section) bool { return s.served && s.mid == mid && s != o.transport }) {
			out = append(out, mid)
		}
	}
	return strings.Join(out, " ")
}

// newMedia is a section of the answer to one of the offer.
func (s *section) newMedia(port int, formats []string) *sdp.MediaDescription {
	name := s.media.MediaName
	m := &sdp.MediaDescription{
		MediaName:             sdp.MediaName{Media: name.Media, Port: sdp.RangedPort{Value: port}, Protos: name.Protos, Formats: formats},
		ConnectionInformation: &sdp.ConnectionInformation{NetworkType: "IN", AddressType: "IP4", Address: &sdp.Address{Address: "0.0.0.0"}},
	}
	return m.WithValueAttribute("mid", s.mid)
}

// decline answers a section that is not served (RFC 3264 6: port 0, and a format to be ignored, of which some players want to
// know all the same what it is).
func (s *section) decline() *sdp.MediaDescription {
	formats := s.media.MediaName.Formats
	formats = formats[:min(1, len(formats))]
	m := s.newMedia(0, formats)
	for _, a := range s.media.Attributes {
		if a.Key == "rtpmap" && len(formats) > 0 && strings.HasPrefix(a.Value, formats[0]+" ") {
			m.WithValueAttribute("rtpmap", a.Value)
		}
	}
	return m.WithPropertyAttribute("inactive")
}

// answer is the section in which it is sent.
func (a *agreed) answer(local *peer.Description, cname string) *sdp.MediaDescription {
	pt := strconv.Itoa(int(a.payload.Type))
	formats := []string{pt}
	if a.repair != 0 {
		formats = append(formats, strconv.Itoa(int(a.repair)))
	}
	m := a.section.newMedia(9, formats).
		WithICECredentials(local.Ufrag, local.Pwd).WithValueAttribute("ice-options", "trickle").
		WithValueAttribute("fingerprint", local.Fingerprint).WithValueAttribute("setup", local.Setup)
	a.addExtensions(m)
	if a.inactive {
		m.WithPropertyAttribute("inactive")
	} else {
		m.WithPropertyAttribute("sendonly").WithValueAttribute("msid", a.msid())
	}
	m.WithPropertyAttribute("rtcp-mux")
	for _, name := range []string{"rtcp-mux-only", "rtcp-rsize"} { // RFC 8858 4, RFC 5506 5
		if _, offered := a.section.media.Attribute(name); offered {
			m.WithPropertyAttribute(name)
		}
	}
	a.addFormats(m, pt)
	if !a.inactive {
		a.addSources(m, cname)
	}
	return m
}

func (a *agreed) addExtensions(m *sdp.MediaDescription) {
	for _, e := range []struct {
		id  uint8
		uri string
	}{{a.mid, uriMID}, {a.transportCC, signaling.TransportCC}} {
		if e.id != 0 {
			m.WithValueAttribute("extmap", strconv.Itoa(int(e.id))+" "+e.uri)
		}
	}
}

func (a *agreed) addFormats(m *sdp.MediaDescription, pt string) {
	_, encoding, _ := strings.Cut(a.payload.MIME, "/")
	rtpmap := fmt.Sprintf("%s %s/%d", pt, encoding, a.payload.ClockRate)
	if a.payload.Channels > 0 {
		rtpmap += "/" + strconv.Itoa(int(a.payload.Channels))
	}
	m.WithValueAttribute("rtpmap", rtpmap)
	if p := a.parameters(); p != "" {
		m.WithValueAttribute("fmtp", pt+" "+p)
	}
	for _, fb := range []struct {
		agreed bool
		kind   string
	}{{a.transportCC != 0, "transport-cc"}, {a.remb, "goog-remb"}, {a.nack, "nack"}, {a.pli, "nack pli"}, {a.fir, "ccm fir"}} {
		if fb.agreed {
			m.WithValueAttribute("rtcp-fb", pt+" "+fb.kind)
		}
	}
	if a.repair != 0 { // RFC 4588 8.6
		m.WithValueAttribute("rtpmap", fmt.Sprintf("%d rtx/%d", a.repair, a.payload.ClockRate))
		m.WithValueAttribute("fmtp", fmt.Sprintf("%d apt=%s", a.repair, pt))
	}
}

// addSources declares the SSRCs (RFC 5576), since not every player finds packets by their MID.
func (a *agreed) addSources(m *sdp.MediaDescription, cname string) {
	if a.repairSSRC != 0 {
		m.WithValueAttribute("ssrc-group", fmt.Sprintf("FID %d %d", a.ssrc, a.repairSSRC))
	}
	for _, ssrc := range []uint32{a.ssrc, a.repairSSRC} {
		if ssrc != 0 {
			m.WithValueAttribute("ssrc", fmt.Sprintf("%d cname:%s", ssrc, cname))
			m.WithValueAttribute("ssrc", fmt.Sprintf("%d msid:%s", ssrc, a.msid()))
		}
	}
}

// fragmentHead is what a session keeps of its offer: how a fragment names the section whose transport is used.
type fragmentHead struct{ group, media, mid string }

func (o *offer) fragmentHead() fragmentHead {
	m := o.transport.newMedia(9, o.transport.media.MediaName.Formats)
	return fragmentHead{group: o.bundle(), media: m.MediaName.String(), mid: strings.Clone(o.transport.mid)}
}

// restarted is the fragment that answers an ICE restart (WHEP 4.4.3): the credentials and all candidates.
func (f *fragmentHead) restarted(local *peer.Description) string {
	var b strings.Builder
	line := func(name, value string) { b.WriteString("a=" + name + ":" + value + "\r\n") }
	line("ice-options", "trickle")
	line("group", f.group)
	b.WriteString("m=" + f.media + "\r\n")
	line("mid", f.mid)
	line("ice-ufrag", local.Ufrag)
	line("ice-pwd", local.Pwd)
	for _, c := range local.Candidates {
		line("candidate", c)
	}
	b.WriteString("a=end-of-candidates\r\n")
	return b.String()
}
