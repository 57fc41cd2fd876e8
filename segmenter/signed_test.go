package segmenter

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// TestSigned: what proves a viewer's right stands in every address that its player goes on to, and no cache gives one
// viewer's playlist to another.
func TestSigned(t *testing.T) {
	h := runHub(t, Options{Signed: true})
	p := h.publish(t, nil)
	write(t, p, camera(0, 5*time.Second, 25, 50)...)
	for _, tc := range []struct{ query, carried string }{
		{"?sign=w1.1.e...x&layer=&x=1", "?sign=w1.1.e...x"},
		{"?usersig=abc", "?usersig=abc"},
		{"", ""},
	} {
		master, media := h.get("cam.m3u8"+tc.query), h.get("cam/main.m3u8"+tc.query)
		if !strings.Contains(master.Body.String(), "cam/main.m3u8"+tc.query) {
			t.Errorf("%s is not handed on in\n%s", tc.query, master.Body)
		}
		for _, w := range []*httptest.ResponseRecorder{master, media} {
			if got := w.Header().Get("Cache-Control"); got != "private, max-age=1" {
				t.Errorf("%s: a cache hears %q", tc.query, got)
			}
		}
		names := files(media.Body.String())
		if len(names) < 2 {
			t.Fatalf("%s: no files in\n%s", tc.query, media.Body)
		}
		for _, name := range names {
			if _, query, _ := strings.Cut(name, "?"); "?"+query != tc.carried && query+tc.carried != "" {
				t.Errorf("%s is listed for %s", name, tc.query)
			}
			if w := h.get("cam/" + name); w.Code != http.StatusOK || w.Header().Get("Cache-Control") != "public, max-age=31536000, immutable" {
				t.Errorf("%s: %d %v", name, w.Code, w.Header())
			}
			r := httptest.NewRequest(http.MethodGet, "/live/demo/cam/"+name, nil)
			r.Header.Set("Authorization", "Bearer x")
			if got := h.do(r).Header().Get("Cache-Control"); got != "private, max-age=31536000, immutable" {
				t.Errorf("%s for a token in a header: a cache hears %q", name, got)
			}
		}
	}
}
