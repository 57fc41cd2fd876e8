package push

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"weir/cdnrelay/address"
	"weir/room/dial"
	"weir/room/hook"
	"weir/room/live"
	"weir/room/store"
)

type hub interface {
	Stream(k live.Key) (*live.Stream, bool)
	Watch() *live.Watcher
}

// keeper keeps the tasks of the API; *store.Store does.
type keeper interface {
	CreateRelay(ctx context.Context, r store.Relay) error
	Relays(ctx context.Context, way string) ([]store.Relay, error)
	DeleteRelay(ctx context.Context, way, id string) error
}

// teller hears of states; *hook.Hooks does.
type teller interface{ Stream(events ...hook.Event) }

// Options say what is pushed and how patiently. All are required but those that say otherwise.
type Options struct {
	Hub hub
	// Keeper keeps the tasks of the API across restarts.
	Keeper keeper
	// Hooks hears each change of a destination's state (hook.Relayed); nil: nobody does.
	Hooks teller
	// Outputs are the protocols, by the scheme of addresses.
	Outputs map[string]Output
	// Rules are the tasks of the configuration.
	Rules []Task
	// Sources name targets of single streams.
	Sources []Source
	// Guard lets connections pass to targets that are not Trusted; nil: to public addresses.
	Guard *dial.Guard
	// Sign signs an address as a task says, and SignedFor is how long that is good.
	Sign      func(address string, s Signing, expires time.Time) (string, error)
	SignedFor time.Duration

	ConnectTimeout time.Duration // for each connection to come about
	WriteTimeout   time.Duration // for the target to take what is written
	// MaxLag is how far behind the stream a destination may be when there is a later key frame to skip to, and MaxLags how often
	// it may skip within a minute.
	MaxLag  time.Duration
	MaxLags int
	// Retry is the pause before the second try. It doubles up to MaxRetry, and chance makes it up to a half shorter.
	Retry, MaxRetry time.Duration
	// GiveUp is how long a destination is tried in vain; 0: for ever.
	GiveUp time.Duration
	// MaxTasks is how many tasks the API may make, for an app; MaxPerStream, MaxPerApp and MaxTotal bound destinations.
	MaxTasks, MaxPerStream, MaxPerApp, MaxTotal int

	Log *slog.Logger
	Now func() time.Time
}

// Manager knows the tasks and runs their destinations. It is safe for concurrent use.
type Manager struct {
	opts       Options
	log        *slog.Logger
	stats      *Stats
	goroutines sync.WaitGroup // of destinations, and of questions to sources

	changing sync.Mutex // held while tasks of the API are made, deleted or read again; before mu

	mu      sync.Mutex      // guards the fields below, and those of carried
	ctx     context.Context //nolint:containedctx // it is that of Run; nil before and after
	all     map[string]*Task
	streams map[live.Key]*carried
	count   int            // destinations that have a place
	ofApp   map[string]int // those of each app that has some
	running map[*destination]struct{}
	claims  map[string]*destination // who pushes to an address
	past    map[string][]Status     // of tasks: destinations that are over, the last one last
}

// New returns a Manager. It starts nothing; see Run.
//
// Errors: ErrTask and ErrDuplicate, for a rule that makes no sense.
func New(o Options) (*Manager, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	m := &Manager{
		opts: o, log: o.Log, all: make(map[string]*Task), streams: make(map[live.Key]*carried), ofApp: make(map[string]int),
		running: make(map[*destination]struct{}), claims: make(map[string]*destination), past: make(map[string][]Status),
	}
	m.stats = newStats(m)
	for i, t := range o.Rules {
		t.ID, t.Origin, t.Trusted = fmt.Sprintf("rule-%d", i+1), OriginRule, true
		if err := t.check(&o); err != nil {
			return nil, fmt.Errorf("rule %d: %w", i+1, err)
		}
		if err := m.free(&t); err != nil {
			return nil, fmt.Errorf("rule %d: %w", i+1, err)
		}
		m.all[t.ID] = &t
	}
	return m, nil
}

// Stats are the figures of all pushes, to be registered with Prometheus.
func (m *Manager) Stats() *Stats { return m.stats }

// reread is how often the store is asked for tasks that other nodes have made or deleted.
const reread = 10 * time.Second

// Run pushes until ctx is done, and waits for what it has started.
func (m *Manager) Run(ctx context.Context) error {
	m.mu.Lock()
	m.ctx = ctx
	m.mu.Unlock()
	m.reread(ctx)
	m.goroutines.Go(func() { m.watch(ctx) })
	tick := time.NewTicker(reread)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			m.reread(ctx)
		case <-ctx.Done():
			m.mu.Lock()
			m.ctx = nil // nothing begins any more
			m.mu.Unlock()
			m.goroutines.Wait()
			return nil
		}
	}
}

// watch follows the streams.
func (m *Manager) watch(ctx context.Context) {
	w := m.opts.Hub.Watch()
	defer w.Close()
	for {
		k, err := w.Next(ctx)
		if err != nil {
			return
		}
		m.look(k)
	}
}

// edgeForm is the form of streams that were brought from another node, which pushes them.
const edgeForm = "edge"

// look begins to carry a stream that is live, and forgets one that is over.
func (m *Manager) look(k live.Key) {
	s, there := m.opts.Hub.Stream(k)
	var info live.Info
	if there {
		info = s.Info()
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	c := m.streams[k]
	if c != nil && c.stream != s {
		m.forgetLocked(c)
		c = nil
	}
	hasMedia := info.State == live.StateLive || info.State == live.StateInterrupted
	if c != nil && hasMedia {
		c.stateLocked(info.State)
		m.followLocked(c, info)
	}
	if c != nil || !there || !hasMedia || info.Origin.Form == edgeForm || m.ctx == nil {
		return
	}
	c = newCarried(m.ctx, s, info)
	c.stateLocked(info.State)
	m.streams[k] = c
	for _, id := range slices.Sorted(maps.Keys(m.all)) {
		if t := m.all[id]; t.means(k) {
			m.startLocked(c, t)
		}
	}
	for _, from := range m.opts.Sources {
		m.goroutines.Go(func() { m.ask(c, from) })
	}
}

// forgetLocked drops a stream that is over, with what held for it alone. Its destinations come to their end by themselves.
func (m *Manager) forgetLocked(c *carried) {
	c.cancel()
	delete(m.streams, c.key)
	for _, id := range c.own {
		delete(m.all, id)
		delete(m.past, id)
	}
}

// ask has a source name targets for a stream, until it does or the stream is over.
func (m *Manager) ask(c *carried, from Source) {
	patience := patience{first: m.opts.Retry, most: m.opts.MaxRetry}
	for {
		tasks, err := from.Targets(c.ctx, m.about(c))
		if err == nil {
			m.adopt(c, tasks)
			return
		}
		if c.ctx.Err() != nil {
			return
		}
		wait, _ := patience.pause(m.opts.Now(), 0, err)
		m.log.Warn("push targets unknown", "stream", c.key, "again", wait, "error", err)
		if !c.rest(wait) {
			return
		}
	}
}

// adopt takes the tasks of one stream that a source has named.
func (m *Manager) adopt(c *carried, tasks []Task) {
	for _, t := range tasks {
		t.App, t.Room, t.Stream = c.key.App, literal(c.key.Room), literal(c.key.Stream)
		t.ID, t.Created = newID(), m.opts.Now()
		if err := t.Check(&m.opts); err != nil {
			m.log.Warn("push target refused", "stream", c.key, "target", address.Masked(t.To), "origin", t.Origin, "error", err)
			continue
		}
		m.mu.Lock()
		if m.ctx != nil && m.streams[c.key] == c {
			m.all[t.ID] = &t
			c.own = append(c.own, t.ID)
			m.startLocked(c, &t)
		}
		m.mu.Unlock()
	}
}

// startLocked begins a destination.
func (m *Manager) startLocked(c *carried, t *Task) {
	d := newDestination(m.ctx, m, t, c)
	d.refused = m.placeLocked(d)
	m.running[d] = struct{}{}
	m.past[t.ID] = slices.DeleteFunc(m.past[t.ID], func(s Status) bool { return s.Key == c.key })
	m.goroutines.Go(func() {
		d.run()
		m.finished(d)
	})
}

// maxPast is how many destinations of a task are remembered that are over.
const maxPast = 16

// finished keeps how a destination ended, and lets others have its address.
func (m *Manager) finished(d *destination) {
	last := d.now()
	d.cancel(nil)
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.running, d)
	m.vacateLocked(d)
	if m.claims[d.identity] == d {
		delete(m.claims, d.identity)
	}
	followed := d.replaced && !slices.Contains(d.carried.anew, d.task.ID)
	if m.all[d.task.ID] == d.task && !followed {
		m.past[d.task.ID] = append(m.past[d.task.ID], last)
		m.past[d.task.ID] = m.past[d.task.ID][max(0, len(m.past[d.task.ID])-maxPast):]
	}
	close(d.done)
}

// claim takes a destination's address for it. It waits for one that is about to be over: the same stream as it was before,
// or a task that was deleted.
//
// Errors: ErrDuplicate, or why the destination ends.
func (m *Manager) claim(d *destination) error {
	for {
		m.mu.Lock()
		holder := m.claims[d.identity]
		if holder == nil {
			m.claims[d.identity] = d
		}
		m.mu.Unlock()
		if holder == nil {
			return nil
		}
		if !holder.ending() {
			return fmt.Errorf("%w: %s", ErrDuplicate, holder.task.ID)
		}
		select {
		case <-holder.done:
		case <-d.ctx.Done():
			return context.Cause(d.ctx)
		}
	}
}
