package pull

import (
	"bytes"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"weir/mux/av"
	"weir/room/live"
	"weir/testdata/samples"
)

// TestFLV: what comes is what the source has.
func TestFLV(t *testing.T) {
	tracks, all := reel(t)
	hold := make(chan struct{})
	from := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write(film(t, tracks, all[:400]))
		_ = http.NewResponseController(w).Flush()
		<-hold
	})
	g := newGround(t, nil, always(from+"/live/a.flv?sign=secret"))
	t.Cleanup(func() { close(hold) }) // before the server closes
	same(t, g.watch(300), all)
	s, _ := g.hub.Stream(camera)
	if in := s.Info(); in.Origin.Form != "pull" || in.Tracks.Video().Width != 640 || in.Tracks.Audio() == nil {
		t.Errorf("the stream is %+v", in)
	}
	if now := g.status(); now.State != Running || now.URL != from+"/live/a.flv" || now.Tries != 1 || now.Frames < 300 || now.Bytes == 0 {
		t.Errorf("the status is %+v", now)
	}
	g.secretless("secret")
	g.stop()
	if over := g.told.last().Relay; over.Bytes == 0 || over.Frames == 0 {
		t.Errorf("told at the end: %+v", over)
	}
	if got := g.told.states(); got != "connecting running ended" {
		t.Errorf("told: %s", got)
	}
}

// TestForeignSound: of a source whose sound cannot be carried the pictures come, as of HLS; without pictures it is left.
func TestForeignSound(t *testing.T) {
	picture, pictures := samples.H264(t)
	mp3 := []byte("\x08\x00\x00\x03\x00\x00\x00\x00\x00\x00\x00\x2f\xff\xfb\x00\x00\x00\x0e")
	noise := bytes.Repeat(mp3, maxDamaged+10)
	var to heard
	head := film(t, nil, nil)
	whole := slices.Concat(head, noise[:10*len(mp3)], film(t, av.Tracks{picture}, pictures[:30])[len(head):], noise)
	if err := readFLV(bytes.NewReader(whole), &to); !errors.Is(err, ErrClosed) || len(to.frames) != 30 || to.leaves != 1 {
		t.Errorf("%d pictures, told %d times, %v", len(to.frames), to.leaves, err)
	}
	if err := readFLV(bytes.NewReader(slices.Concat(head, noise)), &heard{}); !errors.Is(err, ErrUnfit) {
		t.Errorf("sound alone: %v", err)
	}
}

// TestReconnect: a source that breaks is asked again, and the stream goes on where it was.
func TestReconnect(t *testing.T) {
	tracks, all := reel(t)
	var asked atomic.Int32
	hold := make(chan struct{})
	from := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write(film(t, tracks, all[:300]))
		_ = http.NewResponseController(w).Flush()
		if asked.Add(1) > 2 {
			<-hold
		}
	})
	g := newGround(t, nil, always(from))
	t.Cleanup(func() { close(hold) })
	got := g.watch(900)
	var last [3]time.Duration
	for _, f := range got {
		if f.DTS <= last[f.Track] && last[f.Track] != 0 {
			t.Fatalf("track %d: %v behind %v", f.Track, f.DTS, last[f.Track])
		}
		last[f.Track] = f.DTS
	}
	await(t, "it runs", func() bool { return g.status().State == Running && g.status().Tries == 3 })
	if now := g.status(); now.Restarts != 2 || now.Reason != "closed" {
		t.Errorf("the status is %+v", now)
	}
	if got := g.told.states(); got != "connecting running waiting connecting running waiting connecting running" {
		t.Errorf("told: %s", got)
	}
}

// TestBackup: the addresses are tried in turn.
func TestBackup(t *testing.T) {
	tracks, all := reel(t)
	hold := make(chan struct{})
	from := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.URL.Path, "/backup") {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write(film(t, tracks, all[:100]))
		_ = http.NewResponseController(w).Flush()
		<-hold
	})
	g := newGround(t, nil, always("http://127.0.0.1:1/", from+"/gone", from+"/backup"))
	t.Cleanup(func() { close(hold) })
	same(t, g.watch(50), all)
	if now := g.status(); now.URL != from+"/backup" || now.Tries != 3 || now.Reason != "refused" {
		t.Errorf("the status is %+v", now)
	}
}

// TestOnDemand: a stream is pulled while somebody watches, by the names that he asks for.
func TestOnDemand(t *testing.T) {
	tracks, all := reel(t)
	var path atomic.Value
	from := serve(t, func(w http.ResponseWriter, r *http.Request) {
		path.Store(r.URL.EscapedPath() + "?" + r.URL.RawQuery)
		_, _ = w.Write(film(t, tracks, all[:200]))
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	})
	task := onDemand(from + "/{app}/{stream}?in={room}")
	task.Room, task.Stream = "d*", "*"
	g := newGround(t, nil, task)
	if n := len(g.m.Pulls("1")[0].Streams); n != 0 {
		t.Errorf("%d streams are pulled that nobody watches", n)
	}
	same(t, g.watch(100), all)
	if got := path.Load(); got != "/1/cam?in=demo" {
		t.Errorf("it asked for %v", got)
	}
	await(t, "it ends", func() bool { return g.status().State == Ended })
	if now := g.status(); now.Reason != "idle" {
		t.Errorf("the status is %+v", now)
	}
	if _, ok := g.hub.Stream(camera); ok {
		t.Error("the stream is still there")
	}
	same(t, g.watch(100), all) // once more
}

// TestPublisherOfItsOwn: who publishes the stream here keeps it.
func TestPublisherOfItsOwn(t *testing.T) {
	tracks, all := reel(t)
	begin := make(chan struct{})
	from := serve(t, func(w http.ResponseWriter, r *http.Request) {
		<-begin
		_, _ = w.Write(film(t, tracks, all[:200]))
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	})
	g := newGround(t, nil, always(from))
	own, err := g.hub.Publish(camera, live.PublishOptions{User: "host"})
	if err != nil {
		t.Fatal(err)
	}
	close(begin)
	g.failed(ErrBusy)
	own.End(ErrClosed)
	same(t, g.watch(100), all)
	// A source has no name, and is not who publishes without one.
	if _, err := g.hub.Publish(camera, live.PublishOptions{Policy: live.PolicyResume}); !errors.Is(err, live.ErrBusy) {
		t.Errorf("who publishes without a name: %v", err)
	}
	own, err = g.hub.Publish(camera, live.PublishOptions{Policy: live.PolicyReplace})
	if err != nil {
		t.Fatal(err)
	}
	await(t, "the pull gives way", func() bool { s := g.status(); return s.State == Waiting && s.Reason == "busy" })
	own.End(ErrClosed)
}
