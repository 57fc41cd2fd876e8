package rooms

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"weir/room/im"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// im-rest.md 6: update_group_counter.
func TestCount(t *testing.T) {
	w := newWorld(t)
	w.create(NewRoom{ID: "AV1", Owner: "host"})
	type counts = map[string]int64
	long := strings.Repeat("k", 128)
	many := func(from, n int) counts {
		values := counts{}
		for i := range n {
			values[fmt.Sprint("key", from+i)] = 1
		}
		return values
	}
	for _, c := range []struct {
		what   string
		actor  im.Actor
		mode   CountMode
		values counts
		got    counts
		want   error
	}{
		{"by a member", user("ann"), CountSet, counts{"a": 1}, nil, im.ErrNoPermission},
		{"no mode", admin, "x", counts{"a": 1}, nil, im.ErrBadParameter},
		{"nothing", admin, CountSet, nil, nil, im.ErrBadParameter},
		{"no name", admin, CountSet, counts{"": 1}, nil, im.ErrBadParameter},
		{"129 bytes", admin, CountSet, counts{long + "k": 1}, nil, im.ErrBadParameter},
		{"21 at once", admin, CountSet, many(0, 21), nil, im.ErrBadParameter},
		{"set", user("host"), CountSet, counts{"a": 5, long: -1}, counts{"a": 5, long: -1}, nil},
		{"increase", admin, CountIncrease, counts{"a": 2, "b": 3}, counts{"a": 7, "b": 3}, nil},
		{"decrease", admin, CountDecrease, counts{"a": 10, "c": 1}, counts{"a": -3, "c": -1}, nil},
		{"up to the end", admin, CountSet, counts{"b": math.MaxInt64 - 1}, counts{"b": math.MaxInt64 - 1}, nil},
		{"over it", admin, CountIncrease, counts{"b": 2}, counts{"b": math.MaxInt64}, nil},
		{"down from there", admin, CountDecrease, counts{"b": math.MaxInt64}, counts{"b": 0}, nil},
		{"less by the least", admin, CountDecrease, counts{"b": math.MinInt64}, counts{"b": math.MaxInt64}, nil},
		{"less by the least than nothing", admin, CountDecrease, counts{"d": math.MinInt64}, counts{"d": math.MaxInt64}, nil},
		{"more by the least", admin, CountIncrease, counts{"a": math.MinInt64}, counts{"a": math.MinInt64}, nil},
		{"the last ones", admin, CountIncrease, many(0, 15), many(0, 15), nil},
		{"one too many", admin, CountIncrease, counts{"one more": 1}, nil, im.ErrBadParameter},
	} {
		got, err := w.Count(ctx, c.actor, "AV1", c.mode, c.values)
		is(t, c.what, err, c.want)
		equal(t, c.what, got, c.got)
	}
	w.restart()
	counters, err := w.Counters(ctx, im.Actor{App: app}, "AV1")
	want := many(0, 15)
	want["a"], want["b"], want["c"], want["d"], want[long] = math.MinInt64, math.MaxInt64, -1, math.MaxInt64, -1
	equal(t, "after a restart", []any{counters, err}, []any{want, nil})
}

// Who may raise a counter, and by how much.
func TestLikeRules(t *testing.T) {
	w := newWorld(t)
	w.create(NewRoom{ID: "AV1", Owner: "host"})
	w.create(NewRoom{ID: "P", Type: Public, Owner: "host"})
	_, err := w.Count(ctx, admin, "AV1", CountSet, map[string]int64{"roses": 0})
	is(t, "set", err, nil)
	for _, c := range []struct {
		what  string
		actor im.Actor
		room  string
		key   string
		n     int64
		want  error
	}{
		{"a viewer", im.Actor{App: app}, "AV1", LikesKey, 1, im.ErrNotLoggedIn},
		{"a stranger", user("ann"), "P", LikesKey, 1, im.ErrNotMember},
		{"no room", user("ann"), "none", LikesKey, 1, im.ErrNoRoom},
		{"none", user("ann"), "AV1", LikesKey, 0, im.ErrBadParameter},
		{"1000", user("ann"), "AV1", LikesKey, 1000, nil},
		{"1001", user("ann"), "AV1", LikesKey, 1001, im.ErrBadParameter},
		{"a counter that is there", user("ann"), "AV1", "roses", 1, nil},
		{"one that is not", user("ann"), "AV1", "tulips", 1, im.ErrBadParameter},
		{"the app", admin, "P", LikesKey, 1, nil},
	} {
		is(t, c.what, w.Like(ctx, c.actor, c.room, c.key, c.n), c.want)
	}
	counters, err := w.Counters(ctx, user("ann"), "AV1")
	equal(t, "seen at once", []any{counters, err}, []any{map[string]int64{LikesKey: 1000, "roses": 1}, nil})
	_, err = w.Count(ctx, admin, "AV1", CountSet, map[string]int64{"roses": 7})
	is(t, "set", err, nil)
	w.flush(ctx)
	counters, err = w.Counters(ctx, user("ann"), "AV1")
	equal(t, "what was before a value that is set", []any{counters, err}, []any{map[string]int64{LikesKey: 1000, "roses": 7}, nil})
	_, err = w.Counters(ctx, user("ann"), "P")
	is(t, "of a room of others", err, im.ErrNoPermission)
}

// B07: likes are merged: they are written and told once a second, and the sum is exact.
func TestB07_LikesAreMerged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.create(NewRoom{ID: "AV1", Owner: "host"})
		before, stop := w.Now(), w.run()
		time.Sleep(flushEvery / 2)
		var sum int64
		for range 50 {
			for range 100 {
				n := rand.Int64N(maxLikes) + 1
				sum += n
				if err := w.Like(ctx, user("ann"), "AV1", LikesKey, n); err != nil {
					t.Fatal(err)
				}
			}
			time.Sleep(100 * time.Millisecond)
		}
		time.Sleep(flushEvery)
		told := w.told.take()
		last := int64(0)
		for _, n := range told {
			if n.Tip.Op != im.TipCounter || n.Room != "AV1" || n.Tip.Counters[LikesKey] <= last {
				t.Errorf("told %+v after %d", n, last)
			}
			last = n.Tip.Counters[LikesKey]
		}
		if passed := int(w.Now().Sub(before) / flushEvery); len(told) == 0 || len(told) > passed || last != sum {
			t.Errorf("told %d times in %d s, %d of %d", len(told), passed, last, sum)
		}
		stop()
	})
}

// Now is the time in a bubble.
func (w *world) Now() time.Time { return time.Now() }

// run runs the rooms until the function that it returns is called.
func (w *world) run() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- w.Run(ctx) }()
	return func() {
		cancel()
		if err := <-done; err != nil {
			w.t.Error(err)
		}
	}
}

// Property: whatever many do at the same time, on two nodes that are stopped in the middle, no like is lost or counted
// twice.
func TestLikesSumExactly(t *testing.T) {
	w := newWorld(t)
	rooms := []string{"AV1", "AV2", "AV3"}
	for _, room := range rooms {
		w.create(NewRoom{ID: room, Owner: "host"})
	}
	nodes := []*Rooms{w.Rooms, w.node()}
	var stops []func()
	for _, r := range nodes {
		stops = append(stops, (&world{Rooms: r, t: t}).run())
	}
	var mu sync.Mutex
	want := make(map[string]int64)
	var all sync.WaitGroup
	half := make(chan struct{})
	for i := range 8 {
		all.Go(func() {
			for j := range 500 {
				if i == 0 && j == 250 {
					close(half)
				}
				room, n := rooms[rand.IntN(len(rooms))], rand.Int64N(maxLikes)+1
				if err := nodes[i%2].Like(ctx, user("ann"), room, LikesKey, n); err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				want[room] += n
				mu.Unlock()
				if j%50 == 0 {
					nodes[i%2].flush(ctx)
				}
			}
		})
	}
	<-half
	stops[0]() // likes go on
	all.Wait()
	stops[1]()
	w.restart()
	for _, room := range rooms {
		counters, err := w.Counters(ctx, admin, room)
		equal(t, room, []any{counters[LikesKey], err}, []any{want[room], nil})
	}
}

// Of what two nodes write at once, what is told last is what was written last, whoever says it first.
func TestLikesOfTwoNodesAreToldRight(t *testing.T) {
	w := newWorld(t)
	w.create(NewRoom{ID: "AV1", Owner: "host"})
	slow, fast := w.Rooms, w.node()
	likes := func(told []news) (n int64) {
		for _, x := range told {
			n = x.Tip.Counters[LikesKey]
		}
		return n
	}
	is(t, "like", slow.Like(ctx, user("ann"), "AV1", LikesKey, 3), nil)
	is(t, "like", fast.Like(ctx, user("bob"), "AV1", LikesKey, 4), nil)
	k := key{app, "AV1"}
	slow.writeLikes(ctx, k, slow.counts.takeLikes()[k])
	fast.flush(ctx)
	slow.flush(ctx)
	if n := likes(w.told.take()); n != 3 {
		t.Fatalf("told %d: the test does not show what it should", n)
	}
	for range 3 {
		fast.flush(ctx)
		slow.flush(ctx)
	}
	equal(t, "told", w.told.take(), []news{{Room: "AV1", Tip: im.Tip{Op: im.TipCounter, Counters: map[string]int64{LikesKey: 7}}}})
}

// What cannot be written waits for the next time; what belongs to a room that is no more is let go.
func TestLikesWait(t *testing.T) {
	w := newWorld(t)
	w.create(NewRoom{ID: "AV1", Owner: "host"})
	w.create(NewRoom{ID: "AV2", Owner: "host"})
	for _, room := range []string{"AV1", "AV2"} {
		is(t, "like", w.Like(ctx, user("ann"), room, LikesKey, 3), nil)
	}
	whole := w.Rooms.o.Store
	w.Rooms.o.Store = broken{whole}
	w.flush(ctx)
	_, err := w.Count(ctx, admin, "AV1", CountSet, map[string]int64{LikesKey: 9})
	is(t, "set", err, errDisk)
	w.Rooms.o.Store = whole
	if told := w.told.take(); len(told) > 0 {
		t.Errorf("told %+v", told)
	}
	is(t, "like", w.Like(ctx, user("ann"), "AV1", LikesKey, 4), nil)
	if err := w.store.DeleteRoom(ctx, app, "AV2"); err != nil {
		t.Fatal(err)
	}
	w.flush(ctx)
	equal(t, "told", w.told.take(), []news{{Room: "AV1", Tip: im.Tip{Op: im.TipCounter, Counters: map[string]int64{LikesKey: 7}}}})
	if len(w.counts.likes) > 0 {
		t.Errorf("left: %v", w.counts.likes)
	}
}

// broken is a store whose disk is full.
type broken struct{ Store }

func (broken) ModifyCounters(context.Context, int, string, func(map[string]int64) error) (map[string]int64, error) {
	return nil, errDisk
}
