package rtc

import (
	"io"
	"net"
	"strconv"
	"strings"
	"testing"

	"github.com/pion/webrtc/v4"
)

func TestEngineRefusesAddresses(t *testing.T) {
	busy := must(net.Listen("tcp", "127.0.0.1:0"))
	defer busy.Close()
	for _, listen := range []string{"", "127.0.0.1", "127.0.0.1:x", "127.0.0.1:70000", "203.0.113.1:0", busy.Addr().String()} {
		leavesNothing(t, func() {
			if e, err := NewEngine(Options{Listen: listen, Logs: discard()}); err == nil {
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
	e := newEngine(t, "127.0.0.1:0")
	conns := dial(t, net.JoinHostPort("127.0.0.1", strconv.Itoa(e.Port())), 300)
	for _, c := range conns {
		isClosed(t, c)
	}
	if n := e.RefusedTCP(); n != 300-tcpConnsEach {
		t.Errorf("%d refused connections are counted", n)
	}
}

// bindOfNobody is a binding request (RFC 8489 5) with the USERNAME of no session, framed as RFC 4571 2 has it.
const bindOfNobody = "\x00\x20" + "\x00\x01\x00\x0c" + "\x21\x12\xa4\x42" + "a dozen here" + "\x00\x06\x00\x08" + "nobody:x"

// A closed engine leaves nothing, also of connections on which nothing came yet or of which nobody knows.
func TestEngineClosesConnections(t *testing.T) {
	leavesNothing(t, func() {
		e := must(NewEngine(Options{Listen: "127.0.0.1:0", Logs: discard()}))
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

// Peer connections and whoever uses the certificate alone show the same fingerprint (RFC 8122 5).
func TestFingerprint(t *testing.T) {
	e := newEngine(t, "127.0.0.1:0")
	c := webrtc.CertificateFromX509(e.Certificate().PrivateKey, e.Certificate().Leaf)
	want := must(c.GetFingerprints())[0]
	if got := e.Fingerprint(); !strings.EqualFold(got, want.Algorithm+" "+want.Value) {
		t.Errorf("%s, want %s %s", got, want.Algorithm, want.Value)
	}
}
