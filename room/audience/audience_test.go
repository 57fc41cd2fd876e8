package audience

import (
	"context"
	"fmt"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"weir/room/live"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var cam, desk = live.Key{App: "1", Room: "r", Stream: "cam"}, live.Key{App: "1", Room: "r", Stream: "desk"}

func TestEachViewerIsCountedOnce(t *testing.T) {
	ann, tab := UserID("ann"), ChosenID("0123-4567_ab")
	for _, c := range []struct {
		name           string
		come           func(a *Audience)
		total          int
		flv, hls, webr int
	}{
		{"nobody", func(*Audience) {}, 0, 0, 0, 0},
		{"two connections of strangers", func(a *Audience) {
			a.Enter(cam, FLV, ID{})
			a.Enter(cam, FLV, ID{})
		}, 2, 2, 0, 0},
		{"one user by three lines", func(a *Audience) {
			a.Enter(cam, FLV, ann)
			a.Enter(cam, WebRTC, ann)
			a.Saw(cam, HLS, ann, time.Minute)
		}, 1, 1, 1, 1},
		{"one user by two connections of one form", func(a *Audience) {
			a.Enter(cam, FLV, ann)
			a.Enter(cam, FLV, ann)
		}, 1, 1, 0, 0},
		{"one of the two leaves", func(a *Audience) {
			a.Enter(cam, FLV, ann)
			a.Enter(cam, FLV, ann)()
		}, 1, 1, 0, 0},
		{"one form is left", func(a *Audience) {
			a.Enter(cam, FLV, ann)()
			a.Enter(cam, WebRTC, ann)
		}, 1, 0, 0, 1},
		{"all leave", func(a *Audience) {
			a.Enter(cam, FLV, ann)()
			a.Enter(cam, FLV, ID{})()
		}, 0, 0, 0, 0},
		{"a name that was chosen is no user", func(a *Audience) {
			a.Enter(cam, FLV, UserID("0123-4567_ab"))
			a.Enter(cam, FLV, tab)
		}, 2, 2, 0, 0},
		{"heard of again and again", func(a *Audience) {
			a.Saw(cam, HLS, tab, time.Minute)
			a.Saw(cam, HLS, tab, time.Minute)
		}, 1, 0, 1, 0},
		{"heard of, and gone", func(a *Audience) {
			a.Saw(cam, HLS, tab, time.Minute)
			a.Left(cam, HLS, tab)
			a.Left(cam, HLS, tab)
		}, 0, 0, 0, 0},
		{"gone by one form of two", func(a *Audience) {
			a.Enter(cam, FLV, tab)
			a.Saw(cam, HLS, tab, time.Minute)
			a.Left(cam, HLS, tab)
			a.Left(cam, FLV, tab) // by a connection that says itself when it is over
			a.Left(desk, HLS, tab)
			a.Left(cam, HLS, ID{})
		}, 1, 1, 0, 0},
		{"not to be told from others", func(a *Audience) { a.Saw(cam, HLS, ID{}, time.Minute) }, 0, 0, 0, 0},
		{"of another stream", func(a *Audience) { a.Enter(desk, FLV, ann) }, 0, 0, 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := New(Options{MaxSeen: 10})
			c.come(a)
			if a.seen != c.hls {
				t.Errorf("%d are remembered", a.seen)
			}
			if got, want := a.Of(cam), (Count{c.total, [forms]int{c.flv, c.hls, c.webr}}); got != want {
				t.Errorf("%+v, want %+v", got, want)
			}
		})
	}
}

func TestTotal(t *testing.T) {
	a := New(Options{MaxSeen: 10})
	a.Enter(cam, FLV, UserID("ann"))
	leave := a.Enter(desk, WebRTC, UserID("ann"))
	if got := a.Total(); got.Total != 2 || got.By[FLV] != 1 || got.By[WebRTC] != 1 {
		t.Errorf("%+v", got)
	}
	leave()
	if got := a.Total(); got.Total != 1 || got.By[WebRTC] != 0 {
		t.Errorf("%+v", got)
	}
	if got := a.Of(cam).Map(); len(got) != len(Forms()) || got["flv"] != 1 || got["hls"] != 0 {
		t.Errorf("%v", got)
	}
}

func TestSilentViewersAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := New(Options{MaxSeen: 10})
		ann, tab := UserID("ann"), ChosenID("abcdefgh")
		a.Saw(cam, HLS, ann, 10*time.Second)
		a.Saw(cam, FLV, ann, 30*time.Second)
		a.Saw(cam, HLS, tab, 10*time.Second)
		time.Sleep(9 * time.Second)
		a.Saw(cam, HLS, tab, 10*time.Second)
		a.Saw(cam, HLS, tab, time.Second) // shorter: what holds longer stays
		for _, c := range []struct {
			wait            time.Duration
			total, hls, flv int
		}{{0, 2, 2, 1}, {time.Second, 2, 1, 1}, {9 * time.Second, 1, 0, 1}, {11 * time.Second, 0, 0, 0}} {
			time.Sleep(c.wait)
			if got := a.Of(cam); got.Total != c.total || got.By[HLS] != c.hls || got.By[FLV] != c.flv {
				t.Errorf("%v later: %+v", c.wait, got)
			}
		}
		if a.seen != 0 {
			t.Errorf("%d are remembered", a.seen)
		}
	})
}

func TestMemoryIsBounded(t *testing.T) {
	a := New(Options{MaxSeen: 10})
	for i := range 100 {
		a.Saw(cam, HLS, ChosenID(fmt.Sprintf("viewer-%d", i)), time.Hour)
	}
	if got := a.Of(cam).Total; got != 10 {
		t.Errorf("%d of at most 10 are remembered", got)
	}
	a.Enter(cam, FLV, ID{}) // those are bounded by their door
	a.Saw(cam, HLS, ChosenID("viewer-3"), time.Hour)
	if got := a.Of(cam).Total; got != 11 {
		t.Errorf("%d, want 11", got)
	}
}

// TestChangesAreMerged: whatever happens within a second is told once, and what comes to nothing not at all.
func TestChangesAreMerged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		type told struct {
			at    time.Duration
			key   live.Key
			total int
		}
		var (
			mu  sync.Mutex
			got []told
		)
		begin := time.Now()
		a := New(Options{MaxSeen: 10, Changed: func(k live.Key, c Count) {
			mu.Lock()
			defer mu.Unlock()
			got = append(got, told{time.Since(begin), k, c.Total})
		}})
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- a.Run(ctx) }()
		time.Sleep(500 * time.Millisecond)
		var leave []func()
		for range 50 {
			leave = append(leave, a.Enter(cam, FLV, ID{}))
		}
		time.Sleep(time.Second)
		a.Enter(cam, FLV, ID{})() // came and left
		time.Sleep(time.Second)
		for _, f := range leave {
			f()
		}
		a.Saw(desk, HLS, UserID("ann"), 1500*time.Millisecond)
		time.Sleep(10 * time.Second)
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
		want := []told{{time.Second, cam, 50}, {3 * time.Second, cam, 0}, {3 * time.Second, desk, 1}, {4 * time.Second, desk, 0}}
		if len(got) == len(want) && got[1].key == desk {
			got[1], got[2] = got[2], got[1] // of one turn, in any order
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("told %v, want %v", got, want)
		}
		if len(a.streams) != 0 {
			t.Errorf("%d streams are remembered without viewers", len(a.streams))
		}
	})
}

func TestIDs(t *testing.T) {
	for _, c := range []struct {
		name, user, target string
		want               ID
	}{
		{"a user", "ann", "/s.flv?viewer=abcdefgh", UserID("ann")},
		{"a chosen id", "", "/s.flv?viewer=abcdefgh", ID{byChoice, "abcdefgh"}},
		{"nothing", "", "/s.flv", ID{}},
		{"too short", "", "/s.flv?viewer=abcdefg", ID{}},
		{"too long", "", "/s.flv?viewer=" + strings.Repeat("a", 65), ID{}},
		{"no word", "", "/s.flv?viewer=abcd%00efgh", ID{}},
	} {
		r := httptest.NewRequest("GET", c.target, nil)
		r.Header.Set("User-Agent", "player")
		if got := Of(c.user, r); got != c.want {
			t.Errorf("%s: %q", c.name, got)
		}
		if got := FromRequest(WithUser(r, c.user)); got != c.want {
			t.Errorf("%s: %q by its request", c.name, got)
		}
		if got := Address(r); got != (ID{byAddress, "192.0.2.1\x00player"}) {
			t.Errorf("%s: %q by its address", c.name, got)
		}
	}
}

func TestForms(t *testing.T) {
	for _, f := range Forms() {
		if got, ok := ParseForm(f.String()); !ok || got != f {
			t.Errorf("%v is read as %v", f, got)
		}
	}
	if _, ok := ParseForm("rtsp"); ok || len(Forms()) != forms {
		t.Error("a form that there is not, or one that is not listed")
	}
}

// TestRace: viewers come and leave from everywhere, and in the end nobody is left.
func TestRace(t *testing.T) {
	a := New(Options{MaxSeen: 1000})
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- a.Run(ctx) }()
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			id := UserID(fmt.Sprint(i % 3))
			for range 200 {
				leave := a.Enter(cam, Form(i%forms), id)
				a.Saw(desk, HLS, id, time.Nanosecond)
				_ = a.Of(cam)
				leave()
			}
		})
	}
	all.Wait()
	stop()
	<-done
	if got := a.Total(); got != (Count{}) {
		t.Errorf("%+v are left", got)
	}
}

func BenchmarkEnter(b *testing.B) {
	a := New(Options{})
	for b.Loop() {
		a.Enter(cam, FLV, ID{})()
	}
}

func BenchmarkSaw(b *testing.B) {
	a := New(Options{MaxSeen: 1})
	id := UserID("ann")
	b.ReportAllocs()
	for b.Loop() {
		a.Saw(cam, HLS, id, time.Minute)
	}
}

// BenchmarkTurn is what Run does for a stream with 100,000 viewers by HLS, each time that one may be gone.
func BenchmarkTurn(b *testing.B) {
	const viewers = 100_000
	a := New(Options{MaxSeen: viewers})
	for i := range viewers {
		a.Saw(cam, HLS, UserID(fmt.Sprint(i)), time.Hour)
	}
	b.ReportAllocs()
	for b.Loop() {
		a.streams[cam].due = 0
		a.turn(cam)
	}
}

// TestCost: a playlist request pays for being counted once, when it is the first of its viewer.
func TestCost(t *testing.T) {
	a := New(Options{MaxSeen: 1})
	id := UserID("a user with a name of thirty-two")
	a.Saw(cam, HLS, id, time.Minute)
	if n := testing.AllocsPerRun(100, func() { a.Saw(cam, HLS, id, time.Minute) }); n > 1 {
		t.Errorf("%v allocations for a viewer who is known", n)
	}
}
