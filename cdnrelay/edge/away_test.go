package edge

import (
	"bytes"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"weir/room/live"
)

// TestOriginThatNeverBegins: one that drips, or that says nothing more, is not waited for on and on.
func TestOriginThatNeverBegins(t *testing.T) {
	for name, c := range map[string]struct {
		bytes int // a second
		after time.Duration
	}{
		"nothing": {0, silence}, "less than heartbeats": {1, silence}, "too slow": {10, beginTimeout},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				front := runIn(t, func(r *http.Request) *http.Response {
					return drips(r, c.bytes, bytes.Repeat(sound(t), 100))
				}, func(_ *Options, h *live.Options) { h.Wait = time.Second }, "http://origin")
				_, _ = front.hub.Await(t.Context(), testKey)
				time.Sleep(c.after + lookAfter)
				front.edge.seeker.mu.Lock()
				defer front.edge.seeker.mu.Unlock()
				if asking := front.edge.seeker.asking; asking != 0 {
					t.Errorf("%d streams are still asked for", asking)
				}
			})
		})
	}
}

// TestAnotherOriginHasItToo: one that has the stream live and gives nothing of it does not hide the other one.
func TestAnotherOriginHasItToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		front := runIn(t, func(r *http.Request) *http.Response {
			switch {
			case r.Method == http.MethodHead:
				return says(http.StatusNoContent, "")
			case r.URL.Host == "one":
				return drips(r, 1, make([]byte, 1000))
			default:
				return plays(t, r)
			}
		}, nil, "http://one", "http://two")
		if _, err := front.hub.Await(t.Context(), testKey); err != nil {
			t.Fatal(err)
		}
		other := testKey
		other.Stream = "other"
		began := time.Now()
		if _, err := front.hub.Await(t.Context(), other); err != nil || time.Since(began) > silence/2 {
			t.Errorf("the next stream comes after %v: %v", time.Since(began), err)
		}
	})
}

// TestSilentOriginDelaysNoOther: who does not answer is waited for once, and then for a moment as long as others do; and anew after
// a while.
func TestSilentOriginDelaysNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var there atomic.Bool
		front := runIn(t, func(r *http.Request) *http.Response {
			switch {
			case r.URL.Host == "one":
				return nil
			case there.Load():
				return says(http.StatusNoContent, "")
			default:
				return says(http.StatusNotFound, "")
			}
		}, nil, "http://one", "http://two")
		c := front.edge.client
		for i, want := range []time.Duration{askTimeout, preferred, preferred, askTimeout} {
			if i == 3 {
				time.Sleep(troubled)
			}
			began := time.Now()
			_, _, err := c.choose(t.Context(), testKey, nil, "")
			if took := time.Since(began); took != want || !errors.Is(err, live.ErrNoStream) {
				t.Errorf("question %d: %v after %v, want %v", i, err, took, want)
			}
		}
		if origin, _, err := c.choose(t.Context(), testKey, nil, "http://two"); !errors.Is(err, ErrOrigin) {
			t.Errorf("the silent one alone: %q %v", origin, err)
		}
		there.Store(true)
		began := time.Now()
		if origin, isLive, err := c.choose(t.Context(), testKey, nil, ""); err != nil || !isLive || origin != "http://two" || time.Since(began) > preferred {
			t.Errorf("%q after %v: %v", origin, time.Since(began), err)
		}
	})
}

// TestOriginThatRefusesTheKey: it is told to the operator once, and another one gives what it has at once.
func TestOriginThatRefusesTheKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		front := runIn(t, func(r *http.Request) *http.Response {
			switch {
			case r.URL.Host == "one":
				return says(http.StatusForbidden, "")
			case r.URL.Path != "/edge/1400000000/demo room/cam":
				return says(http.StatusNotFound, "")
			case r.Method == http.MethodHead:
				return says(http.StatusNoContent, "")
			default:
				return plays(t, r)
			}
		}, func(o *Options, _ *live.Options) { o.Log = slog.New(slog.NewTextHandler(&log, nil)) }, "http://one", "http://two")
		began := time.Now()
		if _, err := front.hub.Await(t.Context(), testKey); err != nil || time.Since(began) > preferred {
			t.Errorf("it comes after %v: %v", time.Since(began), err)
		}
		_, _ = front.hub.Await(t.Context(), invented(0, 0))
		front.stop()
		if n := strings.Count(log.String(), "origin=one reason=refused"); n != 1 || strings.Contains(log.String(), testSecret) {
			t.Errorf("it is told %d times:\n%s", n, log.String())
		}
	})
}

// TestPlaylistOfAnOriginThatStalls: the old one stands in at once, and not for ever.
func TestPlaylistOfAnOriginThatStalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var stalls atomic.Bool
		front := runIn(t, func(*http.Request) *http.Response {
			if stalls.Load() {
				return nil
			}
			return says(http.StatusOK, "1")
		}, nil, "http://origin")
		file := func() (string, time.Duration, error) {
			began := time.Now()
			b, err := front.edge.File(t.Context(), testKey, "main.m3u8")
			return string(b), time.Since(began), err
		}
		if text, _, err := file(); err != nil || text != "1" {
			t.Fatalf("%q %v", text, err)
		}
		stalls.Store(true)
		for at := time.Now(); time.Since(at) < staleAge-2*standInAfter; time.Sleep(playlistAge) {
			if text, took, err := file(); err != nil || text != "1" || took > standInAfter {
				t.Fatalf("after %v: %q after %v, %v", time.Since(at), text, took, err)
			}
		}
		time.Sleep(staleAge)
		if text, _, err := file(); err == nil {
			t.Errorf("an old playlist: %q", text)
		}
		stalls.Store(false)
		time.Sleep(playlistAge)
		if text, _, err := file(); err != nil || text != "1" {
			t.Errorf("of an origin that is back: %q %v", text, err)
		}
	})
}

// TestPlaylistMovesToTheOtherOrigin: while the one that had the stream is away the old one stands in, whatever the other one says;
// then files are those of where the playlist comes from, also while the stream is still to be taken from there.
func TestPlaylistMovesToTheOtherOrigin(t *testing.T) {
	for name, away := range map[string]*http.Response{"gone": says(http.StatusBadGateway, ""), "stalls": nil, "restarted": says(http.StatusNotFound, "")} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var on sync.Map // host: what it has
				front := runIn(t, func(r *http.Request) *http.Response {
					switch has, ok := on.Load(r.URL.Host); {
					case !ok && r.URL.Host == "one":
						return away
					case !ok:
						return says(http.StatusNotFound, "")
					case r.Method == http.MethodHead:
						return says(http.StatusNoContent, "")
					case strings.HasSuffix(r.URL.Path, has.(string)+".m4s"), strings.HasSuffix(r.URL.Path, ".m3u8"):
						return says(http.StatusOK, has.(string))
					default:
						return says(http.StatusNotFound, "")
					}
				}, nil, "http://one", "http://two")
				file := func(name string) (string, error) {
					b, err := front.edge.File(t.Context(), testKey, name)
					return string(b), err
				}
				on.Store("one", "a")
				if text, err := file("main.m3u8"); err != nil || text != "a" {
					t.Fatalf("%q %v", text, err)
				}
				e := front.edge
				e.mu.Lock()
				e.pulls[testKey] = &pull{source: source{origin: "http://one"}} // which has not seen yet that it is gone
				e.mu.Unlock()
				on.Delete("one")
				time.Sleep(playlistAge)
				text, err := file("main.m3u8")
				if name == "restarted" {
					if !errors.Is(err, live.ErrNoStream) {
						t.Errorf("both say that they do not have it: %q %v", text, err)
					}
				} else if err != nil || text != "a" {
					t.Errorf("nothing stands in: %q %v", text, err)
				}
				on.Store("two", "b")
				for began := time.Now(); text != "b"; time.Sleep(playlistAge) {
					if text, _ = file("main.m3u8"); time.Since(began) > 2*askTimeout {
						t.Fatalf("the playlist is %q", text)
					}
				}
				if text, err := file("b.m4s"); err != nil || text != "b" {
					t.Errorf("a segment of it: %q %v", text, err)
				}
			})
		})
	}
}

// TestStalledOriginHoldsUpNoOther: files of the others are fetched, and what waits for it is bounded.
func TestStalledOriginHoldsUpNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		front := runIn(t, func(r *http.Request) *http.Response {
			if r.URL.Host == "one" {
				return nil
			}
			return says(http.StatusOK, "two")
		}, nil, "http://one", "http://two")
		objects, other := front.edge.objects, testKey
		other.Stream = "other"
		objects.own(testKey, "http://one")
		objects.own(other, "http://two")
		var asking sync.WaitGroup
		defer asking.Wait()
		for i := range maxPending - 1 {
			asking.Go(func() { _, _ = front.edge.File(t.Context(), testKey, strconv.Itoa(i)+".m4s") })
		}
		synctest.Wait()
		began := time.Now()
		if b, err := front.edge.File(t.Context(), other, "1.m4s"); err != nil || string(b) != "two" || time.Since(began) > time.Second {
			t.Errorf("%q after %v, %v", b, time.Since(began), err)
		}
		asking.Go(func() { _, _ = front.edge.File(t.Context(), testKey, "last.m4s") })
		synctest.Wait()
		if _, err := front.edge.File(t.Context(), testKey, "more.m4s"); !errors.Is(err, ErrOrigin) || time.Since(began) > time.Second {
			t.Errorf("one more is waited for: %v", err)
		}
		asking.Wait()
		if objects.pending != 0 {
			t.Errorf("%d are still waited for", objects.pending)
		}
	})
}

// TestEdgesFollowThePublisher: CLU-01. Two nodes stand in front of two origins; that of the publisher is killed and comes back with
// nothing, and the publisher goes to the other one. Viewers of both go on, and who comes in the gap gets the stream with them.
func TestEdgesFollowThePublisher(t *testing.T) {
	at := &handler{}
	first := runBehind(t, at, nil)
	address := httpAt(t, at)
	second := run(t, nil)
	fronts := []*node{run(t, nil, address.URL, second.url()), run(t, nil, address.URL, second.url())}
	late := run(t, nil, address.URL, second.url())
	newShow(t, first.publish(t, live.PublishOptions{User: "alice"})).run(5)
	first.files.set("main.m3u8", "first")
	there := make([]*live.Stream, len(fronts))
	for i, n := range fronts {
		there[i] = n.await(t)
		isState(t, there[i], live.StateLive)
		if b, err := n.edge.File(t.Context(), testKey, "main.m3u8"); err != nil || string(b) != "first" {
			t.Fatalf("%q %v", b, err)
		}
	}
	at.set(nil)
	address.CloseClientConnections()
	for i := range fronts {
		isState(t, there[i], live.StateInterrupted)
	}
	first.stop()
	runBehind(t, at, nil)
	came := make(chan *live.Stream, 1)
	go func() {
		s, err := late.hub.Await(t.Context(), testKey)
		if err != nil {
			t.Error(err)
		}
		came <- s
	}()
	eventually(t, "somebody waits", func() bool { return late.hub.Awaited(testKey) })
	s := newShow(t, second.publish(t, live.PublishOptions{User: "alice"}))
	second.files.set("main.m3u8", "second")
	for i, n := range fronts {
		eventually(t, "the stream is live", func() bool {
			s.run(1)
			return there[i].Info().State == live.StateLive
		})
		if got := n.edge.path(there[i]); len(got) != 1 || got[0] != second.edge.id {
			t.Errorf("it comes through %v", got)
		}
		eventually(t, "the playlist", func() bool {
			b, err := n.edge.File(t.Context(), testKey, "main.m3u8")
			return err == nil && string(b) == "second"
		})
	}
	if s := <-came; s != nil {
		isState(t, s, live.StateLive)
	}
}

// TestOriginThatStopsEndsNothing: a server that is restarted ends its streams, by the hub or by the door of a publisher. Who watches
// in front stays for the next life of the stream.
func TestOriginThatStopsEndsNothing(t *testing.T) {
	for _, why := range []error{live.ErrStopping, told("shutdown")} {
		origin := run(t, nil)
		front := run(t, nil, origin.url())
		p := origin.publish(t, live.PublishOptions{})
		newShow(t, p).run(5)
		there := front.await(t)
		isState(t, there, live.StateLive)
		p.End(why)
		isState(t, there, live.StateInterrupted)
		again := newShow(t, origin.publish(t, live.PublishOptions{}))
		eventually(t, "the stream goes on", func() bool {
			again.run(1)
			return there.Info().State == live.StateLive
		})
	}
}

// TestMovedBeforeAnythingCame: a stream of which an interrupted origin has told, and sent nothing, begins at the one that has it now.
func TestMovedBeforeAnythingCame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var moved atomic.Bool
		front := runIn(t, func(r *http.Request) *http.Response {
			resp := says(http.StatusNoContent, "")
			switch one := r.URL.Host == "one"; {
			case !one && !moved.Load():
				return says(http.StatusNotFound, "")
			case r.Method == http.MethodHead && one:
				resp.Header.Set(headerState, live.StateInterrupted.String())
				return resp
			case r.Method == http.MethodHead:
				return resp
			case one:
				return drips(r, 1<<20, soundOf(t, state{State: "interrupted", Started: 1}))
			default:
				const at = time.Minute
				return drips(r, 1<<20, soundOf(t, state{State: "live", Started: 2, Newest: int64(at)}, at, at+20*time.Millisecond, at+40*time.Millisecond))
			}
		}, nil, "http://one", "http://two")
		there, err := front.hub.Await(t.Context(), testKey)
		if err != nil {
			t.Fatal(err)
		}
		moved.Store(true)
		time.Sleep(5 * time.Second)
		if i := there.Info(); i.State != live.StateLive || i.Frames != 3 || there.Newest() > time.Minute {
			t.Errorf("%v with %d frames, the newest at %v", i.State, i.Frames, there.Newest())
		}
	})
}
