package whip

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/ice/v4"
	"github.com/pion/interceptor"
	"github.com/pion/logging"
	"github.com/pion/transport/v5/stdnet"
	"github.com/pion/webrtc/v4"
)

const (
	udpReadBuffer = 8 << 20 // bytes; a key frame of each of a hundred streams at once
	// dtlsRetry is after what time a flight of the handshake is sent again, doubled each time: browsers begin with 50 ms,
	// and the second that RFC 6347 4.2.4.1 proposes makes a publisher on a bad path wait for several.
	dtlsRetry    = 200 * time.Millisecond
	replayWindow = 512 // packets; the default of 64 is less than a burst that overtook a retransmission
	// TCP is for networks that let no UDP through. What is sent there is feedback, which is little.
	tcpReadBuffer  = 64        // packets a candidate may queue
	tcpWriteBuffer = 256 << 10 // bytes a connection may queue; the client then misses feedback
	portTries      = 10        // where any free port will do
	tcpConns       = 1024      // open at a time
	tcpConnsEach   = 16        // of them from one address: a session has one or two
	// How long a connection may take to say whose it is, and how long one of nobody's session is kept.
	tcpFirstBind = 5 * time.Second
	// What a peer connection itself notices; the silence of the media is noticed before (Options.Timeout).
	iceDisconnected = 5 * time.Second
	iceFailed       = 10 * time.Second
	iceKeepAlive    = 2 * time.Second
)

// Engine owns the sockets of all WebRTC media: one UDP port, and a TCP listener on the same number.
type Engine struct {
	settings    webrtc.SettingEngine
	certificate webrtc.Certificate
	port        int
	tcp         *listener
	uses        func(net.IP) bool // which addresses; nil for all
	hurry       hurry
	closers     []func() error
}

// EngineOptions say where media is taken.
type EngineOptions struct {
	// Listen is an address; an empty host is all interfaces, and port 0 any free port.
	Listen string
	// PublicIPs stand in the candidates for the machine's own addresses.
	PublicIPs []string
	// Interfaces say which of the machine's addresses are used. An address in Listen must be one of them.
	Interfaces Addresses
	Logs       logging.LoggerFactory
}

// NewEngine opens the sockets.
func NewEngine(o EngineOptions) (*Engine, error) {
	e := new(Engine)
	var err error
	if !o.Interfaces.all() {
		if e.uses, err = o.Interfaces.filter(); err != nil {
			return nil, fmt.Errorf("cannot choose the interfaces: %w", err)
		}
		if ip := listenIP(o.Listen); ip.IsValid() && !e.uses(ip.AsSlice()) {
			return nil, fmt.Errorf("cannot listen on %s: the chosen interfaces leave its address out", o.Listen)
		}
	}
	udp, tcp, err := e.open(o.Listen, o.Logs)
	for tries := 0; tries < portTries && errors.Is(err, syscall.EADDRINUSE) && strings.HasSuffix(o.Listen, ":0"); tries++ {
		_ = e.Close() // the port that the system chose in TCP is taken in UDP
		udp, tcp, err = e.open(o.Listen, o.Logs)
	}
	if err != nil {
		_ = e.Close()
		return nil, fmt.Errorf("cannot open the media port %s: %w", o.Listen, err)
	}
	if e.certificate, err = newCertificate(); err != nil {
		_ = e.Close()
		return nil, err
	}
	s := &e.settings
	s.LoggerFactory = o.Logs
	s.SetICEUDPMux(udp)
	s.SetICETCPMux(tcp)
	s.SetNetworkTypes(networks(o.Listen))
	s.SetIncludeLoopbackCandidate(true) // taken out again for clients that are elsewhere
	if e.uses != nil {
		s.SetIPFilter(e.uses)
	}
	s.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	s.DisableActiveTCP(true)
	s.SetICETimeouts(iceDisconnected, iceFailed, iceKeepAlive)
	// GCM costs a quarter of CM with HMAC: 0.6 instead of 2.5 µs a packet.
	s.SetSRTPProtectionProfiles(dtls.SRTP_AEAD_AES_128_GCM, dtls.SRTP_AEAD_AES_256_GCM, dtls.SRTP_AES128_CM_HMAC_SHA1_80)
	s.SetSRTPReplayProtectionWindow(replayWindow)
	s.SetDTLSRetransmissionInterval(dtlsRetry)
	s.SetFireOnTrackBeforeFirstRTP(true)
	err = errors.Join(s.SetAnsweringDTLSRole(webrtc.DTLSRoleServer), rewrite(s, o.PublicIPs))
	if err != nil {
		_ = e.Close()
		return nil, fmt.Errorf("cannot set up WebRTC: %w", err)
	}
	return e, nil
}

// listenIP is the one address that is listened on; it is not valid when there may be several.
func listenIP(listen string) netip.Addr {
	host, _, err := net.SplitHostPort(listen)
	if err != nil {
		return netip.Addr{}
	}
	ip, err := netip.ParseAddr(host)
	if err != nil || ip.IsUnspecified() {
		return netip.Addr{}
	}
	return ip
}

// networks are those on which a listening address can be reached: 0.0.0.0 is all of IPv4 and nothing else.
func networks(listen string) []webrtc.NetworkType {
	all := []webrtc.NetworkType{
		webrtc.NetworkTypeUDP4, webrtc.NetworkTypeTCP4, webrtc.NetworkTypeUDP6, webrtc.NetworkTypeTCP6,
	}
	if host, _, err := net.SplitHostPort(listen); err == nil {
		if ip, err := netip.ParseAddr(host); err == nil && ip.Is4() {
			return all[:2]
		}
	}
	return all
}

// rewrite makes the public addresses stand in for the machine's own in all host candidates.
func rewrite(s *webrtc.SettingEngine, publicIPs []string) error {
	if len(publicIPs) == 0 {
		return nil
	}
	return s.SetICEAddressRewriteRules(webrtc.ICEAddressRewriteRule{
		External: publicIPs, AsCandidateType: webrtc.ICECandidateTypeHost, Mode: webrtc.ICEAddressRewriteReplace,
	})
}

// Port is the number of the UDP and TCP port.
func (e *Engine) Port() int { return e.port }

// Close closes the sockets and the connections on them, and waits for their goroutines.
func (e *Engine) Close() error {
	var errs []error
	for _, c := range e.closers {
		errs = append(errs, c())
	}
	e.closers = nil
	return errors.Join(errs...)
}

// open opens UDP and TCP on the same number.
func (e *Engine) open(listen string, logs logging.LoggerFactory) (ice.UDPMux, ice.TCPMux, error) {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return nil, nil, err
	}
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return nil, nil, fmt.Errorf("the port is not a number: %w", err)
	}
	// TCP first: a port that the system chose there is rarely taken in UDP. NewEngine then tries another.
	socket, err := net.Listen("tcp", net.JoinHostPort(host, port))
	if err != nil {
		return nil, nil, err
	}
	e.tcp = newListener(socket, tcpConns, tcpConnsEach)
	tcp := ice.NewTCPMuxDefault(ice.TCPMuxParams{
		Listener: e.tcp, Logger: logs.NewLogger("ice-tcp"), ReadBufferSize: tcpReadBuffer, WriteBufferSize: tcpWriteBuffer,
		FirstStunBindTimeout: tcpFirstBind, AliveDurationForConnFromStun: tcpFirstBind,
	})
	e.closers = append(e.closers, tcp.Close)
	if number == 0 {
		number = uint64(socket.Addr().(*net.TCPAddr).Port)
	}
	e.port = int(number)
	udp, err := e.openUDP(host, logs)
	if err != nil {
		return nil, nil, err
	}
	e.closers = append(e.closers, udp.Close)
	return udp, tcp, nil
}

// openUDP opens one socket for the host, or one for each of the machine's addresses when there is none.
func (e *Engine) openUDP(host string, logs logging.LoggerFactory) (ice.UDPMux, error) {
	ip, err := netip.ParseAddr(host)
	if host == "" || err == nil && ip.IsUnspecified() {
		networks := []ice.NetworkType{ice.NetworkTypeUDP4, ice.NetworkTypeUDP6}
		if err == nil && ip.Is4() {
			networks = networks[:1]
		}
		own, err := stdnet.NewNet()
		if err != nil {
			return nil, err
		}
		options := []ice.UDPMuxFromPortOption{
			ice.UDPMuxFromPortWithNet(&sockets{Net: own, hurry: &e.hurry}),
			ice.UDPMuxFromPortWithNetworks(networks...), ice.UDPMuxFromPortWithLoopback(),
			ice.UDPMuxFromPortWithReadBufferSize(udpReadBuffer), ice.UDPMuxFromPortWithLogger(logs.NewLogger("ice-udp")),
		}
		if e.uses != nil {
			options = append(options, ice.UDPMuxFromPortWithIPFilter(e.uses))
		}
		return ice.NewMultiUDPMuxFromPort(e.port, options...)
	}
	addr, err := net.ResolveUDPAddr("udp", net.JoinHostPort(host, strconv.Itoa(e.port)))
	if err != nil {
		return nil, err
	}
	conn, err := net.ListenUDP("udp", addr)
	if err != nil {
		return nil, err
	}
	_ = conn.SetReadBuffer(udpReadBuffer) // as much as the system allows
	return ice.NewUDPMuxDefault(ice.UDPMuxParams{Logger: logs.NewLogger("ice-udp"), UDPConn: &socket{UDPConn: conn, hurry: &e.hurry}}), nil
}

// newCertificate makes the certificate of the process: one for all connections, since making a key for each costs
// more than the handshake, and valid for longer than a process lives, since it is not renewed.
func newCertificate() (webrtc.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return webrtc.Certificate{}, fmt.Errorf("cannot make the DTLS key: %w", err)
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 64))
	if err != nil {
		return webrtc.Certificate{}, fmt.Errorf("cannot make the DTLS certificate: %w", err)
	}
	now := time.Now()
	c, err := webrtc.NewCertificate(key, x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: "WebRTC"}, Issuer: pkix.Name{CommonName: "WebRTC"},
		NotBefore: now.Add(-24 * time.Hour), NotAfter: now.AddDate(10, 0, 0), SignatureAlgorithm: x509.ECDSAWithSHA256,
	})
	if err != nil {
		return webrtc.Certificate{}, fmt.Errorf("cannot make the DTLS certificate: %w", err)
	}
	return *c, nil
}

// connect makes a peer connection that knows the codecs of the offer and nothing else.
func (e *Engine) connect(o *offer) (*webrtc.PeerConnection, error) {
	media := new(webrtc.MediaEngine)
	for _, s := range []*section{o.video, o.audio} {
		if s == nil {
			continue
		}
		if err := s.register(media); err != nil {
			return nil, fmt.Errorf("cannot register %v: %w", s.codec, err)
		}
	}
	api := webrtc.NewAPI(webrtc.WithMediaEngine(media), webrtc.WithSettingEngine(e.settings),
		webrtc.WithInterceptorRegistry(new(interceptor.Registry)))
	return api.NewPeerConnection(webrtc.Configuration{Certificates: []webrtc.Certificate{e.certificate}})
}

func (s *section) register(media *webrtc.MediaEngine) error {
	if err := media.RegisterCodec(s.params, s.kind); err != nil {
		return err
	}
	for _, more := range []*webrtc.RTPCodecParameters{s.rtx, s.red} {
		if more == nil {
			continue
		}
		if err := media.RegisterCodec(*more, s.kind); err != nil {
			return err
		}
	}
	if len(s.layers) > 0 {
		if err := s.registerLayers(media); err != nil {
			return err
		}
	}
	if s.transportCC != 0 {
		return media.RegisterHeaderExtension(webrtc.RTPHeaderExtensionCapability{URI: uriTransportCC}, s.kind)
	}
	return nil
}
