package edge

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"weir/mux/av"
	"weir/room/live"
	"weir/testdata/samples"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	testSecret = "0123456789abcdef0123456789abcdef"
	// enough is how long a busy machine may take.
	enough = 30 * time.Second
)

var (
	testKey = live.Key{App: "1400000000", Room: "demo room", Stream: "cam"}
	errTest = errors.New("test is over")
)

// node is a server with nothing but a hub and its side towards others.
type node struct {
	hub   *live.Registry
	edge  *Edge
	http  *httptest.Server
	stop  func()
	files files
}

// files are HLS objects of a node's own.
type files struct {
	mu    sync.Mutex
	all   map[string]string
	asked map[string]int
}

func (f *files) set(name, text string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.all[name] = text
}

// Object implements Files.
func (f *files) Object(_ context.Context, k live.Key, name string) ([]byte, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked[name]++
	if text, ok := f.all[name]; ok && k == testKey {
		return []byte(text), nil
	}
	return nil, live.ErrNoStream
}

// handler is where a node answers: tests replace what stands behind an address.
type handler struct {
	mu sync.Mutex
	h  http.Handler
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	now := h.h
	h.mu.Unlock()
	if now == nil {
		panic(http.ErrAbortHandler) // as if nobody listened
	}
	now.ServeHTTP(w, r)
}

func (h *handler) set(to http.Handler) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.h = to
}

// httpAt is another address of what stands behind at, which outlives the nodes there.
func httpAt(t testing.TB, at *handler) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(at)
	t.Cleanup(func() {
		s.CloseClientConnections()
		s.Close()
	})
	return s
}

func hubOptions() live.Options {
	return live.Options{
		RingBytes: 16 << 20, RingTime: time.Minute, Fresh: 2500 * time.Millisecond, Grace: 2 * enough, TrackWait: time.Second,
		FeedIdle: time.Second, MaxStreams: 100, Wait: enough, MaxWaiting: 100,
	}
}

// run starts a node that has these origins, behind an address of its own.
func run(t testing.TB, alter func(o *Options, h *live.Options), origins ...string) *node {
	t.Helper()
	return runBehind(t, &handler{}, alter, origins...)
}

// runBehind starts a node behind an address.
func runBehind(t testing.TB, at *handler, alter func(o *Options, h *live.Options), origins ...string) *node {
	t.Helper()
	n := &node{files: files{all: map[string]string{}, asked: map[string]int{}}}
	ho := hubOptions()
	o := Options{
		Key: testSecret, Origins: origins, Files: &n.files, Idle: time.Hour,
		Problem: func(w http.ResponseWriter, _ *http.Request, status int, code, detail string) {
			http.Error(w, code+": "+detail, status)
		},
	}
	if alter != nil {
		alter(&o, &ho)
	}
	n.hub = live.NewRegistry(ho)
	o.Hub = n.hub
	n.edge = New(o)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /edge/{app}/{room}/{stream}", n.edge.ServeStream)
	mux.HandleFunc("GET /edge/{app}/{streamid}", n.edge.ServeStream)
	mux.HandleFunc("GET /edge/{app}/{room}/{stream}/{file}", n.edge.ServeFile)
	mux.HandleFunc("POST /edge/{app}/{room}/{stream}/keyframe", n.edge.ServeKeyFrame)
	at.set(mux)
	n.http = httptest.NewServer(at)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = n.hub.Run(ctx) })
	running.Go(func() { _ = n.edge.Run(ctx) })
	eventually(t, "the node runs", func() bool { return n.edge.tasks.start(func(context.Context) {}) })
	n.stop = sync.OnceFunc(func() {
		cancel()
		n.http.CloseClientConnections()
		n.http.Close()
		running.Wait()
	})
	t.Cleanup(n.stop)
	return n
}

func (n *node) url() string { return n.http.URL }

// publish begins a stream with pictures in two layers and sound.
func (n *node) publish(t testing.TB, o live.PublishOptions) *live.Publisher {
	t.Helper()
	o.Tracks = 2
	if o.Layers == nil {
		o.Layers = []string{"l", "h"}
	}
	p, err := n.hub.Publish(testKey, o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// show is a source of frames: 25 pictures a second in two layers, a key picture every second, 50 packets of sound.
type show struct {
	pub   *live.Publisher
	low   av.Track
	high  av.Track
	sound av.Track
	at    time.Duration
	n     int
	units []*av.Frame
}

func newShow(t testing.TB, p *live.Publisher) *show {
	t.Helper()
	track, units := samples.H265(t)
	low, high := track, track
	low.ID, low.Layer, low.Width, low.Height = 3, "l", 320, 180
	high.ID, high.Layer = 4, "h"
	high.Width, high.Height = 640, 360
	s := &show{
		pub: p, low: low, high: high, units: units,
		sound: av.Track{ID: 2, Codec: av.CodecOpus, ClockRate: 48000, Channels: 2, Config: []byte("OpusHead\x01\x02\x38\x01\x80\xbb\x00\x00\x00\x00\x00")},
	}
	for _, t := range []*av.Track{&s.sound, &s.low, &s.high} {
		s.write(&av.Frame{Track: t.ID, Kind: av.KindConfig, Codec: t.Codec, Config: t})
	}
	return s
}

func (s *show) write(f *av.Frame) {
	if err := s.pub.Write(f); err != nil {
		panic(fmt.Sprintf("cannot write %v at %v: %v", f.Track, f.DTS, err))
	}
}

// run writes n pictures of each layer and the sound beside them.
func (s *show) run(n int) {
	wall := time.Unix(1_795_435_200, 0)
	for range n {
		unit := s.units[s.n%30]
		for _, id := range []av.TrackID{3, 4} {
			s.write(&av.Frame{
				Track: id, Codec: av.CodecH265, Key: s.n%30 == 0, DTS: s.at + 7, PTS: s.at + 7 + 3*time.Millisecond, Wall: wall.Add(s.at + 11), Data: unit.Data,
			})
		}
		for i := range 2 {
			at := s.at + time.Duration(i)*20*time.Millisecond
			s.write(&av.Frame{Track: 2, Codec: av.CodecOpus, Key: true, DTS: at + 1, PTS: at + 1, Wall: wall.Add(at), Data: []byte{0xfc, byte(s.n), byte(i)}})
		}
		s.at += 40 * time.Millisecond
		s.n++
	}
}

// await returns the stream once a node has it.
func (n *node) await(t testing.TB) *live.Stream {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), enough)
	defer cancel()
	s, err := n.hub.Await(ctx, testKey)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// reader reads all that a stream holds from its oldest join point on.
func reader(t testing.TB, s *live.Stream) *live.Reader[live.Frame] {
	t.Helper()
	r := s.NewReader(live.ReaderOptions{Name: "test", Start: live.StartOldest, Layers: true})
	t.Cleanup(r.Close)
	return r
}

// read reads frames until done.
func read(t testing.TB, r *live.Reader[live.Frame], done func(f *av.Frame) bool) (out []*av.Frame) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), enough)
	defer cancel()
	var batch [1]live.Frame
	for {
		n, err := r.ReadBatch(ctx, batch[:])
		if err != nil {
			t.Fatalf("after %d frames: %v", len(out), err)
		}
		if n == 1 {
			if out = append(out, batch[0].Frame); done(batch[0].Frame) {
				return out
			}
		}
	}
}

// sameFrame tells whether two frames are the same but for where they are in memory.
func sameFrame(a, b *av.Frame) bool {
	return a.Track == b.Track && a.Kind == b.Kind && a.Codec == b.Codec && a.Key == b.Key && a.DTS == b.DTS && a.PTS == b.PTS &&
		a.Wall.Equal(b.Wall) && bytes.Equal(a.Data, b.Data) && (a.Config == nil) == (b.Config == nil) && (a.Config == nil || a.Config.Same(b.Config))
}

// eventually waits until something holds.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(enough); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within %v", what, enough)
		}
	}
}

// isState waits until a stream is as it should.
func isState(t testing.TB, s *live.Stream, want live.State) {
	t.Helper()
	eventually(t, "the stream is "+want.String(), func() bool { return s.Info().State == want })
}
