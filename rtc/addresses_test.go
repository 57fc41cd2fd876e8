package rtc

import (
	"net/netip"
	"strings"
	"testing"
)

func TestAddresses(t *testing.T) {
	for _, tc := range []struct {
		items      string
		used, left string // interface/address
	}{
		{"", "eth0/192.0.2.1 lo/127.0.0.1 eth0/fe80::1%eth0", ""},
		{"eth0", "eth0/192.0.2.1 eth0/2001:db8::1", "lo/127.0.0.1 eth1/192.0.2.1"},
		{"!docker0", "eth0/192.0.2.1 lo/127.0.0.1", "docker0/172.17.0.1"},
		{"!172.16.0.0/12 !fd00::/8", "eth0/192.0.2.1", "docker0/172.17.0.1 eth0/fd00::2"},
		{"192.0.2.0/24", "eth7/192.0.2.1 eth7/::ffff:192.0.2.9", "eth7/192.0.3.1 eth7/2001:db8::1"},
		{"eth0 lo !fe80::/10", "eth0/192.0.2.1 lo/127.0.0.1", "eth0/fe80::1%eth0 wlan0/192.0.2.2"},
	} {
		a, err := ParseAddresses(strings.Fields(tc.items))
		if err != nil {
			t.Fatal(err)
		}
		for list, want := range map[string]bool{tc.used: true, tc.left: false} {
			for item := range strings.FieldsSeq(list) {
				name, ip, _ := strings.Cut(item, "/")
				if a.uses(name, netip.MustParseAddr(ip)) != want {
					t.Errorf("%q: %s is used: %v", tc.items, item, !want)
				}
			}
		}
	}
	for _, wrong := range []string{"", "!", "10.0.0.0/33", "!!eth0", "a b"} {
		if _, err := ParseAddresses([]string{wrong}); err == nil {
			t.Errorf("%q is taken", wrong)
		}
	}
}

// Candidates are those of the addresses that are used, UDP and TCP alike.
func TestCandidatesOfInterfaces(t *testing.T) {
	t.Parallel()
	e := must(NewEngine(Options{Listen: ":0", Interfaces: must(ParseAddresses([]string{"127.0.0.0/8"})), Logs: discard()}))
	t.Cleanup(func() { _ = e.Close() })
	protocols := make(map[string]bool)
	for _, c := range must(e.Probe(t.Context())) {
		protocols[c.Protocol] = true
		if ip := c.Addr.Addr(); !ip.IsLoopback() || !ip.Is4() {
			t.Errorf("%v is announced", c)
		}
	}
	if !protocols["udp"] || !protocols["tcp"] {
		t.Errorf("there are candidates of %v", protocols)
	}
	for listen, items := range map[string]string{":0": "203.0.113.0/24", "127.0.0.1:0": "!127.0.0.0/8"} {
		if _, err := NewEngine(Options{Listen: listen, Interfaces: must(ParseAddresses([]string{items})), Logs: discard()}); err == nil {
			t.Errorf("%s with %s: an engine without an address is made", listen, items)
		}
	}
}
