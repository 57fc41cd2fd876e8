package httpflv

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"

	"weir/mux/av"
	"weir/mux/codec/h264"
	"weir/mux/codec/opus"
	"weir/mux/flv"
	"weir/room/audience"
	"weir/room/auth"
	"weir/room/live"
	"weir/testdata"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	picture = time.Second / 30
	packet  = 20 * time.Millisecond
)

var (
	testKey = live.Key{App: "1", Room: "demo", Stream: "cam"}
	errTest = errors.New("the test ends it")
)

// everyone may do everything.
type everyone struct{}

func (everyone) Authorize(context.Context, auth.Request) (auth.Grant, error) {
	return auth.Grant{App: 1, Rights: auth.RightsAll}, nil
}

// rig is a hub with the door before it.
type rig struct {
	t        *testing.T
	hub      *live.Registry
	door     *Handler
	audience *audience.Audience
	url      string
	pub      *live.Publisher
	nals     []sample
	at       int // pictures written
}

// sample is a picture of the test film.
type sample struct {
	key  bool
	data []byte
}

func testOptions() Options {
	return Options{
		Auth: everyone{}, WriteTimeout: 5 * time.Second, MaxLags: 3, MaxViewers: 10, Patience: 5 * time.Second,
		Problem: func(w http.ResponseWriter, _ *http.Request, status int, code, _ string) {
			w.Header().Set("X-Code", code)
			w.WriteHeader(status)
		},
	}
}

// newRig starts a hub, the door and a server. Tests that end the stream do so by the publisher.
func newRig(t *testing.T, o Options, configure func(*httptest.Server)) *rig {
	t.Helper()
	return newRigOn(t, live.NewRegistry(hubOptions()), o, configure)
}

func hubOptions() live.Options {
	return live.Options{
		RingBytes: 4 << 20, RingTime: 10 * time.Second, Fresh: 3 * time.Second, Grace: time.Minute,
		TrackWait: time.Second, FeedIdle: time.Second, MaxStreams: 10,
	}
}

// newRigOn is newRig on a hub of one's own.
func newRigOn(t *testing.T, hub *live.Registry, o Options, configure func(*httptest.Server)) *rig {
	t.Helper()
	r := &rig{t: t, hub: hub, audience: audience.New(audience.Options{})}
	o.Hub, o.Audience = r.hub, r.audience
	r.door = NewHandler(o)
	mux := http.NewServeMux()
	mux.Handle("/{room}/{stream}", r.door)
	server := httptest.NewUnstartedServer(mux)
	if configure != nil {
		configure(server)
	} else {
		server.Start()
	}
	r.url = server.URL + "/demo/cam"
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{}, 2)
	for _, run := range []func(context.Context) error{r.hub.Run, r.door.Run} {
		go func() {
			_ = run(ctx)
			done <- struct{}{}
		}()
	}
	t.Cleanup(func() {
		stop()
		<-done
		<-done
		server.Close()
		http.DefaultClient.CloseIdleConnections()
	})
	return r
}

// publish begins a stream with the tracks asked for.
func (r *rig) publish(video, audio bool) {
	r.t.Helper()
	tracks := 0
	if video {
		tracks++
	}
	if audio {
		tracks++
	}
	p, err := r.hub.Publish(testKey, live.PublishOptions{Tracks: tracks})
	if err != nil {
		r.t.Fatal(err)
	}
	r.pub = p
	if video {
		var sps, pps []byte
		r.nals, sps, pps = film(r.t)
		r.write(videoConfig(r.t, sps, pps, 0))
	}
	if audio {
		r.write(audioConfig(0))
	}
}

func videoConfig(t *testing.T, sps, pps []byte, at time.Duration) *av.Frame {
	t.Helper()
	info, err := h264.ParseSPS(sps)
	if err != nil {
		t.Fatal(err)
	}
	return &av.Frame{Track: 1, Kind: av.KindConfig, Codec: av.CodecH264, DTS: at, PTS: at, Config: &av.Track{
		ID: 1, Codec: av.CodecH264, ClockRate: 90000, Width: info.Width, Height: info.Height,
		Config: h264.AppendConfig(nil, [][]byte{sps}, [][]byte{pps}),
	}}
}

func audioConfig(at time.Duration) *av.Frame {
	return &av.Frame{Track: 2, Kind: av.KindConfig, Codec: av.CodecOpus, DTS: at, PTS: at, Config: &av.Track{
		ID: 2, Codec: av.CodecOpus, ClockRate: 48000, Channels: 2, Config: opus.AppendHead(nil, 2, 0),
	}}
}

func (r *rig) write(frames ...*av.Frame) {
	r.t.Helper()
	for _, f := range frames {
		if err := r.pub.Write(f); err != nil {
			r.t.Fatalf("cannot write: %v", err)
		}
	}
}

// pictures writes the next n pictures of the film.
func (r *rig) pictures(n int) {
	r.t.Helper()
	for range n {
		s, at := r.nals[r.at%len(r.nals)], time.Duration(r.at)*picture
		r.write(&av.Frame{Track: 1, Codec: av.CodecH264, Key: s.key, DTS: at, PTS: at, Data: s.data})
		r.at++
	}
}

// sounds writes n packets of Opus silence (a TOC of 20 ms and nothing coded) from a time on.
func (r *rig) sounds(from time.Duration, n int) {
	r.t.Helper()
	for i := range n {
		at := from + time.Duration(i)*packet
		r.write(&av.Frame{Track: 2, Codec: av.CodecOpus, Key: true, DTS: at, PTS: at, Data: []byte{0xfc, 0xff, 0xfe}})
	}
}

// during writes sound at a quick pace, if there is such a track, until do is done.
func (r *rig) during(do func()) {
	r.t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		do()
	}()
	for at := time.Duration(0); ; at += packet {
		if r.pub.Stream().Tracks().Audio() != nil {
			r.sounds(at, 1)
		}
		select {
		case <-done:
			return
		case <-time.After(time.Millisecond):
		}
	}
}

// film splits the sample into pictures.
func film(t *testing.T) (pictures []sample, sps, pps []byte) {
	t.Helper()
	raw, err := os.ReadFile(testdata.Path("bars-360p.h264"))
	if err != nil {
		t.Fatal(err)
	}
	for nal := range bytes.SplitSeq(raw, []byte{0, 0, 1}) {
		nal = bytes.TrimRight(nal, "\x00")
		if len(nal) == 0 {
			continue
		}
		switch h264.NALType(nal[0]) {
		case h264.NALSPS:
			sps = nal
		case h264.NALPPS:
			pps = nal
		default:
			n := len(nal)
			data := append([]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}, nal...)
			pictures = append(pictures, sample{h264.NALType(nal[0]) == h264.NALIDR, data})
		}
	}
	return pictures, sps, pps
}

// get opens the stream as a viewer does.
func (r *rig) get(query string) *http.Response {
	r.t.Helper()
	resp, err := http.Get(r.url + query)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { _ = resp.Body.Close() })
	return resp
}

// player reads a response's tags.
type player struct {
	t    *testing.T
	head [9]byte
	tags *flv.Demuxer
	// DTS of each track's first and last frame so far.
	first, last map[av.TrackID]time.Duration
}

func play(t *testing.T, body io.Reader) *player {
	t.Helper()
	p := &player{t: t, first: make(map[av.TrackID]time.Duration), last: make(map[av.TrackID]time.Duration)}
	if _, err := io.ReadFull(body, p.head[:]); err != nil {
		t.Fatalf("cannot read the header: %v", err)
	}
	p.tags = flv.NewDemuxer(io.MultiReader(bytes.NewReader(p.head[:]), body))
	return p
}

// next returns the next frame; its DTS must rise within the track.
func (p *player) next() *av.Frame {
	p.t.Helper()
	f, err := p.tags.Next()
	if err != nil {
		p.t.Fatalf("cannot read a tag: %v", err)
	}
	if f.Kind == av.KindMedia {
		if last, ok := p.last[f.Track]; ok && f.DTS <= last {
			p.t.Fatalf("track %d: DTS %v after %v", f.Track, f.DTS, last)
		}
		if _, ok := p.first[f.Track]; !ok {
			p.first[f.Track] = f.DTS
		}
		p.last[f.Track] = f.DTS
	}
	return f
}

// media skips to the next frame of a track.
func (p *player) media(id av.TrackID) *av.Frame {
	p.t.Helper()
	for {
		if f := p.next(); f.Kind == av.KindMedia && f.Track == id {
			return f
		}
	}
}

// toEnd reads until the response is over and returns the last error.
func (p *player) toEnd() error {
	for {
		if _, err := p.tags.Next(); err != nil {
			return err
		}
	}
}

// lagReader is a reader of the stream's tags that stands at its start.
func lagReader(t *testing.T, r *rig) *live.Reader[flv.Tag] {
	t.Helper()
	s, _ := r.hub.Stream(testKey)
	source, err := s.Tags(av.CodecOpus, "")
	if err != nil {
		t.Fatal(err)
	}
	reader := source.NewReader(live.ReaderOptions{})
	t.Cleanup(reader.Close)
	if _, err := reader.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	return reader
}
