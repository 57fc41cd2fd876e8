package dial

import (
	"errors"
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
