package segmenter

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"weir/mux/av"
	"weir/room/audience"
	"weir/room/live"
)

// browser publishes 25 pictures a second and no key frame of its own: it answers a request for one after a while.
type browser struct {
	answer time.Duration
	due    atomic.Int64 // when a key frame that was asked for comes, Unix nanoseconds; 0 for none
	asked  atomic.Int32
}

func (b *browser) ask() {
	b.asked.Add(1)
	b.due.CompareAndSwap(0, time.Now().Add(b.answer).UnixNano())
}

// run publishes until ctx is done.
func (b *browser) run(ctx context.Context, p *live.Publisher) {
	begin := p.Stream().Started()
	tick := time.NewTicker(40 * time.Millisecond)
	defer tick.Stop()
	for i := 0; ; i++ {
		at := time.Since(begin) + time.Millisecond
		key := i == 0
		if due := b.due.Load(); due > 0 && time.Now().UnixNano() >= due {
			key = true
			b.due.Store(0)
		}
		_ = p.Write(video(at, key))
		_ = p.Write(audio(at))
		_ = p.Write(audio(at + 20*time.Millisecond))
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// media returns the media playlist's text.
func (h *hub) media(t testing.TB) string {
	t.Helper()
	w := h.get("cam/main.m3u8")
	if w.Code != http.StatusOK {
		t.Fatalf("media playlist: %d %s", w.Code, w.Body)
	}
	return w.Body.String()
}

// files are the names of the media files that a playlist lists.
func files(playlist string) (names []string) {
	for line := range strings.Lines(playlist) {
		line = strings.TrimSpace(line)
		if _, init, ok := strings.Cut(line, `#EXT-X-MAP:URI="`); ok {
			names = append(names, strings.TrimSuffix(init, `"`))
		} else if line != "" && line[0] != '#' {
			names = append(names, line)
		}
	}
	return names
}

func TestFirstAnswerComesFromTheRing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := runHub(t, Options{})
		p := h.publish(t, nil)
		write(t, p, camera(0, 5*time.Second, 25, 50)...)
		begin := time.Now()
		if w := h.get("cam.m3u8"); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "cam/main.m3u8") {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		if took := time.Since(begin); took > 20*time.Millisecond {
			t.Errorf("answered after %v", took)
		}
		if n := strings.Count(h.media(t), "#EXTINF"); n != 2 {
			t.Errorf("%d segments of the frames held, want 2", n)
		}
	})
}

// The playlist takes no more of the past than it can hold.
func TestBackfillIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := runHub(t, Options{})
		p := h.publish(t, nil)
		write(t, p, camera(0, 29*time.Second, 25, 50)...)
		h.media(t)
		if n := h.Segmenters.stats.segments.Load(); n > 7 {
			t.Errorf("%d segments made for a playlist of 6", n)
		}
	})
}

// When nobody watched before, a publisher without key frames of its own is asked for what the first segment needs.
func TestFirstAnswerIsFast(t *testing.T) {
	for _, c := range []struct {
		name string
		age  time.Duration // of the stream
	}{
		{"young group", 100 * time.Millisecond},
		{"open group that makes a segment", time.Second},
		{"open group that is too long for one", 8 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := runHub(t, Options{})
				b := &browser{answer: 50 * time.Millisecond}
				p := h.publish(t, b.ask)
				go b.run(t.Context(), p)
				time.Sleep(c.age)
				begin := time.Now()
				list := h.media(t)
				if took := time.Since(begin); took > 300*time.Millisecond {
					t.Errorf("answered after %v", took)
				}
				if !strings.Contains(list, "INDEPENDENT") || h.Segmenters.stats.forced.Load() != 0 {
					t.Errorf("a segment was cut without a key frame:\n%s", list)
				}
				time.Sleep(20 * time.Second)
				h.media(t)
				if n := h.Segmenters.stats.forced.Load(); n != 0 {
					t.Errorf("%d forced cuts although the publisher answers", n)
				}
				if asked := b.asked.Load(); asked > 14 {
					t.Errorf("asked for %d key frames in 20 s", asked)
				}
			})
		})
	}
}

func TestIdleStopsAndBeginsAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := runHub(t, Options{Idle: time.Minute})
		b := &browser{answer: 50 * time.Millisecond}
		p := h.publish(t, b.ask)
		go b.run(t.Context(), p)
		before := h.media(t)
		time.Sleep(59 * time.Second)
		if h.media(t); h.Segmenters.stats.active.Load() != 1 {
			t.Fatal("stopped although somebody asks")
		}
		time.Sleep(61 * time.Second)
		synctest.Wait()
		if n, keys := h.Segmenters.stats.active.Load(), len(h.Segmenters.byKey); n != 0 || keys != 0 {
			t.Fatalf("%d segmenters run, %d are kept, although nobody asked for a minute", n, keys)
		}
		after := h.media(t)
		if sequenceOf(t, after) <= sequenceOf(t, before) {
			t.Error("HL-03: the media sequence went back")
		}
		for _, name := range files(after) {
			if slices.Contains(files(before), name) {
				t.Errorf("the name %s was used again", name)
			}
		}
	})
}

func sequenceOf(t testing.TB, list string) uint64 {
	t.Helper()
	return parse(t, []byte(list)).SeqNo
}

func TestEndLingers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := runHub(t, Options{Linger: 30 * time.Second})
		p := h.publish(t, nil)
		write(t, p, camera(0, 5*time.Second, 25, 50)...)
		h.media(t)
		p.End(errTest)
		synctest.Wait()
		list := h.media(t)
		if !strings.HasSuffix(list, "#EXT-X-ENDLIST\n") || strings.Count(list, "#EXTINF") != 3 {
			t.Errorf("HL-09: after the end:\n%s", list)
		}
		time.Sleep(29 * time.Second)
		for _, name := range files(list) {
			if w := h.get("cam/" + name); w.Code != http.StatusOK {
				t.Errorf("%s: %d while lingering", name, w.Code)
			}
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		for _, path := range []string{"cam.m3u8", "cam/main.m3u8", "cam/" + files(list)[0]} {
			if w := h.get(path); w.Code != http.StatusNotFound {
				t.Errorf("%s: %d after lingering", path, w.Code)
			}
		}
	})
}

// A stream that is published again while the one before lingers has a playlist that goes on; what players still
// load of the old one stays.
func TestPublishedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := runHub(t, Options{})
		p := h.publish(t, nil)
		write(t, p, camera(0, 5*time.Second, 25, 50)...)
		before := h.media(t)
		p.End(errTest)
		time.Sleep(3 * time.Second)
		p = h.publish(t, nil)
		write(t, p, camera(0, 5*time.Second, 25, 50)...)
		after := h.media(t)
		if strings.Contains(after, "ENDLIST") || sequenceOf(t, after) <= sequenceOf(t, before) {
			t.Errorf("HL-03: published again:\n%s\nbefore:\n%s", after, before)
		}
		if parse(t, []byte(after)).DiscontinuitySeq == parse(t, []byte(before)).DiscontinuitySeq {
			t.Error("HL-05: another timeline under the same discontinuity number")
		}
		if w := h.get("cam/" + files(before)[0]); w.Code != http.StatusOK {
			t.Errorf("a file of the stream before: %d", w.Code)
		}
	})
}

func TestNothingInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := runHub(t, Options{Wait: 10 * time.Second})
		h.publish(t, nil)
		begin := time.Now()
		w := h.get("cam.m3u8")
		if took := time.Since(begin); w.Code != http.StatusServiceUnavailable || took != 10*time.Second {
			t.Errorf("%d after %v", w.Code, took)
		}
		if w.Header().Get("Retry-After") == "" || w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("headers %v", w.Header())
		}
	})
}

func TestViewerLeavesWhileWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := runHub(t, Options{})
		h.publish(t, nil)
		ctx, leave := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			h.do(httptest.NewRequestWithContext(ctx, http.MethodGet, "/live/demo/cam.m3u8", nil))
		}()
		synctest.Wait()
		begin := time.Now()
		leave()
		<-done
		if took := time.Since(begin); took != 0 {
			t.Errorf("the request ended %v after its viewer", took)
		}
	})
}

func TestNoTrackForHLS(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := runHub(t, Options{})
		p, err := h.Publish(testKey, live.PublishOptions{Tracks: 1})
		if err != nil {
			t.Fatal(err)
		}
		write(t, p, config(av.Track{ID: videoID, Codec: av.CodecVP9, ClockRate: 90000}, 0),
			&av.Frame{Track: videoID, Codec: av.CodecVP9, Key: true, Data: []byte{1}})
		if w := h.get("cam.m3u8"); w.Code != http.StatusNotAcceptable {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	})
}

func TestStoppedServerStartsNothing(t *testing.T) {
	reg := live.NewRegistry(live.Options{RingBytes: 1 << 20, RingTime: time.Second, TrackWait: time.Second, MaxStreams: 1})
	m := New(reg, Options{})
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if err := m.Run(ctx); err != nil {
		t.Fatal(err)
	}
	p, err := reg.Publish(testKey, live.PublishOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer p.End(errTest)
	if _, err := m.window(t.Context(), testKey, ""); !errors.Is(err, ErrStopping) || len(m.byKey) != 0 {
		t.Errorf("error %v, %d segmenters kept", err, len(m.byKey))
	}
}

func TestViewers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := audience.New(audience.Options{MaxSeen: 10})
		h := runHub(t, Options{Audience: a})
		p := h.publish(t, nil)
		write(t, p, camera(0, 5*time.Second, 25, 50)...)
		for _, who := range []struct{ addr, query, user string }{
			{"10.0.0.1:1", "", ""}, // two that cannot be told apart
			{"10.0.0.1:2", "", ""},
			{"10.0.0.2:1", "", ""},
			{"10.0.0.1:3", "?viewer=abcdefgh", ""}, // one who reloads, by two addresses
			{"10.0.0.2:2", "?viewer=abcdefgh", ""},
			{"10.0.0.1:4", "?viewer=01234567", "ann"}, // another one with two ids
			{"10.0.0.1:5", "?viewer=76543210", "ann"},
		} {
			r := httptest.NewRequest(http.MethodGet, "/live/demo/cam/main.m3u8"+who.query, nil)
			r.RemoteAddr = who.addr
			h.do(audience.WithUser(r, who.user))
		}
		if n := a.Of(testKey).By[audience.HLS]; n != 4 {
			t.Errorf("%d viewers, want 4", n)
		}
		time.Sleep(11 * time.Second)
		if n := a.Of(testKey).Total; n != 0 {
			t.Errorf("%d viewers 11 s later, want 0", n)
		}
	})
}

// TestSessions: who cannot be told from others gets an id, unless all have to ask for the same addresses.
func TestSessions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := runHub(t, Options{Sessions: true})
		p := h.publish(t, nil)
		write(t, p, camera(0, 5*time.Second, 25, 50)...)
		ask := func(query, header, user string) (uri, cache string) {
			r := httptest.NewRequest(http.MethodGet, "/live/demo/cam.m3u8"+query, nil)
			if header != "" {
				r.Header.Set(header, "1.1 cache")
			}
			w := h.do(audience.WithUser(r, user))
			lines := strings.Split(strings.TrimSpace(w.Body.String()), "\n")
			return lines[len(lines)-1], w.Header().Get("Cache-Control")
		}
		for _, c := range []struct{ name, query, header, user, uri string }{
			{"behind a cache", "", "Via", "", "cam/main.m3u8"},
			{"behind a CDN", "?a=b", "CDN-Loop", "", "cam/main.m3u8?a=b"},
			{"with an id", "?viewer=abcdefgh", "", "", "cam/main.m3u8?viewer=abcdefgh"},
			{"with a token", "?usersig=x", "", "ann", "cam/main.m3u8?usersig=x"},
		} {
			if uri, cache := ask(c.query, c.header, c.user); uri != c.uri || cache != cachePlaylist {
				t.Errorf("%s: %s, %s", c.name, uri, cache)
			}
		}
		for query, prefix := range map[string]string{"": "cam/main.m3u8?viewer=", "?a=b": "cam/main.m3u8?a=b&viewer="} {
			one, cache := ask(query, "", "")
			other, _ := ask(query, "", "")
			if id, ok := strings.CutPrefix(one, prefix); !ok || !audience.ValidName(id) || one == other || cache != cacheNever {
				t.Errorf("%q gives %s and %s, %s", query, one, other, cache)
			}
		}
	})
}
