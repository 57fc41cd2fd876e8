package rooms

import (
	"container/list"
	"context"
	"errors"
	"sync"
	"time"

	"weir/room/im"
)

const (
	// loadTime bounds how long one read of the store may take.
	loadTime = 10 * time.Second
	// entryCost is what an entry takes beside its value, in bytes, and what it takes that there is none.
	entryCost = 256
)

// key names a room, or with an empty id what belongs to an app as a whole.
type key struct {
	app int
	id  string
}

// cache keeps what was read from the store: no more than a budget, the least used goes first, and not for longer than a
// life, so that a node that missed a word of another one is wrong for so long at most. Its lock is not held while the
// store is read. A hit allocates nothing.
type cache[V any] struct {
	load   func(ctx context.Context, k key) (V, error)
	cost   func(V) int // how many bytes a value takes, roughly
	budget int         // in bytes
	life   time.Duration
	now    func() time.Time

	mu      sync.Mutex // guards the fields below
	entries map[key]*list.Element
	order   list.List // of *entry[V], the last used first
	used    int       // of the budget
	loading map[key]*loading[V]
}

type entry[V any] struct {
	key   key
	value V
	err   error // im.ErrNoRoom, which is worth keeping too
	cost  int
	at    time.Time
}

// loading is a read that several wait for. The fields beside done are set before it is closed.
type loading[V any] struct {
	done  chan struct{}
	value V
	err   error
}

// get gives the value, reading it where it is not at hand.
func (c *cache[V]) get(ctx context.Context, k key) (V, error) {
	c.mu.Lock()
	if element, ok := c.entries[k]; ok {
		e := element.Value.(*entry[V])
		if c.now().Sub(e.at) < c.life {
			c.order.MoveToFront(element)
			c.mu.Unlock()
			return e.value, e.err
		}
		c.removeLocked(element)
	}
	if l, ok := c.loading[k]; ok {
		c.mu.Unlock()
		return l.wait(ctx)
	}
	l := &loading[V]{done: make(chan struct{})}
	if c.loading == nil {
		c.loading, c.entries = make(map[key]*loading[V]), make(map[key]*list.Element)
	}
	c.loading[k] = l
	c.mu.Unlock()
	c.fill(ctx, k, l)
	return l.value, l.err
}

// fill reads for all who wait, so that it does not end with whoever came first.
func (c *cache[V]) fill(ctx context.Context, k key, l *loading[V]) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), loadTime)
	defer cancel()
	at := c.now()
	l.value, l.err = c.load(ctx, k)
	c.mu.Lock()
	if c.loading[k] == l { // else it was dropped since, and may be old
		delete(c.loading, k)
		if l.err == nil || errors.Is(l.err, im.ErrNoRoom) {
			c.putLocked(&entry[V]{key: k, value: l.value, err: l.err, at: at})
		}
	}
	c.mu.Unlock()
	close(l.done)
}

func (l *loading[V]) wait(ctx context.Context) (V, error) {
	select {
	case <-l.done:
		return l.value, l.err
	case <-ctx.Done():
		var none V
		return none, ctx.Err()
	}
}

func (c *cache[V]) putLocked(e *entry[V]) {
	e.cost = entryCost
	if e.err == nil {
		e.cost += c.cost(e.value)
	}
	c.entries[e.key] = c.order.PushFront(e)
	for c.used += e.cost; c.used > c.budget; {
		c.removeLocked(c.order.Back())
	}
}

func (c *cache[V]) removeLocked(element *list.Element) {
	e := c.order.Remove(element).(*entry[V])
	delete(c.entries, e.key)
	c.used -= e.cost
}

// drop forgets a value: whoever asks from now on gets what is in the store now.
func (c *cache[V]) drop(k key) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.loading, k)
	if element, ok := c.entries[k]; ok {
		c.removeLocked(element)
	}
}
