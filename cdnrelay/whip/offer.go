package whip

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	mathrand "math/rand/v2"
	"strconv"
	"strings"

	"github.com/pion/sdp/v3"

	"weir/rtc/peer"
	"weir/rtc/signaling"
)

// mediaStream names the one MediaStream of all tracks (RFC 9725 4.2).
const mediaStream = "weir"

// setSources gives all of them SSRCs of which none is another's or 0.
func setSources(offered []*media) {
	used := map[uint32]bool{0: true}
	draw := func() uint32 {
		for {
			if n := mathrand.Uint32(); !used[n] {
				used[n] = true
				return n
			}
		}
	}
	for _, m := range offered {
		m.ssrc = draw()
		if m.formats[0].repair != 0 {
			m.repair = draw()
		}
	}
}

// offerOf is the SDP offer (RFC 9725 4.2) with all candidates of this side.
func offerOf(local *peer.Description, offered []*media, cname string) (string, error) {
	var number [8]byte
	_, _ = rand.Read(number[:]) // never fails
	s := &sdp.SessionDescription{
		Origin: sdp.Origin{
			Username: "-", SessionID: binary.BigEndian.Uint64(number[:]) >> 2, SessionVersion: 1, // RFC 9429 5.2.1: 62 bits
			NetworkType: "IN", AddressType: "IP4", UnicastAddress: "0.0.0.0",
		},
		SessionName:      "-",
		TimeDescriptions: []sdp.TimeDescription{{}},
	}
	bundle := []string{"BUNDLE"}
	for _, m := range offered {
		bundle = append(bundle, m.kind)
	}
	s.WithValueAttribute("group", strings.Join(bundle, " ")).WithPropertyAttribute("extmap-allow-mixed")
	s.WithValueAttribute("msid-semantic", "WMS "+mediaStream)
	for i, m := range offered {
		d := m.describe(local, cname)
		if i == 0 { // RFC 9143 7.2.1: the transport is that of the first
			for _, c := range local.Candidates {
				d.WithValueAttribute("candidate", c)
			}
			d.WithPropertyAttribute("end-of-candidates")
		}
		s.MediaDescriptions = append(s.MediaDescriptions, d)
	}
	out, err := s.Marshal()
	if err != nil {
		return "", fmt.Errorf("cannot write the offer: %w", err)
	}
	return string(out), nil
}

// describe is the section of the offer.
func (m *media) describe(local *peer.Description, cname string) *sdp.MediaDescription {
	d := &sdp.MediaDescription{
		MediaName: sdp.MediaName{
			Media: m.kind, Port: sdp.RangedPort{Value: 9}, Protos: []string{"UDP", "TLS", "RTP", "SAVPF"}, Formats: m.numbers(),
		},
		ConnectionInformation: &sdp.ConnectionInformation{NetworkType: "IN", AddressType: "IP4", Address: &sdp.Address{Address: "0.0.0.0"}},
	}
	d.WithValueAttribute("mid", m.kind).WithICECredentials(local.Ufrag, local.Pwd).
		WithValueAttribute("fingerprint", local.Fingerprint).WithValueAttribute("setup", local.Setup).
		WithValueAttribute("extmap", fmt.Sprintf("%d %s", extensionMID, uriMID)).
		WithValueAttribute("extmap", fmt.Sprintf("%d %s", extensionCount, signaling.TransportCC)).
		WithPropertyAttribute("sendonly").WithValueAttribute("msid", m.msid()).
		WithPropertyAttribute("rtcp-mux").WithPropertyAttribute("rtcp-rsize")
	for _, f := range m.formats {
		m.addFormat(d, f)
	}
	m.addSources(d, cname)
	return d
}

func (m *media) msid() string { return mediaStream + " " + m.kind }

func (m *media) numbers() []string {
	var out []string
	for _, f := range m.formats {
		out = append(out, strconv.Itoa(int(f.number)))
		if f.repair != 0 {
			out = append(out, strconv.Itoa(int(f.repair)))
		}
	}
	return out
}

func (m *media) addFormat(d *sdp.MediaDescription, f format) {
	number := strconv.Itoa(int(f.number))
	d.WithValueAttribute("rtpmap", number+" "+m.encoding).WithValueAttribute("fmtp", number+" "+f.parameters)
	feedback := []string{"nack", "transport-cc"}
	if m.codec.IsVideo() {
		feedback = append(feedback, "nack pli", "ccm fir", "goog-remb")
	}
	for _, kind := range feedback {
		d.WithValueAttribute("rtcp-fb", number+" "+kind)
	}
	if f.repair != 0 { // RFC 4588 8.6
		repair := strconv.Itoa(int(f.repair))
		d.WithValueAttribute("rtpmap", fmt.Sprintf("%s rtx/%d", repair, m.rate)).WithValueAttribute("fmtp", repair+" apt="+number)
	}
}

// addSources declares the SSRCs (RFC 5576).
func (m *media) addSources(d *sdp.MediaDescription, cname string) {
	sources := []string{strconv.FormatUint(uint64(m.ssrc), 10)}
	if m.repair != 0 {
		sources = append(sources, strconv.FormatUint(uint64(m.repair), 10))
		d.WithValueAttribute("ssrc-group", "FID "+strings.Join(sources, " "))
	}
	for _, s := range sources {
		d.WithValueAttribute("ssrc", s+" cname:"+cname).WithValueAttribute("ssrc", s+" msid:"+m.msid())
	}
}
