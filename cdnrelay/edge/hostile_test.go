package edge

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"weir/mux/av"
	"weir/mux/fmp4"
	"weir/room/live"
)

// TestOriginsThatMeanNoGood: what an origin answers may be anything. Nobody's stream comes of it, and who waits is told in time.
func TestOriginsThatMeanNoGood(t *testing.T) {
	begin := func(w http.ResponseWriter, body ...[]byte) {
		w.Header().Set(headerState, "live")
		for _, b := range body {
			_, _ = w.Write(b)
		}
	}
	tracks := av.Tracks{{ID: 2, Codec: av.CodecOpus, ClockRate: 48000, Channels: 2, Config: []byte("OpusHead\x01\x02\x38\x01\x80\xbb\x00\x00\x00\x00\x00")}}
	start, err := fmp4.NewMuxer().AppendStart(nil, tracks)
	if err != nil {
		t.Fatal(err)
	}
	frame := fmp4.NewMuxer().Append(nil, &av.Frame{Track: 2, Codec: av.CodecOpus, Key: true, Data: []byte{0xfc}})
	message := func(text string) []byte {
		return fmp4.AppendMessage(nil, &fmp4.Message{Scheme: stateScheme, Data: []byte(text)})
	}
	for name, answer := range map[string]http.HandlerFunc{
		"closes at once": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"refuses":        func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) },
		"redirects": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://127.0.0.1:1/", http.StatusFound)
		},
		"sends nothing":           func(w http.ResponseWriter, _ *http.Request) { begin(w) },
		"sends a page":            func(w http.ResponseWriter, _ *http.Request) { begin(w, []byte("<!doctype html><title>weir</title>")) },
		"promises a gigabyte":     func(w http.ResponseWriter, _ *http.Request) { begin(w, []byte("\x40\x00\x00\x00moov")) },
		"frames before the state": func(w http.ResponseWriter, _ *http.Request) { begin(w, start, frame) },
		"a state that is none":    func(w http.ResponseWriter, _ *http.Request) { begin(w, start, message(`{"started":"x"}`)) },
		"a thousand layers":       func(w http.ResponseWriter, _ *http.Request) { begin(w, start, message(layersOf(1000))) },
		"ended": func(w http.ResponseWriter, _ *http.Request) {
			begin(w, start, message(`{"state":"ended","reason":"A B\n"}`))
		},
		"through this node": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set(headerPath, "x, "+r.Header.Get(headerVia))
			begin(w, start, message(`{"state":"live"}`), frame)
		},
	} {
		t.Run(name, func(t *testing.T) {
			origin := httptest.NewServer(answer)
			defer origin.Close()
			front := run(t, func(_ *Options, h *live.Options) { h.Wait = 500 * time.Millisecond }, origin.URL)
			if _, err := front.hub.Await(t.Context(), testKey); !errors.Is(err, live.ErrNoStream) {
				t.Errorf("who waits gets %v", err)
			}
			front.stop()
		})
	}
}

func layersOf(n int) string {
	return `{"state":"live","layers":["l"` + strings.Repeat(`,"l"`, n) + "]}"
}

// TestSlowNodeSkips: a node that reads too slowly goes on at a later key frame, knows of each track what is true there, and gets
// no picture that it cannot decode.
func TestSlowNodeSkips(t *testing.T) {
	origin := run(t, func(o *Options, h *live.Options) { h.RingTime = 2 * time.Second; o.MaxAge = time.Second })
	p := origin.publish(t, live.PublishOptions{})
	s := newShow(t, p)
	s.run(35)

	reader := p.Stream().NewReader(live.ReaderOptions{Name: "edge", Start: live.StartNewest, MaxAge: time.Second, Layers: true})
	defer reader.Close()
	sender := &session{edge: origin.edge, stream: p.Stream(), reader: reader, mux: fmp4.NewMuxer(), lit: make(map[av.TrackID]bool)}
	if err := sender.begin(t.Context()); err != nil {
		t.Fatal(err)
	}
	take := func() {
		for !reader.Idle() {
			n, err := sender.read(t.Context())
			sender.add(n)
			if err = sender.outcome(err); err != nil {
				t.Fatal(err)
			}
		}
	}
	take()
	changed := s.high
	changed.Config = append(slices.Clone(changed.Config), 0)
	s.write(&av.Frame{Track: 4, Kind: av.KindConfig, Codec: av.CodecH265, DTS: s.at, PTS: s.at, Config: &changed})
	s.write(&av.Frame{Track: 3, Kind: av.KindConfig, Codec: av.CodecH265, DTS: s.at, PTS: s.at})
	low := s.low
	s.write(&av.Frame{Track: 3, Kind: av.KindConfig, Codec: av.CodecH265, DTS: s.at, PTS: s.at, Config: &low})
	s.run(130)
	take()
	checkDecodable(t, sender.buf, p.Stream().Tracks(), s.at)
}

// checkDecodable reads what was sent: behind a hole each video track begins with a key picture, and at its end the tracks are as they
// should.
func checkDecodable(t *testing.T, sent []byte, want av.Tracks, end time.Duration) {
	t.Helper()
	front := run(t, nil)
	p := &pull{
		edge: front.edge, asked: testKey, key: testKey, log: front.edge.log, ready: make(chan error, 1), wish: make(chan struct{}, 1), last: map[av.TrackID]time.Duration{},
	}
	body := httptest.NewRecorder()
	_, _ = body.Write(sent)
	if err := p.follow(body.Result()); !errors.Is(err, errLost) {
		t.Fatalf("reading ended with %v", err)
	}
	there := p.pub.Stream()
	r := there.NewReader(live.ReaderOptions{Name: "test", Start: live.StartOldest, Layers: true})
	defer r.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	last, holes := map[av.TrackID]time.Duration{}, 0
	var batch [1]live.Frame
	for {
		n, err := r.ReadBatch(ctx, batch[:])
		if err != nil {
			break
		}
		f := batch[0].Frame
		if n == 0 || f.Kind != av.KindMedia {
			continue
		}
		if before, ok := last[f.Track]; ok && f.DTS-before > 200*time.Millisecond {
			holes++
			if !f.Key {
				t.Errorf("track %d goes on at %v with a picture that builds on others", f.Track, f.DTS)
			}
		}
		last[f.Track] = f.DTS
	}
	if holes == 0 {
		t.Error("nothing was skipped")
	}
	if got := there.Tracks(); len(got) != len(want) {
		t.Errorf("%d tracks, want %d", len(got), len(want))
	}
	for i, got := range there.Tracks() {
		if !got.Same(&want[i]) {
			t.Errorf("track %d is %+v, want %+v", i, got, want[i])
		}
	}
	if there.Newest() < end-100*time.Millisecond {
		t.Errorf("it ends at %v, want %v", there.Newest(), end)
	}
	p.pub.End(errTest)
}

// FuzzFollow: whatever an origin sends, the node goes on, and its hub has what it can.
func FuzzFollow(f *testing.F) {
	tracks := av.Tracks{{ID: 2, Codec: av.CodecOpus, ClockRate: 48000, Channels: 2, Config: []byte("OpusHead\x01\x02\x38\x01\x80\xbb\x00\x00\x00\x00\x00")}}
	m := fmp4.NewMuxer()
	start, err := m.AppendStart(nil, tracks)
	if err != nil {
		f.Fatal(err)
	}
	st := state{State: "live", Started: 1}
	live1 := m.Append(st.append(slices.Clone(start)), &av.Frame{Track: 2, Codec: av.CodecOpus, Key: true, Data: []byte{0xfc}})
	st.State, st.Reason = "interrupted", "lost"
	broken := st.append(slices.Clone(live1))
	st.State = "ended"
	f.Add(st.append(slices.Clone(broken)), start)
	st.State, st.Started = "live", 2
	f.Add(broken, m.Append(st.append(slices.Clone(start)), &av.Frame{Track: 2, Codec: av.CodecOpus, Key: true, Data: []byte{0xfc}},
		&av.Frame{Track: 2, Kind: av.KindConfig, Codec: av.CodecOpus}, &av.Frame{Track: 9, Kind: av.KindData, Data: []byte("x")}))
	f.Add(live1, live1)
	f.Fuzz(func(t *testing.T, first, second []byte) {
		hub := live.NewRegistry(hubOptions())
		e := New(Options{Hub: hub})
		p := &pull{
			edge: e, asked: testKey, key: testKey, log: e.log, ready: make(chan error, 1), wish: make(chan struct{}, 1), last: map[av.TrackID]time.Duration{},
		}
		for _, sent := range [][]byte{first, second} {
			body := httptest.NewRecorder()
			_, _ = body.Write(sent)
			if err := p.follow(body.Result()); err == nil {
				t.Fatal("an answer that is over is no error")
			}
		}
		if p.pub != nil {
			p.pub.End(errTest)
		}
	})
}

// TestOriginGoneBeforeMedia: of a stream whose origin goes before the first frame nothing stays, as of any other publisher
// who never sent.
func TestOriginGoneBeforeMedia(t *testing.T) {
	tracks := av.Tracks{{ID: 2, Codec: av.CodecOpus, ClockRate: 48000, Channels: 2, Config: []byte("OpusHead\x01\x02\x38\x01\x80\xbb\x00\x00\x00\x00\x00")}}
	start, err := fmp4.NewMuxer().AppendStart(nil, tracks)
	if err != nil {
		t.Fatal(err)
	}
	var asked atomic.Int32
	leave := make(chan struct{})
	origin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if asked.Add(1) > 1 {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		w.Header().Set(headerState, "live")
		_, _ = w.Write(append(start, fmp4.AppendMessage(nil, &fmp4.Message{Scheme: stateScheme, Data: []byte(`{"state":"live","started":1}`)})...))
		_ = http.NewResponseController(w).Flush()
		<-leave
	}))
	defer origin.Close()
	front := run(t, nil, origin.URL)
	s, err := front.hub.Await(t.Context(), testKey)
	if err != nil {
		close(leave)
		t.Fatal(err)
	}
	close(leave)
	eventually(t, "the stream is over", func() bool { return s.Err() != nil })
	eventually(t, "nothing is taken", func() bool {
		front.edge.mu.Lock()
		defer front.edge.mu.Unlock()
		return len(front.edge.pulls) == 0
	})
}
