package hook

import (
	"context"
	"crypto/rand"
	"strconv"
	"sync"
	"time"

	"weir/room/store"
)

const (
	// maxBuffered and maxBufferedBytes bound what waits for the disk.
	maxBuffered, maxBufferedBytes = 10_000, 32 << 20
	// flushEach is how much goes to the disk at once.
	flushEach = 1000
	// flushRetry is how long after a fault of the disk it is tried again.
	flushRetry = time.Second
	// flushLast is how long the disk may take for the last ones when the server stops.
	flushLast = 3 * time.Second
	// idHeader names an event to all receivers. It is the same for every try.
	idHeader = "X-Weir-Event-Id"
)

// Tell has the app's receiver told, later. It never waits for the receiver, nor for the disk: what was told just
// before the process is killed may be lost.
func (h *Hooks) Tell(c Call) {
	cmd, ok := commandOf(c.Command)
	if !ok || cmd.before {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), askTimeout)
	defer cancel()
	to := h.receivers.of(ctx, c.App)
	if !to.wants(c.Command) {
		return
	}
	body, err := h.body(cmd, c)
	if err != nil {
		h.log.Error("callback body", "command", c.Command, "error", err)
		return
	}
	h.keep(store.Delivery{
		Receiver: imReceiver(c.App), Key: c.Body.topic(), App: c.App, Kind: c.Command, Body: body,
		// Neither password nor signature is kept: both are added when it is sent.
		URL: callAddress(Masked(to.URL), "", cmd, c.App, c.Actor, time.Time{}),
	})
}

// imReceiver is the receiver of an app's callbacks in the queue. Where it is and who signs is looked up when something
// is sent, so that what was told to a wrong address goes to the right one once that is set.
func imReceiver(app int) string { return "im:" + strconv.Itoa(app) }

// keep has a delivery written down, if there is room for it.
func (h *Hooks) keep(d store.Delivery) {
	d.Created = h.now()
	d.Next = d.Created
	if d.Header == nil {
		d.Header = map[string]string{idHeader: newID()}
	}
	if !h.buffer.put(d) {
		h.stats.dropped.Inc()
		if h.full.enter(d.Created) {
			h.log.Error("callbacks dropped, the queue is full", "kind", d.Kind)
		}
		return
	}
	h.stats.told.Inc()
}

// newID is a name for an event that no other has.
func newID() string { return rand.Text() }

// buffer is what waits for the disk.
type buffer struct {
	wake chan struct{} // capacity 1: there is something

	mu    sync.Mutex // guards the fields below
	list  []store.Delivery
	bytes int
}

func newBuffer() *buffer { return &buffer{wake: make(chan struct{}, 1)} }

// put adds one, unless it is full: what was told first comes first, so that the newest is the one that is lost.
func (b *buffer) put(d store.Delivery) bool {
	size := sizeOf(d)
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.list) >= maxBuffered || b.bytes+size > maxBufferedBytes {
		return false
	}
	b.list = append(b.list, d)
	b.bytes += size
	poke(b.wake)
	return true
}

// first are the oldest ones, which stay until they are dropped.
func (b *buffer) first(n int) []store.Delivery {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]store.Delivery(nil), b.list[:min(n, len(b.list))]...)
}

// drop forgets the oldest ones.
func (b *buffer) drop(list []store.Delivery) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.bytes -= sizeOf(list...)
	clear(b.list[:len(list)])
	if b.list = b.list[len(list):]; len(b.list) == 0 {
		b.list = nil
	}
}

func (b *buffer) len() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.list)
}

func sizeOf(list ...store.Delivery) (n int) {
	for i := range list {
		n += len(list[i].Body) + len(list[i].URL)
	}
	return n
}

// poke makes sure that there is something in a channel of capacity 1.
func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// flush writes the buffer to the queue until ctx is done, and then, for a while, what is left of it.
func (h *Hooks) flush(ctx context.Context) {
	for {
		select {
		case <-h.buffer.wake:
			h.flushAll(ctx)
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushLast)
			defer cancel()
			h.flushAll(last)
			return
		}
	}
}

// flushAll writes what there is. One commit holds all that was told while the one before was written.
func (h *Hooks) flushAll(ctx context.Context) {
	for ctx.Err() == nil {
		list := h.buffer.first(flushEach)
		if len(list) == 0 {
			return
		}
		if err := h.opts.Queue.Enqueue(ctx, list); err != nil {
			h.log.Error("callbacks not written down", "waiting", h.buffer.len(), "error", err)
			sleep(ctx, flushRetry)
			continue
		}
		h.buffer.drop(list)
		poke(h.due)
	}
}

// sleep waits, or until ctx is done.
func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// seldom lets one in now and then: a log line that must not come as often as its cause.
type seldom struct {
	mu   sync.Mutex
	next time.Time
}

func (s *seldom) enter(now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now.Before(s.next) {
		return false
	}
	s.next = now.Add(time.Minute)
	return true
}
