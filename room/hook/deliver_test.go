package hook

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"weir/room/store"
)

// say tells that something was said in a room; its sequence number is n.
func say(h *Hooks, room string, n int) {
	m := message
	m.Room = room
	h.Tell(Call{App: app, Command: GroupAfterSend, Actor: actor, Body: GroupMessageSent{GroupMessage: m, Seq: uint64(n)}})
}

// seqOf is the room and the sequence number that a receiver got.
func seqOf(t *testing.T, g got) (room string, n int) {
	t.Helper()
	var body struct {
		Room string `json:"GroupId"`
		Seq  int    `json:"MsgSeq"`
	}
	if err := json.Unmarshal(g.body, &body); err != nil {
		t.Fatal(err)
	}
	return body.Room, body.Seq
}

// TestTell: what is told arrives with its address, signed as of then, and its id; the queue is empty afterwards.
func TestTell(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r recorder
		q := new(memory)
		h := newHooks(t, Options{IM: Receiver{URL: receiverURL + "?a=b", Token: "token"}, Queue: q}, &r)
		stop := run(t, h)
		start := time.Now()
		say(h, "room", 1)
		if took := time.Since(start); took != 0 {
			t.Errorf("Tell took %v", took)
		}
		synctest.Wait()
		stop()
		all := r.all()
		if len(all) != 1 || q.waiting() != 0 {
			t.Fatalf("%d calls, %d wait", len(all), q.waiting())
		}
		cmd, _ := commandOf(GroupAfterSend)
		want := callAddress(receiverURL+"?a=b", "token", cmd, app, actor, start)
		if have := all[0].url.String(); have != want {
			t.Errorf("got %s, want %s", have, want)
		}
		if len(all[0].header.Get(idHeader)) < 20 {
			t.Errorf("the header is %v", all[0].header)
		}
		if d := testutil.ToFloat64(h.stats.delivered); d != 1 {
			t.Errorf("%v delivered", d)
		}
	})
}

// TestNothingSecretIsKept: neither password, query nor signature of a receiver's address is in the queue or in the log.
func TestNothingSecretIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, out := logs()
		q := new(memory)
		h := newHooks(t, Options{
			IM: Receiver{URL: "https://user:secret@app.example.com/cb?key=secret", Token: "secret"}, Queue: q, Log: log, Key: "secret",
			Streams: []StreamReceiver{{FormWeir, "https://user:secret@app.example.com/ev?key=secret"}, {FormSRS, "https://x:secret@srs.example.com/"}},
		}, transport(func(*http.Request) (*http.Response, error) { return nil, errors.New("refused") }))
		run(t, h)
		say(h, "room", 1)
		h.Stream(Event{Kind: Published, App: app, Room: "room", Stream: "cam", Query: "usersig=secret&x=1&txSecret=secret&auth_key=secret&sign=secret"})
		time.Sleep(time.Minute)
		q.mu.Lock()
		for _, l := range q.lines {
			if text := fmt.Sprintf("%+v %s", l, l.Body); strings.Contains(text, "secret") {
				t.Errorf("kept: %s", text)
			}
		}
		if len(q.lines) != 3 {
			t.Errorf("%d in the queue", len(q.lines))
		}
		q.mu.Unlock()
		if text := out.String(); strings.Contains(text, "secret") || !strings.Contains(text, "down") {
			t.Errorf("logged: %s", text)
		}
	})
}

// TestOrder: what is about one room arrives in its order, through faults as well, and one event's trouble does not reorder
// it; other rooms go on.
func TestOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		refusals := 0
		r := recorder{answer: func(g got) (*http.Response, error) {
			mu.Lock()
			defer mu.Unlock()
			if room, n := seqOf(t, g); room == "sick" && n == 3 && refusals < 3 {
				refusals++
				return says(500, ""), nil
			}
			return says(200, ""), nil
		}}
		h := newHooks(t, Options{IM: Receiver{URL: receiverURL}}, &r)
		run(t, h)
		for n := range 10 {
			say(h, "sick", n)
			say(h, "well", n)
		}
		synctest.Wait()
		for _, g := range r.all() {
			if room, n := seqOf(t, g); room == "sick" && n > 3 {
				t.Errorf("%d came before 3 was taken", n)
			}
		}
		time.Sleep(time.Minute)
		seen := make(map[string][]int)
		for _, g := range r.all() {
			room, n := seqOf(t, g)
			seen[room] = append(seen[room], n)
		}
		if want := []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}; !slices.Equal(seen["well"], want) {
			t.Errorf("well: %v", seen["well"])
		}
		if want := []int{0, 1, 2, 3, 3, 3, 3, 4, 5, 6, 7, 8, 9}; !slices.Equal(seen["sick"], want) {
			t.Errorf("sick: %v", seen["sick"])
		}
	})
}

// TestRetries: tries come less and less often, each with the same id and a new signature, until the event is too old; then it is
// with the dead, from where it can be tried again.
func TestRetries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		status := 503
		r := recorder{answer: func(got) (*http.Response, error) {
			mu.Lock()
			defer mu.Unlock()
			return says(status, "{}"), nil
		}}
		q := new(memory)
		h := newHooks(t, Options{IM: Receiver{URL: receiverURL, Token: "t"}, Queue: q, MaxAge: time.Hour}, &r)
		run(t, h)
		say(h, "room", 1)
		time.Sleep(3 * time.Hour)
		all := r.all()
		if n := len(all); n < 15 || n > 60 {
			t.Errorf("%d tries in an hour", n)
		}
		ids, signs := make(map[string]bool), make(map[string]bool)
		var last time.Duration
		for i, g := range all {
			ids[g.header.Get(idHeader)], signs[g.url.Query().Get("Sign")] = true, true
			if i > 0 {
				last = g.at.Sub(all[i-1].at)
			}
		}
		if len(ids) != 1 || len(signs) != len(all) {
			t.Errorf("%d ids and %d signatures of %d tries", len(ids), len(signs), len(all))
		}
		if last < maxRetry/2 || last > maxRetry+maxPause+poll {
			t.Errorf("the last try came %v after the one before", last)
		}
		if end := all[len(all)-1].at.Sub(all[0].at); end < time.Hour || end > time.Hour+2*maxRetry {
			t.Errorf("it was given up after %v", end)
		}
		b, _ := q.Backlog(t.Context())
		if b.Dead != 1 || b.Waiting != 0 {
			t.Fatalf("%+v", b)
		}
		mu.Lock()
		status = 200
		mu.Unlock()
		listed, err := h.Dead(t.Context(), app, 10, 0)
		if err != nil || len(listed) != 1 {
			t.Fatal(listed, err)
		}
		d := listed[0]
		if !ids[d.Event] || d.Kind != GroupAfterSend || d.Receiver != receiverURL || d.Tries != len(all) || d.Fault != "status: 503" || !strings.Contains(string(d.Body), `"GroupId":"room"`) {
			t.Errorf("listed: %+v", d)
		}
		if n, err := h.Replay(t.Context(), app, []int64{d.ID}); n != 1 || err != nil {
			t.Error(n, err)
		}
		synctest.Wait()
		if n := len(r.all()); n != len(all)+1 || q.waiting() != 0 {
			t.Errorf("%d tries after the replay, %d wait", n-len(all), q.waiting())
		}
	})
}

// TestRefusals: a receiver that refuses an event for good is believed after some tries, and what comes after it is delivered.
func TestRefusals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := recorder{answer: func(g got) (*http.Response, error) {
			if _, n := seqOf(t, g); n == 1 {
				return says(400, ""), nil
			}
			return says(204, ""), nil
		}}
		q := new(memory)
		h := newHooks(t, Options{IM: Receiver{URL: receiverURL}, Queue: q}, &r)
		run(t, h)
		say(h, "room", 1)
		say(h, "room", 2)
		time.Sleep(5 * time.Minute)
		b, _ := q.Backlog(t.Context())
		if n := len(r.all()); n != minTries+1 || b.Dead != 1 || b.Waiting != 0 {
			t.Errorf("%d tries, %+v", n, b)
		}
	})
}

// TestDeletedApp: of an app that is no more nothing is tried, and nothing kept, be it with the dead.
func TestDeletedApp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := recorder{answer: func(got) (*http.Response, error) { return says(503, ""), nil }}
		q, s := new(memory), settingsOf(Receiver{URL: receiverURL})
		h := newHooks(t, Options{Queue: q, Apps: s}, &r)
		run(t, h)
		h.Tell(Call{App: other, Command: GroupAfterSend, Body: GroupMessageSent{GroupMessage: message}})
		time.Sleep(10 * time.Second)
		if q.waiting() != 1 {
			t.Fatalf("%d wait", q.waiting())
		}
		s.mu.Lock()
		clear(s.all)
		s.mu.Unlock()
		time.Sleep(2 * maxRetry)
		if b, _ := q.Backlog(t.Context()); b.Dead != 0 || b.Waiting != 0 {
			t.Errorf("%+v", b)
		}
	})
}

// TestOneDownHoldsNobody: a receiver that hangs, with more in the queue than is taken at once, holds up no other, and is tried less
// and less.
func TestOneDownHoldsNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		up := false
		tries := 0
		var well []int
		rt := transport(func(r *http.Request) (*http.Response, error) {
			mu.Lock()
			defer mu.Unlock()
			if r.URL.Host == "down.example.com" {
				tries++
				if !up {
					mu.Unlock()
					defer mu.Lock()
					return hangs(r)
				}
				return says(200, ""), nil
			}
			well = append(well, 1)
			return says(200, ""), nil
		})
		q := new(memory)
		h := newHooks(t, Options{
			IM: Receiver{URL: receiverURL}, Queue: q, Apps: settingsOf(Receiver{URL: "https://down.example.com/"}),
		}, rt)
		run(t, h)
		for n := range 10 * batch {
			m := message
			m.Room = fmt.Sprint(n)
			h.Tell(Call{App: other, Command: GroupAfterSend, Body: GroupMessageSent{GroupMessage: m}})
		}
		time.Sleep(time.Minute)
		start := time.Now()
		say(h, "room", 1)
		synctest.Wait()
		mu.Lock()
		if len(well) != 1 || time.Since(start) > 0 {
			t.Errorf("%d deliveries to the one that is well, after %v", len(well), time.Since(start))
		}
		if tries > 40 {
			t.Errorf("%d tries in a minute to the one that is down", tries)
		}
		up = true
		mu.Unlock()
		time.Sleep(2 * maxRetry)
		if n := q.waiting(); n != 0 {
			t.Errorf("it is back, and %d wait", n)
		}
	})
}

// TestTooMuch: what the disk does not take in time is dropped and counted, the newest first; Tell does not wait.
func TestTooMuch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r recorder
		q := &memory{down: true}
		log, out := logs()
		h := newHooks(t, Options{IM: Receiver{URL: receiverURL}, Queue: q, Log: log}, &r)
		stop := run(t, h)
		for n := range maxBuffered + 500 {
			say(h, "room", n)
		}
		if d := testutil.ToFloat64(h.stats.dropped); d != 500 {
			t.Errorf("%v dropped", d)
		}
		if n := strings.Count(out.String(), "dropped"); n != 1 {
			t.Errorf("it was logged %d times", n)
		}
		time.Sleep(2 * flushRetry)
		q.mu.Lock()
		q.down = false
		q.mu.Unlock()
		time.Sleep(2 * flushRetry)
		stop()
		all := r.all()
		if len(all) != maxBuffered {
			t.Fatalf("%d arrived", len(all))
		}
		if q.wrote > maxBuffered/flushEach+1 {
			t.Errorf("%d commits", q.wrote)
		}
		for i, g := range all {
			if _, n := seqOf(t, g); n != i {
				t.Fatalf("the event at %d is %d", i, n)
			}
		}
	})
}

// TestBytesAreBounded: large bodies fill the buffer before many do.
func TestBytesAreBounded(t *testing.T) {
	b := newBuffer()
	d := store.Delivery{Body: make([]byte, maxBufferedBytes/4)}
	n := 0
	for b.put(d) {
		n++
	}
	if n != 4 {
		t.Errorf("%d were taken", n)
	}
	b.drop(b.first(10))
	if b.bytes != 0 || b.len() != 0 || !b.put(d) {
		t.Error("it is not empty")
	}
}

// TestRestart: a server that stops writes down what was told, and another goes on with it.
func TestRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := new(memory)
		h := newHooks(t, Options{IM: Receiver{URL: receiverURL}, Queue: q}, transport(hangs))
		stop := run(t, h)
		for n := range 100 {
			say(h, "room", n)
		}
		stop()
		if q.waiting() != 100 {
			t.Fatalf("%d wait", q.waiting())
		}
		var r recorder
		again := newHooks(t, Options{IM: Receiver{URL: receiverURL}, Queue: q}, &r)
		run(t, again)
		synctest.Wait()
		for i, g := range r.all() {
			if _, n := seqOf(t, g); n != i {
				t.Fatalf("the event at %d is %d", i, n)
			}
		}
		if n := len(r.all()); n != 100 || q.waiting() != 0 {
			t.Errorf("%d arrived, %d wait", n, q.waiting())
		}
	})
}

// TestMine: of several processes with one queue only one delivers, and another when it has to.
func TestMine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mine atomic.Bool
		var r recorder
		h := newHooks(t, Options{IM: Receiver{URL: receiverURL}, Mine: mine.Load}, &r)
		run(t, h)
		say(h, "room", 1)
		time.Sleep(time.Minute)
		if len(r.all()) != 0 {
			t.Error("it delivered what is another's")
		}
		mine.Store(true)
		time.Sleep(poll)
		synctest.Wait()
		if len(r.all()) != 1 {
			t.Error("nobody delivers")
		}
	})
}

// TestGone: what is for nobody any more is given up, and goes to the new address once there is one.
func TestGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r recorder
		q := new(memory)
		apps := settingsOf(Receiver{URL: "https://old.example.com/"})
		var mine atomic.Bool
		h := newHooks(t, Options{Queue: q, Apps: apps, Mine: mine.Load}, &r)
		run(t, h)
		h.Tell(Call{App: other, Command: GroupAfterFull, Body: GroupFull{Room: "room"}})
		synctest.Wait()
		apps.set(Receiver{})
		h.Forget(other)
		mine.Store(true)
		time.Sleep(time.Minute)
		if b, _ := q.Backlog(t.Context()); b.Dead != 1 {
			t.Fatalf("%+v", b)
		}
		apps.set(Receiver{URL: "https://new.example.com/"})
		h.Forget(other)
		if n, err := h.Replay(t.Context(), other, nil); n != 1 || err != nil {
			t.Error(n, err)
		}
		synctest.Wait()
		if all := r.all(); len(all) != 1 || all[0].url.Host != "new.example.com" {
			t.Errorf("%d calls", len(all))
		}
	})
}

func TestBackoff(t *testing.T) {
	for tries, most := range map[int]time.Duration{0: time.Second, 1: 2 * time.Second, 4: 16 * time.Second, 9: maxRetry, 1000: maxRetry} {
		for range 100 {
			if d := backoff(tries); d > most || d < most/2 {
				t.Fatalf("after %d tries: %v", tries, d)
			}
		}
	}
}

// TestTellCosts: what a room pays to tell one event.
func TestTellCosts(t *testing.T) {
	h := newHooks(t, Options{IM: Receiver{URL: receiverURL}}, nil)
	body := GroupMessageSent{GroupMessage: message}
	n := testing.AllocsPerRun(1000, func() { h.Tell(Call{App: app, Command: GroupAfterSend, Actor: actor, Body: body}) })
	if n > 40 {
		t.Errorf("%v allocations", n)
	}
	if n := testing.AllocsPerRun(1000, func() { h.Wants(app, GroupAfterSend) }); n > 4 {
		t.Errorf("Wants: %v allocations", n)
	}
}

func BenchmarkTell(b *testing.B) {
	h, err := New(Options{Queue: new(memory), IM: Receiver{URL: receiverURL}, DefaultApp: app})
	if err != nil {
		b.Fatal(err)
	}
	body := GroupMessageSent{GroupMessage: message}
	b.ReportAllocs()
	for b.Loop() {
		h.Tell(Call{App: app, Command: GroupAfterSend, Actor: actor, Body: body})
		if h.buffer.len() == maxBuffered {
			h.buffer.drop(h.buffer.first(maxBuffered))
		}
	}
}
