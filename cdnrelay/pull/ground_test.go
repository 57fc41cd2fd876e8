package pull

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"weir/mux/av"
	"weir/mux/flv"
	"weir/room/hook"
	"weir/room/live"
	"weir/room/live/timeline"
	"weir/room/store"
	"weir/testdata/samples"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long is waited for what has to come.
const patience = 30 * time.Second

var camera = live.Key{App: "1", Room: "demo", Stream: "cam"}

// ground is a hub and a manager that runs.
type ground struct {
	t    *testing.T
	hub  *live.Registry
	m    *Manager
	kept *shelf
	told *ear
	stop func()
}

// shelf keeps tasks as the store does.
type shelf struct {
	mu   sync.Mutex
	rows map[string]store.Relay
	err  error // of every call
}

// fail has every call fail from now on.
func (s *shelf) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
}

func (s *shelf) CreateRelay(_ context.Context, r store.Relay) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		s.rows[r.ID] = r
	}
	return s.err
}

func (s *shelf) Relays(context.Context, string) (all []store.Relay, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.rows {
		all = append(all, r)
	}
	return all, s.err
}

func (s *shelf) DeleteRelay(_ context.Context, _, id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.rows[id]; !ok {
		return store.ErrNotFound
	}
	delete(s.rows, id)
	return nil
}

// ear hears of states.
type ear struct {
	mu     sync.Mutex
	events []hook.Event
}

func (e *ear) Stream(events ...hook.Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.events = append(e.events, events...)
}

// states are those that were told, in order.
func (e *ear) states() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	var all []string
	for i := range e.events {
		all = append(all, e.events[i].Relay.State)
	}
	return strings.Join(all, " ")
}

// last is what was told last.
func (e *ear) last() hook.Event {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.events[len(e.events)-1]
}

// newGround runs a manager with these tasks of the configuration. change may change its options.
func newGround(t *testing.T, change func(*Options), tasks ...Task) *ground {
	t.Helper()
	g := &ground{t: t, kept: &shelf{rows: make(map[string]store.Relay)}, told: &ear{}}
	g.hub = live.NewRegistry(live.Options{
		RingBytes: 64 << 20, RingTime: time.Minute, Fresh: time.Minute, Grace: patience, TrackWait: time.Second,
		MaxStreams: 100, Wait: patience, MaxWaiting: 100,
	})
	o := Options{
		Hub: g.hub, Keeper: g.kept, Hooks: g.told, Sources: tasks, Codecs: []av.Codec{av.CodecH264, av.CodecH265, av.CodecAV1},
		Timeout: patience, Idle: 100 * time.Millisecond, Retry: 10 * time.Millisecond, MaxRetry: 20 * time.Millisecond,
		MaxTasks: 3, MaxStreams: 10, MaxPerApp: 10,
	}
	if change != nil {
		change(&o)
	}
	g.run(o)
	return g
}

func (g *ground) run(o Options) {
	g.t.Helper()
	var err error
	if g.m, err = New(o); err != nil {
		g.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := g.m.Run(ctx); err != nil {
			g.t.Error(err)
		}
	})
	hub, end := context.WithCancel(context.Background())
	running.Go(func() { _ = g.hub.Run(hub) })
	g.stop = sync.OnceFunc(func() { cancel(); end(); running.Wait() })
	g.t.Cleanup(g.stop)
}

// await waits until something is so.
func await(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not within %v: %s", patience, what)
		}
	}
}

// status is that of the only stream of the only pull.
func (g *ground) status() Status {
	for _, p := range g.m.Pulls("1") {
		if n := len(p.Streams); n > 0 {
			return p.Streams[n-1]
		}
	}
	return Status{}
}

// failed waits until a connection has failed for a reason.
func (g *ground) failed(want error) Status {
	g.t.Helper()
	await(g.t, live.Reason(want), func() bool { return g.status().Reason == live.Reason(want) })
	return g.status()
}

// watch waits for the stream and reads frames of it until there are as many of its media.
func (g *ground) watch(n int) []*av.Frame {
	g.t.Helper()
	ctx, cancel := context.WithTimeout(g.t.Context(), patience)
	defer cancel()
	s, err := g.hub.Await(ctx, camera)
	if err != nil {
		g.t.Fatal(err)
	}
	r := s.NewReader(live.ReaderOptions{Name: "test", Start: live.StartOldest})
	defer r.Close()
	return frames(g.t, r, n)
}

func frames(t *testing.T, r *live.Reader[live.Frame], n int) (got []*av.Frame) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	batch := make([]live.Frame, 16)
	for len(got) < n {
		k, err := r.ReadBatch(ctx, batch)
		if err != nil {
			t.Fatalf("behind %d frames: %v", len(got), err)
		}
		for _, f := range batch[:k] {
			if f.Kind == av.KindMedia {
				got = append(got, f.Frame)
			}
		}
	}
	return got
}

// reel is the sample's pictures and sounds by their times.
func reel(t *testing.T) (tracks av.Tracks, all []*av.Frame) {
	t.Helper()
	picture, pictures := samples.H264(t)
	sound, sounds := samples.AAC(t)
	all = slices.Concat(pictures, sounds)
	slices.SortStableFunc(all, func(a, b *av.Frame) int { return cmp.Compare(a.DTS, b.DTS) })
	return av.Tracks{picture, sound}, all
}

// film is an FLV file of frames.
func film(t *testing.T, tracks av.Tracks, frames []*av.Frame) []byte {
	t.Helper()
	out := append([]byte("FLV\x01\x05\x00\x00\x00\x09"), 0, 0, 0, 0)
	var err error
	for i := range tracks {
		if out, err = flv.AppendSequenceHeader(out, &tracks[i], 0); err != nil {
			t.Fatal(err)
		}
	}
	for _, f := range frames {
		if out, err = flv.AppendFrame(out, f); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// same checks that frames are the access units of a source, each track from some unit on, in times that rise.
func same(t *testing.T, got, source []*av.Frame) {
	t.Helper()
	if len(got) == 0 {
		t.Fatal("there are no frames")
	}
	for _, id := range []av.TrackID{timeline.VideoID, timeline.AudioID} {
		of := func(all []*av.Frame) (some []*av.Frame) {
			for _, f := range all {
				if f.Codec.IsVideo() == (id == timeline.VideoID) {
					some = append(some, f)
				}
			}
			return some
		}
		have, want := of(got), of(source)
		if len(have) == 0 {
			t.Fatalf("track %d has no frames", id)
		}
		first := slices.IndexFunc(want, func(f *av.Frame) bool { return bytes.Equal(f.Data, have[0].Data) })
		if first < 0 {
			t.Fatalf("track %d begins with a unit that the source does not have", id)
		}
		for i, f := range have {
			at := first + i
			if at == len(want) {
				break
			}
			if !bytes.Equal(f.Data, want[at].Data) || f.Key != want[at].Key || f.Track != id {
				t.Fatalf("track %d: unit %d is another one", id, at)
			}
			if i == 0 {
				continue
			}
			step, meant := f.DTS-have[i-1].DTS, want[at].DTS-want[at-1].DTS
			if (step - meant).Abs() > 3*time.Millisecond {
				t.Fatalf("track %d: unit %d comes %v behind the one before, of %v", id, at, step, meant)
			}
		}
	}
}

// serve answers all requests by one function.
func serve(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

// always is the task of the camera.
func always(from ...string) Task {
	return Task{App: "1", Room: "demo", Stream: "cam", From: from, Mode: Always}
}

func onDemand(from ...string) Task {
	t := always(from...)
	t.Mode = OnDemand
	return t
}

// secretless fails where a text of all that is shown and told has something that is secret.
func (g *ground) secretless(secret string) {
	g.t.Helper()
	all, err := json.Marshal([]any{g.m.Pulls("1")[0].Streams, g.told.events})
	if err != nil {
		g.t.Fatal(err)
	}
	if strings.Contains(string(all), secret) {
		g.t.Errorf("%q is shown: %s", secret, all)
	}
}
