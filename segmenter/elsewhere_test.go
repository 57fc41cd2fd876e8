package segmenter

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"weir/room/live"
)

// other has the objects of streams that another server publishes.
type other map[string]string

// File implements Elsewhere.
func (o other) File(_ context.Context, k live.Key, name string) ([]byte, error) {
	switch text, ok := o[name]; {
	case k.Stream == "away":
		return nil, errors.New("no origin answers")
	case ok && k.Stream == "cam":
		return []byte(text), nil
	default:
		return nil, live.ErrNoStream
	}
}

// TestElsewhere: what another server has goes out as it came, with the addresses of this one.
func TestElsewhere(t *testing.T) {
	const index = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nmain.m3u8\n#EXT-X-STREAM-INF:BANDWIDTH=2\nlayer-q.m3u8\n"
	const media = "#EXTM3U\n#EXT-X-MAP:URI=\"a_init0.mp4\"\n#EXTINF:2,\na_1.m4s\n"
	o := other{"index.m3u8": index, "index-q.m3u8": index[:len("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nmain.m3u8\n")], "main.m3u8": media, "a_1.m4s": "bytes", "a_init0.mp4": "init"}
	hub := live.NewRegistry(live.Options{RingBytes: 1 << 20, MaxStreams: 10})
	problem := func(w http.ResponseWriter, _ *http.Request, status int, code, _ string) { http.Error(w, code, status) }
	m := New(hub, Options{Elsewhere: o, Problem: problem})
	signed := New(hub, Options{Elsewhere: o, Problem: problem, Signed: true})
	for _, c := range []struct {
		name         string
		of           *Segmenters
		stream, file string // no file: the multivariant playlist
		query        string
		status       int
		want         string
	}{
		{"multivariant", m, "cam", "", "", 200, "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\ncam/main.m3u8\n#EXT-X-STREAM-INF:BANDWIDTH=2\ncam/layer-q.m3u8\n"},
		{"of a layer, with a query", m, "cam", "", "?layer=q", 200, "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\ncam/main.m3u8?layer=q\n"},
		{"of no layer", m, "cam", "", "?layer=x", 404, "stream_not_found\n"},
		{"media", m, "cam", "main.m3u8", "", 200, media},
		{"media for who has proved a right", signed, "cam", "main.m3u8", "?usersig=x", 200, strings.NewReplacer("mp4", "mp4?usersig=x", "m4s", "m4s?usersig=x").Replace(media)},
		{"a segment", m, "cam", "a_1.m4s", "", 200, "bytes"},
		{"an init section", m, "cam", "a_init0.mp4", "", 200, "init"},
		{"a segment that is gone", m, "cam", "a_0.m4s", "", 404, "file_not_found\n"},
		{"a stream that nobody has", m, "none", "", "", 404, "stream_not_found\n"},
		{"an origin that does not answer", m, "away", "main.m3u8", "", 503, "stream_not_ready\n"},
		{"nor with a segment", m, "away", "a_1.m4s", "", 503, "stream_not_ready\n"},
	} {
		w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/live/demo/x"+c.query, nil)
		k := live.Key{App: "1", Room: "demo", Stream: c.stream}
		if c.file == "" {
			c.of.ServeMultivariant(w, r, k, c.stream+"/")
		} else {
			c.of.ServeFile(w, r, k, c.file)
		}
		if w.Code != c.status || w.Body.String() != c.want {
			t.Errorf("%s: %d\n%s\nwant %d\n%s", c.name, w.Code, w.Body, c.status, c.want)
		}
	}
}

// TestElsewhereInGzip: a playlist of another server's goes out compressed as that server's own does: the same bytes under the same
// tag, made once, and anew when the playlist is another one.
func TestElsewhereInGzip(t *testing.T) {
	at := recorded(t)
	own := func(encoding string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(http.MethodGet, "/live/demo/cam/main.m3u8", nil)
		r.Header.Set("Accept-Encoding", encoding)
		return at.do(r)
	}
	plain, zip := own(""), own("gzip")
	o := other{"main.m3u8": plain.Body.String(), "layer-q.m3u8": "#EXTM3U\n"}
	front := New(live.NewRegistry(live.Options{RingBytes: 1 << 20, MaxStreams: 10}), Options{Elsewhere: o})
	ask := func(name, encoding, held string) *httptest.ResponseRecorder {
		w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/live/demo/x", nil)
		r.Header.Set("Accept-Encoding", encoding)
		r.Header.Set("If-None-Match", held)
		front.ServeFile(w, r, live.Key{App: "1", Room: "demo", Stream: "cam"}, name)
		return w
	}
	for encoding, want := range map[string]*httptest.ResponseRecorder{"": plain, "br, gzip": zip} {
		for range 2 {
			got := ask("main.m3u8", encoding, "")
			if got.Code != 200 || !bytes.Equal(got.Body.Bytes(), want.Body.Bytes()) {
				t.Errorf("%q: %d, %d bytes, want %d", encoding, got.Code, got.Body.Len(), want.Body.Len())
			}
			for _, name := range []string{"Content-Encoding", "ETag", "Vary", "Content-Length", "Content-Type", "Cache-Control"} {
				if got, want := got.Header().Get(name), want.Header().Get(name); got != want {
					t.Errorf("%q: %s %q, want %q", encoding, name, got, want)
				}
			}
		}
		if got := ask("main.m3u8", encoding, want.Header().Get("ETag")); got.Code != 304 {
			t.Errorf("%q: %d for who has it", encoding, got.Code)
		}
	}
	key, text := live.Key{App: "1", Room: "demo", Stream: "cam"}, []byte(o["main.m3u8"])
	first := front.shelf.of(key, "", text)
	if again := front.shelf.of(key, "", bytes.Clone(text)); again != first || again.data == nil {
		t.Error("it is compressed once more")
	}
	if layer := ask("layer-q.m3u8", "gzip", ""); bytes.Equal(layer.Body.Bytes(), zip.Body.Bytes()) {
		t.Error("a layer has the playlist of the main video")
	}
	o["main.m3u8"] += "#EXTINF:2,\nnext.m4s\n"
	if next := ask("main.m3u8", "gzip", zip.Header().Get("ETag")); next.Code != 200 || bytes.Equal(next.Body.Bytes(), zip.Body.Bytes()) {
		t.Errorf("the next playlist: %d", next.Code)
	}
}

// TestShelfIsBounded: of however many streams there are playlists.
func TestShelfIsBounded(t *testing.T) {
	var s shelf
	for i := range 3 * maxShelved {
		s.of(live.Key{Stream: strconv.Itoa(i)}, "", nil)
		if len(s.all) > maxShelved {
			t.Fatalf("%d playlists are kept", len(s.all))
		}
	}
}
