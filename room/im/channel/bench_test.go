package channel

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"weir/room/im"
)

// sink is a bus that only counts.
type sink struct {
	*node
	publications, bytes atomic.Int64
}

func (s *sink) Publish(_ int, _ string, data []byte) error {
	s.publications.Add(1)
	s.bytes.Add(int64(len(data)))
	return nil
}

func (s *sink) Count(int, string) int { return 0 }

// quick are a channel and a session in a room, with a bus that only counts.
func quick(tb testing.TB, change func(*Options)) (*Channel, im.Actor, *sink) {
	tb.Helper()
	c := newCluster(tb, 0, nil)
	s := &sink{}
	s.node = c.start(func(o *Options) {
		s.node = o.Bus.(*node)
		o.Bus, o.Hooks, o.Log = s, nil, slog.New(slog.DiscardHandler)
		if change != nil {
			change(o)
		}
	})
	tb.Cleanup(c.close)
	cl := s.node.connect("ann")
	if _, err := s.node.channel.Enter(context.Background(), cl, "AV1"); err != nil {
		tb.Fatal(err)
	}
	return s.node.channel, cl.actor, s
}

// What a message costs until it waits for its window: the entry, the body in one form, and what the maps grow by. With
// the race detector encoding/json has one more.
func TestSendAllocations(t *testing.T) {
	c, a, _ := quick(t, func(o *Options) { o.Window, o.Flush = time.Hour, time.Hour })
	m := text("AV1", "hello", im.Low)
	send := func() {
		m.Random++
		if _, err := c.Send(context.Background(), a, m); err != nil {
			t.Fatal(err)
		}
	}
	for range 500 {
		send()
	}
	if n := testing.AllocsPerRun(500, send); n > 10 {
		t.Errorf("%.1f allocations a message, want 10 at most", n)
	}
}

// What a publication of ten messages costs: its bytes, and nothing a message. With the race detector the pool of
// encoding/json loses some of what it holds.
func TestFlushAllocations(t *testing.T) {
	c, _, s := quick(t, func(o *Options) { o.PerSecond = 1 << 20 })
	r := c.lock(key{app, "AV1"})
	r.mu.Unlock()
	entries := make([]*entry, 10)
	for i := range entries {
		m := text("AV1", fmt.Sprint("message ", i), im.Normal)
		entries[i] = &entry{Message: im.Message{App: app, Room: "AV1", From: "ann", Seq: uint64(i + 1), Body: m.Body}}
	}
	flush := func() {
		r.mu.Lock()
		now := time.Now()
		for _, e := range entries {
			r.windowLocked().Add(now, im.Normal, false, e)
		}
		r.due = now
		r.mu.Unlock()
		r.flush(false)
	}
	for range 50 {
		flush()
	}
	before := s.publications.Load()
	if n := testing.AllocsPerRun(100, flush); n > 8 {
		t.Errorf("%.1f allocations a publication, want 8 at most", n)
	}
	if s.publications.Load() == before {
		t.Error("nothing was published")
	}
}

func BenchmarkSend(b *testing.B) {
	c, a, _ := quick(b, nil)
	m := text("AV1", "hello, this is a message of an ordinary length for a chat", im.Normal)
	b.ReportAllocs()
	for b.Loop() {
		m.Random++
		if _, err := c.Send(context.Background(), a, m); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkPublication is a window of ten messages: chosen, rendered, and handed to a bus without subscribers.
func BenchmarkPublication(b *testing.B) {
	now := time.Now()
	c, _, s := quick(b, func(o *Options) { o.Now = func() time.Time { return now } })
	r := c.lock(key{app, "AV1"})
	r.mu.Unlock()
	r.finish()
	m := text("AV1", "hello, this is a message of an ordinary length for a chat", im.Normal)
	e := &entry{Message: im.Message{App: app, Room: "AV1", From: "ann", Nick: "Ann", Seq: 1, Body: m.Body}}
	b.ReportAllocs()
	for b.Loop() {
		r.mu.Lock()
		now = now.Add(250 * time.Millisecond)
		for range 10 {
			r.windowLocked().Add(now, im.Normal, false, e)
		}
		r.due = now
		r.mu.Unlock()
		r.flush(false)
	}
	b.ReportMetric(float64(s.bytes.Load())/float64(max(s.publications.Load(), 1)), "B/publication")
}

// BenchmarkBusyRooms is what a room's timer costs: each room of many publishes one message a window.
func BenchmarkBusyRooms(b *testing.B) {
	const rooms = 1000
	c, _, s := quick(b, func(o *Options) { o.Window = 50 * time.Millisecond })
	b.ReportAllocs()
	began, n := cpu(), 0
	for b.Loop() {
		n += rooms
		before := s.publications.Load()
		for i := range rooms {
			r := c.lock(key{app, fmt.Sprint("room", i)})
			r.collectLocked(time.Now(), &entry{Message: im.Message{App: app}})
			r.mu.Unlock()
		}
		for s.publications.Load() < before+rooms {
			time.Sleep(time.Millisecond)
		}
	}
	b.ReportMetric(float64(cpu()-began)/float64(n), "cpu-ns/publication")
}

// cpu is the CPU time of the process.
func cpu() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
