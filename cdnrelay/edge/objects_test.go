package edge

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"weir/room/live"
)

// TestObjectsAreTheOrigins: byte for byte, each fetched once for all who ask.
func TestObjectsAreTheOrigins(t *testing.T) {
	origin := run(t, nil)
	front := run(t, nil, origin.url())
	segment := strings.Repeat("x", 100_000)
	origin.files.set("a_1.m4s", segment)
	var asking sync.WaitGroup
	for range 50 {
		asking.Go(func() {
			if b, err := front.edge.File(t.Context(), testKey, "a_1.m4s"); err != nil || string(b) != segment {
				t.Errorf("%d bytes, %v", len(b), err)
			}
		})
	}
	asking.Wait()
	origin.files.mu.Lock()
	asked := origin.files.asked["a_1.m4s"]
	origin.files.mu.Unlock()
	if asked != 1 {
		t.Errorf("the origin was asked %d times", asked)
	}
	other := testKey
	other.Stream = "other"
	for name, k := range map[string]live.Key{"a_2.m4s": testKey, "a_1.m4s": other, "../../x": testKey} {
		if _, err := front.edge.File(t.Context(), k, name); !errors.Is(err, live.ErrNoStream) {
			t.Errorf("%v of %v: %v", name, k, err)
		}
	}
}

// TestPlaylistsAreFetchedAnew, and an old one stands in while the origin is away.
func TestPlaylistsAreFetchedAnew(t *testing.T) {
	at := &handler{}
	origin := runBehind(t, at, nil)
	address := httpAt(t, at)
	front := run(t, nil, address.URL)
	origin.files.set("main.m3u8", "1")
	is := func(want string) func() bool {
		return func() bool {
			b, err := front.edge.File(t.Context(), testKey, "main.m3u8")
			return err == nil && string(b) == want
		}
	}
	eventually(t, "the playlist", is("1"))
	origin.files.set("main.m3u8", "2")
	eventually(t, "the next playlist", is("2"))
	mux := at.h
	at.set(nil)
	time.Sleep(playlistAge) // what is at hand is too old then
	if !is("2")() {
		t.Error("nothing stands in for the playlist of an origin that is away")
	}
	at.set(mux)
	origin.files.set("main.m3u8", "3")
	eventually(t, "the playlist of the origin that is back", is("3"))
}

// TestCacheIsBounded: what was not asked for for longest goes.
func TestCacheIsBounded(t *testing.T) {
	origin := run(t, nil)
	front := run(t, func(o *Options, _ *live.Options) { o.CacheBytes = 10_000 }, origin.url())
	for _, name := range []string{"1.m4s", "2.m4s", "3.m4s", "4.m4s", "5.m4s"} {
		origin.files.set(name, strings.Repeat(name[:1], 3000))
		if b, err := front.edge.File(t.Context(), testKey, name); err != nil || len(b) != 3000 {
			t.Fatalf("%d bytes, %v", len(b), err)
		}
		if total := front.edge.objects.total(); total > 10_000 {
			t.Errorf("%d bytes are kept", total)
		}
	}
	origin.files.set("5.m4s", "other")
	if b, err := front.edge.File(t.Context(), testKey, "5.m4s"); err != nil || string(b) == "other" {
		t.Errorf("the newest is not kept: %v", err)
	}
	origin.files.set("1.m4s", "other")
	if b, err := front.edge.File(t.Context(), testKey, "1.m4s"); err != nil || string(b) != "other" {
		t.Errorf("the oldest is kept: %v", err)
	}
}

// TestFilesOfSeveralOrigins: that of the origin that has the stream.
func TestFilesOfSeveralOrigins(t *testing.T) {
	dead, one, two := run(t, nil), run(t, nil), run(t, nil)
	dead.stop()
	front := run(t, nil, dead.url(), one.url(), two.url())
	newShow(t, two.publish(t, live.PublishOptions{})).run(2)
	two.files.set("main.m3u8", "two")
	one.files.set("main.m3u8", "one")
	if b, err := front.edge.File(t.Context(), testKey, "main.m3u8"); err != nil || string(b) != "two" {
		t.Errorf("%q %v", b, err)
	}
	front.edge.objects.own(testKey, one.url()) // what was known is no longer so: the stream is taken from the other one
	there := front.await(t)
	eventually(t, "the playlist of where the stream is taken from", func() bool {
		b, err := front.edge.File(t.Context(), testKey, "main.m3u8")
		return err == nil && string(b) == "two"
	})
	if !there.Mirrored() {
		t.Error("the stream is none of another node")
	}
}
