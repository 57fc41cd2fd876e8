package signaling

import (
	"errors"
	"net/http/httptest"
	"testing"
)

// TestConnecting: the bound is one of each network, whatever the port, and of IPv6 a /64 is one.
func TestConnecting(t *testing.T) {
	c := NewConnecting(2)
	enter := func(remote string) (func(), error) {
		r := httptest.NewRequest("POST", "/whep/room/cam", nil)
		r.RemoteAddr = remote
		return c.Enter(r)
	}
	taken := make(map[string]func())
	for _, step := range []struct {
		remote string
		ok     bool
	}{
		{"192.0.2.1:1000", true},
		{"192.0.2.1:1001", true},
		{"192.0.2.1:1002", false},
		{"[::ffff:192.0.2.1]:1003", false}, // the same address
		{"192.0.2.2:1000", true},
		{"[2001:db8:0:1::1]:1000", true},
		{"[2001:db8:0:1::2]:1000", true},
		{"[2001:db8:0:1:ffff::3]:1000", false},
		{"[2001:db8:0:2::1]:1000", true},
	} {
		leave, err := enter(step.remote)
		if (err == nil) != step.ok {
			t.Errorf("%s: %v", step.remote, err)
		}
		var no *RefusedError
		if err != nil && (!errors.As(err, &no) || no.Status != 429 || no.Code != "too_many_connecting") {
			t.Errorf("%s: %v", step.remote, err)
		}
		if err == nil {
			taken[step.remote] = leave
		}
	}
	for range 2 { // said twice, one place is given back
		taken["192.0.2.1:1000"]()
	}
	if _, err := enter("192.0.2.1:1004"); err != nil {
		t.Errorf("behind one that left: %v", err)
	}
	if _, err := enter("192.0.2.1:1005"); err == nil {
		t.Error("one place was given back twice")
	}
	taken["192.0.2.2:1000"]()
	if n := len(c.from); n != 3 {
		t.Errorf("%d networks are remembered, want the 3 of which somebody connects", n)
	}
}
