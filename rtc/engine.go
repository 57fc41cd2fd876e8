package rtc

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
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

	"weir/rtc/udp"
)

const (
	udpReadBuffer = 8 << 20 // bytes; a key frame of each of a hundred streams at once
	// udpWriteBuffer is in bytes: a picture to each of some hundred viewers. The kernel holds it only while the link is full.
	udpWriteBuffer = 4 << 20
	// DTLSRetry is after what time a flight of the handshake is sent again, doubled each time: browsers begin with 50 ms,
	// and the second that RFC 6347 4.2.4.1 proposes makes a client on a bad path wait for several.
	DTLSRetry    = 200 * time.Millisecond
	replayWindow = 512 // packets; the default of 64 is less than a burst that overtook a retransmission
	// TCP is for networks that let no UDP through.
	tcpReadBuffer  = 64        // packets a candidate may queue
	tcpWriteBuffer = 256 << 10 // bytes a connection may queue: feedback, or a key frame; what comes on top is lost
	portTries      = 10        // where any free port will do
	tcpConns       = 1024      // open at a time
	tcpConnsEach   = 16        // of them from one address: a session has one or two
	// How long a connection may take to say whose it is, and how long one of nobody's session is kept.
	tcpFirstBind = 5 * time.Second
)

// Timeouts are when a connection notices by itself that its path is lost. The silence of the media is noticed before.
type Timeouts struct {
	Disconnected time.Duration // without a packet
	Failed       time.Duration // after that
	KeepAlive    time.Duration // between checks of a path that is in use
}

var defaultTimeouts = Timeouts{Disconnected: 5 * time.Second, Failed: 10 * time.Second, KeepAlive: 2 * time.Second}

// Engine owns the sockets of all WebRTC media: one UDP port, and a TCP listener on the same number. It makes
// connections for publishers (Connect), and ICE agents for those who need no more of the stack (Agent). It is safe for
// concurrent use.
type Engine struct {
	logs        logging.LoggerFactory
	settings    webrtc.SettingEngine
	agent       []ice.AgentOption // the same for agents
	certificate tls.Certificate
	port        int
	tcp         *listener
	udp         ice.UDPMux
	sockets     []*socket
	uses        func(net.IP) bool // which addresses; nil for all
	only        netip.Addr        // the one that is listened on; not valid when there may be several
	hurry       hurry
	closers     []func() error
}

// Options say where media is taken.
type Options struct {
	// Listen is an address; an empty host is all interfaces, and port 0 any free port.
	Listen string
	// PublicIPs stand in the candidates for the machine's own addresses.
	PublicIPs []string
	// Interfaces say which of the machine's addresses are used. An address in Listen must be one of them.
	Interfaces Addresses
	// Timeouts of all connections; the zero value is 5, 10 and 2 s.
	Timeouts Timeouts
	Logs     logging.LoggerFactory
}

// NewEngine opens the sockets.
func NewEngine(o Options) (*Engine, error) {
	if o.Timeouts == (Timeouts{}) {
		o.Timeouts = defaultTimeouts
	}
	e := &Engine{logs: o.Logs, only: listenIP(o.Listen)}
	var err error
	if !o.Interfaces.all() {
		if e.uses, err = o.Interfaces.filter(); err != nil {
			return nil, fmt.Errorf("cannot choose the interfaces: %w", err)
		}
		if e.only.IsValid() && !e.uses(e.only.AsSlice()) {
			return nil, fmt.Errorf("cannot listen on %s: the chosen interfaces leave its address out", o.Listen)
		}
	}
	packets, tcp, err := e.open(o.Listen)
	for tries := 0; tries < portTries && errors.Is(err, syscall.EADDRINUSE) && strings.HasSuffix(o.Listen, ":0"); tries++ {
		_ = e.Close() // the port that the system chose in TCP is taken in UDP
		packets, tcp, err = e.open(o.Listen)
	}
	if err != nil {
		_ = e.Close()
		return nil, fmt.Errorf("cannot open the media port %s: %w", o.Listen, err)
	}
	if e.certificate, err = newCertificate(); err != nil {
		_ = e.Close()
		return nil, err
	}
	e.udp = packets
	e.setAgent(o, packets, tcp)
	if err := e.set(o, packets, tcp); err != nil {
		_ = e.Close()
		return nil, fmt.Errorf("cannot set up WebRTC: %w", err)
	}
	return e, nil
}

// set fills the settings of connections.
func (e *Engine) set(o Options, udp ice.UDPMux, tcp ice.TCPMux) error {
	s := &e.settings
	s.LoggerFactory = o.Logs
	s.SetICEUDPMux(udp)
	s.SetICETCPMux(tcp)
	var types []webrtc.NetworkType
	for _, n := range networks(o.Listen) {
		t, err := webrtc.NewNetworkType(n.String())
		if err != nil {
			return err
		}
		types = append(types, t)
	}
	s.SetNetworkTypes(types)
	s.SetIncludeLoopbackCandidate(true) // taken out again for clients that are elsewhere
	if e.uses != nil {
		s.SetIPFilter(e.uses)
	}
	s.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	s.DisableActiveTCP(true)
	s.SetICETimeouts(o.Timeouts.Disconnected, o.Timeouts.Failed, o.Timeouts.KeepAlive)
	s.SetSRTPProtectionProfiles(SRTPProfiles()...)
	s.SetSRTPReplayProtectionWindow(replayWindow)
	s.SetDTLSRetransmissionInterval(DTLSRetry)
	s.SetFireOnTrackBeforeFirstRTP(true)
	if len(o.PublicIPs) > 0 {
		err := s.SetICEAddressRewriteRules(webrtc.ICEAddressRewriteRule{
			External: o.PublicIPs, AsCandidateType: webrtc.ICECandidateTypeHost, Mode: webrtc.ICEAddressRewriteReplace,
		})
		if err != nil {
			return err
		}
	}
	return s.SetAnsweringDTLSRole(webrtc.DTLSRoleServer)
}

// setAgent says the same to agents.
func (e *Engine) setAgent(o Options, udp ice.UDPMux, tcp ice.TCPMux) {
	e.agent = []ice.AgentOption{
		ice.WithLoggerFactory(o.Logs), ice.WithUDPMux(udp), ice.WithTCPMux(tcp), ice.WithNetworkTypes(networks(o.Listen)),
		ice.WithIncludeLoopback(), ice.WithIPFilter(e.uses), ice.WithMulticastDNSMode(ice.MulticastDNSModeDisabled),
		ice.WithDisableActiveTCP(), ice.WithDisconnectedTimeout(o.Timeouts.Disconnected),
		ice.WithFailedTimeout(o.Timeouts.Failed), ice.WithKeepaliveInterval(o.Timeouts.KeepAlive),
		ice.WithCandidateTypes([]ice.CandidateType{ice.CandidateTypeHost}),
	}
	if len(o.PublicIPs) > 0 {
		e.agent = append(e.agent, ice.WithAddressRewriteRules(ice.AddressRewriteRule{
			External: o.PublicIPs, AsCandidateType: ice.CandidateTypeHost, Mode: ice.AddressRewriteReplace,
		}))
	}
}

// SRTPProfiles are those that are agreed on, the best first. GCM costs a quarter of CM with HMAC: 0.6 instead of 2.5 µs
// a packet.
func SRTPProfiles() []dtls.SRTPProtectionProfile {
	return []dtls.SRTPProtectionProfile{
		dtls.SRTP_AEAD_AES_128_GCM, dtls.SRTP_AEAD_AES_256_GCM, dtls.SRTP_AES128_CM_HMAC_SHA1_80,
	}
}

// Connect makes a peer connection that knows the codecs of media and nothing else: no interceptor.
func (e *Engine) Connect(media *webrtc.MediaEngine) (*webrtc.PeerConnection, error) {
	api := webrtc.NewAPI(webrtc.WithMediaEngine(media), webrtc.WithSettingEngine(e.settings),
		webrtc.WithInterceptorRegistry(new(interceptor.Registry)))
	return api.NewPeerConnection(webrtc.Configuration{
		Certificates: []webrtc.Certificate{webrtc.CertificateFromX509(e.certificate.PrivateKey, e.certificate.Leaf)},
	})
}

// Agent makes an ICE agent on the media port, with candidates of all addresses, loopback included.
func (e *Engine) Agent(more ...ice.AgentOption) (*ice.Agent, error) {
	return ice.NewAgentWithOptions(append(slices.Clone(e.agent), more...)...)
}

// Certificate is the one of all connections.
func (e *Engine) Certificate() tls.Certificate { return e.certificate }

// Fingerprint is the certificate's as SDP has it (RFC 8122 5).
func (e *Engine) Fingerprint() string { return fingerprint(e.certificate.Certificate[0]) }

// Logs are where the WebRTC stack logs to.
func (e *Engine) Logs() logging.LoggerFactory { return e.logs }

// Hurry says that a connection is coming up, which is a matter of round trips, until the function that is returned is
// called.
func (e *Engine) Hurry() (over func()) { return e.hurry.begin() }

// Sent is what was sent past the stack, by all sockets.
func (e *Engine) Sent() udp.Figures {
	var all udp.Figures
	for _, s := range e.sockets {
		f := s.sender.Figures()
		all.Calls += f.Calls
		all.Datagrams += f.Datagrams
		all.Dropped += f.Dropped
	}
	return all
}

// RefusedTCP is how many TCP connections for media were too many.
func (e *Engine) RefusedTCP() uint64 { return e.tcp.refused.Load() }

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
func networks(listen string) []ice.NetworkType {
	all := []ice.NetworkType{ice.NetworkTypeUDP4, ice.NetworkTypeTCP4, ice.NetworkTypeUDP6, ice.NetworkTypeTCP6}
	if host, _, err := net.SplitHostPort(listen); err == nil {
		if ip, err := netip.ParseAddr(host); err == nil && ip.Is4() {
			return all[:2]
		}
	}
	return all
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
func (e *Engine) open(listen string) (ice.UDPMux, ice.TCPMux, error) {
	e.sockets = nil // of a try before
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
		Listener: e.tcp, Logger: e.logs.NewLogger("ice-tcp"), ReadBufferSize: tcpReadBuffer, WriteBufferSize: tcpWriteBuffer,
		FirstStunBindTimeout: tcpFirstBind, AliveDurationForConnFromStun: tcpFirstBind,
	})
	e.closers = append(e.closers, tcp.Close)
	if number == 0 {
		number = uint64(socket.Addr().(*net.TCPAddr).Port)
	}
	e.port = int(number)
	udp, err := e.openUDP(host)
	if err != nil {
		return nil, nil, err
	}
	e.closers = append(e.closers, udp.Close)
	return udp, tcp, nil
}

// openUDP opens one socket for the host, or one for each of the machine's addresses when there is none.
func (e *Engine) openUDP(host string) (ice.UDPMux, error) {
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
			ice.UDPMuxFromPortWithNet(&machine{Net: own, engine: e}),
			ice.UDPMuxFromPortWithNetworks(networks...), ice.UDPMuxFromPortWithLoopback(),
			ice.UDPMuxFromPortWithReadBufferSize(udpReadBuffer), ice.UDPMuxFromPortWithLogger(e.logs.NewLogger("ice-udp")),
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
	s, err := e.newSocket(conn)
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return ice.NewUDPMuxDefault(ice.UDPMuxParams{Logger: e.logs.NewLogger("ice-udp"), UDPConn: s}), nil
}
