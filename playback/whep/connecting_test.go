package whep

import (
	"net/http"
	"strconv"
	"testing"

	"weir/room/live"
	"weir/rtc/signaling"
)

// TestConnectingViewersOfOneAddress: offers without a connection behind them hold few places of one address, until they are
// given up; viewers who are connected hold none of these.
func TestConnectingViewersOfOneAddress(t *testing.T) {
	s := newServer(t, func(o *Options, _ *live.Options) { o.MaxConnecting = 1 })
	s.publish(testVideo)
	offer := func(from string) (status int, code, retry, location string) {
		w := s.call(call{method: "POST", path: "/whep/room/cam", kind: signaling.KindSDP, from: from, body: chromiumOffer(t)})
		return w.Code, w.Header().Get("Code"), w.Header().Get("Retry-After"), w.Header().Get("Location")
	}
	v := s.watch(viewerOptions{})
	v.sees(1) // connected
	status, _, _, idle := offer("127.0.0.1:1000")
	if status != http.StatusCreated {
		t.Fatalf("beside a viewer who is connected: %d", status)
	}
	status, code, retry, _ := offer("127.0.0.1:1001")
	if n, err := strconv.Atoi(retry); status != http.StatusTooManyRequests || code != "too_many_connecting" || err != nil || n < 1 {
		t.Errorf("beside one who is connecting: %d %s, Retry-After %q", status, code, retry)
	}
	if n := s.handler.Total(); n != 2 {
		t.Errorf("%d sessions are there, want 2", n)
	}
	if status, _, _, _ = offer("127.0.0.2:1000"); status != http.StatusCreated {
		t.Errorf("of another address: %d", status)
	}
	if w := s.call(call{method: "DELETE", path: idle}); w.Code != http.StatusOK {
		t.Fatalf("DELETE gives %d", w.Code)
	}
	if status, _, _, idle = offer("127.0.0.1:1002"); status != http.StatusCreated {
		t.Errorf("behind one that ended: %d", status)
	}
	s.call(call{method: "DELETE", path: idle})
	if w := s.post("v=0"); w.Code != http.StatusBadRequest {
		t.Errorf("no offer gives %d", w.Code)
	}
	if status, _, _, _ = offer("127.0.0.1:1003"); status != http.StatusCreated {
		t.Errorf("behind one that was refused: %d", status)
	}
}
