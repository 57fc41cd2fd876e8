package dial

import (
	"context"
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"testing"
	"time"
)

func TestPublic(t *testing.T) {
	for addr, want := range map[string]bool{
		"93.184.216.34": true, "2606:2800:220:1::1": true, "172.32.0.1": true, "100.128.0.1": true, "::ffff:93.184.216.34": true,
		"127.0.0.1": false, "127.9.9.9": false, "::1": false, "0.0.0.0": false, "0.1.2.3": false, "::": false,
		"10.0.0.1": false, "172.16.0.1": false, "192.168.1.1": false, "fd00:ec2::254": false, "fc00::1": false,
		"169.254.169.254": false, "fe80::1": false, "fe80::1%eth0": false, "2606:2800:220:1::1%eth0": false,
		"224.0.0.1": false, "ff02::1": false, "255.255.255.255": false, "240.0.0.1": false, "100.64.0.1": false, "100.100.100.200": false,
		"192.0.0.192": false, "198.18.0.1": false, "::ffff:127.0.0.1": false, "::ffff:169.254.169.254": false,
		"64:ff9b::7f00:1": false, "2002:7f00:1::": false, "2001:0:7f00:1::": false, "fec0::1": false, "64:ff9b:1::1": false,
		"::127.0.0.1": false, "::ffff:0:7f00:1": false, "4000::1": false, "168.63.129.16": false,
	} {
		if got := Public(netip.MustParseAddr(addr)); got != want {
			t.Errorf("%s: %v", addr, got)
		}
	}
}

// TestGuard: without a word of the operator only public addresses are let pass, and with Trusted all are.
func TestGuard(t *testing.T) {
	inside := netip.MustParsePrefix("10.1.0.0/16")
	for _, c := range []struct {
		name    string
		guard   *Guard
		address string
		want    error
	}{
		{"public", nil, "93.184.216.34:80", nil},
		{"loopback", nil, "127.0.0.1:80", ErrAddress},
		{"loopback as IPv6", NewGuard(), "[::ffff:127.0.0.1]:80", ErrAddress},
		{"allowed", NewGuard(inside), "10.1.2.3:80", nil},
		{"allowed, as IPv6", NewGuard(inside), "[::ffff:10.1.2.3]:80", nil},
		{"beside what is allowed", NewGuard(inside), "10.2.2.3:80", ErrAddress},
		{"trusted", Trusted, "127.0.0.1:80", nil},
		{"no address", Trusted, "localhost:80", ErrAddress},
	} {
		if err := c.guard.Control("tcp", c.address, nil); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// TestDialerLeavesTimeToItsCallers: relay.connect_timeout and pull.timeout may be a minute.
func TestDialerLeavesTimeToItsCallers(t *testing.T) {
	if got := Trusted.Dialer().Timeout; got < time.Minute {
		t.Errorf("a connection is given up after %v", got)
	}
}

// named is a resolver to which every name has these addresses.
func named(addresses ...string) *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		client, server := net.Pipe() // so that messages stand behind their lengths (RFC 1035 4.2.2)
		go func() {
			defer func() { _ = server.Close() }()
			var b [512]byte
			n, err := server.Read(b[:])
			if err != nil {
				return
			}
			q := b[2:n:n]
			if n == 2 { // the length came by itself
				n, _ = server.Read(b[2:])
				q = b[2 : 2+n : 2+n]
			}
			_, _ = server.Write(resolved(q, addresses))
		}()
		return client, nil
	}}
}

// resolved answers a question of DNS (RFC 1035 4.1), of which there is one and nothing behind it that matters.
func resolved(q []byte, addresses []string) []byte {
	end := 12
	for q[end] != 0 {
		end += 1 + int(q[end])
	}
	end += 5 // the root, type and class
	kind := binary.BigEndian.Uint16(q[end-4:])
	out := append([]byte{0, 0, q[0], q[1], 0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0}, q[12:end]...)
	for _, a := range addresses {
		if kind == 1 { // A
			out[9]++
			out = append(out, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4)
			out = append(out, netip.MustParseAddr(a).AsSlice()...)
		}
	}
	binary.BigEndian.PutUint16(out, uint16(len(out)-2))
	return out
}

// TestSeveralAddresses: of a name one of whose addresses is inside the others are connected to, and where they do not answer
// that is no reason to give up.
func TestSeveralAddresses(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	g := NewGuard(netip.MustParsePrefix("127.0.0.1/32"))
	dial := func(addresses ...string) error {
		d := g.Dialer()
		d.Resolver = named(addresses...)
		conn, err := g.connect(t.Context(), d, "tcp", "cdn.example.com:"+port)
		if err == nil {
			_ = conn.Close()
		}
		return err
	}
	if err := dial("127.0.0.2", "127.0.0.1"); err != nil {
		t.Errorf("behind an address inside: %v", err)
	}
	if err := dial("127.0.0.2", "127.0.0.3"); !errors.Is(err, ErrAddress) {
		t.Errorf("inside alone: %v", err)
	}
	_ = l.Close()
	for _, order := range [][]string{{"127.0.0.2", "127.0.0.1"}, {"127.0.0.1", "127.0.0.2"}} {
		if err := dial(order...); err == nil || errors.Is(err, ErrAddress) {
			t.Errorf("%v, and nobody answers: %v", order, err)
		}
	}
}
