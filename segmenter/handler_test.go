package segmenter

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/grafov/m3u8"
	"github.com/prometheus/client_golang/prometheus"

	"weir/mux/av"
)

// recorded is a hub whose stream holds 5 s of a camera.
func recorded(t testing.TB) *hub {
	t.Helper()
	h := runHub(t, Options{})
	p := h.publish(t, nil)
	write(t, p, camera(0, 5*time.Second, 25, 50)...)
	return h
}

func TestResponses(t *testing.T) {
	h := recorded(t)
	names := files(h.media(t))
	init, segment := names[0], names[1]
	whole := h.get("cam/" + segment).Body.Bytes()
	const forever, second = "public, max-age=31536000, immutable", "public, max-age=1"
	cases := []struct {
		name, method, path, span string
		code                     int
		kind, cache              string
		size                     int // of the body; -1 for any
	}{
		{"HL-10 HL-28 multivariant playlist", "GET", "cam.m3u8", "", 200, "application/vnd.apple.mpegurl", second, -1},
		{"HL-10 HL-28 media playlist", "GET", "cam/main.m3u8", "", 200, "application/vnd.apple.mpegurl", second, -1},
		{"HL-10 HL-28 init section", "GET", "cam/" + init, "", 200, "video/mp4", forever, -1},
		{"HL-10 HL-28 segment", "GET", "cam/" + segment, "", 200, "video/mp4", forever, len(whole)},
		{"HL-31 HEAD", "HEAD", "cam/" + segment, "", 200, "video/mp4", forever, 0},
		{"HL-31 HEAD of a playlist", "HEAD", "cam.m3u8", "", 200, "application/vnd.apple.mpegurl", second, 0},
		{"HL-31 range", "GET", "cam/" + segment, "bytes=100-199", 206, "video/mp4", forever, 100},
		{"HL-31 range to the end", "GET", "cam/" + segment, "bytes=-50", 206, "video/mp4", forever, 50},
		{"unknown segment", "GET", "cam/nobody_7.m4s", "", 404, "application/problem+json", "no-store", -1},
		{"unknown init section", "GET", "cam/nobody_init0.mp4", "", 404, "application/problem+json", "no-store", -1},
		{"unknown kind of file", "GET", "cam/passwd", "", 404, "application/problem+json", "no-store", -1},
		{"segment asked for as an init section", "GET", "cam/" + strings.TrimSuffix(segment, ".m4s") + ".mp4", "", 404, "application/problem+json", "no-store", -1},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			r := httptest.NewRequest(c.method, "/live/demo/"+c.path, nil)
			if c.span != "" {
				r.Header.Set("Range", c.span)
			}
			w := h.do(r)
			if w.Code != c.code || w.Header().Get("Content-Type") != c.kind || w.Header().Get("Cache-Control") != c.cache {
				t.Errorf("%d, %v", w.Code, w.Header())
			}
			if c.size >= 0 && w.Body.Len() != c.size {
				t.Errorf("%d bytes, want %d", w.Body.Len(), c.size)
			}
			if c.code == 200 && w.Header().Get("Content-Length") == "" {
				t.Error("no Content-Length")
			}
		})
	}
	if got := h.get("cam/" + segment); got.Header().Get("Accept-Ranges") != "bytes" {
		t.Error("HL-31: no Accept-Ranges")
	}
}

func TestNoStream(t *testing.T) {
	h := runHub(t, Options{})
	for _, path := range []string{"cam.m3u8", "cam/main.m3u8"} {
		w := h.get(path)
		var problem struct{ Code string }
		if err := json.Unmarshal(w.Body.Bytes(), &problem); err != nil {
			t.Fatal(err)
		}
		if w.Code != http.StatusNotFound || problem.Code != "stream_not_found" || w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d %s %v", path, w.Code, w.Body, w.Header())
		}
	}
}

// HL-08, HL-32: what the multivariant playlist says, and that the query of a signed address is passed on.
func TestMultivariantPlaylist(t *testing.T) {
	h := recorded(t)
	w := h.get("cam.m3u8?usersig=abc&x=1")
	pl, kind, err := m3u8.Decode(*bytes.NewBuffer(w.Body.Bytes()), true)
	if err != nil || kind != m3u8.MASTER {
		t.Fatalf("kind %v, error %v", kind, err)
	}
	v := pl.(*m3u8.MasterPlaylist).Variants[0]
	if v.URI != "cam/main.m3u8?usersig=abc&x=1" || v.Codecs != "avc1.42c01e,opus" || v.Resolution != "640x360" {
		t.Errorf("HL-08, HL-32: %+v", v)
	}
	for _, name := range files(h.media(t))[1:] {
		size := h.get("cam/" + name).Body.Len()
		if uint32(size*8/2) > v.Bandwidth {
			t.Errorf("HL-08: BANDWIDTH=%d, and a segment of %d bytes in 2 s", v.Bandwidth, size)
		}
	}
	if strings.Contains(w.Body.String(), "INDEPENDENT") {
		t.Error("HL-07: claimed for good what may change")
	}
}

func TestStats(t *testing.T) {
	h := recorded(t)
	h.get("cam.m3u8")
	h.get("cam/" + files(h.media(t))[1])
	h.get("cam/nothing")
	reg := prometheus.NewPedanticRegistry()
	reg.MustRegister(h.Segmenters.Stats())
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := make(map[string]float64)
	for _, f := range families {
		for _, m := range f.GetMetric() {
			name := []string{f.GetName()}
			for _, l := range m.GetLabel() {
				name = append(name, l.GetValue())
			}
			got[strings.Join(name, " ")] = m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	want := map[string]float64{
		"weir_hls_segmenters": 1, "weir_hls_segments_total": 2, "weir_hls_forced_cuts_total": 0,
		"weir_hls_requests_total multivariant": 1, "weir_hls_requests_total media": 1, "weir_hls_requests_total init": 0,
		"weir_hls_requests_total segment": 1, "weir_hls_requests_total unknown": 1,
	}
	if !maps.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// The samples of testdata, published and watched to the end with ffmpeg, which must find nothing to say.
func TestPlaysInFFmpeg(t *testing.T) {
	for _, codec := range []av.Codec{av.CodecOpus, av.CodecAAC} {
		t.Run(codec.String(), func(t *testing.T) {
			h := runHub(t, Options{Audio: codec, Window: 100, Wait: time.Minute}) // a busy machine takes its time to make AAC
			p := h.publish(t, nil)
			units, keys := accessUnits(t, "bars-360p.h264")
			units = units[:300] // 10 s
			packets := opusPackets(t)
			for i, sound := 0, 0; i < len(units); i++ {
				at := time.Duration(i) * time.Second / 30
				write(t, p, &av.Frame{
					Track: videoID, Codec: av.CodecH264, Key: keys[i], DTS: at, PTS: at, Wall: time.Now().Add(at), Data: units[i],
				})
				for ; time.Duration(sound)*20*time.Millisecond <= at; sound++ {
					at := time.Duration(sound) * 20 * time.Millisecond
					write(t, p, &av.Frame{Track: audioID, Codec: av.CodecOpus, Key: true, DTS: at, PTS: at, Data: packets[sound]})
				}
			}
			server := httptest.NewServer(h)
			defer server.Close()
			url := server.URL + "/live/demo/cam.m3u8"
			h.media(t) // the segmenter is there, so that the end below leaves its window
			if codec == av.CodecAAC {
				h.awaitSegments(t, 4) // the feed turns the sound of the past first
			}
			p.End(errTest)
			h.awaitEnd(t)

			if out := command(t, "ffmpeg", "-v", "error", "-i", url, "-map", "0", "-f", "null", "-"); out != "" {
				t.Errorf("ffmpeg: %s", out)
			}
			checkProbe(t, url, codec, len(units))
		})
	}
}

// checkProbe has ffprobe list all packets, and checks their number and that their times rise.
func checkProbe(t *testing.T, url string, codec av.Codec, pictures int) {
	t.Helper()
	out := command(t, "ffprobe", "-v", "error", "-show_entries", "packet=codec_type,dts_time", "-of", "json", url)
	var probe struct {
		Packets []struct {
			Kind string `json:"codec_type"`
			DTS  string `json:"dts_time"`
		}
	}
	if err := json.Unmarshal([]byte(out), &probe); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	count, last := map[string]int{}, map[string]float64{"video": -1, "audio": -1}
	for _, p := range probe.Packets {
		var dts float64
		if _, err := fmt.Sscan(p.DTS, &dts); err != nil {
			t.Fatal(err)
		}
		if dts <= last[p.Kind] {
			t.Errorf("%s: DTS %v after %v", p.Kind, dts, last[p.Kind])
		}
		last[p.Kind] = dts
		count[p.Kind]++
	}
	sound := 500
	if codec == av.CodecAAC {
		sound = 10 * 48000 / 1024
	}
	// What is in the AAC encoder at the end stays there.
	if count["video"] != pictures || count["audio"] < sound-4 || count["audio"] > sound+2 {
		t.Errorf("packets %v, want %d pictures and about %d of sound", count, pictures, sound)
	}
}

func command(t *testing.T, name string, args ...string) string {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		t.Skipf("%s is not installed", name)
	}
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	out, err := exec.CommandContext(ctx, name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v: %s", name, err, out)
	}
	return string(out)
}

// awaitSegments waits until n segments were made.
func (h *hub) awaitSegments(t *testing.T, n int64) {
	t.Helper()
	for h.Segmenters.stats.segments.Load() < n {
		waitABit(t)
	}
}

// awaitEnd waits until the playlist is closed.
func (h *hub) awaitEnd(t *testing.T) {
	t.Helper()
	for !strings.Contains(h.media(t), "ENDLIST") {
		waitABit(t)
	}
}

func waitABit(t *testing.T) {
	t.Helper()
	select {
	case <-time.After(5 * time.Millisecond):
	case <-t.Context().Done():
		t.Fatal("the test is over")
	}
}

// discard is a ResponseWriter that keeps nothing.
type discard struct{ header http.Header }

func (d discard) Header() http.Header         { return d.header }
func (d discard) Write(b []byte) (int, error) { return len(b), nil }
func (d discard) WriteHeader(int)             {}

func TestServeFileAllocs(t *testing.T) {
	h := recorded(t)
	names := files(h.media(t))
	for _, c := range []struct {
		name string
		max  float64
	}{{names[1], 7}, {mediaName, 7}} {
		r, w := httptest.NewRequest(http.MethodGet, "/", nil), discard{http.Header{}}
		if n := testing.AllocsPerRun(100, func() { h.ServeFile(w, r, testKey, c.name) }); n > c.max {
			t.Errorf("%s: %v allocations, want at most %v", c.name, n, c.max)
		}
	}
}

func BenchmarkServeSegment(b *testing.B) {
	h := recorded(b)
	name := files(h.media(b))[1]
	r, w := httptest.NewRequest(http.MethodGet, "/", nil), discard{http.Header{}}
	b.ReportAllocs()
	for b.Loop() {
		h.ServeFile(w, r, testKey, name)
	}
}

func BenchmarkServePlaylist(b *testing.B) {
	h := recorded(b)
	h.media(b)
	r, w := httptest.NewRequest(http.MethodGet, "/", nil), discard{http.Header{}}
	b.ReportAllocs()
	for b.Loop() {
		h.ServeFile(w, r, testKey, mediaName)
	}
}

func BenchmarkBuilder(b *testing.B) {
	frames := camera(0, 10*time.Second, 30, 60)
	for _, f := range frames {
		if f.Codec.IsVideo() {
			f.Data = make([]byte, 8300)
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		feed(b, startBuilder(b, bothTracks()), frames...)
	}
}
