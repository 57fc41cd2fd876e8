package crowd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"strconv"
	"strings"

	"github.com/pion/sdp/v3"
)

// ErrWHEPAnswer means an answer that a viewer cannot use.
var ErrWHEPAnswer = errors.New("the answer cannot be used")

// The payload types and header extensions that viewers offer.
const (
	offerOpus  = 111
	offerH264  = 102
	offerRTX   = 103
	offerTWCC  = 3 // the extension's id
	rtcpFirst  = 192
	rtcpLast   = 223
	videoClock = 90000
)

// offer is what a viewer asks for, as browsers write it. local is its only candidate.
func offer(ufrag, pwd, fingerprint string, local netip.AddrPort) string {
	var b strings.Builder
	b.WriteString("v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1\r\na=extmap-allow-mixed\r\na=msid-semantic: WMS\r\n")
	section := func(mid int, kind string, payloads string, lines ...string) {
		fmt.Fprintf(&b, "m=%s 9 UDP/TLS/RTP/SAVPF %s\r\nc=IN IP4 0.0.0.0\r\na=rtcp:9 IN IP4 0.0.0.0\r\n", kind, payloads)
		fmt.Fprintf(&b, "a=ice-ufrag:%s\r\na=ice-pwd:%s\r\na=fingerprint:sha-256 %s\r\na=setup:actpass\r\na=mid:%d\r\n", ufrag, pwd, fingerprint, mid)
		fmt.Fprintf(&b, "a=extmap:%d http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01\r\n", offerTWCC)
		b.WriteString("a=recvonly\r\na=rtcp-mux\r\na=rtcp-rsize\r\n")
		for _, l := range lines {
			b.WriteString("a=" + l + "\r\n")
		}
		fmt.Fprintf(&b, "a=candidate:1 1 udp 2130706431 %s %d typ host\r\na=end-of-candidates\r\n", local.Addr(), local.Port())
	}
	section(0, "audio", strconv.Itoa(offerOpus), "rtpmap:111 opus/48000/2", "rtcp-fb:111 transport-cc", "rtcp-fb:111 nack",
		"fmtp:111 minptime=10;stereo=1;useinbandfec=1")
	section(1, "video", fmt.Sprint(offerH264, " ", offerRTX), "rtpmap:102 H264/90000", "rtcp-fb:102 transport-cc", "rtcp-fb:102 ccm fir",
		"rtcp-fb:102 nack", "rtcp-fb:102 nack pli", "fmtp:102 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f",
		"rtpmap:103 rtx/90000", "fmtp:103 apt=102")
	return b.String()
}

// whepAnswer is what of the server's answer is needed.
type whepAnswer struct {
	session    string // URL path
	ufrag, pwd string
	active     bool // the server begins the DTLS handshake
	server     netip.AddrPort
	twcc       int // id of the extension; 0 when it is not used
	video      int // payload type
}

// askWHEP posts the offer.
func askWHEP(ctx context.Context, addr, path, offer string) (whepAnswer, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+addr+path, strings.NewReader(offer))
	if err != nil {
		return whepAnswer{}, fmt.Errorf("cannot ask: %w", err)
	}
	req.Header.Set("Content-Type", "application/sdp")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return whepAnswer{}, fmt.Errorf("cannot ask: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	if err != nil {
		return whepAnswer{}, fmt.Errorf("cannot ask: %w", err)
	}
	if resp.StatusCode != http.StatusCreated {
		return whepAnswer{}, fmt.Errorf("cannot watch: %s: %s", resp.Status, text)
	}
	a, err := parseWHEP(string(text))
	a.session = resp.Header.Get("Location")
	return a, err
}

// parseWHEP reads an answer. The transport is that of the first section, for all are bundled.
func parseWHEP(text string) (whepAnswer, error) {
	var desc sdp.SessionDescription
	if err := desc.UnmarshalString(text); err != nil {
		return whepAnswer{}, fmt.Errorf("%w: %w", ErrWHEPAnswer, err)
	}
	var a whepAnswer
	get := func(m *sdp.MediaDescription, key string) string {
		if v, ok := m.Attribute(key); ok {
			return v
		}
		v, _ := desc.Attribute(key)
		return v
	}
	for _, m := range desc.MediaDescriptions {
		if a.ufrag == "" {
			a.ufrag, a.pwd = get(m, "ice-ufrag"), get(m, "ice-pwd")
			a.active = get(m, "setup") == "active"
		}
		if m.MediaName.Media == "video" && len(m.MediaName.Formats) > 0 {
			a.video, _ = strconv.Atoi(m.MediaName.Formats[0])
		}
		for _, attr := range m.Attributes {
			switch {
			case attr.Key == "candidate":
				a.candidate(attr.Value)
			case attr.Key == "extmap" && strings.Contains(attr.Value, "transport-wide-cc"):
				id, _, _ := strings.Cut(attr.Value, " ")
				a.twcc, _ = strconv.Atoi(id)
			}
		}
	}
	if a.ufrag == "" || a.pwd == "" || !a.server.IsValid() || a.video == 0 {
		return a, ErrWHEPAnswer
	}
	return a, nil
}

// candidate takes a candidate over UDP and IPv4 (RFC 8839 5.1), loopback if there is one.
func (a *whepAnswer) candidate(line string) {
	fields := strings.Fields(line)
	if len(fields) < 6 || !strings.EqualFold(fields[2], "udp") {
		return
	}
	to, err := netip.ParseAddrPort(fields[4] + ":" + fields[5])
	if err != nil || !to.Addr().Is4() || a.server.IsValid() && !to.Addr().IsLoopback() {
		return
	}
	a.server = to
}
