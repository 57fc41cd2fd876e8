package segmenter

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"weir/mux/av"
	"weir/room/live"
)

// simulcast publishes the layers q and f, 640 and 1280 pixels wide, from one time to another: 25 pictures a second,
// a key frame of both every 2 s, with sound.
func (h *hub) simulcast(t *testing.T, to time.Duration) *live.Publisher {
	t.Helper()
	p, err := h.Publish(testKey, live.PublishOptions{Tracks: 2, Brings: []av.TrackID{1, 2}, Layers: []string{"q", "f"}})
	if err != nil {
		t.Fatal(err)
	}
	q, f, a := videoTrack(), largerTrack(), audioTrack()
	q.ID, q.Layer, f.ID, f.Layer, a.ID = 3, "q", 4, "f", 2
	write(t, p, config(a, 0), config(q, 0), config(f, 0))
	for n := 0; time.Duration(n)*40*time.Millisecond < to; n++ {
		at := time.Duration(n) * 40 * time.Millisecond
		for _, id := range []av.TrackID{q.ID, f.ID} {
			v := video(at, n%50 == 0)
			v.Track = id
			v.Data = append(v.Data, make([]byte, 1000*int(id))...)
			write(t, p, v)
		}
		for i := range 2 {
			s := audio(at + time.Duration(i)*20*time.Millisecond)
			s.Track = a.ID
			write(t, p, s)
		}
	}
	return p
}

// starts are the times of a media playlist's segments.
func starts(playlist string) (out []string) {
	for line := range strings.Lines(playlist) {
		if at, ok := strings.CutPrefix(line, "#EXT-X-PROGRAM-DATE-TIME:"); ok {
			out = append(out, strings.TrimSpace(at))
		}
	}
	return out
}

// TestUnknownLayer: names that outsiders make up start no segmenter.
func TestUnknownLayer(t *testing.T) {
	hub := live.NewRegistry(live.Options{MaxStreams: 1})
	if _, err := hub.Publish(testKey, live.PublishOptions{Tracks: 1, Layers: []string{"q"}}); err != nil {
		t.Fatal(err)
	}
	m := New(hub, Options{})
	if _, isNew, err := m.find(testKey, "x"); isNew || !errors.Is(err, live.ErrNoLayer) || len(m.byKey) != 0 {
		t.Errorf("an unknown layer: new %v, %v", isNew, err)
	}
	if _, isNew, err := m.find(testKey, "q"); !isNew || err != nil {
		t.Errorf("a layer that is to come: new %v, %v", isNew, err)
	}
}

func TestLayersAreVariants(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := runHub(t, Options{})
		h.simulcast(t, 9*time.Second)
		w := h.get("cam.m3u8?usersig=x")
		list := w.Body.String()
		for _, part := range []string{
			"RESOLUTION=1280x720\ncam/main.m3u8?usersig=x\n", "RESOLUTION=640x360\ncam/layer-q.m3u8?usersig=x\n",
		} {
			if w.Code != http.StatusOK || !strings.Contains(list, part) {
				t.Fatalf("%d, no %q in\n%s", w.Code, part, list)
			}
		}
		if strings.Contains(list, "layer-f") || strings.Index(list, "main") > strings.Index(list, "layer-q") {
			t.Errorf("the largest layer is the main video, and stands first:\n%s", list)
		}
		main, small := h.get("cam/main.m3u8").Body.String(), h.get("cam/layer-q.m3u8").Body.String()
		if a, b := starts(main), starts(small); len(a) < 4 || strings.Join(a, " ") != strings.Join(b, " ") {
			t.Errorf("segments begin at\n%v and\n%v", a, b)
		}
		for _, name := range files(small) {
			if f := h.get("cam/" + name); f.Code != http.StatusOK || f.Body.Len() == 0 {
				t.Errorf("%s: %d", name, f.Code)
			}
		}
	})
}

func TestOneLayer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := runHub(t, Options{})
		h.simulcast(t, 5*time.Second)
		list := h.get("cam.m3u8?layer=q").Body.String()
		if strings.Count(list, "#EXT-X-STREAM-INF") != 1 || !strings.Contains(list, "640x360\ncam/layer-q.m3u8?layer=q") {
			t.Errorf("got\n%s", list)
		}
		for _, path := range []string{"cam.m3u8?layer=x", "cam/layer-x.m3u8"} {
			if w := h.get(path); w.Code != http.StatusNotFound || !strings.Contains(w.Body.String(), "layer_not_found") {
				t.Errorf("%s: %d %s", path, w.Code, w.Body)
			}
		}
		for _, path := range []string{"cam/layer-.m3u8", "cam/layer-q", "cam/x.m3u8"} {
			if w := h.get(path); w.Code != http.StatusNotFound || !strings.Contains(w.Body.String(), "file_not_found") {
				t.Errorf("%s: %d %s", path, w.Code, w.Body)
			}
		}
	})
}

// A layer that is gone is no variant, and nobody waits for it.
func TestLayerThatIsLateIsLeftOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := runHub(t, Options{})
		p := h.simulcast(t, 5*time.Second)
		p.Interrupt(errTest)
		begin := time.Now()
		if _, _, err := h.find(testKey, "q"); err != nil { // it is found from now on, and never starts
			t.Fatal(err)
		}
		list := h.get("cam.m3u8").Body.String()
		if strings.Count(list, "#EXT-X-STREAM-INF") != 1 || !strings.Contains(list, "cam/main.m3u8") {
			t.Errorf("got\n%s", list)
		}
		if took := time.Since(begin); took > layerWait+100*time.Millisecond {
			t.Errorf("answered after %v", took)
		}
	})
}
