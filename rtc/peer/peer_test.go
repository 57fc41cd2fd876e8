package peer

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"
	"go.uber.org/goleak"

	"weir/rtc"
)

func TestMediaArrives(t *testing.T) {
	for name, o := range map[string]viewerOptions{
		"AES-128-GCM": {profiles: []dtls.SRTPProtectionProfile{dtls.SRTP_AEAD_AES_128_GCM}},
		"AES-256-GCM": {profiles: []dtls.SRTPProtectionProfile{dtls.SRTP_AEAD_AES_256_GCM}},
		"AES-CM":      {profiles: []dtls.SRTPProtectionProfile{dtls.SRTP_AES128_CM_HMAC_SHA1_80}},
	} {
		t.Run(name, func(t *testing.T) {
			s, v := pair(t, newEngine(t, rtc.Options{}), o)
			s.exchange(v, 1)
			if s.way.path == nil {
				t.Error("media does not go straight to the socket")
			}
		})
	}
}

func TestMediaArrivesOverIPv6(t *testing.T) {
	if l, err := net.Listen("tcp6", "[::1]:0"); err != nil {
		t.Skipf("no IPv6 here: %v", err)
	} else {
		_ = l.Close()
	}
	e := newEngine(t, rtc.Options{Listen: "[::1]:0"})
	// The library finds no loopback address of IPv6 by itself.
	o := viewerOptions{networks: []webrtc.NetworkType{webrtc.NetworkTypeUDP6}, line: &faultyLine{at: "[::1]:0"}}
	s, v := pair(t, e, o)
	s.exchange(v, 1)
	if s.way.path == nil {
		t.Error("media does not go straight to the socket")
	}
	if f := e.Sent(); f.Datagrams == 0 || f.Dropped != 0 {
		t.Errorf("figures are %+v", f)
	}
}

func TestMediaArrivesOverTCP(t *testing.T) {
	s, v := pair(t, newEngine(t, rtc.Options{}), viewerOptions{networks: []webrtc.NetworkType{webrtc.NetworkTypeTCP4}})
	s.exchange(v, 1)
	if s.way.path != nil {
		t.Error("media goes to the UDP socket")
	}
}

// Where other addresses stand for the machine's own, media still leaves by the socket that ICE has chosen.
func TestMediaArrivesBehindAPublicAddress(t *testing.T) {
	e := newEngine(t, rtc.Options{PublicIPs: []string{"198.51.100.1"}})
	v := newViewer(t, viewerOptions{})
	s := newSession(t, Options{Engine: e, Remote: &v.remote})
	v.answer(s.Local())
	for _, c := range values(v.offer, "candidate") { // the server finds the viewer, which cannot reach that address
		if err := s.AddCandidate(c); err != nil {
			t.Fatal(err)
		}
	}
	s.connect()
	s.exchange(v, 1)
	if s.way.path == nil {
		t.Error("media does not go straight to the socket")
	}
}

// RFC 5763 5: whoever is passive waits for the other side to begin with DTLS.
func TestTheViewerMayBePassive(t *testing.T) {
	e := newEngine(t, rtc.Options{})
	v := newViewer(t, viewerOptions{role: "passive"})
	s := newSession(t, Options{Engine: e, Remote: &v.remote})
	if d := s.Local(); d.Setup != "active" {
		t.Fatalf("setup is %q", d.Setup)
	}
	v.answer(s.Local())
	s.connect()
	s.exchange(v, 1)
}

func TestReportsGoBothWays(t *testing.T) {
	for _, network := range []webrtc.NetworkType{webrtc.NetworkTypeUDP4, webrtc.NetworkTypeTCP4} {
		t.Run(network.String(), func(t *testing.T) {
			reportsGoBothWays(t, viewerOptions{networks: []webrtc.NetworkType{network}})
		})
	}
}

func reportsGoBothWays(t *testing.T, o viewerOptions) {
	s, v := pair(t, newEngine(t, rtc.Options{}), o)
	s.exchange(v, 1)
	if err := v.pc.WriteRTCP([]rtcp.Packet{
		&rtcp.PictureLossIndication{MediaSSRC: videoSSRC},
		&rtcp.TransportLayerNack{MediaSSRC: videoSSRC, Nacks: []rtcp.NackPair{{PacketID: 7}}},
	}); err != nil {
		t.Fatal(err)
	}
	select {
	case <-s.heard:
	case <-time.After(patience):
		t.Fatal("no feedback arrives")
	}
	s.mu.Lock()
	got := len(s.feedback)
	s.mu.Unlock()
	if got != 2 {
		t.Errorf("%d packets of feedback", got)
	}
	report, err := (&rtcp.SenderReport{SSRC: videoSSRC, PacketCount: 5}).Marshal()
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(s.WriteRTCP(report), s.Flush()); err != nil {
		t.Fatal(err)
	}
	select {
	case list := <-v.reports:
		if sr, ok := list[0].(*rtcp.SenderReport); !ok || sr.PacketCount != 5 {
			t.Errorf("the report is %v", list)
		}
	case <-time.After(patience):
		t.Fatal("no report arrives")
	}
}

// WH-28, RFC 8122 6.2: a certificate that is not the announced one ends it.
func TestAForeignCertificateIsRefused(t *testing.T) {
	e := newEngine(t, rtc.Options{})
	v := newViewer(t, viewerOptions{})
	v.remote.Fingerprints = []string{"sha-256 " + strings.Repeat("AB:", 31) + "AB"}
	s := newSession(t, Options{Engine: e, Remote: &v.remote})
	v.answer(s.Local())
	if err := s.wait(); !errors.Is(err, ErrFingerprint) {
		t.Errorf("the reason is %v", err)
	}
}

func TestAWrongPasswordFindsNoPath(t *testing.T) {
	e := newEngine(t, rtc.Options{})
	v := newViewer(t, viewerOptions{})
	v.remote.Pwd = strings.Repeat("x", 24)
	s := newSession(t, Options{Engine: e, Remote: &v.remote, Setup: time.Second})
	v.answer(s.Local())
	if err := s.wait(); !errors.Is(err, ErrNoPath) {
		t.Errorf("the reason is %v", err)
	}
	if err := s.WriteRTP(header(1), nil); !errors.Is(err, ErrClosed) {
		t.Errorf("writing gives %v", err)
	}
}

// A peer whose time for the handshake is over, and one that is ended in the middle of it, leave nothing.
func TestTheEndComesInTheMiddleOfTheHandshake(t *testing.T) {
	e := newEngine(t, rtc.Options{})
	before := goleak.IgnoreCurrent()
	v := newViewer(t, viewerOptions{role: "passive"}) // both begin with DTLS, and neither answers
	s := newSession(t, Options{Engine: e, Remote: &v.remote})
	d := s.Local()
	d.Setup = "passive"
	v.answer(d)
	if err := s.WriteRTP(header(1), nil); !errors.Is(err, ErrNotConnected) {
		t.Errorf("writing gives %v", err)
	}
	s.cancel()
	if err := s.wait(); !errors.Is(err, context.Canceled) {
		t.Errorf("the reason is %v", err)
	}
	v.close()
	if err := goleak.Find(before); err != nil {
		t.Error(err)
	}
}

// WH-25: a goodbye by DTLS ends it at once, and nothing is left behind.
func TestTheViewerSaysGoodbye(t *testing.T) {
	e := newEngine(t, rtc.Options{})
	before := goleak.IgnoreCurrent()
	s, v := pair(t, e, viewerOptions{})
	s.exchange(v, 1)
	v.close()
	if err := s.wait(); !errors.Is(err, ErrGone) {
		t.Errorf("the reason is %v", err)
	}
	for name, err := range map[string]error{
		"RTP": s.WriteRTP(header(1), nil), "RTCP": s.WriteRTCP(nil),
	} {
		if !errors.Is(err, ErrClosed) {
			t.Errorf("writing %s behind the end gives %v", name, err)
		}
	}
	if err := goleak.Find(before); err != nil {
		t.Error(err)
	}
}

// WH-25, RFC 7675: a viewer that is gone without a word is noticed by its silence.
func TestTheViewerFallsSilent(t *testing.T) {
	e := newEngine(t, rtc.Options{Timeouts: rtc.Timeouts{
		Disconnected: 2 * time.Second, Failed: 2 * time.Second, KeepAlive: 200 * time.Millisecond, // more than a busy machine stalls
	}})
	line := &faultyLine{}
	s, v := pair(t, e, viewerOptions{line: line})
	s.exchange(v, 1)
	line.cut.Store(true)
	if err := s.wait(); !errors.Is(err, ErrLost) {
		t.Errorf("the reason is %v", err)
	}
}

// The server says goodbye too: the viewer's connection ends at once.
func TestTheServerSaysGoodbye(t *testing.T) {
	e := newEngine(t, rtc.Options{})
	v := newViewer(t, viewerOptions{})
	closed := make(chan struct{}, 1)
	v.pc.SCTP().Transport().OnStateChange(func(s webrtc.DTLSTransportState) {
		if s == webrtc.DTLSTransportStateClosed {
			closed <- struct{}{}
		}
	})
	s := newSession(t, Options{Engine: e, Remote: &v.remote})
	v.answer(s.Local())
	s.connect()
	s.cancel()
	select {
	case <-closed:
	case <-time.After(patience):
		t.Error("the viewer did not hear it")
	}
}

// WE-05, RFC 8445 9: other credentials, and media goes on under the same keys.
func TestICERestart(t *testing.T) {
	s, v := pair(t, newEngine(t, rtc.Options{}), viewerOptions{})
	next := s.exchange(v, 1)
	before := s.Local()
	v.makeOffer(&webrtc.OfferOptions{ICERestart: true})
	after, err := s.Restart(v.remote.Ufrag, v.remote.Pwd)
	if err != nil {
		t.Fatal(err)
	}
	if after.Ufrag == before.Ufrag || after.Pwd == before.Pwd || after.Fingerprint != before.Fingerprint {
		t.Errorf("after the restart it is %+v, before %+v", after, before)
	}
	generation := s.generation.Load()
	v.answer(after)
	deadline := time.After(patience)
	for s.generation.Load() == generation {
		select {
		case <-deadline:
			t.Fatal("no other path is chosen")
		case <-time.After(time.Millisecond):
		}
	}
	for len(v.packets) > 0 {
		<-v.packets
	}
	s.exchange(v, next)
	if s.way.generation == generation || s.way.path == nil {
		t.Errorf("media goes the former way: %+v", s.way)
	}
}

func TestLostFlightsAreSentAgain(t *testing.T) {
	for _, lost := range []int32{1, 3} {
		line := &faultyLine{}
		line.lose.Store(lost)
		s, v := pair(t, newEngine(t, rtc.Options{}), viewerOptions{line: line})
		s.exchange(v, 1)
	}
}

func TestRemotesThatCannotBeTalkedTo(t *testing.T) {
	good := Remote{Ufrag: "u", Pwd: "p", Setup: "actpass", Fingerprints: []string{"sha-256 " + strings.Repeat("AB:", 31) + "AB"}}
	for name, change := range map[string]func(*Remote){
		"no ufrag":         func(r *Remote) { r.Ufrag = "" },
		"no password":      func(r *Remote) { r.Pwd = "" },
		"no setup":         func(r *Remote) { r.Setup = "" },
		"holdconn":         func(r *Remote) { r.Setup = "holdconn" },
		"no fingerprint":   func(r *Remote) { r.Fingerprints = nil },
		"old fingerprint":  func(r *Remote) { r.Fingerprints = []string{"sha-1 AB:CD"} },
		"short":            func(r *Remote) { r.Fingerprints = []string{"sha-256 AB:CD"} },
		"no hexadecimals":  func(r *Remote) { r.Fingerprints = []string{"sha-256 " + strings.Repeat("XY:", 31) + "XY"} },
		"half a byte more": func(r *Remote) { r.Fingerprints[0] += "A" },
	} {
		t.Run(name, func(t *testing.T) {
			r := good
			r.Fingerprints = slices.Clone(good.Fingerprints)
			change(&r)
			if _, err := New(Options{Remote: &r}); !errors.Is(err, ErrBadRemote) {
				t.Errorf("the error is %v", err)
			}
		})
	}
}

// RFC 8122 5: any of several fingerprints may be the one, and unknown hash functions are passed over.
func TestFingerprints(t *testing.T) {
	der := []byte("a certificate")
	sha512 := hashes["sha-512"](der)
	list, err := digests([]string{"sha-1 AB", "sha-256 " + strings.Repeat("00", 32), " SHA-512 " + strings.ToUpper(hexOf(sha512))})
	if err != nil {
		t.Fatal(err)
	}
	if !fits(list, der) || fits(list, []byte("another")) {
		t.Error("the wrong certificate fits")
	}
}

func TestCandidatesAreBounded(t *testing.T) {
	e := newEngine(t, rtc.Options{})
	v := newViewer(t, viewerOptions{})
	p, err := New(Options{Engine: e, Remote: &v.remote, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	const c = "1 1 udp 2130706431 192.0.2.1 1234 typ host"
	for range maxCandidates {
		if err := p.AddCandidate(c); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.AddCandidate(c); !errors.Is(err, ErrTooMany) {
		t.Errorf("one more gives %v", err)
	}
	for _, bad := range []string{"", "x", "1 1 udp 1 192.0.2.1 99999 typ host"} {
		if err := p.AddCandidate(bad); err == nil || errors.Is(err, ErrTooMany) {
			t.Errorf("%q gives %v", bad, err)
		}
	}
}

// Loopback addresses are for those on this machine only.
func TestLoopbackIsForThisMachine(t *testing.T) {
	e := newEngine(t, rtc.Options{Listen: ":0"})
	v := newViewer(t, viewerOptions{})
	for _, loopback := range []bool{false, true} {
		p, err := New(Options{Engine: e, Remote: &v.remote, Loopback: loopback, Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		has := map[string]bool{}
		for _, c := range p.Local().Candidates {
			f := strings.Fields(c)
			if ip := net.ParseIP(f[4]); ip.IsLoopback() {
				has[strings.ToLower(f[2])] = true
			}
		}
		if has["udp"] != loopback || has["tcp"] != loopback {
			t.Errorf("loopback %t: candidates %v", loopback, p.Local().Candidates)
		}
		p.Close()
	}
}

func TestPacketsAreBounded(t *testing.T) {
	s, v := pair(t, newEngine(t, rtc.Options{}), viewerOptions{})
	s.exchange(v, 1)
	if err := s.WriteRTP(header(1), make([]byte, maxPacket-12-overhead)); err != nil {
		t.Errorf("the largest packet: %v", err)
	}
	if err := s.WriteRTP(header(1), make([]byte, maxPacket-12-overhead+1)); !errors.Is(err, ErrTooLarge) {
		t.Errorf("one that is larger: %v", err)
	}
	if err := s.WriteRTCP(make([]byte, maxPacket)); !errors.Is(err, ErrTooLarge) {
		t.Errorf("RTCP that is larger: %v", err)
	}
}
