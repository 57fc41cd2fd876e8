package whip

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"weir/room/auth"
	"weir/room/live"
	"weir/rtc/signaling"
)

// uses is an auth.Uses of one goroutine.
type uses map[string]bool

func (u uses) Use(name string, _ time.Time) (bool, error) {
	there := u[name]
	u[name] = true
	return !there, nil
}

// TestSignedAddress: a publisher without a token publishes with a signed address, ends its session at the address that
// it was given, and gets no second session out of one for one use.
func TestSignedAddress(t *testing.T) {
	now := time.Now()
	a, err := auth.New(auth.Options{
		App: auth.App{ID: testApp, Key: testKey}, Uses: uses{}, Dialects: []auth.Dialect{auth.DialectAlibaba},
		Now: func() time.Time { return now },
	})
	if err != nil {
		t.Fatal(err)
	}
	s := newServer(t, func(o *Options, _ *live.Options) { o.Auth = a })
	pass := auth.Pass{Action: auth.ActionPublish, Room: "room", Stream: "cam", User: "host", Expires: now.Add(time.Hour)}
	for _, tc := range []struct {
		name    string
		dialect auth.Dialect
		once    string
		again   int
	}{
		{"for any use", auth.DialectWeir, "", http.StatusCreated},
		{"for one use", auth.DialectWeir, "n", http.StatusForbidden},
		{"in a dialect that signs paths", auth.DialectAlibaba, "", http.StatusCreated},
	} {
		pass.Once = tc.once
		query, err := a.SignQuery(tc.dialect, pass, "/whip/room/cam")
		if err != nil {
			t.Fatal(err)
		}
		post := call{method: "POST", path: "/whip/room/cam?audio=x&" + query, kind: signaling.KindSDP, body: offerText(t)}
		w := s.call(post)
		location := w.Header().Get("Location")
		if w.Code != http.StatusCreated || !strings.HasSuffix(location, "?"+query) {
			t.Fatalf("%s: %d at %q: %s", tc.name, w.Code, location, w.Body)
		}
		if got := s.publisherOf(t); got != "host" {
			t.Errorf("%s: the publisher is %q", tc.name, got)
		}
		bare, _, _ := strings.Cut(location, "?")
		if w := s.delete(bare, ""); w.Code != http.StatusUnauthorized {
			t.Errorf("%s: DELETE without the signature gives %d", tc.name, w.Code)
		}
		now = now.Add(2 * time.Hour) // whoever began the session may end it when the address is no longer good
		if w := s.delete(location, ""); w.Code != http.StatusOK {
			t.Errorf("%s: DELETE gives %d %s", tc.name, w.Code, w.Body)
		}
		if w := s.call(post); w.Code != http.StatusForbidden || w.Header().Get("Code") != "signature_expired" {
			t.Errorf("%s: expired, it gives %d %s", tc.name, w.Code, w.Header().Get("Code"))
		}
		now = now.Add(-2 * time.Hour)
		w = s.call(post)
		if w.Code != tc.again || tc.again == http.StatusForbidden && w.Header().Get("Code") != "address_used" {
			t.Errorf("%s: used again it gives %d %s", tc.name, w.Code, w.Body)
		}
		if w.Code == http.StatusCreated {
			s.delete(w.Header().Get("Location"), "")
		}
	}
}

func (s *server) publisherOf(t *testing.T) string {
	t.Helper()
	stream, ok := s.hub.Stream(key("cam"))
	if !ok {
		t.Fatal("there is no stream")
	}
	return stream.Info().User
}

// until grants everything until a time.
type until time.Time

func (u until) Authorize(context.Context, auth.Request) (auth.Grant, error) {
	return auth.Grant{App: testApp, Rights: auth.RightsAll, Ends: time.Time(u)}, nil
}

// TestExpired: an address that promised an end ends its session and the stream.
func TestExpired(t *testing.T) {
	s := newServer(t, func(o *Options, _ *live.Options) { o.Auth = until(time.Now().Add(500 * time.Millisecond)) })
	if w := s.post("", offerText(t)); w.Code != http.StatusCreated {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	eventually(t, "the end of the session", func() bool { return s.sessions() == 0 })
	s.isEmpty(t)
	if n := metric(t, s.handler.Stats(), "weir_whip_session_ends_total", "reason=expired"); n != 1 {
		t.Errorf("%v ends are counted", n)
	}
}
