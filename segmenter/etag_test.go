package segmenter

import (
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"weir/room/audience"
)

// TestIsHeld: RFC 9110 13.1.2, with the weak comparison of 8.8.3.2.
func TestIsHeld(t *testing.T) {
	for header, want := range map[string]bool{
		"": false, `"a"`: true, `W/"a"`: true, `"b", "a"`: true, `"b" , W/"a"`: true, "*": true, `"b"`: false, "a": false, `"A"`: false,
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("If-None-Match", header)
		if got := isHeld(r, `"a"`); got != want {
			t.Errorf("If-None-Match: %s: %v, want %v", header, got, want)
		}
	}
	if tagOf([]byte("one")) == tagOf([]byte("two")) {
		t.Error("two texts have one tag")
	}
}

// TestValidators: what a cache holds it need not fetch again (RFC 9111 4.3), and no two states of a playlist, compressed or
// not, have one tag.
func TestValidators(t *testing.T) {
	h := recorded(t)
	segment := files(h.media(t))[1]
	tags := map[string]bool{}
	for _, c := range []struct{ path, encoding string }{
		{"cam.m3u8", ""}, {"cam/main.m3u8", ""}, {"cam/main.m3u8", "gzip"}, {"cam/" + segment, ""},
	} {
		r := httptest.NewRequest("GET", "/live/demo/"+c.path, nil)
		r.Header.Set("Accept-Encoding", c.encoding)
		first := h.do(r)
		tag := first.Header().Get("ETag")
		if first.Code != 200 || tag == "" || tags[tag] {
			t.Fatalf("%s %s: %d, ETag %s", c.path, c.encoding, first.Code, tag)
		}
		tags[tag] = true
		r.Header.Set("If-None-Match", tag)
		again := h.do(r)
		if again.Code != 304 || again.Body.Len() > 0 || again.Header().Get("ETag") != tag || again.Header().Get("Cache-Control") == "" {
			t.Errorf("%s %s: %d %v", c.path, c.encoding, again.Code, again.Header())
		}
		r.Header.Set("If-None-Match", `"another"`)
		if other := h.do(r); other.Code != 200 || other.Body.Len() != first.Body.Len() {
			t.Errorf("%s %s: %d with another tag", c.path, c.encoding, other.Code)
		}
	}
}

// TestSharedPull: what a CDN gets is for all of its viewers, also where playing needs a signature.
func TestSharedPull(t *testing.T) {
	h := runHub(t, Options{Signed: true, Sessions: true})
	write(t, h.publish(t, nil), camera(0, 5*time.Second, 25, 50)...)
	for _, path := range []string{"cam.m3u8", "cam/main.m3u8"} {
		for shared, want := range map[bool]string{true: "public, max-age=1", false: "private, max-age=1"} {
			pull := audience.NewPull(new(atomic.Uint64), func() {})
			pull.Shared = shared
			w := h.do(audience.WithPull(httptest.NewRequest("GET", "/live/demo/"+path, nil), pull))
			if got := w.Header().Get("Cache-Control"); w.Code != 200 || got != want || strings.Contains(w.Body.String(), "viewer=") {
				t.Errorf("%s, shared %v: %d, a cache hears %q, want %q\n%s", path, shared, w.Code, got, want, w.Body)
			}
		}
	}
}
