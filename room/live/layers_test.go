package live

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"weir/mux/av"
	"weir/mux/codec/opus"
	"weir/mux/transcode"
)

// longOptions keep all that a test writes.
func longOptions() Options {
	o := testOptions()
	o.RingTime = time.Minute
	return o
}

// layered publishes with the layers q, h and f.
func layered(t testing.TB, reg *Registry, tracks int) *Publisher {
	t.Helper()
	return mustPublish(t, reg, PublishOptions{Tracks: tracks, Brings: []av.TrackID{1, 2}, Layers: []string{"q", "h", "f"}})
}

func layerFrame(name string, at time.Duration, key bool) *av.Frame {
	t := testLayers[strings.Index("qhf", name)]
	return &av.Frame{Track: t.ID, Codec: t.Codec, Key: key, DTS: at, PTS: at, Data: make([]byte, t.Width)}
}

// writeLayers writes n pictures of each layer named, 25 a second, with a key frame every 20.
func writeLayers(t testing.TB, p *Publisher, names string, from time.Duration, n int) (next time.Duration) {
	t.Helper()
	for i := range n {
		for j, name := range strings.Split(names, "") {
			at := from + time.Duration(j)*time.Millisecond
			if i == 0 {
				mustWrite(t, p, config(testLayers[strings.Index("qhf", name)], at))
			}
			mustWrite(t, p, layerFrame(name, at, i%20 == 0))
		}
		from += 40 * time.Millisecond
	}
	return from
}

// pictures describes what is in frames of MainVideo: the width at each configuration, k and p for key and other
// pictures, each with how many there are. Sizes of pictures tell their layer.
func pictures(t testing.TB, frames []Frame) string {
	t.Helper()
	var out []string
	var last string
	n := 0
	flush := func() {
		if n > 0 {
			out = append(out, fmt.Sprintf("%s*%d", last, n))
		}
		n = 0
	}
	dts := time.Duration(-1)
	for _, f := range frames {
		if f.Track != MainVideo {
			continue
		}
		if f.Kind == av.KindConfig {
			flush()
			out = append(out, fmt.Sprintf("config:%d", f.Config.Width))
			continue
		}
		if f.DTS <= dts || f.PTS < f.DTS {
			t.Errorf("a picture at %v, PTS %v, behind %v", f.DTS, f.PTS, dts)
		}
		dts = f.DTS
		kind := fmt.Sprint(len(f.Data))
		if kind != last {
			flush()
			if !f.Key {
				out = append(out, "no key")
			}
		}
		last = kind
		n++
	}
	flush()
	return strings.Join(out, " ")
}

func TestMainVideoIsTheLargestLayer(t *testing.T) {
	inBubble(t, longOptions(), func(t *testing.T, reg *Registry) {
		p := layered(t, reg, 1)
		at := writeLayers(t, p, "qhf", 0, 40)
		r := p.Stream().NewReader(ReaderOptions{Start: StartOldest})
		defer r.Close()
		ts, err := r.Start(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if v := ts.Video(); v == nil || v.ID != MainVideo || v.Layer != "" || v.Width != 1280 || string(v.Config) != "f" {
			t.Errorf("the video is %+v", v)
		}
		at = writeLayers(t, p, "qh", at, 100) // f dies
		writeLayers(t, p, "qhf", at, 200)     // and returns
		if got, want := pictures(t, readAll(t, r)), "1280*40 config:640 640*200 config:1280 1280*65"; !similar(got, want) {
			t.Errorf("main video is %s, want something like %s", got, want)
		}
	})
}

// TestMainVideoRisesBetweenLayers: the layers' clocks are not the same, and the main video steps from one to another.
func TestMainVideoRisesBetweenLayers(t *testing.T) {
	for name, behind := range map[string]time.Duration{"equal": 0, "behind": 30 * ms} {
		t.Run(name, func(t *testing.T) {
			p := layered(t, runRegistry(t, longOptions()), 1)
			r := p.Stream().NewReader(ReaderOptions{Start: StartOldest})
			defer r.Close()
			at := writeLayers(t, p, "h", 0, 100)
			mustWrite(t, p, config(testLayers[2], at))
			for i := range 20 {
				mustWrite(t, p, layerFrame("h", at, i%20 == 0), layerFrame("f", at-behind, i%20 == 0))
				at += 40 * ms
			}
			if got, want := pictures(t, readAll(t, r)), "640*81 config:1280 1280*20"; got != want {
				t.Errorf("main video is %s, want %s", got, want)
			}
		})
	}
}

// similar tells whether two descriptions of pictures have the same form; the counts may differ.
func similar(a, b string) bool {
	form := func(s string) string {
		var out []string
		for w := range strings.FieldsSeq(s) {
			w, _, _ = strings.Cut(w, "*")
			out = append(out, w)
		}
		return strings.Join(out, " ")
	}
	return form(a) == form(b)
}

func TestTracksListLayers(t *testing.T) {
	p := layered(t, runRegistry(t, testOptions()), 2)
	s := p.Stream()
	mustWrite(t, p, config(audioTrack, 0))
	writeLayers(t, p, "qhf", 0, 1)
	if err := s.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, track := range s.Tracks() {
		got = append(got, fmt.Sprintf("%d:%s:%d", track.ID, track.Layer, track.Width))
	}
	if want := "[1::1280 2::0 3:q:320 4:h:640 5:f:1280]"; fmt.Sprint(got) != want {
		t.Errorf("tracks %v, want %s", got, want)
	}
	if got := fmt.Sprint(s.Layers()); got != "[q h f]" {
		t.Errorf("layers %s", got)
	}
	if i := s.Info(); i.Frames != 3 || i.Bytes != 320+640+1280 {
		t.Errorf("%d frames of %d bytes; what the publisher sent counts once", i.Frames, i.Bytes)
	}
	if held, media := s.ring.bytes.Load(), int64(320+640+1280); held < media || held > media+20*frameOverhead {
		t.Errorf("the ring holds %d bytes of %d of media: shared data counts once", held, media)
	}
}

// A stream is not ready with layers alone: what is shown is still to come.
func TestReadyAwaitsMainVideo(t *testing.T) {
	inBubble(t, longOptions(), func(t *testing.T, reg *Registry) {
		p := layered(t, reg, 2)
		s := p.Stream()
		mustWrite(t, p, config(audioTrack, 0), audio(0), config(testLayers[0], 1), layerFrame("q", 1, true))
		if s.isReady {
			t.Error("ready without a picture to show")
		}
		mustWrite(t, p, config(testLayers[1], 2), layerFrame("h", 2, true), config(testLayers[2], 3), layerFrame("f", 3, true))
		if !s.isReady {
			t.Error("not ready with all layers")
		}
		r := s.NewReader(ReaderOptions{Start: StartOldest})
		defer r.Close()
		if got := readAll(t, r); len(got) != 1 || got[0].Track != MainVideo || !got[0].Key {
			t.Errorf("a reader starts at %+v; a layer's key frame is no join point, nor is sound", got)
		}
	})
}

func layerReader(t testing.TB, s *Stream, layer string, o ReaderOptions) *Reader[Frame] {
	t.Helper()
	src, err := s.Layer(layer, "raw", s)
	if err != nil {
		t.Fatal(err)
	}
	r := src.NewReader(o)
	t.Cleanup(r.Close)
	return r
}

func TestLayer(t *testing.T) {
	inBubble(t, longOptions(), func(t *testing.T, reg *Registry) {
		p := layered(t, reg, 2)
		s := p.Stream()
		mustWrite(t, p, config(audioTrack, 0), audio(0))
		at := writeLayers(t, p, "qhf", 0, 30)
		mustWrite(t, p, audio(at)) // ends the silence that stood in for it
		at += time.Millisecond
		for name, width := range map[string]int{"q": 320, "h": 640, "f": 1280} {
			r := layerReader(t, s, name, ReaderOptions{})
			ts, err := r.Start(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if len(ts) != 2 || ts.Video().ID != MainVideo || ts.Video().Width != width || ts.Video().Layer != "" || ts.Audio() == nil {
				t.Errorf("%s: tracks %+v", name, ts)
			}
			synctest.Wait() // the feed has read all that there is
			// It begins at the layer's own newest key frame, the 21st of 30 pictures.
			if got, want := pictures(t, readAll(t, r)), fmt.Sprintf("%d*10", width); got != want {
				t.Errorf("%s: got %s, want %s", name, got, want)
			}
			mustWrite(t, p, audio(at))
			synctest.Wait()
			if got := readAll(t, r); len(got) != 1 || got[0].Track != 2 {
				t.Errorf("%s: %d values after a sound", name, len(got))
			}
			at += time.Millisecond
			r.Close()
		}
		if same, err := s.Layer("", "raw", s); err != nil || same != Source[Frame](s) {
			t.Errorf("without a layer: %v, %v; want the stream itself", same, err)
		}
		if _, err := s.Layer("x", "raw", s); !errors.Is(err, ErrNoLayer) || !strings.Contains(err.Error(), "[q h f]") {
			t.Errorf("an unknown layer: %v", err)
		}
	})
}

func TestNoLayerWithoutSimulcast(t *testing.T) {
	p := mustPublish(t, runRegistry(t, testOptions()), PublishOptions{Tracks: 1})
	mustWrite(t, p, config(videoTrack, 0))
	if _, err := p.Stream().Layer("q", "raw", p.Stream()); !errors.Is(err, ErrNoLayer) {
		t.Errorf("got %v", err)
	}
	if p.Stream().layers != nil {
		t.Error("a stream without simulcast pays for it")
	}
}

func TestLayerThatDiesAndReturns(t *testing.T) {
	inBubble(t, longOptions(), func(t *testing.T, reg *Registry) {
		p := layered(t, reg, 1)
		at := writeLayers(t, p, "qhf", 0, 40)
		r := layerReader(t, p.Stream(), "h", ReaderOptions{Start: StartOldest})
		synctest.Wait()
		at = writeLayers(t, p, "qf", at, 100)
		synctest.Wait()
		writeLayers(t, p, "qhf", at, 200)
		synctest.Wait()
		if got, want := pictures(t, readAll(t, r)), "640*40 config:320 320*200 config:640 640*65"; !similar(got, want) {
			t.Errorf("the layer is %s, want something like %s", got, want)
		}
	})
}

// A reader of a layer that is silent gets the next one, after the key frame that is asked for.
func TestJoinAtLayerThatIsSilent(t *testing.T) {
	inBubble(t, longOptions(), func(t *testing.T, reg *Registry) {
		asked := 0
		p := mustPublish(t, reg, PublishOptions{Tracks: 1, Layers: []string{"q", "h", "f"}, KeyFrame: func() { asked++ }})
		at := writeLayers(t, p, "qhf", 0, 40)
		at = writeLayers(t, p, "qh", at, 100)
		r := layerReader(t, p.Stream(), "f", ReaderOptions{})
		synctest.Wait()
		writeLayers(t, p, "qh", at, 40)
		synctest.Wait()
		if ts, err := r.Start(t.Context()); err != nil || ts.Video() == nil || ts.Video().Width != 640 {
			t.Errorf("got %+v, %v", ts, err)
		}
		if asked == 0 {
			t.Error("no key frame was asked for")
		}
	})
}

// A reader that waits in vain for a key frame makes do with the newest join point, not with what a silent layer left.
func TestJoinAtLayerThatIsLongSilent(t *testing.T) {
	o := longOptions()
	o.RingBytes = 16 << 20
	inBubble(t, o, func(t *testing.T, reg *Registry) {
		p := layered(t, reg, 1)
		at := writeLayers(t, p, "qhf", 0, 40)
		at = writeLayers(t, p, "qh", at, 500)
		for range 100 { // so that no key frame is fresh
			for _, name := range []string{"q", "h"} {
				mustWrite(t, p, layerFrame(name, at, false))
			}
			at += 40 * time.Millisecond
		}
		r := layerReader(t, p.Stream(), "f", ReaderOptions{})
		if _, err := r.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if got := readAll(t, r); len(got) == 0 || got[0].DTS < 20*time.Second {
			t.Errorf("%d values, the first of %+v", len(got), got[0])
		}
	})
}

// While the camera of a simulcast is off its sound alone is what viewers get.
func TestSoundAloneOfASimulcast(t *testing.T) {
	inBubble(t, longOptions(), func(t *testing.T, reg *Registry) {
		p := layered(t, reg, 2)
		mustWrite(t, p, config(stereoTrack, 0), sound(stereoTrack, 0))
		if p.Stream().ring.newestJoin() != nil {
			t.Error("a reader may start before it is known that there are no pictures")
		}
		time.Sleep(testOptions().TrackWait)
		synctest.Wait()
		at := 20 * ms
		sounds := func(n int) {
			for range n {
				mustWrite(t, p, sound(stereoTrack, at))
				at += 20 * ms
			}
		}
		joins := func() bool { return p.Stream().ring.newestJoin() != nil }
		if sounds(1); !joins() {
			t.Error("nobody can join before the camera is on")
		}
		if at = writeLayers(t, p, "qhf", at, 30); p.Stream().Tracks().Video() == nil {
			t.Error("no video")
		}
		if sounds(3500); p.Stream().Tracks().Video() != nil || !joins() {
			t.Error("nobody can join when the camera was off for a minute")
		}
	})
}

func TestTakeoverBetweenSimulcastAndSingle(t *testing.T) {
	inBubble(t, longOptions(), func(t *testing.T, reg *Registry) {
		first := layered(t, reg, 2)
		s := first.Stream()
		mustWrite(t, first, config(audioTrack, 0), audio(0))
		at := writeLayers(t, first, "qhf", 0, 30)
		main := s.NewReader(ReaderOptions{Start: StartOldest})
		defer main.Close()
		small := layerReader(t, s, "q", ReaderOptions{Start: StartOldest})
		synctest.Wait()

		single := mustPublish(t, reg, PublishOptions{Tracks: 2, Brings: []av.TrackID{1, 2}})
		if single.Stream() != s {
			t.Fatal("the stream did not go on")
		}
		mustWrite(t, single, config(videoTrack, at), audio(at))
		at = writeGroups(t, single, at, 4)
		if ts := s.Tracks(); len(ts) != 2 || ts.Video().Width != videoTrack.Width {
			t.Errorf("the tracks after the takeover are %+v", ts)
		}
		synctest.Wait()

		again := layered(t, reg, 2)
		if again.Stream() != s {
			t.Fatal("the stream did not go on")
		}
		writeLayers(t, again, "fhq", at, 200) // in another order: names count
		synctest.Wait()
		if got, want := pictures(t, readAll(t, main)), "1280*30 config:640 1000*80 config:1280 1280*1"; !similar(got, want) {
			t.Errorf("main video is %s", got)
		}
		if got, want := pictures(t, readAll(t, small)), "320*30 config:640 1000*80 config:320 320*200"; !similar(got, want) {
			t.Errorf("the small layer is %s", got)
		}
	})
}

// AAC is made once for the stream and all of its layers.
func TestLayersShareOneAACEncoder(t *testing.T) {
	if !transcode.Available() {
		t.Skip("no AAC encoder")
	}
	inBubble(t, longOptions(), func(t *testing.T, reg *Registry) {
		p := layered(t, reg, 2)
		s := p.Stream()
		sound := audioTrack
		sound.Config = opus.AppendHead(nil, 2, 312)
		mustWrite(t, p, config(sound, 0))
		at := writeLayers(t, p, "qhf", 0, 30)
		withAAC, err := s.WithAudio(av.CodecAAC)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"q", "f"} {
			src, err := s.Layer(name, "aac", withAAC)
			if err != nil {
				t.Fatal(err)
			}
			r := src.NewReader(ReaderOptions{})
			t.Cleanup(r.Close)
			if ts, err := r.Start(t.Context()); err != nil || ts.Audio() == nil || ts.Audio().Codec != av.CodecAAC {
				t.Fatalf("%s: %+v, %v", name, ts, err)
			}
		}
		if f, ok := withAAC.(*Feed[Frame, Frame]); !ok || f.readers != 2 {
			t.Errorf("%+v is not the one feed of both", withAAC)
		}
		writeLayers(t, p, "qhf", at, 1)
	})
}

// What simulcast costs the publisher: two entries and the copy of a frame for a picture that is shown.
func TestLayerWriteAllocs(t *testing.T) {
	p := layered(t, runRegistry(t, testOptions()), 1)
	at := writeLayers(t, p, "qhf", 0, 40)
	frames := make([]*av.Frame, 0, 2002)
	for range cap(frames) {
		at += 40 * time.Millisecond
		frames = append(frames, layerFrame("f", at, false))
	}
	i := 0
	if n := testing.AllocsPerRun(2000, func() {
		mustWrite(t, p, frames[i])
		i++
	}); n > 3 {
		t.Errorf("%v allocations a picture, want 3", n)
	}
}
