package peer

import (
	"cmp"
	"context"
	"encoding/hex"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/ice/v4"
	"github.com/pion/interceptor"
	"github.com/pion/logging"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
	"go.uber.org/goleak"

	"weir/rtc"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is the longest that a test waits for what must come; nothing is measured with it.
const patience = 30 * time.Second

const (
	videoSSRC = 0x11223344
	videoType = 96
)

func discard() logging.LoggerFactory { return rtc.LogTo(slog.New(slog.DiscardHandler)) }

func newEngine(t testing.TB, o rtc.Options) *rtc.Engine {
	t.Helper()
	o.Logs = discard()
	if o.Listen == "" {
		o.Listen = "127.0.0.1:0"
	}
	e, err := rtc.NewEngine(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Errorf("cannot close the engine: %v", err)
		}
	})
	return e
}

// viewer is a browser's peer connection, as pion has it.
type viewer struct {
	t       testing.TB
	pc      *webrtc.PeerConnection
	remote  Remote
	offer   string
	packets chan *rtp.Packet
	reports chan []rtcp.Packet
}

type viewerOptions struct {
	networks []webrtc.NetworkType
	profiles []dtls.SRTPProtectionProfile
	role     string // a=setup of the offer, if it is to be another
	line     *faultyLine
}

func newViewer(t testing.TB, o viewerOptions) *viewer {
	t.Helper()
	var s webrtc.SettingEngine
	s.LoggerFactory = discard()
	s.SetIncludeLoopbackCandidate(true)
	s.SetIPFilter(net.IP.IsLoopback)
	s.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})
	if o.networks != nil {
		s.SetNetworkTypes(o.networks)
	}
	if o.profiles != nil {
		s.SetSRTPProtectionProfiles(o.profiles...)
	}
	if o.line != nil {
		o.line.open(t, &s)
	}
	if o.role == "passive" {
		if err := s.SetAnsweringDTLSRole(webrtc.DTLSRoleServer); err != nil {
			t.Fatal(err)
		}
	}
	media := new(webrtc.MediaEngine)
	if err := media.RegisterCodec(webrtc.RTPCodecParameters{
		RTPCodecCapability: webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeH264, ClockRate: 90000}, PayloadType: videoType,
	}, webrtc.RTPCodecTypeVideo); err != nil {
		t.Fatal(err)
	}
	pc, err := webrtc.NewAPI(webrtc.WithSettingEngine(s), webrtc.WithMediaEngine(media),
		webrtc.WithInterceptorRegistry(new(interceptor.Registry))).NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		t.Fatal(err)
	}
	v := &viewer{t: t, pc: pc, packets: make(chan *rtp.Packet, 4096), reports: make(chan []rtcp.Packet, 64)}
	t.Cleanup(v.close)
	pc.OnTrack(func(track *webrtc.TrackRemote, receiver *webrtc.RTPReceiver) {
		go func() {
			for {
				list, _, err := receiver.ReadRTCP()
				if err != nil {
					return
				}
				v.reports <- list
			}
		}()
		for {
			p, _, err := track.ReadRTP()
			if err != nil {
				return
			}
			v.packets <- p
		}
	})
	if _, err := pc.AddTransceiverFromKind(webrtc.RTPCodecTypeVideo,
		webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly}); err != nil {
		t.Fatal(err)
	}
	v.makeOffer(nil)
	if o.role != "" {
		v.remote.Setup = o.role
	}
	return v
}

func (v *viewer) close() {
	for len(v.reports) > 0 {
		<-v.reports
	}
	if err := v.pc.GracefulClose(); err != nil {
		v.t.Errorf("cannot close the viewer: %v", err)
	}
}

// faultyLine is a viewer's socket that loses what comes in.
type faultyLine struct {
	net.PacketConn
	at   string       // IPv4 loopback where it is empty
	lose atomic.Int32 // so many packets of DTLS
	cut  atomic.Bool  // everything
}

func (l *faultyLine) open(t testing.TB, s *webrtc.SettingEngine) {
	t.Helper()
	conn, err := net.ListenPacket("udp", cmp.Or(l.at, "127.0.0.1:0"))
	if err != nil {
		t.Fatal(err)
	}
	l.PacketConn = conn
	mux := ice.NewUDPMuxDefault(ice.UDPMuxParams{UDPConn: l, Logger: discard().NewLogger("ice")})
	t.Cleanup(func() { _ = mux.Close() })
	s.SetICEUDPMux(mux)
}

// ReadFrom implements net.PacketConn.
func (l *faultyLine) ReadFrom(b []byte) (int, net.Addr, error) {
	for {
		n, from, err := l.PacketConn.ReadFrom(b)
		if err != nil {
			return n, from, err
		}
		if l.cut.Load() || isDTLS(b[:n]) && l.lose.Add(-1) >= 0 {
			continue
		}
		return n, from, nil
	}
}

// WriteTo implements net.PacketConn.
func (l *faultyLine) WriteTo(b []byte, to net.Addr) (int, error) {
	if l.cut.Load() {
		return len(b), nil
	}
	return l.PacketConn.WriteTo(b, to)
}

func isDTLS(b []byte) bool { return len(b) > 0 && b[0] >= 20 && b[0] <= 63 }

func hexOf(b []byte) string { return hex.EncodeToString(b) }

// makeOffer makes an offer and reads from it what a server needs.
func (v *viewer) makeOffer(o *webrtc.OfferOptions) {
	v.t.Helper()
	offer, err := v.pc.CreateOffer(o)
	if err != nil {
		v.t.Fatal(err)
	}
	gathered := webrtc.GatheringCompletePromise(v.pc)
	if err := v.pc.SetLocalDescription(offer); err != nil {
		v.t.Fatal(err)
	}
	<-gathered
	v.offer = v.pc.LocalDescription().SDP
	v.remote = Remote{
		Ufrag: value(v.offer, "ice-ufrag"), Pwd: value(v.offer, "ice-pwd"),
		Fingerprints: []string{value(v.offer, "fingerprint")}, Setup: value(v.offer, "setup"),
	}
}

// value is that of the first attribute of a name.
func value(sdp, name string) string {
	_, rest, _ := strings.Cut(sdp, "a="+name+":")
	line, _, _ := strings.Cut(rest, "\r\n")
	return line
}

func values(sdp, name string) (out []string) {
	for line := range strings.SplitSeq(sdp, "\r\n") {
		if v, ok := strings.CutPrefix(line, "a="+name+":"); ok {
			out = append(out, v)
		}
	}
	return out
}

// answer gives the viewer the server's answer.
func (v *viewer) answer(d Description) {
	v.t.Helper()
	var b strings.Builder
	line := func(format string, a ...any) { fmt.Fprintf(&b, format+"\r\n", a...) }
	line("v=0\r\no=- 1 %d IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0", time.Now().UnixNano())
	line("m=video 9 UDP/TLS/RTP/SAVPF %d\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\na=sendonly\r\na=rtcp-mux", videoType)
	line("a=rtpmap:%d H264/90000\r\na=msid:s v\r\na=ssrc:%d cname:weir", videoType, videoSSRC)
	line("a=ice-ufrag:%s\r\na=ice-pwd:%s\r\na=fingerprint:%s\r\na=setup:%s", d.Ufrag, d.Pwd, d.Fingerprint, d.Setup)
	for _, c := range d.Candidates {
		line("a=candidate:%s", c)
	}
	line("a=end-of-candidates")
	if err := v.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: b.String()}); err != nil {
		v.t.Fatal(err)
	}
}

// session is a peer that runs.
type session struct {
	*Peer
	t        testing.TB
	cancel   context.CancelFunc
	over     chan struct{}
	reason   error
	mu       sync.Mutex
	feedback []rtcp.Packet
	heard    chan struct{}
}

func newSession(t testing.TB, o Options) *session {
	t.Helper()
	s := &session{t: t, over: make(chan struct{}), heard: make(chan struct{}, 1)}
	o.Loopback = true
	o.Log = slog.New(slog.DiscardHandler)
	o.Feedback = func(list []rtcp.Packet) {
		s.mu.Lock()
		s.feedback = append(s.feedback, list...)
		s.mu.Unlock()
		select {
		case s.heard <- struct{}{}:
		default:
		}
	}
	p, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	s.Peer = p
	ctx, cancel := context.WithCancel(context.Background())
	s.cancel = cancel
	go func() {
		defer close(s.over)
		s.reason = p.Run(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		_ = s.wait()
	})
	return s
}

// wait waits for the end and returns its reason.
func (s *session) wait() error {
	s.t.Helper()
	select {
	case <-s.over:
		return s.reason
	case <-time.After(patience):
		s.t.Fatal("the connection does not end")
		return nil
	}
}

func (s *session) connect() {
	s.t.Helper()
	select {
	case <-s.Connected():
	case <-s.over:
		s.t.Fatalf("the connection is over: %v", s.reason)
	case <-time.After(patience):
		s.t.Fatal("the connection does not come up")
	}
}

// pair connects a session and a viewer.
func pair(t testing.TB, e *rtc.Engine, o viewerOptions) (*session, *viewer) {
	t.Helper()
	v := newViewer(t, o)
	s := newSession(t, Options{Engine: e, Remote: &v.remote})
	v.answer(s.Local())
	s.connect()
	return s, v
}

func header(number uint16) *rtp.Header {
	return &rtp.Header{Version: 2, PayloadType: videoType, SequenceNumber: number, SSRC: videoSSRC, Timestamp: uint32(number) * 3000}
}

// exchange sends pictures until the viewer has one, and returns the next sequence number.
func (s *session) exchange(v *viewer, from uint16) uint16 {
	s.t.Helper()
	deadline := time.After(patience)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		for range 3 {
			if err := s.WriteRTP(header(from), fmt.Append(nil, "payload ", from)); err != nil {
				s.t.Fatal(err)
			}
			from++
		}
		if err := s.Flush(); err != nil {
			s.t.Fatal(err)
		}
		select {
		case p := <-v.packets:
			if want := fmt.Sprint("payload ", p.SequenceNumber); string(p.Payload) != want {
				s.t.Fatalf("packet %d has %q", p.SequenceNumber, p.Payload)
			}
			return from
		case <-tick.C:
		case <-s.over:
			s.t.Fatalf("the connection is over: %v", s.reason)
		case <-deadline:
			s.t.Fatal("no packet arrives")
		}
	}
}
