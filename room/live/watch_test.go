package live

import (
	"context"
	"strconv"
	"testing"
	"testing/synctest"
	"time"
)

// next is what a watcher tells at once; ok is false when there is nothing.
func next(t *testing.T, w *Watcher) (k Key, ok bool) {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), time.Nanosecond)
	defer stop()
	k, err := w.Next(ctx)
	return k, err == nil
}

// TestWatch: a watcher is told the streams that are there and each one that changes, once however often it did.
func TestWatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := NewRegistry(Options{
			RingBytes: 1 << 20, RingTime: time.Second, Fresh: time.Second, Grace: time.Second, TrackWait: time.Second,
			FeedIdle: time.Second, MaxStreams: 10,
		})
		a, b := Key{"1", "r", "a"}, Key{"1", "r", "b"}
		p, err := r.Publish(a, PublishOptions{})
		if err != nil {
			t.Fatal(err)
		}
		w := r.Watch()
		defer w.Close()
		if k, ok := next(t, w); !ok || k != a {
			t.Errorf("a stream that is there: %v %v", k, ok)
		}
		q, err := r.Publish(b, PublishOptions{})
		if err != nil {
			t.Fatal(err)
		}
		q.Interrupt(errTest)
		q.End(errTest)
		p.End(errTest)
		if k, ok := next(t, w); !ok || k != b {
			t.Errorf("the one that changed first: %v %v", k, ok)
		}
		if k, ok := next(t, w); !ok || k != a {
			t.Errorf("the other one: %v %v", k, ok)
		}
		if k, ok := next(t, w); ok {
			t.Errorf("nothing has changed, and it tells %v", k)
		}
	})
}

// TestWanted: whoever watches hears of a key as soon as a reader waits for it, and others that wait are not told of again.
func TestWanted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := NewRegistry(Options{
			RingBytes: 1 << 20, RingTime: time.Second, Fresh: time.Second, Grace: time.Second, TrackWait: time.Second,
			FeedIdle: time.Second, MaxStreams: 10, Wait: time.Second, MaxWaiting: 2,
		})
		k := Key{"1", "r", "a"}
		w := r.Wanted()
		defer w.Close()
		for range 2 {
			go func() { _, _ = r.Await(t.Context(), k) }()
		}
		if got, err := w.Next(t.Context()); err != nil || got != k || !r.Awaited(k) {
			t.Errorf("wanted %v, %v", got, err)
		}
		synctest.Wait()
		if got, ok := next(t, w); ok {
			t.Errorf("told again: %v", got)
		}
		if late := r.Wanted(); true {
			if got, ok := next(t, late); !ok || got != k {
				t.Errorf("who watches later: %v %v", got, ok)
			}
			late.Close()
		}
		time.Sleep(2 * time.Second)
		if r.Awaited(k) {
			t.Error("nobody waits any more")
		}
	})
}

// TestWantedMissesNothing: however many keys were waited for before whoever watches looks, it hears of those that still are.
func TestWantedMissesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := NewRegistry(Options{Wait: time.Minute, MaxWaiting: 3})
		w := r.Wanted()
		defer w.Close()
		wait := func(name string, d time.Duration) {
			ctx, stop := context.WithTimeout(t.Context(), d)
			defer stop()
			_, _ = r.Await(ctx, Key{"1", "r", name})
		}
		go wait("early", time.Hour)
		synctest.Wait()
		for i := range 100 {
			wait(strconv.Itoa(i), time.Nanosecond)
		}
		go wait("late", time.Hour)
		synctest.Wait()
		var told []string
		for k, ok := next(t, w); ok; k, ok = next(t, w) {
			told = append(told, k.Stream)
		}
		if len(told) > 6 || told[0] != "early" || told[len(told)-1] != "late" {
			t.Errorf("told are %v", told)
		}
	})
}
