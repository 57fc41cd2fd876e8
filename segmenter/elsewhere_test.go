package segmenter

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
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
		query, also  string
		status       int
		want         string
	}{
		{"multivariant", m, "cam", "", "", "", 200, "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\ncam/main.m3u8\n#EXT-X-STREAM-INF:BANDWIDTH=2\ncam/layer-q.m3u8\n"},
		{"of a layer, with a query", m, "cam", "", "?layer=q", "", 200, "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\ncam/main.m3u8?layer=q\n"},
		{"of no layer", m, "cam", "", "?layer=x", "", 404, "stream_not_found\n"},
		{"media", m, "cam", "main.m3u8", "", "gzip", 200, media},
		{"media for who has proved a right", signed, "cam", "main.m3u8", "?usersig=x", "", 200, strings.NewReplacer("mp4", "mp4?usersig=x", "m4s", "m4s?usersig=x").Replace(media)},
		{"a segment", m, "cam", "a_1.m4s", "", "", 200, "bytes"},
		{"an init section", m, "cam", "a_init0.mp4", "", "", 200, "init"},
		{"a segment that is gone", m, "cam", "a_0.m4s", "", "", 404, "file_not_found\n"},
		{"a stream that nobody has", m, "none", "", "", "", 404, "stream_not_found\n"},
		{"an origin that does not answer", m, "away", "main.m3u8", "", "", 503, "stream_not_ready\n"},
		{"nor with a segment", m, "away", "a_1.m4s", "", "", 503, "stream_not_ready\n"},
	} {
		w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/live/demo/x"+c.query, nil)
		r.Header.Set("Accept-Encoding", c.also)
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
