package record

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/grafov/m3u8"

	"weir/room/live"
	"weir/room/store"
)

// front is the paths of playing, for whoever asks.
func (l *lab) front() http.Handler {
	mux := http.NewServeMux()
	key := func(r *http.Request) live.Key {
		return live.Key{App: camera.App, Room: r.PathValue("room"), Stream: r.PathValue("stream")}
	}
	mux.HandleFunc("GET /recordings/{room}/{stream}/{file}", func(w http.ResponseWriter, r *http.Request) { l.ServePlaylist(w, r, key(r)) })
	mux.HandleFunc("GET /recordings/{room}/{stream}/{id}/{file}", func(w http.ResponseWriter, r *http.Request) { l.ServeFile(w, r, key(r)) })
	mux.HandleFunc("GET /live/{room}/{stream}/poster.mp4", func(w http.ResponseWriter, r *http.Request) { l.ServePoster(w, r, key(r)) })
	return mux
}

func (l *lab) get(t *testing.T, path string, header ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, path, nil)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	l.front().ServeHTTP(w, r)
	return w
}

// code is the code of a refusal.
func code(t *testing.T, w *httptest.ResponseRecorder) string {
	t.Helper()
	var p struct{ Code string }
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil {
		t.Fatalf("%d %q: %v", w.Code, w.Body, err)
	}
	return p.Code
}

// finished is a recording of 25 s in files of 10 s.
func (l *lab) finished(t *testing.T) (store.Recording, *source) {
	t.Helper()
	p := l.publish(t)
	p.play(25 * time.Second)
	l.end(t, p)
	return l.ended(t), p
}

// A recording plays as one playlist over all its files, by ranges of them; ffmpeg sees every picture.
func TestHLS(t *testing.T) {
	l := openLab(t, Options{Rules: all(Spec{Split: 10 * time.Second})})
	r, p := l.finished(t)
	web := httptest.NewServer(l.front())
	defer web.Close()
	w := l.get(t, "/recordings/r/s/"+r.ID+".m3u8?sign=abc&x=1")
	if w.Code != http.StatusOK || w.Header().Get("Content-Type") != "application/vnd.apple.mpegurl" || w.Header().Get("Cache-Control") != "max-age=60" {
		t.Fatalf("%d %v %s", w.Code, w.Header(), w.Body)
	}
	text := w.Body.String()
	if strings.Count(text, "sign=abc") != strings.Count(text, ".mp4") || strings.Contains(text, "x=1") {
		t.Errorf("the proof is not carried on:\n%s", text)
	}
	list, kind, err := m3u8.DecodeFrom(strings.NewReader(text), true)
	if err != nil || kind != m3u8.MEDIA {
		t.Fatal(err)
	}
	media := list.(*m3u8.MediaPlaylist)
	total, breaks := 0.0, 0
	for _, s := range media.Segments[:media.Count()] {
		total += s.Duration
		if s.Discontinuity {
			breaks++
		}
		if s.Duration > 5 || s.Limit == 0 || s.ProgramDateTime.IsZero() {
			t.Errorf("segment %+v", s)
		}
	}
	if total < 24.99 || total > 25.01 || breaks != 2 || !media.Closed || !strings.Contains(text, "#EXT-X-PLAYLIST-TYPE:VOD\n") {
		t.Errorf("%v seconds, %d discontinuities\n%s", total, breaks, text)
	}
	out, err := exec.CommandContext(t.Context(), "ffmpeg", "-v", "error", "-i", web.URL+"/recordings/r/s/"+r.ID+".m3u8",
		"-map", "0:v", "-c", "copy", "-f", "framemd5", "-").Output()
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for line := range strings.Lines(string(out)) {
		if !strings.HasPrefix(line, "#") {
			n++
		}
	}
	if n != p.n {
		t.Errorf("ffmpeg sees %d pictures of %d", n, p.n)
	}
}

// While a recording goes on its playlist has the files that are complete.
func TestHLSOfARecordingThatGoesOn(t *testing.T) {
	l := openLab(t, Options{Rules: all(Spec{Split: 10 * time.Second})})
	p := l.publish(t)
	p.play(5 * time.Second)
	l.heard(t, "begun")
	r := l.recorded(t)
	if w := l.get(t, "/recordings/r/s/"+r.ID+".m3u8"); w.Code != http.StatusConflict || code(t, w) != "recording_running" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	p.play(10 * time.Second)
	l.heard(t, "begun", "complete")
	w := l.get(t, "/recordings/r/s/"+r.ID+".m3u8")
	if text := w.Body.String(); !strings.Contains(text, "#EXT-X-PLAYLIST-TYPE:EVENT\n") || strings.Contains(text, "ENDLIST") || strings.Contains(text, "2.mp4") {
		t.Errorf("%s", text)
	}
	for got := r; len(got.Files) < 2; { // the next one begins with the next picture
		var err error
		if got, err = l.Get(t.Context(), r.App, r.ID); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Millisecond)
	}
	if w := l.get(t, "/recordings/r/s/"+r.ID+"/2.mp4"); w.Code != http.StatusConflict || code(t, w) != "recording_running" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestServeFile(t *testing.T) {
	l := openLab(t, Options{Rules: all(Spec{})})
	r, _ := l.finished(t)
	want, err := os.ReadFile(l.path(&r, "1.mp4"))
	if err != nil {
		t.Fatal(err)
	}
	at := "/recordings/r/s/" + r.ID + "/1.mp4"
	w := l.get(t, at)
	if w.Code != http.StatusOK || !bytes.Equal(w.Body.Bytes(), want) || w.Header().Get("Content-Type") != "video/mp4" || w.Header().Get("Content-Disposition") != "" {
		t.Errorf("%d %v, %d bytes", w.Code, w.Header(), w.Body.Len())
	}
	if part := l.get(t, at, "Range", "bytes=100-199"); part.Code != http.StatusPartialContent || !bytes.Equal(part.Body.Bytes(), want[100:200]) {
		t.Errorf("a range: %d, %d bytes", part.Code, part.Body.Len())
	}
	if same := l.get(t, at, "If-None-Match", w.Header().Get("ETag")); same.Code != http.StatusNotModified {
		t.Errorf("the same again: %d", same.Code)
	}
	if saved := l.get(t, at+"?download"); !strings.HasPrefix(saved.Header().Get("Content-Disposition"), `attachment; filename="s-20`) {
		t.Errorf("%v", saved.Header())
	}
	for _, path := range []string{
		"/recordings/r/s/" + r.ID + "/2.mp4", "/recordings/r/s/" + r.ID + "/..%2f..%2fnode", "/recordings/r/s/none/1.mp4",
		"/recordings/other/s/" + r.ID + "/1.mp4", "/recordings/r/other/" + r.ID + "/1.mp4", "/recordings/r/s/" + r.ID + ".txt",
		"/recordings/r/s/none.m3u8", "/recordings/r/other/" + r.ID + ".m3u8", "/recordings/r/s/" + r.ID + "/node",
	} {
		if w := l.get(t, path); w.Code != http.StatusNotFound || code(t, w) != "recording_not_found" {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
}

func TestFLVIsNoHLS(t *testing.T) {
	l := openLab(t, Options{Rules: all(Spec{Format: FormatFLV})})
	p := l.publish(t)
	p.play(2 * time.Second)
	l.end(t, p)
	r := l.ended(t)
	if w := l.get(t, "/recordings/r/s/"+r.ID+".m3u8"); w.Code != http.StatusConflict || code(t, w) != "recording_not_hls" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// A poster is one picture, of a stream and of a recording.
func TestPoster(t *testing.T) {
	l := openLab(t, Options{Rules: all(Spec{})})
	if w := l.get(t, "/live/r/s/poster.mp4"); w.Code != http.StatusNotFound || code(t, w) != "stream_not_found" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	p := l.publish(t)
	p.play(3 * time.Second)
	onePicture(t, l.get(t, "/live/r/s/poster.mp4"))
	for token, want := range map[string]string{"": "public, max-age=1", "Bearer x": "private, max-age=1"} {
		if got := l.get(t, "/live/r/s/poster.mp4", "Authorization", token).Header().Get("Cache-Control"); got != want {
			t.Errorf("a poster for %q says %s, want %s", token, got, want)
		}
	}
	l.end(t, p)
	r := l.ended(t)
	onePicture(t, l.get(t, "/recordings/r/s/"+r.ID+"/poster.mp4"))
}

func onePicture(t *testing.T, w *httptest.ResponseRecorder) {
	t.Helper()
	if w.Code != http.StatusOK || w.Header().Get("Content-Type") != "video/mp4" {
		t.Fatalf("%d %v %s", w.Code, w.Header(), w.Body)
	}
	path := t.TempDir() + "/poster.mp4"
	if err := os.WriteFile(path, w.Body.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), "ffmpeg", "-v", "error", "-i", path, "-f", "rawvideo", "-pix_fmt", "gray", "-").Output()
	if err != nil || len(out) != 640*360 {
		t.Errorf("%d bytes of pictures, %v", len(out), err)
	}
}
