package rtc

import "testing"

// Both ports answer a check on every address that is announced.
func TestProbe(t *testing.T) {
	e := newEngine(t, "127.0.0.1:0")
	leavesNothing(t, func() {
		list, err := e.Probe(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		protocols := make(map[string]bool)
		for _, c := range list {
			protocols[c.Protocol] = true
			if !c.Answered || c.Fault != "" || int(c.Addr.Port()) != e.Port() || !c.Addr.Addr().IsLoopback() {
				t.Errorf("%+v", c)
			}
		}
		if !protocols["udp"] || !protocols["tcp"] {
			t.Errorf("%v are announced", list)
		}
	})
}

// An address that is not this machine's does not answer, and the probe ends all the same.
func TestProbeOfAForeignAddress(t *testing.T) {
	t.Parallel()
	list, err := newEngine(t, "127.0.0.1:0", "127.255.255.254").Probe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(list) == 0 {
		t.Error("nothing is announced")
	}
	for _, c := range list {
		if c.Answered || c.Fault == "" {
			t.Errorf("%+v", c)
		}
	}
}
