package segmenter

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/pion/webrtc/v4/pkg/media/oggreader"
	"go.uber.org/goleak"

	"weir/mux/av"
	"weir/room/live"
	"weir/testdata"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	testKey = live.Key{App: "1", Room: "demo", Stream: "cam"}
	errTest = errors.New("test is over")
)

// hub is a registry and the segmenters of its streams, which run until the test is over.
type hub struct {
	*live.Registry
	*Segmenters
}

func runHub(t testing.TB, o Options) *hub {
	t.Helper()
	o.Problem = func(w http.ResponseWriter, _ *http.Request, status int, code, detail string) {
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(map[string]any{"status": status, "code": code, "detail": detail})
	}
	reg := live.NewRegistry(live.Options{
		RingBytes: 16 << 20, RingTime: 30 * time.Second, Fresh: 2500 * time.Millisecond, Grace: 15 * time.Second,
		TrackWait: time.Second, FeedIdle: 10 * time.Second, MaxStreams: 100,
	})
	h := &hub{reg, New(reg, o)}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{}, 2)
	go func() { _ = reg.Run(ctx); done <- struct{}{} }()
	go func() { _ = h.Segmenters.Run(ctx); done <- struct{}{} }()
	t.Cleanup(func() {
		stop()
		<-done
		<-done
	})
	return h
}

func (h *hub) publish(t testing.TB, ask func()) *live.Publisher {
	t.Helper()
	p, err := h.Publish(testKey, live.PublishOptions{Tracks: 2, KeyFrame: ask})
	if err != nil {
		t.Fatal(err)
	}
	write(t, p, config(videoTrack(), 0), config(audioTrack(), 0))
	return p
}

func write(t testing.TB, p *live.Publisher, frames ...*av.Frame) {
	t.Helper()
	for _, f := range frames {
		if err := p.Write(f); err != nil {
			t.Fatalf("cannot write frame at %v: %v", f.DTS, err)
		}
	}
}

// ServeHTTP serves the test stream as routes do: /live/demo/cam.m3u8 and what is below /live/demo/cam/.
func (h *hub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if name, ok := strings.CutPrefix(r.URL.Path, "/live/demo/cam/"); ok {
		h.ServeFile(w, r, testKey, name)
		return
	}
	h.ServeMultivariant(w, r, testKey, "cam/")
}

// get answers a GET below /live/demo/ without a network.
func (h *hub) get(path string) *httptest.ResponseRecorder {
	return h.do(httptest.NewRequest(http.MethodGet, "/live/demo/"+path, nil))
}

func (h *hub) do(r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// accessUnits splits a sample of testdata into its pictures, as length-prefixed NAL units without parameter sets.
func accessUnits(t testing.TB, name string) (units [][]byte, keys []bool) {
	t.Helper()
	b, err := os.ReadFile(testdata.Path(name))
	if err != nil {
		t.Fatal(err)
	}
	b = bytes.ReplaceAll(b, []byte{0, 0, 0, 1}, []byte{0, 0, 1})
	for _, nal := range bytes.Split(b, []byte{0, 0, 1})[1:] {
		if kind := nal[0] & 0x1f; kind == 1 || kind == 5 { // one slice a picture
			n := len(nal)
			units = append(units, append([]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}, nal...))
			keys = append(keys, kind == 5)
		}
	}
	return units, keys
}

// opusPackets are the packets of testdata/tone.ogg, 20 ms each.
func opusPackets(t testing.TB) (packets [][]byte) {
	t.Helper()
	f, err := os.Open(testdata.Path("tone.ogg"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r, err := oggreader.NewWithOptions(f)
	if err != nil {
		t.Fatal(err)
	}
	for {
		p, _, err := r.ParseNextPage() // the sample has one packet a page
		if errors.Is(err, io.EOF) {
			return packets
		}
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.HasPrefix(p, []byte("Opus")) {
			packets = append(packets, p)
		}
	}
}
