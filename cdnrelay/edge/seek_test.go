package edge

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"weir/room/live"
)

// invented is the key of a stream that nobody publishes.
func invented(i, j int) live.Key {
	return live.Key{App: testKey.App, Room: "none", Stream: fmt.Sprintf("x%d-%d", i, j)}
}

// TestInventedNamesHideNothing: while viewers wait for a thousand names that nobody publishes, and for others again and again, a
// stream that is there comes at once, and one that is published later comes to who waits; origins are not asked more than they should.
func TestInventedNamesHideNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const names = 1000
		var there sync.Map // streams that the origin has
		var asked, begun atomic.Int64
		front := runIn(t, func(r *http.Request) *http.Response {
			asked.Add(1)
			time.Sleep(20 * time.Millisecond)
			if _, ok := there.Load(r.URL.Path); ok {
				return plays(t, r)
			}
			return says(http.StatusNotFound, "")
		}, nil, "http://origin")
		ctx, stop := context.WithCancel(t.Context())
		var flood sync.WaitGroup
		defer flood.Wait()
		defer stop()
		for i := range names {
			flood.Go(func() {
				time.Sleep(time.Duration(i) * 10 * time.Millisecond) // some give up all the time
				for j := 0; ctx.Err() == nil; j++ {
					begun.Add(1)
					_, _ = front.hub.Await(ctx, invented(i, j))
				}
			})
		}
		time.Sleep(12 * time.Second)
		await := func(k live.Key) time.Duration {
			began := time.Now()
			if _, err := front.hub.Await(ctx, k); err != nil {
				t.Errorf("%v after %v: %v", k, time.Since(began), err)
			}
			return time.Since(began)
		}
		there.Store("/edge/1400000000/demo room/cam", true)
		if took := await(testKey); took > time.Second {
			t.Errorf("a stream that is there comes after %v", took)
		}
		later := testKey
		later.Stream = "later"
		time.AfterFunc(3*time.Second, func() { there.Store("/edge/1400000000/demo room/later", true) })
		if took := await(later); took < 3*time.Second || took > 6*time.Second {
			t.Errorf("a stream that is published after 3 s comes after %v", took)
		}
		if most := begun.Load() + int64(20*time.Second/seekShare); asked.Load() > most {
			t.Errorf("the origin was asked %d times, more than %d", asked.Load(), most)
		}
	})
}

// TestNobodyHasItForAMoment: what origins have just said is true for each further viewer, and not for long.
func TestNobodyHasItForAMoment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var there atomic.Bool
		var asked atomic.Int64
		front := runIn(t, func(r *http.Request) *http.Response {
			asked.Add(1)
			time.Sleep(5 * time.Millisecond)
			if there.Load() {
				return plays(t, r)
			}
			return says(http.StatusNotFound, "")
		}, nil, "http://origin")
		for range 50 { // who comes and goes, and hears no answer
			ctx, stop := context.WithTimeout(t.Context(), time.Millisecond)
			_, _ = front.hub.Await(ctx, testKey)
			stop()
			time.Sleep(19 * time.Millisecond)
		}
		if n := asked.Load(); n < 2 || n > 5 {
			t.Errorf("for fifty viewers in a second the origin was asked %d times", n)
		}
		there.Store(true)
		began := time.Now()
		if _, err := front.hub.Await(t.Context(), testKey); err != nil || time.Since(began) > 2*seekPauseMax {
			t.Errorf("it comes after %v: %v", time.Since(began), err)
		}
	})
}

// TestWishesAreBounded: by what the hub lets wait, however many names are named while no origin answers.
func TestWishesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const waiting = 100
		front := runIn(t, func(*http.Request) *http.Response { return nil },
			func(_ *Options, h *live.Options) { h.MaxWaiting = waiting }, "http://origin")
		s := front.edge.seeker
		most := 0
		for i := range 5000 {
			ctx, stop := context.WithTimeout(t.Context(), time.Microsecond)
			_, _ = front.hub.Await(ctx, invented(i, 0))
			stop()
			synctest.Wait()
			s.mu.Lock()
			most = max(most, len(s.wishes))
			all, queued, asking := len(s.wishes), len(s.queue), s.asking
			s.mu.Unlock()
			if all != queued+asking {
				t.Fatalf("%d wishes, %d in the queue, %d asked for", all, queued, asking)
			}
		}
		if most > 2*(waiting+maxSeeking)+keptWishes {
			t.Errorf("%d wishes", most)
		}
	})
}

// TestConnectionsAreUsedAgain: that a stream is not there costs a question and no connection.
func TestConnectionsAreUsedAgain(t *testing.T) {
	var made atomic.Int64
	origin := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, strings.Repeat("x", 300), http.StatusNotFound)
	}))
	origin.Config.ConnState = func(_ net.Conn, now http.ConnState) {
		if now == http.StateNew {
			made.Add(1)
		}
	}
	origin.Start()
	defer origin.Close()
	front := run(t, nil, origin.URL)
	const questions = 50
	for i := range questions {
		if err := front.edge.bring(t.Context(), invented(i, 0), nil); !errors.Is(err, live.ErrNoStream) {
			t.Fatal(err)
		}
	}
	if made.Load() == questions { // on a busy machine a question may come before the connection of another one is free
		t.Error("each question had a connection of its own")
	}
}

// TestNoRoomIsTold: an edge that has as many streams as it may have says so, once while it stays.
func TestNoRoomIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer // written to by whoever holds the seeker's lock, and read when all are asleep
		front := runIn(t, func(r *http.Request) *http.Response { return plays(t, r) }, func(o *Options, h *live.Options) {
			o.Log, h.MaxStreams = slog.New(slog.NewTextHandler(&log, nil)), 1
		}, "http://origin")
		told := func() int {
			synctest.Wait()
			return strings.Count(log.String(), "stream is not taken")
		}
		for i := range 3 {
			_, err := front.hub.Await(t.Context(), invented(i, 0))
			if (err == nil) != (i == 0) || told() != min(i, 1) {
				t.Errorf("stream %d: %v, told %d times", i, err, told())
			}
		}
		front.hub.End(invented(0, 0), errTest)
		if _, err := front.hub.Await(t.Context(), invented(3, 0)); err != nil {
			t.Errorf("once there is room: %v", err)
		}
		if _, err := front.hub.Await(t.Context(), invented(4, 0)); err == nil || told() != 2 {
			t.Errorf("full again: %v, told %d times", err, told())
		}
	})
}
