package peer

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"

	"github.com/pion/dtls/v3"
	"github.com/pion/ice/v4"
	"github.com/pion/srtp/v3"

	"weir/rtc"
)

// Run connects and then reads what the remote side sends, until the connection is over. It returns the reason, which is
// never nil, and leaves nothing behind. It is called once.
func (p *Peer) Run(ctx context.Context) error {
	defer p.Close()
	stop := context.AfterFunc(ctx, func() { p.end(context.Cause(ctx)) })
	defer stop()
	secure, err := p.setUp()
	if err != nil {
		return err
	}
	defer func() { _ = secure.Close() }() // says goodbye
	p.state.CompareAndSwap(0, up)
	close(p.connected)
	err = p.listen(secure)
	p.state.Store(over)
	return err
}

// setUp finds a path and agrees on keys, in the time that there is for both.
func (p *Peer) setUp() (*dtls.Conn, error) {
	over := p.opts.Engine.Hurry()
	defer over()
	ctx, cancel := context.WithTimeout(p.life, p.opts.Setup)
	defer cancel()
	var err error
	if p.conn, err = p.connect(ctx); err != nil {
		return nil, p.reason(ErrNoPath, err)
	}
	secure, err := p.handshake(ctx)
	if err != nil {
		return nil, p.reason(ErrHandshake, err)
	}
	return secure, nil
}

// reason is why a stage failed: because the connection is over, or what is to be said of the stage.
func (p *Peer) reason(stage, err error) error {
	switch cause := context.Cause(p.life); {
	case cause != nil:
		return cause
	case errors.Is(err, ErrFingerprint):
		return ErrFingerprint
	default:
		return fmt.Errorf("%w: %w", stage, err)
	}
}

func (p *Peer) connect(ctx context.Context) (*ice.Conn, error) {
	r := &p.remote
	if r.Lite || p.offers {
		return p.agent.Dial(ctx, r.Ufrag, r.Pwd)
	}
	return p.agent.Accept(ctx, r.Ufrag, r.Pwd)
}

// handshake agrees on keys by DTLS and sets up SRTP with them (RFC 5764 4).
func (p *Peer) handshake(ctx context.Context) (*dtls.Conn, error) {
	secure, err := p.secure()
	if err != nil {
		return nil, err
	}
	if err := secure.HandshakeContext(ctx); err != nil {
		_ = secure.Close()
		return nil, err
	}
	if err := p.setKeys(secure); err != nil {
		_ = secure.Close()
		return nil, err
	}
	return secure, nil
}

// secure is a DTLS connection on the path, before its handshake.
func (p *Peer) secure() (*dtls.Conn, error) {
	e := p.opts.Engine
	both := []dtls.Option{
		dtls.WithCertificates(e.Certificate()),
		dtls.WithSRTPProtectionProfiles(rtc.SRTPProfiles()...),
		dtls.WithExtendedMasterSecret(dtls.RequireExtendedMasterSecret),
		dtls.WithFlightInterval(rtc.DTLSRetry),
		dtls.WithLoggerFactory(e.Logs()),
		dtls.WithInsecureSkipVerify(true), // RFC 8827 6.5: the fingerprint is what counts, and it is checked
		dtls.WithVerifyPeerCertificate(p.verify),
	}
	conn := &channel{Conn: p.conn, peer: p}
	if p.client {
		var options []dtls.ClientOption
		for _, o := range both {
			options = append(options, o)
		}
		return dtls.ClientWithOptions(conn, nowhere, options...)
	}
	options := []dtls.ServerOption{
		dtls.WithClientAuth(dtls.RequireAnyClientCert),
		// The cookie proves the client's address, which ICE has done, and costs a round trip.
		dtls.WithInsecureSkipVerifyHello(true),
	}
	for _, o := range both {
		options = append(options, o)
	}
	return dtls.ServerWithOptions(conn, nowhere, options...)
}

// verify is called with the certificate, which may be signed by anybody.
func (p *Peer) verify(certificates [][]byte, _ [][]*x509.Certificate) error {
	if len(certificates) == 0 || !fits(p.digests, certificates[0]) {
		return ErrFingerprint
	}
	return nil
}

// setKeys makes the SRTP contexts of both directions.
func (p *Peer) setKeys(secure *dtls.Conn) error {
	state, ok := secure.ConnectionState()
	chosen, hasProfile := secure.SelectedSRTPProtectionProfile()
	if !ok || !hasProfile {
		return errors.New("no SRTP profile was agreed on") // RFC 5764 4.1.1
	}
	config := srtp.Config{Profile: srtp.ProtectionProfile(chosen)}
	if err := config.ExtractSessionKeysFromDTLS(&state, p.client); err != nil {
		return err
	}
	keys := &config.Keys
	var err error
	if p.out, err = newSealer(config.Profile, keys.LocalMasterKey, keys.LocalMasterSalt); err != nil {
		return err
	}
	if p.rtcp, err = newRTCPSealer(config.Profile, keys.LocalMasterKey, keys.LocalMasterSalt); err != nil {
		return err
	}
	in, err := newOpener(config.Profile, keys.RemoteMasterKey, keys.RemoteMasterSalt)
	if err != nil {
		return err
	}
	p.in.Store(in)
	return nil
}

// listen waits for the end. What the remote side sends within DTLS means nothing here.
func (p *Peer) listen(secure *dtls.Conn) error {
	stop := context.AfterFunc(p.life, func() { _ = secure.SetReadDeadline(past) })
	defer stop()
	var buf [64]byte
	for {
		_, err := secure.Read(buf[:])
		switch cause := context.Cause(p.life); {
		case cause != nil:
			return cause
		case errors.Is(err, io.EOF):
			return ErrGone
		}
	}
}
