package segmenter

import (
	"compress/gzip"
	"io"
	"net/http/httptest"
	"testing"
)

func TestTakesGzip(t *testing.T) {
	for header, want := range map[string]bool{
		"": false, "gzip": true, "deflate, GZIP": true, "br;q=1.0, gzip;q=0.8": true, "gzip;q=0": false, "gzip; q=0.000": false,
		"gzip;q=x": false, "identity": false, "xgzip": false, "*": false,
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Accept-Encoding", header)
		if got := takesGzip(r); got != want {
			t.Errorf("%q: %v", header, got)
		}
	}
}

// HL-29: gzip for playlists when asked, never for media.
func TestGzip(t *testing.T) {
	h := recorded(t)
	plain := h.get("cam/main.m3u8")
	if plain.Header().Get("Content-Encoding") != "" || plain.Header().Get("Vary") != "Accept-Encoding" {
		t.Errorf("to who did not ask: %v", plain.Header())
	}
	ask := func(name string) *httptest.ResponseRecorder {
		r := httptest.NewRequest("GET", "/live/demo/"+name, nil)
		r.Header.Set("Accept-Encoding", "gzip, deflate, br")
		return h.do(r)
	}
	for range 2 { // made once, sent twice
		got := ask("cam/main.m3u8")
		if got.Header().Get("Content-Encoding") != "gzip" || got.Header().Get("Vary") != "Accept-Encoding" {
			t.Fatalf("got %v", got.Header())
		}
		in, err := gzip.NewReader(got.Body)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(in)
		if err != nil || string(text) != plain.Body.String() {
			t.Errorf("got %q, %v", text, err)
		}
	}
	if media := ask("cam/" + files(h.media(t))[1]); media.Header().Get("Content-Encoding") != "" || media.Code != 200 {
		t.Errorf("a segment: %d, %v", media.Code, media.Header())
	}
}
