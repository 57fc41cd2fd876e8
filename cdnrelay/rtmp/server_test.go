package rtmp

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"weir/mux/rtmp"
	"weir/room/dial"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is the longest that a test waits for what must come; nothing is measured with it.
const patience = 30 * time.Second

// server is a listener whose connections are served by a function of the test's.
type server struct {
	t    testing.TB
	addr string
}

// serve has a function serve each connection until the test is over, by TLS where a configuration is given.
func serve(t testing.TB, secure *tls.Config, talk func(c *peer)) *server {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if secure != nil {
		l = tls.NewListener(l, secure)
	}
	over := make(chan struct{})
	var tasks sync.WaitGroup
	var mu sync.Mutex // guards open
	var open []net.Conn
	tasks.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			open = append(open, conn)
			mu.Unlock()
			tasks.Go(func() {
				defer func() { _ = conn.Close() }()
				talk(&peer{Conn: conn, in: rtmp.NewReader(bufio.NewReader(conn), 8<<20), over: over})
			})
		}
	})
	t.Cleanup(func() {
		close(over)
		_ = l.Close()
		mu.Lock()
		for _, conn := range open {
			_ = conn.Close()
		}
		mu.Unlock()
		tasks.Wait()
	})
	return &server{t: t, addr: l.Addr().String()}
}

// peer is the server's side of a connection.
type peer struct {
	net.Conn
	in    *rtmp.Reader
	asked []rtmp.Command
	over  <-chan struct{} // closed when the test is over
}

func (p *peer) send(m rtmp.Message) { _, _ = p.Write(rtmp.AppendMessage(nil, m, rtmp.DefaultChunk)) }

func (p *peer) status(level, code, text string) {
	p.send(rtmp.NewCommand(1, "onStatus", 0.0, nil, []rtmp.Property{
		rtmp.Prop("level", level), rtmp.Prop("code", code), rtmp.Prop("description", text),
	}))
}

// greet makes the handshake.
func (p *peer) greet() error { return rtmp.Accept(p.Conn, new(rtmp.Random)) }

// command reads the next command with a name.
func (p *peer) command(name string) (rtmp.Command, error) {
	for {
		m, err := p.in.Next()
		if err != nil {
			return rtmp.Command{}, err
		}
		if m.Type != rtmp.TypeCommand {
			continue
		}
		cmd, err := rtmp.ParseCommand(m)
		if err != nil {
			return rtmp.Command{}, err
		}
		p.asked = append(p.asked, cmd)
		if cmd.Name == name {
			return cmd, nil
		}
	}
}

// result answers the next command of a name.
func (p *peer) result(name string, values ...any) error {
	cmd, err := p.command(name)
	if err == nil {
		p.send(rtmp.NewCommand(0, append([]any{"_result", cmd.Transaction, nil}, values...)...))
	}
	return err
}

// connected serves a connection up to the message stream.
func (p *peer) connected() error {
	err := p.greet()
	if err == nil {
		err = p.result("connect", []rtmp.Property{rtmp.Prop("code", "NetConnection.Connect.Success")})
	}
	if err == nil {
		err = p.result("createStream", 1.0)
	}
	return err
}

// published serves a connection up to the start of what is published.
func (p *peer) published() error {
	err := p.connected()
	if err == nil {
		_, err = p.command("publish")
	}
	if err == nil {
		p.send(rtmp.NewCommand(0, "onFCPublish")) // as ffmpeg does: a command of a single value
		p.status("status", "NetStream.Publish.Start", "go on")
	}
	return err
}

func (s *server) options() Options {
	return Options{URL: "rtmp://" + s.addr + "/live/secretkey?sign=secretsign", Guard: dial.Trusted, Agent: "weir/test", WriteTimeout: patience}
}

// publish connects and publishes, for as long as the context lasts.
func publish(ctx context.Context, o Options) (*Conn, error) {
	c, err := Dial(ctx, o)
	if err != nil {
		return nil, err
	}
	if err := c.Publish(ctx); err != nil {
		c.Close(ctx)
		return nil, err
	}
	return c, nil
}

func within(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

// watch runs Watch; the function returned waits for its end.
func watch(c *Conn) (end func() error) {
	done := make(chan error, 1)
	go func() { done <- c.Watch() }()
	return func() error { return <-done }
}

// certificate is one for 127.0.0.1, and the pool in which it is known.
func certificate(t testing.TB) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}

// unsecret fails the test when an error has something of the address that it must not have.
func unsecret(t testing.TB, err error) {
	t.Helper()
	if text := err.Error(); strings.Contains(text, "secret") || strings.ContainsAny(text, "\n\r\x1b") || len(text) > 400 {
		t.Errorf("the error tells %q", text)
	}
}

// wait reads nothing until the test is over.
func (p *peer) wait() { <-p.over }
