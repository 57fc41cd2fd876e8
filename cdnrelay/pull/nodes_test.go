package pull

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"weir/cdnrelay/admin"
	"weir/room/dial"
	"weir/room/live"
	"weir/room/store"
)

// election lets the first of the nodes that are alive have everything.
type election struct {
	mu    sync.Mutex
	alive []string
	names map[string]bool // that were asked for
}

func (e *election) set(alive ...string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.alive = alive
}

// asked are the names that nodes have asked for.
func (e *election) asked() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Collect(maps.Keys(e.names))
}

func (e *election) mine(node string) func(string) bool {
	return func(name string) bool {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.names[name] = true
		return slices.Index(e.alive, node) == 0
	}
}

// node is one of several, within a bubble of synctest.
type node struct {
	hub *live.Registry
	m   *Manager
	die func()
}

func newNode(t *testing.T, name string, kept keeper, e *election, sources ...Task) *node {
	t.Helper()
	n := &node{hub: live.NewRegistry(live.Options{
		RingBytes: 1 << 20, RingTime: time.Minute, MaxStreams: 10, Wait: time.Second, MaxWaiting: 10,
	})}
	var err error
	if n.m, err = New(Options{
		Hub: n.hub, Keeper: kept, Sources: sources, Mine: e.mine(name), Guard: dial.NewGuard(netip.MustParsePrefix("127.0.0.0/8")),
		Timeout: time.Second, Idle: time.Hour, Retry: time.Hour, MaxRetry: time.Hour, MaxTasks: 10, MaxStreams: 2, MaxPerApp: 3,
	}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { _ = n.m.Run(ctx) })
	running.Go(func() { _ = n.hub.Run(ctx) })
	n.die = sync.OnceFunc(func() { cancel(); running.Wait() })
	synctest.Wait()
	return n
}

// pulls is what a node says of the streams of a task, in states and reasons.
func (n *node) pulls(id string) string {
	p, err := n.m.Pull("1", id)
	if err != nil {
		return err.Error()
	}
	var all []string
	for _, s := range p.Streams {
		all = append(all, string(s.State)+" "+s.Reason)
	}
	return strings.Join(all, ", ")
}

// later is when nodes have read the store again and have looked who pulls what.
func later() {
	time.Sleep(rereadEvery + assignEvery)
	synctest.Wait()
}

// unreachable is a source that nobody is at. It needs no resolver, which would outlive a bubble.
const unreachable = "http://127.0.0.1:1/"

// TestNodes: what is pulled always one node pulls, and another one when that is gone; what is made or deleted at one
// arrives at the others.
func TestNodes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		kept, who := &shelf{rows: make(map[string]store.Relay)}, &election{alive: []string{"a", "b"}, names: make(map[string]bool)}
		a, b := newNode(t, "a", kept, who), newNode(t, "b", kept, who)
		defer b.die()
		task, err := a.m.Add(t.Context(), always(unreachable))
		if err != nil {
			t.Fatal(err)
		}
		if got := a.pulls(task.ID); got != "" {
			t.Errorf("before the nodes know each other: %s", got)
		}
		expect := func(what, atA, atB string) {
			t.Helper()
			if gotA, gotB := a.pulls(task.ID), b.pulls(task.ID); gotA != atA || gotB != atB {
				t.Errorf("%s: at a %q, at b %q", what, gotA, gotB)
			}
		}
		later()
		expect("of two", "waiting connect", "")
		a.die()
		who.set("b")
		time.Sleep(2 * assignEvery)
		synctest.Wait()
		expect("the one is gone", "ended shutdown", "waiting connect")

		a = newNode(t, "a", kept, who)
		defer a.die()
		who.set("a", "b")
		later()
		expect("it is back", "waiting connect", "ended moved")
		if got := who.asked(); len(got) != 1 || got[0] != "pull 1/demo/cam" {
			t.Errorf("asked for %q", got)
		}
		if err := b.m.Remove(t.Context(), "1", task.ID); err != nil {
			t.Fatal(err)
		}
		later()
		expect("deleted at the other", ErrNotFound.Error(), ErrNotFound.Error())
		a.m.mu.Lock()
		defer a.m.mu.Unlock()
		if len(a.m.pullers) != 0 {
			t.Error("it is still pulled")
		}
	})
}

// TestOwnSources: what a node's configuration names it pulls itself, whoever pulls what the API has made.
func TestOwnSources(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		kept, who := &shelf{rows: make(map[string]store.Relay)}, &election{alive: []string{"b"}, names: make(map[string]bool)}
		a := newNode(t, "a", kept, who, always(unreachable))
		defer a.die()
		later()
		if got := a.pulls("config-1"); got != "waiting connect" {
			t.Errorf("%q", got)
		}
	})
}

// TestDemandAtEachNode: on demand each node pulls for its own viewers, whoever made the task.
func TestDemandAtEachNode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		kept, who := &shelf{rows: make(map[string]store.Relay)}, &election{alive: []string{"a", "b"}, names: make(map[string]bool)}
		a, b := newNode(t, "a", kept, who), newNode(t, "b", kept, who)
		defer a.die()
		defer b.die()
		task, err := a.m.Add(t.Context(), onDemand(unreachable))
		if err != nil {
			t.Fatal(err)
		}
		later()
		_, _ = b.hub.Await(t.Context(), camera)
		if atA, atB := a.pulls(task.ID), b.pulls(task.ID); atA != "" || atB != "waiting connect" {
			t.Errorf("at a %q, at b %q", atA, atB)
		}
	})
}

// TestStoreAway: rows that make no sense are left out, and while the store does not answer what is known goes on.
func TestStoreAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		kept, who := &shelf{rows: make(map[string]store.Relay)}, &election{alive: []string{"a"}, names: make(map[string]bool)}
		a := newNode(t, "a", kept, who)
		defer a.die()
		task, err := a.m.Add(t.Context(), always(unreachable))
		if err != nil {
			t.Fatal(err)
		}
		for id, text := range map[string]string{"broken": "{", "senseless": `{"room":"a","stream":"b","mode":"always"}`} {
			_ = kept.CreateRelay(t.Context(), store.Relay{ID: id, App: 1, Facts: []byte(text)})
		}
		later()
		kept.fail(errors.New("away"))
		later()
		if got := a.pulls(task.ID); got != "waiting connect" || len(a.m.Pulls("1")) != 1 {
			t.Errorf("%q of %+v", got, a.m.Pulls("1"))
		}
		if _, err := a.m.Add(t.Context(), onDemand(unreachable)); err == nil || len(a.m.Pulls("1")) != 1 {
			t.Errorf("made without the store: %v", err)
		}
	})
}

// TestFull: a stream that there is no place for says so once, and begins when there is one.
func TestFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		kept, who := &shelf{rows: make(map[string]store.Relay)}, &election{alive: []string{"a"}, names: make(map[string]bool)}
		a := newNode(t, "a", kept, who)
		defer a.die()
		var ids []string
		for _, stream := range []string{"one", "two", "three"} {
			task := always(unreachable)
			task.Stream = stream
			made, err := a.m.Add(t.Context(), task)
			if err != nil {
				t.Fatal(err)
			}
			ids = append(ids, made.ID)
		}
		later()
		refused := slices.IndexFunc(ids, func(id string) bool { return a.pulls(id) == "ended too_many" })
		if refused < 0 {
			t.Fatalf("%q, %q, %q", a.pulls(ids[0]), a.pulls(ids[1]), a.pulls(ids[2]))
		}
		if err := a.m.Remove(t.Context(), "1", ids[(refused+1)%3]); err != nil {
			t.Fatal(err)
		}
		later()
		if got := a.pulls(ids[refused]); got != "waiting connect" {
			t.Errorf("when there is a place: %q", got)
		}
	})
}

// TestFairShare: an app that has all the streams that one may have leaves some to others. What the API is to pull always beyond that
// is refused, and what viewers or the configuration want has a reason.
func TestFairShare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		kept, who := &shelf{rows: make(map[string]store.Relay)}, &election{alive: []string{"a"}, names: make(map[string]bool)}
		several := onDemand(unreachable)
		several.Stream = "*"
		a := newNode(t, "a", kept, who, always(unreachable), several)
		defer a.die()
		a.m.mu.Lock()
		a.m.opts.MaxPerApp = 1
		a.m.mu.Unlock()
		later()
		for range 2 {
			_, _ = a.hub.Await(t.Context(), live.Key{App: "1", Room: "demo", Stream: "two"})
		}
		if got := a.pulls("config-2"); got != "ended app_full" {
			t.Errorf("on demand: %q", got)
		}
		task := always(unreachable)
		task.Stream = "three"
		if _, err := a.m.Add(t.Context(), task); !errors.Is(err, ErrAppFull) {
			t.Errorf("of the API: %v", err)
		}
		if problem, ok := errors.AsType[*admin.Error](refusal(ErrAppFull)); !ok || problem.Code != "too_many_streams" || problem.Status != http.StatusConflict {
			t.Errorf("as the API says it: %+v", problem)
		}
		task.App = "2"
		if _, err := a.m.Add(t.Context(), task); err != nil {
			t.Errorf("of another app: %v", err)
		}
		a.m.mu.Lock()
		defer a.m.mu.Unlock()
		if a.m.ofApp["1"] != 1 || a.m.ofApp["2"] != 1 {
			t.Errorf("places: %v", a.m.ofApp)
		}
	})
}
