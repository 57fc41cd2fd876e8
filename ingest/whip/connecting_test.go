package whip

import (
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"

	"weir/room/live"
)

// TestConnectingPublishersOfOneAddress: offers without a connection behind them hold few streams from one address, until
// they are given up; publishers who are connected hold none of these places.
func TestConnectingPublishersOfOneAddress(t *testing.T) {
	s := newServer(t, func(o *Options, _ *live.Options) { o.MaxConnecting = 1 })
	offer := func(stream, from string) *httptest.ResponseRecorder {
		return s.call(call{
			method: "POST", path: "/whip/room/" + stream, kind: "application/sdp", token: token(t, "host"), from: from, body: offerText(t),
		})
	}
	const addr, other = "127.0.0.1:1000", "127.0.0.2:1000"
	p, _ := s.startLive(t) // from 127.0.0.1, too
	defer p.Close()
	var idle *httptest.ResponseRecorder
	eventually(t, "the place of the publisher, whose media may come before its session knows that it is connected", func() bool {
		idle = offer("a", addr)
		return idle.Code == http.StatusCreated
	})
	w := offer("b", "127.0.0.1:1001")
	if n, err := strconv.Atoi(w.Header().Get("Retry-After")); w.Code != http.StatusTooManyRequests ||
		w.Header().Get("Code") != "too_many_connecting" || err != nil || n < 1 {
		t.Errorf("beside one who is connecting: %d %v", w.Code, w.Header())
	}
	if _, ok := s.hub.Stream(key("b")); ok {
		t.Error("the refused publisher has a stream")
	}
	if w := offer("c", other); w.Code != http.StatusCreated {
		t.Errorf("of another address: %d %s", w.Code, w.Body)
	}
	if w := s.delete(idle.Header().Get("Location"), token(t, "host")); w.Code != http.StatusOK {
		t.Fatalf("DELETE gives %d", w.Code)
	}
	if w := offer("c?policy=reject", addr); w.Code != http.StatusConflict { // which was refused behind the bound
		t.Errorf("of a stream that is taken: %d %s", w.Code, w.Body)
	}
	if w := offer("b", addr); w.Code != http.StatusCreated {
		t.Errorf("behind one that was refused: %d %s", w.Code, w.Body)
	}
}
