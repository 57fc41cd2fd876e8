package pull

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"sync"
	"time"

	"weir/mux/av"
	"weir/room/dial"
	"weir/room/hook"
	"weir/room/live"
	"weir/room/store"
)

// way is the word for pulls where relays of both ways are kept and told of.
const way = "pull"

// maxEnded is how many pulls that ended are remembered of each task.
const maxEnded = 8

type hub interface {
	Publish(k live.Key, o live.PublishOptions) (*live.Publisher, error)
	Stream(k live.Key) (*live.Stream, bool)
	Wanted() *live.Watcher
	Awaited(k live.Key) bool
}

// keeper keeps the tasks of the API; *store.Store does.
type keeper interface {
	CreateRelay(ctx context.Context, r store.Relay) error
	Relays(ctx context.Context, way string) ([]store.Relay, error)
	DeleteRelay(ctx context.Context, way, id string) error
}

// teller hears of states; *hook.Hooks does.
type teller interface{ Stream(events ...hook.Event) }

// Options say what is pulled and how patiently. All are required but those that say otherwise.
type Options struct {
	Hub hub
	// Keeper keeps the tasks of the API across restarts.
	Keeper keeper
	// Hooks hears each change of a pull's state (hook.Relayed); nil: nobody does.
	Hooks teller
	// Sources are the tasks of the configuration.
	Sources []Task
	// Mine tells whether this node, of all that share the Keeper, pulls what the API has it pull always and has this name; nil: it
	// does. It must not call the Manager. While it changes, two may pull a stream for a moment, or none.
	Mine func(name string) bool
	// Guard lets connections pass to sources that are not Trusted; nil: to public addresses.
	Guard *dial.Guard
	// Codecs are the video codecs that are taken.
	Codecs []av.Codec

	// Timeout is how long a source may take to answer, and how long it may send no media.
	Timeout time.Duration
	// Idle is how long a stream that is pulled on demand goes on with nobody watching.
	Idle time.Duration
	// Retry is the pause before all addresses are tried again. It doubles up to MaxRetry, and chance makes it up to a half shorter.
	Retry, MaxRetry time.Duration
	// MaxTasks is how many tasks the API may make for an app, MaxStreams how many streams may be pulled at once, and MaxPerApp how
	// many of these may be of one app.
	MaxTasks, MaxStreams, MaxPerApp int

	Log *slog.Logger     // nil: nothing is logged
	Now func() time.Time // nil: time.Now
}

// Manager knows the tasks and pulls their streams. It is safe for concurrent use.
type Manager struct {
	opts       Options
	stats      *Stats
	goroutines sync.WaitGroup // of pullers, and of follow

	changing sync.Mutex          // held while tasks of the API are made, deleted or read again; before mu
	broken   map[string]struct{} // rows of the Keeper that cannot be read, by their ids; guarded by changing

	mu      sync.Mutex        // guards the fields below
	ctx     context.Context   //nolint:containedctx // that of Run, for what starts later; nil while it does not run
	settled bool              // Options.Mine knows all nodes
	known   map[string]*entry // by task id
	pullers map[live.Key]*puller
	ofApp   map[string]int // pullers of each app that has some
}

// entry is a task and the last of what it pulled.
type entry struct {
	task  Task
	ended []Status // the newest last
}

// New returns a Manager with the tasks of the configuration. It starts nothing; see Run.
//
// Errors: ErrTask and ErrDuplicate, for a task of the configuration that makes no sense.
func New(o Options) (*Manager, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	m := &Manager{
		opts: o, settled: o.Mine == nil,
		broken: make(map[string]struct{}),
		known:  make(map[string]*entry), pullers: make(map[live.Key]*puller), ofApp: make(map[string]int),
	}
	m.stats = newStats(m)
	for i, t := range o.Sources {
		t.ID, t.Origin, t.Trusted = "config-"+strconv.Itoa(i+1), OriginConfig, true
		if err := cmp.Or(t.check(), m.duplicateLocked(&t)); err != nil {
			return nil, fmt.Errorf("source %d: %w", i+1, err)
		}
		m.known[t.ID] = &entry{task: t}
	}
	return m, nil
}

// Run pulls until ctx is done, and waits for what it has started.
func (m *Manager) Run(ctx context.Context) error {
	wanted := m.opts.Hub.Wanted()
	defer wanted.Close()
	m.begin(ctx)
	defer m.end()
	m.reread(ctx)
	m.assign()
	m.goroutines.Go(func() { m.follow(ctx) })
	for {
		k, err := wanted.Next(ctx)
		if err != nil {
			return nil //nolint:nilerr // it is the context's: the server stops
		}
		m.want(k)
	}
}

// begin lets pullers start.
func (m *Manager) begin(ctx context.Context) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.ctx = ctx
}

// end waits for what was begun. Nothing begins any more, be it by a call that came while Run was about to end.
func (m *Manager) end() {
	m.mu.Lock()
	m.ctx = nil
	m.mu.Unlock()
	m.goroutines.Wait()
}

// want pulls a stream that somebody waits for, if a task brings it.
func (m *Manager) want(k live.Key) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if e := m.findLocked(k); e != nil {
		m.startLocked(e, k)
	}
}

// Brings tells whether a task pulls a stream when somebody waits for it.
func (m *Manager) Brings(k live.Key) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.findLocked(k) != nil
}

// findLocked is the task that brings a stream on demand: one that names it before one with a pattern, and of several the
// one with the smallest id.
func (m *Manager) findLocked(k live.Key) *entry {
	var best *entry
	rank := func(e *entry) string {
		if e.task.Room == k.Room && e.task.Stream == k.Stream {
			return "0" + e.task.ID
		}
		return "1" + e.task.ID
	}
	for _, e := range m.known {
		if e.task.Mode == OnDemand && e.task.means(k) && (best == nil || rank(e) < rank(best)) {
			best = e
		}
	}
	return best
}

func (m *Manager) startLocked(e *entry, k live.Key) {
	if m.ctx == nil || m.ctx.Err() != nil || m.pullers[k] != nil {
		return
	}
	if err := m.roomLocked(k.App); err != nil {
		m.refuseLocked(e, k, err)
		return
	}
	e.ended = slices.DeleteFunc(e.ended, func(s Status) bool { return s.refused(k) })
	ctx, cancel := context.WithCancelCause(m.ctx)
	p := newPuller(m, e.task, k, cancel)
	m.pullers[k] = p
	m.ofApp[k.App]++
	m.goroutines.Go(func() {
		p.run(ctx)
		cancel(nil)
		m.ended(p)
	})
}

// roomLocked tells whether there is a place for another stream of an app: ErrFull or ErrAppFull when there is none.
func (m *Manager) roomLocked(app string) error {
	switch {
	case m.ofApp[app] >= m.opts.MaxPerApp:
		return ErrAppFull
	case len(m.pullers) >= m.opts.MaxStreams:
		return ErrFull
	default:
		return nil
	}
}

// refuseLocked tells once that there is no place for a stream.
func (m *Manager) refuseLocked(e *entry, k live.Key, why error) {
	if slices.ContainsFunc(e.ended, func(s Status) bool { return s.refused(k) && s.Reason == live.Reason(why) }) {
		return
	}
	p := newPuller(m, e.task, k, nil)
	p.over(why)
	p.log.Warn("stream is not pulled", "reason", live.Reason(why), "error", why)
	e.keep(p)
}

// keep remembers how a puller ended.
func (e *entry) keep(p *puller) {
	e.ended = append(e.ended, p.status())
	e.ended = e.ended[max(0, len(e.ended)-maxEnded):]
}

// ended forgets a puller, and starts another one where a task has come in its place.
func (m *Manager) ended(p *puller) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.pullers, p.key)
	if m.ofApp[p.key.App]--; m.ofApp[p.key.App] == 0 {
		delete(m.ofApp, p.key.App)
	}
	if e := m.known[p.task.ID]; e != nil {
		e.keep(p)
	}
	for _, e := range m.known {
		if e.task.Mode == Always && e.task.key() == p.key && m.mineLocked(&e.task) {
			m.startLocked(e, p.key)
			return
		}
	}
	if m.opts.Hub.Awaited(p.key) {
		// Who began to wait while this one was about to end was told to nobody who would start one.
		if e := m.findLocked(p.key); e != nil {
			m.startLocked(e, p.key)
		}
	}
}

// Add takes a task of the API and keeps it.
//
// Errors: ErrTask, ErrDuplicate, ErrTooMany, ErrAppFull, or the store's.
func (m *Manager) Add(ctx context.Context, t Task) (Task, error) {
	t.ID, t.Origin, t.Trusted, t.Created = rand.Text(), OriginAPI, false, m.opts.Now().UTC()
	if err := cmp.Or(t.check(), t.checkLiteral(m.opts.Guard)); err != nil {
		return Task{}, err
	}
	row, err := t.row()
	if err != nil {
		return Task{}, err
	}
	m.changing.Lock()
	defer m.changing.Unlock()
	if err := m.admit(&t); err != nil {
		return Task{}, err
	}
	if err := m.opts.Keeper.CreateRelay(ctx, row); err != nil {
		return Task{}, fmt.Errorf("cannot keep the pull: %w", err)
	}
	m.insert(t)
	return t, nil
}

// admit tells whether there is room for a task, and none for the same streams.
func (m *Manager) admit(t *Task) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := 0
	for _, e := range m.known {
		if e.task.Origin == OriginAPI && e.task.App == t.App {
			n++
		}
	}
	if n >= m.opts.MaxTasks {
		return ErrTooMany
	}
	if err := m.duplicateLocked(t); err != nil {
		return err
	}
	if t.Mode == Always && m.mineLocked(t) && m.pullers[t.key()] == nil && m.ofApp[t.App] >= m.opts.MaxPerApp {
		return ErrAppFull
	}
	return nil
}

// insert takes a task among those that are known, and begins with what this node is to pull always.
func (m *Manager) insert(t Task) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e := &entry{task: t}
	m.known[t.ID] = e
	if t.Mode == Always && m.mineLocked(&t) {
		m.startLocked(e, t.key())
	}
}

// duplicateLocked refuses a second task for the same streams.
func (m *Manager) duplicateLocked(t *Task) error {
	for _, e := range m.known {
		if e.task.Mode == t.Mode && e.task.key() == t.key() {
			return fmt.Errorf("%w: %s", ErrDuplicate, e.task.ID)
		}
	}
	return nil
}

// forget makes a task unknown and ends what it pulls.
func (m *Manager) forget(id string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.known, id)
	for _, p := range m.pullers {
		if p.task.ID == id {
			p.cancel(errDeleted)
		}
	}
}

// Remove deletes a task of an app and ends what it pulls.
//
// Errors: ErrNotFound, ErrFixed, or the store's.
func (m *Manager) Remove(ctx context.Context, app, id string) error {
	m.changing.Lock()
	defer m.changing.Unlock()
	p, err := m.Pull(app, id)
	if err != nil {
		return err
	}
	if p.Task.Origin != OriginAPI {
		return ErrFixed
	}
	if err := m.opts.Keeper.DeleteRelay(ctx, way, id); err != nil && !errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("cannot delete the pull: %w", err)
	}
	m.forget(id)
	return nil
}

// AppDeleted is told that there is an app no longer.
func (m *Manager) AppDeleted(app string) {
	for _, p := range m.Pulls(app) {
		m.forget(p.Task.ID)
	}
}

// Pulls are those of an app, by their ids.
func (m *Manager) Pulls(app string) []Pull {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := []Pull{}
	for _, e := range m.known {
		if e.task.App == app {
			all = append(all, m.pullLocked(e))
		}
	}
	slices.SortFunc(all, func(a, b Pull) int { return cmp.Compare(a.Task.ID, b.Task.ID) })
	return all
}

// Pull is one of an app, or ErrNotFound.
func (m *Manager) Pull(app, id string) (Pull, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e := m.known[id]
	if e == nil || e.task.App != app {
		return Pull{}, ErrNotFound
	}
	return m.pullLocked(e), nil
}

func (m *Manager) pullLocked(e *entry) Pull {
	p := Pull{Task: e.task, Streams: slices.Clone(e.ended)}
	for _, of := range m.pullers {
		if of.task.ID == e.task.ID {
			p.Streams = append(p.Streams, of.status())
		}
	}
	slices.SortFunc(p.Streams, func(a, b Status) int { return a.Began.Compare(b.Began) })
	return p
}

// facts are what is kept of a task beside the columns of its row.
type facts struct {
	Room   string   `json:"room"`
	Stream string   `json:"stream"`
	From   []string `json:"from"`
	Mode   Mode     `json:"mode"`
	By     string   `json:"by"`
}

// row is how a task is kept.
func (t *Task) row() (store.Relay, error) {
	app, err := strconv.Atoi(t.App)
	if err != nil {
		return store.Relay{}, fmt.Errorf("%w: %q is no app", ErrTask, t.App)
	}
	said, err := json.Marshal(facts{t.Room, t.Stream, t.From, t.Mode, t.By})
	if err != nil {
		return store.Relay{}, fmt.Errorf("cannot keep the pull: %w", err)
	}
	return store.Relay{Way: way, ID: t.ID, App: app, Created: t.Created, Facts: said}, nil
}

// kept is the inverse of row.
//
// Errors: ErrTask, or that of JSON.
func kept(row *store.Relay) (Task, error) {
	var said facts
	if err := json.Unmarshal(row.Facts, &said); err != nil {
		return Task{}, fmt.Errorf("cannot read the pull: %w", err)
	}
	t := Task{
		ID: row.ID, Origin: OriginAPI, App: strconv.Itoa(row.App), Created: row.Created,
		Room: said.Room, Stream: said.Stream, From: said.From, Mode: said.Mode, By: said.By,
	}
	return t, t.check()
}
