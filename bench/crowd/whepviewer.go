//go:build linux

package crowd

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/dtls/v3/pkg/crypto/selfsign"
	"github.com/pion/logging"
	"github.com/pion/srtp/v3"
	"github.com/pion/stun/v4"
	"github.com/pion/transport/v5/deadline"
	"golang.org/x/sys/unix"
)

const (
	// checkEvery is the time between two connectivity checks without an answer.
	checkEvery = 50 * time.Millisecond
	// dtlsRetry is that between two flights of the handshake.
	dtlsRetry = 200 * time.Millisecond
	// heldFlights is how many packets of a handshake may wait.
	heldFlights = 64
	// maxPacket bounds a datagram.
	maxPacket = 1500
)

// identity is the certificate of all viewers: making one is no part of what is measured.
var identity = sync.OnceValues(selfsign.GenerateSelfSigned)

// whepViewer is one viewer: a socket that the crowd's goroutine reads, and what it knows of its streams.
type whepViewer struct {
	crowd      *WHEP
	socket     int
	ufrag, pwd string
	answer     whepAnswer
	checked    chan struct{}      // gets a value when a check was answered
	flights    chan []byte        // of DTLS
	deadline   *deadline.Deadline // of reading them
	secure     *dtls.Conn
	session    string

	// What follows is the crowd's goroutine's once keys are there.
	in, out *srtp.Context
	streams map[uint32]*stream
	feedback
	look *look
}

// newWHEPViewer opens the viewer's socket.
func newWHEPViewer(c *WHEP) (*whepViewer, error) {
	s, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("cannot open a socket: %w", err)
	}
	if err := unix.Bind(s, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		_ = unix.Close(s)
		return nil, fmt.Errorf("cannot open a socket: %w", err)
	}
	return &whepViewer{
		crowd: c, socket: s, ufrag: rand.Text()[:8], pwd: rand.Text(), checked: make(chan struct{}, 1),
		flights: make(chan []byte, heldFlights), deadline: deadline.New(), streams: make(map[uint32]*stream),
	}, nil
}

// connect asks, finds the server and agrees on keys.
func (v *whepViewer) connect(ctx context.Context, addr, path string) error {
	certificate, err := identity()
	if err != nil {
		return err
	}
	name, err := unix.Getsockname(v.socket)
	if err != nil {
		return fmt.Errorf("cannot open a socket: %w", err)
	}
	local := netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), uint16(name.(*unix.SockaddrInet4).Port))
	v.answer, err = askWHEP(ctx, addr, path, offer(v.ufrag, v.pwd, fingerprint(certificate), local))
	if err != nil {
		return err
	}
	v.session = "http://" + addr + v.answer.session
	if strings.HasPrefix(v.answer.session, "http") {
		v.session = v.answer.session
	}
	to := &unix.SockaddrInet4{Port: int(v.answer.server.Port()), Addr: v.answer.server.Addr().As4()}
	if err := unix.Connect(v.socket, to); err != nil {
		return fmt.Errorf("cannot use the socket: %w", err)
	}
	if err := v.crowd.watch(v); err != nil {
		return err
	}
	if err := v.check(ctx); err != nil {
		return err
	}
	return v.agree(ctx, certificate)
}

// check nominates the only pair there is (RFC 8445 7.2.2 and 8.1.1), until the server has answered.
func (v *whepViewer) check(ctx context.Context) error {
	tick := time.NewTicker(checkEvery)
	defer tick.Stop()
	for {
		m, err := stun.Build(stun.TransactionID, stun.BindingRequest, stun.NewUsername(v.answer.ufrag+":"+v.ufrag),
			stun.RawAttribute{Type: stun.AttrUseCandidate},
			stun.RawAttribute{Type: stun.AttrICEControlling, Value: []byte{1, 2, 3, 4, 5, 6, 7, 8}},
			stun.RawAttribute{Type: stun.AttrPriority, Value: []byte{0x6e, 0, 0x1e, 0xff}},
			stun.NewShortTermIntegrity(v.answer.pwd), stun.Fingerprint)
		if err != nil {
			return fmt.Errorf("cannot make a check: %w", err)
		}
		v.send(m.Raw)
		select {
		case <-ctx.Done():
			return fmt.Errorf("cannot connect: %w", context.Cause(ctx))
		case <-v.checked:
			return nil
		case <-tick.C:
		}
	}
}

// agree makes the keys (RFC 5764).
func (v *whepViewer) agree(ctx context.Context, certificate tls.Certificate) (err error) {
	both := []dtls.Option{
		dtls.WithCertificates(certificate), dtls.WithInsecureSkipVerify(true), dtls.WithFlightInterval(dtlsRetry),
		dtls.WithSRTPProtectionProfiles(dtls.SRTP_AEAD_AES_128_GCM), dtls.WithExtendedMasterSecret(dtls.RequireExtendedMasterSecret),
		dtls.WithLoggerFactory(&logging.DefaultLoggerFactory{Writer: io.Discard, DefaultLogLevel: logging.LogLevelDisabled}),
	}
	if v.answer.active {
		options := []dtls.ServerOption{dtls.WithClientAuth(dtls.RequireAnyClientCert), dtls.WithInsecureSkipVerifyHello(true)}
		for _, o := range both {
			options = append(options, o)
		}
		v.secure, err = dtls.ServerWithOptions(flightConn{v}, nowhere, options...)
	} else {
		var options []dtls.ClientOption
		for _, o := range both {
			options = append(options, o)
		}
		v.secure, err = dtls.ClientWithOptions(flightConn{v}, nowhere, options...)
	}
	if err == nil {
		err = v.secure.HandshakeContext(ctx)
	}
	if err != nil {
		return fmt.Errorf("cannot agree on keys: %w", err)
	}
	return v.setKeys()
}

// setKeys gives the keys to the crowd's goroutine.
func (v *whepViewer) setKeys() error {
	state, ok := v.secure.ConnectionState()
	if !ok {
		return errors.New("cannot agree on keys: the handshake is not over")
	}
	config := srtp.Config{Profile: srtp.ProtectionProfileAeadAes128Gcm}
	if err := config.ExtractSessionKeysFromDTLS(&state, !v.answer.active); err != nil {
		return fmt.Errorf("cannot get keys: %w", err)
	}
	in, err := srtp.CreateContext(config.Keys.RemoteMasterKey, config.Keys.RemoteMasterSalt, config.Profile)
	if err != nil {
		return fmt.Errorf("cannot use the keys: %w", err)
	}
	out, err := srtp.CreateContext(config.Keys.LocalMasterKey, config.Keys.LocalMasterSalt, config.Profile)
	if err != nil {
		return fmt.Errorf("cannot use the keys: %w", err)
	}
	v.crowd.give(v, in, out)
	return nil
}

// leave says goodbye: the DTLS alert, and DELETE. The crowd's goroutine must be over.
func (v *whepViewer) leave(ctx context.Context) {
	if v.secure != nil {
		_ = v.secure.Close() // it may be closed by the server
	}
	_ = unix.Close(v.socket)
	if v.session == "" {
		return
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodDelete, v.session, nil)
	if err != nil {
		return
	}
	if resp, err := http.DefaultClient.Do(req); err == nil {
		_ = resp.Body.Close()
	}
}

// send sends one datagram. What does not fit is lost, as on any way.
func (v *whepViewer) send(b []byte) {
	_ = unix.Send(v.socket, b, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL) // a lost one is sent again where it matters
}

// binding takes a STUN message: the answer to a check of ours, or a check of the server (RFC 8445 7.3).
func (v *whepViewer) binding(b []byte) {
	m := &stun.Message{Raw: b}
	if m.Decode() != nil {
		return
	}
	switch m.Type {
	case stun.BindingSuccess:
		select {
		case v.checked <- struct{}{}:
		default:
		}
	case stun.BindingRequest:
		server := v.answer.server
		answer, err := stun.Build(stun.NewTransactionIDSetter(m.TransactionID), stun.BindingSuccess,
			&stun.XORMappedAddress{IP: server.Addr().AsSlice(), Port: int(server.Port())},
			stun.NewShortTermIntegrity(v.pwd), stun.Fingerprint)
		if err == nil {
			v.send(answer.Raw)
		}
	}
}

// flightConn is the viewer's socket as DTLS sees it.
type flightConn struct{ v *whepViewer }

// nowhere is an address that nobody looks at: the socket is connected.
var nowhere = &net.UDPAddr{}

// ReadFrom implements net.PacketConn.
func (c flightConn) ReadFrom(b []byte) (int, net.Addr, error) {
	select {
	case p := <-c.v.flights:
		return copy(b, p), nowhere, nil
	case <-c.v.deadline.Done():
		return 0, nil, os.ErrDeadlineExceeded
	}
}

// WriteTo implements net.PacketConn.
func (c flightConn) WriteTo(b []byte, _ net.Addr) (int, error) {
	c.v.send(b)
	return len(b), nil
}

// Close implements net.PacketConn. The socket is the viewer's.
func (flightConn) Close() error { return nil }

// LocalAddr implements net.PacketConn.
func (flightConn) LocalAddr() net.Addr { return nowhere }

// SetDeadline implements net.PacketConn.
func (c flightConn) SetDeadline(t time.Time) error { return c.SetReadDeadline(t) }

// SetReadDeadline implements net.PacketConn.
func (c flightConn) SetReadDeadline(t time.Time) error {
	c.v.deadline.Set(t)
	return nil
}

// SetWriteDeadline implements net.PacketConn. Nothing waits to be written.
func (flightConn) SetWriteDeadline(time.Time) error { return nil }

// fingerprint is the certificate's as SDP has it (RFC 8122 5).
func fingerprint(c tls.Certificate) string {
	sum := sha256.Sum256(c.Certificate[0])
	parts := make([]string, len(sum))
	for i, b := range sum {
		parts[i] = fmt.Sprintf("%02X", b)
	}
	return strings.Join(parts, ":")
}
