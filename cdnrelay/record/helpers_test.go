package record

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"weir/mux/av"
	"weir/mux/codec/h264"
	"weir/mux/codec/opus"
	"weir/room/auth"
	"weir/room/hook"
	"weir/room/live"
	"weir/room/store"
	"weir/testdata"
)

func TestMain(m *testing.M) {
	if where := os.Getenv(childEnv); where != "" {
		child(where)
		return
	}
	goleak.VerifyTestMain(m)
}

// waiting bounds every wait for an event. It is no measure of speed: a test that comes so far has failed.
const waiting = 30 * time.Second

const audioID av.TrackID = 2

var (
	camera = live.Key{App: "1400000000", Room: "r", Stream: "s"}
	errEnd = errors.New("the test ends it")
)

// lab is a hub, a store and a Recorder, which run until the test is over.
type lab struct {
	*Recorder
	hub   *live.Registry
	store *store.Store
	dir   string
	stop  func() // ends the Recorder, and waits

	mu     sync.Mutex // guards the fields below
	events []hook.Event
	told   chan struct{} // closed and made anew with each event
	ahead  time.Duration // of the clock
}

func (l *lab) now() time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	return time.Now().Add(l.ahead)
}

func (l *lab) pass(d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ahead += d
}

// Stream implements teller.
func (l *lab) Stream(events ...hook.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.events = append(l.events, events...)
	close(l.told)
	l.told = make(chan struct{})
}

// heard waits until the events are those of the states.
func (l *lab) heard(t *testing.T, states ...string) []hook.Event {
	t.Helper()
	timeout := time.After(waiting)
	for {
		l.mu.Lock()
		events, told := slices.Clone(l.events), l.told
		l.mu.Unlock()
		var got []string
		for _, e := range events {
			got = append(got, e.Record.State)
		}
		if slices.Equal(got, states) {
			return events
		}
		select {
		case <-told:
		case <-timeout:
			t.Fatalf("told of %v, want %v", got, states)
		}
	}
}

func openLab(t testing.TB, o Options) *lab {
	t.Helper()
	l := &lab{dir: o.Dir, told: make(chan struct{})}
	if l.dir == "" {
		l.dir = t.TempDir()
	}
	var err error
	if l.store, err = store.Open(t.Context(), store.Options{Path: filepath.Join(l.dir, "weir.db")}); err != nil {
		t.Fatal(err)
	}
	l.hub = live.NewRegistry(live.Options{
		RingBytes: 16 << 20, RingTime: 60 * time.Second, Fresh: 2500 * time.Millisecond, Grace: 15 * time.Second,
		TrackWait: time.Second, FeedIdle: 10 * time.Second, MaxStreams: 100,
	})
	if faulty, ok := o.Index.(*faultyIndex); ok {
		faulty.index = l.store
	} else {
		o.Index = l.store
	}
	o.Dir, o.Hub, o.Hooks, o.Now = filepath.Join(l.dir, "recordings"), l.hub, l, l.now
	o.Log = slog.New(slog.NewTextHandler(t.Output(), nil))
	o.Auth = administrators{}
	o.Problem = func(w http.ResponseWriter, _ *http.Request, status int, code, detail string) {
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(map[string]string{"code": code, "detail": detail})
	}
	if l.Recorder, err = New(o); err != nil {
		t.Fatal(err)
	}
	ctx, stopHub := context.WithCancel(context.Background())
	own, stop := context.WithCancel(context.Background())
	hub, over := make(chan struct{}), make(chan struct{})
	go func() { _ = l.hub.Run(ctx); close(hub) }()
	go func() { _ = l.Recorder.Run(own); close(over) }()
	l.stop = sync.OnceFunc(func() {
		stop()
		<-over
		stopHub()
		<-hub
		if err := errors.Join(l.Recorder.Close(), l.store.Close()); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(l.stop)
	return l
}

// administrators lets those pass who say that they are one.
type administrators struct{}

func (administrators) Authorize(_ context.Context, r auth.Request) (auth.Grant, error) {
	if r.Token != "admin" {
		return auth.Grant{}, auth.ErrNoToken
	}
	return auth.Grant{App: 1400000000, User: "boss", Admin: true}, nil
}

// publish takes the camera with its tracks.
func (l *lab) publish(t testing.TB) *source {
	t.Helper()
	p, err := l.hub.Publish(camera, live.PublishOptions{User: "ann", Tracks: 2, Origin: live.Origin{Form: "whip", Session: "1"}})
	if err != nil {
		t.Fatal(err)
	}
	s := &source{t: t, Publisher: p}
	s.track, s.pictures = pictures(t)
	sound := av.Track{ID: audioID, Codec: av.CodecOpus, ClockRate: 48000, Channels: 2, Config: opus.AppendHead(nil, 2, 312)}
	s.put(&av.Frame{Track: s.track.ID, Kind: av.KindConfig, Codec: s.track.Codec, Config: &s.track})
	s.put(&av.Frame{Track: audioID, Kind: av.KindConfig, Codec: sound.Codec, Config: &sound})
	return s
}

// pictures are those of a sample of H.264, from one key frame to before the third, and their track.
func pictures(t testing.TB) (track av.Track, frames []*av.Frame) {
	t.Helper()
	sample, err := os.ReadFile(testdata.Path("bars-360p.h264"))
	if err != nil {
		t.Fatal(err)
	}
	var sps, pps []byte
	for nal := range bytes.SplitSeq(sample, []byte{0, 0, 1}) {
		if nal = bytes.TrimRight(nal, "\x00"); len(nal) == 0 {
			continue
		}
		switch kind := h264.NALType(nal[0]); kind {
		case h264.NALSPS:
			sps = nal
		case h264.NALPPS:
			pps = nal
		case h264.NALIDR, h264.NALSlice:
			data := append(binary.BigEndian.AppendUint32(nil, uint32(len(nal))), nal...)
			frames = append(frames, &av.Frame{Codec: av.CodecH264, Key: kind == h264.NALIDR, Data: data})
		default:
		}
	}
	track = av.Track{
		ID: live.MainVideo, Codec: av.CodecH264, ClockRate: 90000, Width: 640, Height: 360,
		Config: h264.AppendConfig(nil, [][]byte{sps}, [][]byte{pps}),
	}
	return track, frames
}

// source is a publisher of 30 pictures a second, a key frame each second, and packets of sound of 20 ms.
type source struct {
	*live.Publisher
	t        testing.TB
	track    av.Track
	pictures []*av.Frame
	n, m     int           // pictures and packets so far
	skipped  time.Duration // of pauses
}

func (s *source) put(f *av.Frame) {
	s.t.Helper()
	if err := s.Write(f); err != nil {
		s.t.Fatal(err)
	}
}

// play publishes so much media.
func (s *source) play(d time.Duration) {
	s.t.Helper()
	for end := s.n + int(d*30/time.Second); s.n < end; s.n++ {
		at := s.skipped + time.Duration(s.n)*time.Second/30
		for ; s.skipped+time.Duration(s.m)*20*time.Millisecond <= at; s.m++ {
			sound := s.skipped + time.Duration(s.m)*20*time.Millisecond
			s.put(&av.Frame{Track: audioID, Codec: av.CodecOpus, Key: true, DTS: sound, PTS: sound, Data: []byte{0xf8, 0xff, 0xfe}})
		}
		picture := s.pictures[s.n%len(s.pictures)]
		s.put(&av.Frame{Track: s.track.ID, Codec: s.track.Codec, Key: picture.Key, DTS: at, PTS: at, Data: picture.Data})
	}
}

// kept is a recording as the store has it.
func (l *lab) kept(t testing.TB, id string) store.Recording {
	t.Helper()
	r, err := l.store.Recording(t.Context(), 1400000000, id)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (l *lab) path(r *store.Recording, name string) string {
	return filepath.Join(l.dir, "recordings", nameOf(r.App, r.ID, name))
}

// probe is what ffprobe says of a file, which it must read without a complaint.
type probe struct {
	Streams []struct {
		Codec   string `json:"codec_name"`
		Packets string `json:"nb_read_packets"`
	}
	Format struct {
		Start    string `json:"start_time"`
		Duration string
	}
}

func ffprobe(t testing.TB, name string) (p probe) {
	t.Helper()
	tool, err := exec.LookPath("ffprobe")
	if err != nil {
		t.Fatalf("ffprobe is needed (Debian package ffmpeg): %v", err)
	}
	cmd := exec.CommandContext(t.Context(), tool, "-v", "warning", "-count_packets", "-show_entries",
		"format=start_time,duration:stream=codec_name,nb_read_packets", "-of", "json", name)
	var faults strings.Builder
	cmd.Stderr = &faults
	out, err := cmd.Output()
	if err != nil || faults.Len() > 0 {
		t.Fatalf("ffprobe %s: %v\n%s", filepath.Base(name), err, faults.String())
	}
	if err := json.Unmarshal(out, &p); err != nil {
		t.Fatal(err)
	}
	return p
}

// packets are how many of each stream there are.
func (p probe) packets() (all []string) {
	for _, s := range p.Streams {
		all = append(all, s.Codec+" "+s.Packets)
	}
	return all
}
