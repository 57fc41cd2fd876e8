package whip

import (
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/pion/dtls/v3"
	"github.com/pion/webrtc/v4"
)

// client is a publisher of nothing: a peer connection that offers video and sound as a test wants it.
type client struct {
	t        *testing.T
	pc       *webrtc.PeerConnection
	location string
}

// connectClient offers and takes the answer. edit may change the offer on its way.
func connectClient(t *testing.T, s *server, settings func(*webrtc.SettingEngine), edit func(sdp string) string) *client {
	t.Helper()
	var media webrtc.MediaEngine
	if err := media.RegisterDefaultCodecs(); err != nil {
		t.Fatal(err)
	}
	se := webrtc.SettingEngine{LoggerFactory: discard()}
	se.SetIncludeLoopbackCandidate(true)
	se.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})
	if settings != nil {
		settings(&se)
	}
	api := webrtc.NewAPI(webrtc.WithMediaEngine(&media), webrtc.WithSettingEngine(se))
	c := &client{t: t, pc: must(api.NewPeerConnection(webrtc.Configuration{}))}
	t.Cleanup(func() { _ = c.pc.GracefulClose() })
	for _, kind := range []webrtc.RTPCodecType{webrtc.RTPCodecTypeVideo, webrtc.RTPCodecTypeAudio} {
		mime := map[webrtc.RTPCodecType]string{webrtc.RTPCodecTypeVideo: webrtc.MimeTypeH264, webrtc.RTPCodecTypeAudio: webrtc.MimeTypeOpus}[kind]
		track := must(webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: mime}, kind.String(), "s"))
		if _, err := c.pc.AddTransceiverFromTrack(track, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly}); err != nil {
			t.Fatal(err)
		}
	}
	gathered := webrtc.GatheringCompletePromise(c.pc)
	if err := c.pc.SetLocalDescription(must(c.pc.CreateOffer(nil))); err != nil {
		t.Fatal(err)
	}
	<-gathered
	text := c.pc.LocalDescription().SDP
	if edit != nil {
		text = edit(text)
	}
	w := s.call(call{method: "POST", path: "/whip/room/cam", kind: "application/sdp", token: token(t, "host"), body: text, from: aLocalClient})
	if w.Code != http.StatusCreated {
		t.Fatalf("the offer was refused with %d %s", w.Code, w.Body)
	}
	c.location = w.Header().Get("Location")
	if err := c.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: w.Body.String()}); err != nil {
		t.Fatal(err)
	}
	return c
}

func (c *client) connected() bool {
	return c.pc.ConnectionState() == webrtc.PeerConnectionStateConnected
}

// cipher is what the server's side of the only session protects media with.
func (s *server) cipher() string {
	s.handler.mu.Lock()
	defer s.handler.mu.Unlock()
	for _, o := range s.handler.sessions {
		for _, st := range o.pc.GetStats() {
			if tr, ok := st.(webrtc.TransportStats); ok && tr.SRTPCipher != "" {
				return tr.SRTPCipher
			}
		}
	}
	return ""
}

func TestSRTPProfiles(t *testing.T) {
	t.Parallel()
	const gcm, cm = dtls.SRTP_AEAD_AES_128_GCM, dtls.SRTP_AES128_CM_HMAC_SHA1_80
	for _, tc := range []struct {
		name    string
		offered []dtls.SRTPProtectionProfile
		want    string
	}{
		{"AES-GCM before all others", []dtls.SRTPProtectionProfile{cm, gcm}, "SRTP_AEAD_AES_128_GCM"},
		{"AES-GCM alone", []dtls.SRTPProtectionProfile{gcm}, "SRTP_AEAD_AES_128_GCM"},
		{"AES-CM alone", []dtls.SRTPProtectionProfile{cm}, "SRTP_AES128_CM_HMAC_SHA1_80"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t)
			c := connectClient(t, s, func(se *webrtc.SettingEngine) { se.SetSRTPProtectionProfiles(tc.offered...) }, nil)
			eventually(t, "the connection", func() bool { return c.connected() && s.cipher() != "" })
			if got := s.cipher(); got != tc.want {
				t.Errorf("media is protected by %s, want %s", got, tc.want)
			}
			// Ended here and not by the client: pion's GetStats is no barrier to a close that comes from the network.
			s.delete(c.location, token(t, "host"))
		})
	}
}

// A network that lets no UDP through is passed by TCP on the same port.
func TestConnectByTCP(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	c := connectClient(t, s, func(se *webrtc.SettingEngine) { se.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeTCP4}) }, nil)
	eventually(t, "the connection", c.connected)
	pair, err := c.pc.SCTP().Transport().ICETransport().GetSelectedCandidatePair()
	if err != nil {
		t.Fatal(err)
	}
	if pair.Remote.Protocol != webrtc.ICEProtocolTCP || int(pair.Remote.Port) != s.engine.Port() {
		t.Errorf("connected with %v", pair.Remote)
	}
}

// WH-28: a certificate that is not the offer's ends the connection, and the session with it.
func wrongFingerprint(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	c := connectClient(t, s, nil, func(sdp string) string {
		const name = "a=fingerprint:sha-256 "
		at := strings.Index(sdp, name) + len(name)
		return strings.Replace(sdp, sdp[at:at+11], "00:11:22:33", 1)
	})
	eventually(t, "the end of the session", func() bool { return s.sessions() == 0 })
	s.isEmpty(t)
	if c.connected() {
		t.Error("the client is connected")
	}
	failed := metric(t, s.handler.Stats(), "weir_whip_session_ends_total", "reason=connection_failed")
	closed := metric(t, s.handler.Stats(), "weir_whip_session_ends_total", "reason=connection_closed")
	if failed+closed != 1 { // whichever side's alert is seen first
		t.Errorf("%v ends by a failed and %v by a closed connection are counted", failed, closed)
	}
}

func TestEngineRefusesAddresses(t *testing.T) {
	busy := must(net.Listen("tcp", "127.0.0.1:0"))
	defer busy.Close()
	for _, listen := range []string{"", "127.0.0.1", "127.0.0.1:x", "127.0.0.1:70000", "203.0.113.1:0", busy.Addr().String()} {
		leavesNothing(t, func() {
			if e, err := NewEngine(EngineOptions{Listen: listen, Logs: discard()}); err == nil {
				t.Errorf("%q is listened on", listen)
				e.Close()
			}
		})
	}
}

// The UDP socket is on the TCP listener's number, also where the system chose it.
func TestEngineHasOnePort(t *testing.T) {
	e := newEngine(t, "127.0.0.1:0")
	addr := net.JoinHostPort("127.0.0.1", strconv.Itoa(e.Port()))
	for _, network := range []string{"tcp", "udp"} {
		var err error
		var c interface{ Close() error }
		if network == "tcp" {
			c, err = net.Listen(network, addr)
		} else {
			c, err = net.ListenPacket(network, addr)
		}
		if err == nil {
			c.Close()
			t.Errorf("%s %s is free", network, addr)
		}
	}
}

// A TCP connection that does not say in time whose it is is closed; those that are too many are closed at once.
func TestIdleTCPConnections(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	conns := dial(t, net.JoinHostPort("127.0.0.1", strconv.Itoa(s.engine.Port())), 300)
	for _, c := range conns {
		isClosed(t, c)
	}
	if n := metric(t, s.handler.Stats(), "weir_whip_tcp_refused_total"); n != 300-tcpConnsEach {
		t.Errorf("%v refused connections are counted", n)
	}
}

// bindOfNobody is a binding request (RFC 8489 5) with the USERNAME of no session, framed as RFC 4571 2 has it.
const bindOfNobody = "\x00\x20" + "\x00\x01\x00\x0c" + "\x21\x12\xa4\x42" + "a dozen here" + "\x00\x06\x00\x08" + "nobody:x"

// A closed engine leaves nothing, also of connections on which nothing came yet or of which nobody knows.
func TestEngineClosesConnections(t *testing.T) {
	leavesNothing(t, func() {
		e := must(NewEngine(EngineOptions{Listen: "127.0.0.1:0", Logs: discard()}))
		conns := dial(t, net.JoinHostPort("127.0.0.1", strconv.Itoa(e.Port())), 10)
		for _, c := range conns[5:] {
			must(io.WriteString(c, bindOfNobody))
		}
		eventually(t, "the connections", func() bool { return e.tcp.count() == len(conns) })
		if err := e.Close(); err != nil {
			t.Error(err)
		}
		if n := e.tcp.count(); n != 0 {
			t.Errorf("%d connections are left open", n)
		}
		for _, c := range conns {
			isClosed(t, c)
			_ = c.Close()
		}
	})
}
