package channel

import (
	"context"
	"crypto/rand"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"
)

// Options are what a Channel needs. Rooms, People, Bus, Join and Store are required.
type Options struct {
	Rooms  Rooms
	People People
	Bus    Bus
	// Join subscribes a session to what is published in a room, beginning with the recent last publications, as
	// bus.Bus.Join does. A refusal is an *im.Error.
	Join func(s Session, room string, recent int) error
	// Sessions are those of an account at this node; nil: who comes onto the list of a room hears nothing of it before its
	// next session.
	Sessions func(app int, user string) []Session
	Store    Store
	// Hooks are asked before a message is taken and told afterwards; nil: nobody is.
	Hooks Hooks
	// Filter looks at what people write; nil: every text passes.
	Filter Filter
	// MediaTime is where a room's media is now, in Unix milliseconds of the capture clock; 0, or a nil function: nowhere.
	MediaTime func(app int, room string) int64

	// Window is how long messages are collected, 100 to 250 ms; 0: 250 ms.
	Window time.Duration
	// Flush is the least time between two publications of a room, for a second after a message of priority High and for what
	// a room tells itself; 0: an even part of Window, 125 ms at most.
	Flush time.Duration
	// PerSecond is how many messages a second a room has at most, and each priority below High of them; 0: 40.
	PerSecond int
	// Recent is how many of a room's last publications late joiners get; 0: none.
	Recent int
	// Keep is how long messages of rooms with a list of members are kept; 0: seven days.
	Keep time.Duration
	// TipNames is how many accounts one notice of joining or leaving names at most; 0: 10.
	TipNames int

	Now func() time.Time // nil: time.Now
	Log *slog.Logger     // nil: slog.Default
}

// maxFlush is the longest time that is least between two publications, where nobody says what it is.
const maxFlush = 125 * time.Millisecond

func (o Options) withDefaults() Options {
	orTime := func(v *time.Duration, d time.Duration) {
		if *v == 0 {
			*v = d
		}
	}
	orInt := func(v *int, d int) {
		if *v == 0 {
			*v = d
		}
	}
	orTime(&o.Window, 250*time.Millisecond)
	orTime(&o.Flush, o.Window/((o.Window+maxFlush-1)/maxFlush))
	orTime(&o.Keep, 7*24*time.Hour)
	orInt(&o.PerSecond, 40)
	orInt(&o.TipNames, 10)
	if o.Hooks == nil {
		o.Hooks = nobody{}
	}
	if o.Filter == nil {
		o.Filter = everything{}
	}
	if o.MediaTime == nil {
		o.MediaTime = func(int, string) int64 { return 0 }
	}
	if o.Sessions == nil {
		o.Sessions = func(int, string) []Session { return nil }
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	return o
}

// Channel is the live side of the rooms of all apps at this node. It is safe for concurrent use. It is the Teller of
// rooms.Rooms.
type Channel struct {
	o     Options
	stats *stats

	node string          // names this one among those of a cluster
	ctx  context.Context // of what goes on behind a call; done when Run ends
	stop context.CancelFunc

	mu    sync.RWMutex // guards rooms; taken before the lock of a room
	rooms map[key]*room

	workMu       sync.Mutex // guards the fields below; taken last
	work         sync.WaitGroup
	closed       bool
	broadcasting map[int]bool // by app
}

// key names a room.
type key struct {
	app  int
	room string
}

// owned is the room's key for the bus.
func (k key) owned() string { return "room/" + strconv.Itoa(k.app) + "/" + k.room }

// New makes a Channel and says to the bus what it handles. It starts nothing.
func New(o Options) *Channel {
	c := &Channel{
		o: o.withDefaults(), node: rand.Text(),
		rooms: make(map[key]*room), broadcasting: make(map[int]bool),
	}
	c.stats = newStats(c)
	c.ctx, c.stop = context.WithCancel(context.Background())
	c.handle()
	return c
}

const (
	// tidyEvery is how often idle rooms are looked for, and idleAfter is when one is.
	tidyEvery = time.Minute
	idleAfter = dedupFor
)

// Run forgets idle rooms until ctx is done. Then it publishes what waits, and waits for what it has begun.
func (c *Channel) Run(ctx context.Context) error {
	tick := time.NewTicker(tidyEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			c.tidy()
		case <-ctx.Done():
			c.close()
			return nil
		}
	}
}

// tidy forgets rooms in which nothing goes on.
func (c *Channel) tidy() {
	now := c.o.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	for k, r := range c.rooms {
		r.mu.Lock()
		if r.idleLocked(now) {
			r.dropped = true
			delete(c.rooms, k)
		}
		r.mu.Unlock()
	}
}

func (c *Channel) close() {
	c.workMu.Lock()
	c.closed = true
	c.workMu.Unlock()
	c.mu.RLock()
	all := slices.Collect(maps.Values(c.rooms))
	c.mu.RUnlock()
	for _, r := range all {
		r.finish()
	}
	c.stop()
	c.work.Wait()
}

// begin notes work that Run waits for; when it returns false there shall be none.
func (c *Channel) begin() bool {
	c.workMu.Lock()
	defer c.workMu.Unlock()
	if !c.closed {
		c.work.Add(1)
	}
	return !c.closed
}

func (c *Channel) isClosed() bool {
	c.workMu.Lock()
	defer c.workMu.Unlock()
	return c.closed
}

// behind does what a caller shall not wait for. It returns false, and does nothing, when Run is over.
func (c *Channel) behind(f func()) bool {
	if !c.begin() {
		return false
	}
	go func() {
		defer c.work.Done()
		f()
	}()
	return true
}

// lock gives a room, locked. It is made when there is none.
func (c *Channel) lock(k key) *room {
	for {
		c.mu.RLock()
		r := c.rooms[k]
		c.mu.RUnlock()
		if r == nil {
			r = c.add(k)
		}
		r.mu.Lock()
		if !r.dropped {
			return r
		}
		r.mu.Unlock()
	}
}

// find gives a room, locked, or nil when nothing goes on in it here.
func (c *Channel) find(k key) *room {
	c.mu.RLock()
	r := c.rooms[k]
	c.mu.RUnlock()
	if r == nil {
		return nil
	}
	r.mu.Lock()
	if r.dropped {
		r.mu.Unlock()
		return nil
	}
	return r
}

func (c *Channel) add(k key) *room {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := c.rooms[k]
	if r == nil {
		r = newRoom(c, k)
		c.rooms[k] = r
	}
	return r
}

// Count is how many are in a room, over all nodes; what other nodes tell is a few seconds old.
func (c *Channel) Count(app int, room string) int { return c.o.Bus.Count(app, room) }
