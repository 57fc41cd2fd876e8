package api

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"weir/room/audience"
	"weir/room/live"
)

const goodBeacon = `{"room":"b","stream":"cam","viewer":"0123-4567_ab","form":"hls"}`

func TestBeacon(t *testing.T) {
	token := sign(t, "ann")
	for _, c := range []struct {
		name, query, body string
		signed            bool
		status            int
		code              string
	}{
		{"good", "", goodBeacon, false, 204, ""},
		{"with more than is known", "", `{"v":2,` + goodBeacon[1:], false, 204, ""},
		{"by a user", "?usersig=" + token, goodBeacon, true, 204, ""},
		{"by nobody", "", goodBeacon, true, 401, "token_missing"},
		{"nothing", "", "", false, 400, "bad_request"},
		{"no JSON", "", "room=b", false, 400, "bad_request"},
		{"too long", "", goodBeacon + strings.Repeat(" ", maxBeacon), false, 400, "bad_request"},
		{"viewer too short", "", strings.Replace(goodBeacon, "0123-4567_ab", "0123456", 1), false, 400, "bad_request"},
		{"no viewer", "", `{"room":"b","stream":"cam","form":"hls"}`, false, 400, "bad_request"},
		{"unknown form", "", strings.Replace(goodBeacon, "hls", "dash", 1), false, 400, "bad_request"},
		{"room that is none", "", strings.Replace(goodBeacon, `"b"`, `".b"`, 1), false, 400, "bad_id"},
		{"no stream", "", strings.Replace(goodBeacon, `"cam"`, `""`, 1), false, 400, "bad_id"},
		{"stream that is not live", "", strings.Replace(goodBeacon, `"cam"`, `"desk"`, 1), false, 404, "stream_not_found"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newStage(t, streams, c.signed, false)
			cam := live.Key{App: "1", Room: "b", Stream: "cam"}
			if _, err := s.hub.Publish(cam, live.PublishOptions{}); err != nil {
				t.Fatal(err)
			}
			for range 2 { // the second one is about the same viewer
				resp, err := http.Post(s.URL+"/beacon"+c.query, "text/plain;charset=UTF-8", strings.NewReader(c.body))
				if err != nil {
					t.Fatal(err)
				}
				body := new(strings.Builder)
				_ = resp.Write(body)
				_ = resp.Body.Close()
				if resp.StatusCode != c.status || !strings.Contains(body.String(), c.code) {
					t.Errorf("%d, %s", resp.StatusCode, body)
				}
			}
			want := 0
			if c.status == 204 {
				want = 1
			}
			if got := s.audience.Of(cam); got.Total != want || got.By[audience.HLS] != want {
				t.Errorf("%+v", got)
			}
		})
	}
}

// TestLastBeacon: a viewer who says so is gone at once.
func TestLastBeacon(t *testing.T) {
	s := newStage(t, streams, false, false)
	cam := live.Key{App: "1", Room: "b", Stream: "cam"}
	if _, err := s.hub.Publish(cam, live.PublishOptions{}); err != nil {
		t.Fatal(err)
	}
	for i, body := range []string{goodBeacon, `{"left":true,` + goodBeacon[1:]} {
		resp, err := http.Post(s.URL+"/beacon", "text/plain", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if got := s.audience.Of(cam).Total; resp.StatusCode != 204 || got != 1-i {
			t.Errorf("beacon %d: %d, %d viewers", i, resp.StatusCode, got)
		}
	}
}

func TestRate(t *testing.T) {
	now := time.Unix(100, 0)
	l := newRate(2)
	l.now = func() time.Time { return now }
	from := func(addr string) *http.Request {
		r := httptest.NewRequest(http.MethodPost, "/", nil)
		r.RemoteAddr = addr
		return r
	}
	for i, want := range []bool{true, true, false} {
		if got := l.allow(from(fmt.Sprintf("10.0.0.1:%d", i))); got != want {
			t.Errorf("request %d: %v", i, got)
		}
	}
	if !l.allow(from("10.0.0.2:1")) {
		t.Error("another address is refused")
	}
	for i, want := range []bool{true, true, false} {
		if got := l.allow(from(fmt.Sprintf("[2001:db8::%x]:1", i))); got != want {
			t.Errorf("request %d of a /64: %v", i, got)
		}
	}
	for i := range 2 * maxAddresses {
		l.allow(from(fmt.Sprintf("[2001:db8:%x:%x::1]:1", i>>16, i&0xffff)))
	}
	if len(l.asked) != maxAddresses {
		t.Errorf("%d addresses are remembered", len(l.asked))
	}
	now = now.Add(time.Second)
	if !l.allow(from("10.0.0.1:9")) || len(l.asked) != 1 {
		t.Error("a second later it is refused, or the second before is remembered")
	}
}

func TestBeaconsAreLimited(t *testing.T) {
	a := New(Options{})
	a.beacons.most = 0
	w := httptest.NewRecorder()
	a.Beacon(w, httptest.NewRequest(http.MethodPost, "/beacon", strings.NewReader(goodBeacon)))
	if w.Code != 429 || w.Header().Get("Retry-After") == "" {
		t.Errorf("%d %v", w.Code, w.Header())
	}
}

func FuzzReadBeacon(f *testing.F) {
	for _, s := range []string{goodBeacon, "", "{}", "null", `{"viewer":1}`, "[" + goodBeacon + "]"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, body string) {
		b, form, err := readBeacon(httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body)))
		if err == nil && (!audience.ValidName(b.Viewer) || form.String() != b.Form) {
			t.Errorf("%+v is taken", b)
		}
	})
}
