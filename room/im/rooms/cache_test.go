package rooms

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"weir/room/im"
)

// shelf is a cache of numbers, and what it reads.
type shelf struct {
	cache[int]
	clock clock
	value atomic.Int64
	reads atomic.Int64
	fault error
	hold  func() // runs while it reads
}

func newShelf() *shelf {
	s := &shelf{clock: clock{now: epoch}}
	s.cache = cache[int]{
		load: func(context.Context, key) (int, error) {
			s.reads.Add(1)
			value := int(s.value.Load())
			if s.hold != nil {
				s.hold()
			}
			return value, s.fault
		},
		cost: func(v int) int { return v }, budget: 5 * (entryCost + 1), life: time.Minute, now: s.clock.Now,
	}
	return s
}

func (s *shelf) wants(t *testing.T, id string, want int, reads int64) {
	t.Helper()
	got, err := s.get(ctx, key{1, id})
	if got != want || err != nil || s.reads.Load() != reads {
		t.Errorf("%s: got %d after %d reads, %v; want %d after %d", id, got, s.reads.Load(), err, want, reads)
	}
}

func TestCacheKeepsAndDrops(t *testing.T) {
	s := newShelf()
	s.wants(t, "a", 0, 1)
	s.value.Store(1)
	s.wants(t, "a", 0, 1)
	s.drop(key{1, "a"})
	s.wants(t, "a", 1, 2)
	s.drop(key{2, "a"})
	s.wants(t, "a", 1, 2)
	s.value.Store(2)
	s.clock.pass(time.Minute)
	s.wants(t, "a", 2, 3)
}

// Its budget holds, and what was used last stays.
func TestCacheIsBounded(t *testing.T) {
	s := newShelf()
	s.value.Store(1)
	for i := range 5 {
		s.wants(t, fmt.Sprint(i), 1, int64(i+1))
	}
	s.wants(t, "0", 1, 5)
	s.wants(t, "5", 1, 6) // puts 1 out
	s.wants(t, "0", 1, 6)
	s.wants(t, "1", 1, 7)
	s.value.Store(int64(s.budget)) // too large for it
	s.wants(t, "6", s.budget, 8)
	s.wants(t, "6", s.budget, 9)
	if s.used > s.budget || len(s.entries) != s.order.Len() {
		t.Errorf("%d used, %d and %d entries", s.used, len(s.entries), s.order.Len())
	}
}

// That there is no room is kept, a fault is not.
func TestCacheOfFaults(t *testing.T) {
	s := newShelf()
	for _, c := range []struct {
		fault error
		reads int64
	}{{im.ErrNoRoom, 1}, {errDisk, 2}} {
		s.fault = c.fault
		s.reads.Store(0)
		s.drop(key{1, "a"})
		for range 2 {
			if _, err := s.get(ctx, key{1, "a"}); !errors.Is(err, c.fault) {
				t.Errorf("got %v", err)
			}
		}
		equal(t, c.fault.Error(), s.reads.Load(), c.reads)
	}
}

// What was dropped while it was read is not kept, and is not given to who asks after that.
func TestCacheDropsWhatIsRead(t *testing.T) {
	s := newShelf()
	reading, proceed := make(chan struct{}), make(chan struct{})
	var first atomic.Bool
	s.hold = func() {
		if first.CompareAndSwap(false, true) {
			close(reading)
			<-proceed
		}
	}
	var old atomic.Int64
	old.Store(-1)
	var all sync.WaitGroup
	all.Go(func() {
		v, _ := s.get(ctx, key{1, "a"})
		old.Store(int64(v))
	})
	<-reading
	s.value.Store(7)
	s.drop(key{1, "a"})
	s.wants(t, "a", 7, 2)
	close(proceed)
	all.Wait()
	equal(t, "who came before", old.Load(), int64(0))
	s.wants(t, "a", 7, 2)
}

// Many who ask at once read once, and one who gives up does not spoil it for the others.
func TestCacheReadsOnce(t *testing.T) {
	s := newShelf()
	reading, proceed := make(chan struct{}), make(chan struct{})
	s.hold = func() {
		close(reading)
		<-proceed
	}
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			if _, err := s.get(ctx, key{1, "a"}); err != nil {
				t.Errorf("%d: %v", i, err)
			}
		})
	}
	<-reading
	over, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := s.get(over, key{1, "a"}); !errors.Is(err, context.Canceled) {
		t.Errorf("who gives up waits: %v", err)
	}
	close(proceed)
	all.Wait()
	equal(t, "reads", s.reads.Load(), int64(1))
}

// Other nodes see what one changed, and reading facts allocates nothing.
func TestNodesAndAllocations(t *testing.T) {
	w := newWorld(t)
	other := w.node()
	w.create(NewRoom{ID: "AV1", Owner: "host"})
	f, err := other.Get(ctx, app, "AV1")
	if err != nil || f.Name != "a room" {
		t.Fatal(f, err)
	}
	is(t, "modify", w.Modify(ctx, admin, "AV1", Change{Name: new("new")}), nil)
	if f, err := other.Get(ctx, app, "AV1"); err != nil || f.Name != "new" {
		t.Errorf("another node reads %+v, %v", f, err)
	}
	is(t, "mute", w.Mute(ctx, admin, "AV1", []string{"ann"}, 60), nil)
	if f, _ := other.Get(ctx, app, "AV1"); !f.Muted("ann", epoch) {
		t.Error("another node does not know of the mute")
	}
	is(t, "close", other.SetStatus(ctx, admin, "AV1", Closed), nil)
	equal(t, "both nodes end it", w.ends.take(), []string{"AV1 is closed", "AV1 is closed"})
	ann := user("ann")
	if n := testing.AllocsPerRun(100, func() {
		f, err := w.Get(ctx, app, "AV1")
		if err != nil || f.Role(ann) != Member || !f.Muted("ann", epoch) || f.Banned("ann", epoch) || f.Seated("ann") {
			t.Error(f, err)
		}
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
	is(t, "destroy", w.Destroy(ctx, admin, "AV1"), nil)
	_, err = other.Get(ctx, app, "AV1")
	is(t, "another node, when it is no more", err, im.ErrNoRoom)
	if n := testing.AllocsPerRun(100, func() { _, _ = w.Get(ctx, app, "AV1") }); n > 0 {
		t.Errorf("%v allocations for a room that is not there", n)
	}
}

// deaf is a cluster whose words come late, or never.
type deaf struct{}

func (deaf) Announce(string, []byte)                                      {}
func (deaf) Handle(string, func(context.Context, []byte) ([]byte, error)) {}

// Whoever changed something sees it at once, before the word of it has gone round; other nodes do after half a minute.
func TestWordsGetLost(t *testing.T) {
	w := newWorld(t)
	w.create(NewRoom{ID: "AV1", Owner: "host"})
	r := New(Options{Store: w.store, Nodes: deaf{}, Now: w.clock.Now})
	is(t, "modify", r.Modify(ctx, admin, "AV1", Change{Name: new("first")}), nil)
	_ = w.facts("AV1")
	is(t, "modify again", r.Modify(ctx, admin, "AV1", Change{Name: new("second")}), nil)
	f, err := r.Get(ctx, app, "AV1")
	equal(t, "here", []any{f.Name, err}, []any{"second", nil})
	equal(t, "there", w.facts("AV1").Name, "first")
	w.clock.pass(keepFacts)
	equal(t, "there, later", w.facts("AV1").Name, "second")
}

// A word that is none harms nothing.
func TestHeardNonsense(t *testing.T) {
	w := newWorld(t)
	for _, text := range []string{"", "{", "[]", `{"App":"x"}`} {
		if _, err := w.heard(ctx, []byte(text)); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
}

func BenchmarkGet(b *testing.B) {
	s := newShelf()
	if _, err := s.get(ctx, key{1, "a"}); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			_, _ = s.get(ctx, key{1, "a"})
		}
	})
}
