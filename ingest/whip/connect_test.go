package whip

import (
	"net/http"
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
	for _, o := range s.handler.sessions.All() {
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
