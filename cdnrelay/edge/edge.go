package edge

import (
	"context"
	"crypto/rand"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"weir/room/live"
)

// Files are the HLS objects of the streams that this node has itself. It names them by file, index.m3u8 being the multivariant
// playlist. The error is live.ErrNoStream for what is not there.
type Files interface {
	Object(ctx context.Context, k live.Key, name string) ([]byte, error)
}

// Options say who a node works with. Hub and Problem are required.
type Options struct {
	Hub *live.Registry
	// Key is what nodes know each other by. Without one the node answers no other.
	Key string
	// Origins are the nodes that are asked for streams which are not here, such as https://origin.example.com, in the order in
	// which they are preferred. A path in them is kept.
	Origins []string
	// Files are the HLS objects of this node's own streams.
	Files Files
	// Brings tells whether a stream that is not here comes from elsewhere when somebody waits for it in the hub, as viewers
	// do; nil: none does.
	Brings func(k live.Key) bool
	// Idle is how long a stream is taken from its origin while nobody reads it, 10 s by default.
	Idle time.Duration
	// CacheBytes is how much of HLS objects is kept, 256 MiB by default.
	CacheBytes int
	// MaxAge is how far behind live another node may be that takes a stream, when it can skip: 3 s by default. One that takes
	// nothing for WriteTimeout is cut, 10 s by default.
	MaxAge, WriteTimeout time.Duration
	// Problem answers with an error (RFC 9457).
	Problem func(w http.ResponseWriter, r *http.Request, status int, code, detail string)
	Log     *slog.Logger // nothing is logged by default
	Now     func() time.Time
}

// Edge is a node's side towards other nodes: what it gives them, and what it takes from them.
type Edge struct {
	opts    Options
	id      string // of this node, as long as it runs
	hub     *live.Registry
	log     *slog.Logger
	stats   *stats
	client  *client
	objects *objects
	seeker  *seeker
	tasks   tasks

	mu       sync.Mutex                              // guards the fields below
	sessions map[live.Key]map[chan struct{}]struct{} // of other nodes here; told when their stream's state changes
	pulls    map[live.Key]*pull
}

// New returns a node's side towards others. It starts nothing; see Run.
func New(o Options) *Edge {
	setDefault(&o.Idle, 10*time.Second)
	setDefault(&o.CacheBytes, 256<<20)
	setDefault(&o.MaxAge, 3*time.Second)
	setDefault(&o.WriteTimeout, 10*time.Second)
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	e := &Edge{
		opts: o, id: rand.Text(), hub: o.Hub, log: o.Log,
		sessions: make(map[live.Key]map[chan struct{}]struct{}), pulls: make(map[live.Key]*pull),
	}
	e.client = newClient(e.id, o.Key, o.Origins, newHealth(o.Log))
	e.stats = newStats(e)
	e.objects = newObjects(e)
	e.seeker = newSeeker(e)
	return e
}

func setDefault[T comparable](v *T, to T) {
	var zero T
	if *v == zero {
		*v = to
	}
}

// Run tells other nodes how streams are and takes streams that are wanted here, until ctx is done. Then it waits for
// all that it takes.
func (e *Edge) Run(ctx context.Context) error {
	defer e.client.close()
	defer e.tasks.stop()
	e.tasks.begin(ctx)
	states := e.hub.Watch()
	defer states.Close()
	if len(e.opts.Origins) > 0 {
		wanted := e.hub.Wanted()
		e.tasks.start(func(ctx context.Context) { e.seeker.listen(ctx, wanted) })
		e.tasks.start(e.seeker.run)
	}
	for {
		k, err := states.Next(ctx)
		if err != nil {
			return nil
		}
		e.changed(k)
	}
}

// changed tells the sessions of a stream that its state has changed.
func (e *Edge) changed(k live.Key) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for c := range e.sessions[k] {
		select {
		case c <- struct{}{}:
		default:
		}
	}
}

// watch returns a channel that has a token when a stream's state has changed, until over is called.
func (e *Edge) watch(k live.Key) (changed <-chan struct{}, over func()) {
	c := make(chan struct{}, 1)
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.sessions[k] == nil {
		e.sessions[k] = make(map[chan struct{}]struct{})
	}
	e.sessions[k][c] = struct{}{}
	return c, func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		delete(e.sessions[k], c)
		if len(e.sessions[k]) == 0 {
			delete(e.sessions, k)
		}
	}
}

// tasks are the goroutines of Run.
type tasks struct {
	mu      sync.Mutex // guards ctx and stopped
	ctx     context.Context
	cancel  context.CancelFunc
	stopped bool
	all     sync.WaitGroup
}

func (t *tasks) begin(ctx context.Context) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ctx, t.cancel = context.WithCancel(ctx)
}

// start runs f until Run's context is done; false when there is no Run, or none any more.
func (t *tasks) start(f func(ctx context.Context)) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ctx == nil || t.stopped {
		return false
	}
	ctx := t.ctx
	t.all.Go(func() { f(ctx) })
	return true
}

func (t *tasks) stop() {
	t.mu.Lock()
	t.stopped = true
	t.cancel()
	t.mu.Unlock()
	t.all.Wait()
}
