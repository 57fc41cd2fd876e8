package bus

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/centrifugal/centrifuge"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"weir/room/im"
)

// Hello is what a client says about itself when it connects. Nothing of it is proved, but Addr.
type Hello struct {
	App       int    // 0: the default app
	User      string // empty, with an empty Token: an anonymous viewer
	Token     string // a UserSig
	Platform  im.Platform
	Addr      string // without the port
	UserAgent string
}

// Options are what a Bus needs. Hello and Call are required.
type Options struct {
	// Hello decides who a client is and until when (zero: for good). An error that is an *im.Error is told to the client,
	// which does not come again; after any other it does.
	Hello func(context.Context, Hello) (im.Actor, time.Time, error)
	// Call answers a call of a client. The result is written as JSON, nil as {}. Calls of a session come one after the
	// other. An *im.Error is told to the client as it is.
	Call func(ctx context.Context, s *Session, method string, params []byte) (any, error)
	// Opened tells of a new session, before its first call, and for it ended sessions on which platforms at this node. One that
	// comes from another node is in rooms already.
	Opened func(s *Session, kicked []im.Platform)
	// Gone tells once that a session is over; not when the server itself stops.
	Gone func(*Session, Reason)

	// Redis is the URL of the Redis that joins several nodes (redis://, rediss:// or unix://). Empty: there is one node.
	Redis string
	// Prefix begins the names of all that is kept in Redis; "weir" when it is empty.
	Prefix string

	// QueueBytes is how much waits for a client that reads too slowly, before it is cut.
	QueueBytes int
	// History is how many publications of a room are kept, and HistoryTime for how long after the last one, so that clients
	// that were away get what they missed.
	History     int
	HistoryTime time.Duration
	// Grace is how long a session outlives its connection.
	Grace time.Duration
	// MessageBytes is the longest message that a client may send.
	MessageBytes int
	// CallsPerSecond is how often a client may ask, on average.
	CallsPerSecond int
	// SessionRooms is in how many rooms one session may be.
	SessionRooms int
	// MaxConnections are open at once, MaxPending of them before their login, MaxPendingPerAddress of one address
	// or, of IPv6, one /64.
	MaxConnections, MaxPending, MaxPendingPerAddress int
	// LoginTimeout is how long a connection may take to log in.
	LoginTimeout time.Duration
	// PingEvery is how often clients are asked whether they are there, PongTimeout how long their answer may take.
	PingEvery, PongTimeout time.Duration

	Now func() time.Time
	Log *slog.Logger
}

// withDefaults fills in what is not set.
func (o Options) withDefaults() Options {
	orInt := func(v *int, d int) {
		if *v == 0 {
			*v = d
		}
	}
	orTime := func(v *time.Duration, d time.Duration) {
		if *v == 0 {
			*v = d
		}
	}
	orInt(&o.QueueBytes, 256<<10)
	orInt(&o.History, 100)
	orInt(&o.MessageBytes, 16<<10)
	orInt(&o.CallsPerSecond, 20)
	orInt(&o.SessionRooms, 16)
	orInt(&o.MaxConnections, 100_000)
	orInt(&o.MaxPending, 5000)
	orInt(&o.MaxPendingPerAddress, 1000)
	orTime(&o.HistoryTime, time.Minute)
	orTime(&o.Grace, 30*time.Second)
	orTime(&o.LoginTimeout, 5*time.Second)
	orTime(&o.PingEvery, 25*time.Second)
	orTime(&o.PongTimeout, 10*time.Second)
	if o.Prefix == "" {
		o.Prefix = "weir"
	}
	if o.Opened == nil {
		o.Opened = func(*Session, []im.Platform) {}
	}
	if o.Gone == nil {
		o.Gone = func(*Session, Reason) {}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}

// Bus is the channel's connections and rooms at this node, joined with those of other nodes. It is safe for concurrent
// use.
type Bus struct {
	o     Options
	node  *centrifuge.Node
	door  *door
	stats *stats
	peers *peers

	redis *centrifuge.RedisShard // nil without Redis
	ready chan struct{}          // closed when publications go out
	work  sync.WaitGroup

	mu       sync.RWMutex // guards the fields below, and those of sessions
	running  bool
	sessions map[string]*Session
	users    map[userKey][]*Session
	rooms    map[roomKey]*presence
}

type userKey struct {
	app  int
	user string
}

type roomKey struct {
	app  int
	room string
}

// New makes a Bus. It starts nothing; see Run.
func New(o Options) (*Bus, error) {
	if o.Hello == nil || o.Call == nil {
		return nil, errors.New("cannot make a bus without Hello and Call")
	}
	o = o.withDefaults()
	b := &Bus{
		o: o, stats: newStats(), ready: make(chan struct{}), running: false,
		sessions: make(map[string]*Session), users: make(map[userKey][]*Session), rooms: make(map[roomKey]*presence),
	}
	b.stats.count = b.counts
	node, err := centrifuge.New(centrifuge.Config{
		LogLevel: centrifuge.LogLevelInfo, LogHandler: b.log,
		ClientStaleCloseDelay: o.LoginTimeout, ClientQueueMaxSize: o.QueueBytes,
		ClientChannelLimit: o.SessionRooms + 1, HistoryMetaTTL: max(24*time.Hour, 10*o.HistoryTime),
		// Its metrics are not ours: they would be global, and one of a kind in the process.
		Metrics: centrifuge.MetricsConfig{RegistererGatherer: prometheus.NewRegistry()},
		GetChannelMediumOptions: func(string) centrifuge.ChannelMediumOptions {
			return centrifuge.ChannelMediumOptions{SharedPositionSync: o.Redis != ""}
		},
	})
	if err != nil {
		return nil, fmt.Errorf("cannot make the engine of the channel: %w", err)
	}
	b.node = node
	b.peers = newPeers(b)
	b.door = newDoor(b)
	node.OnConnecting(b.connecting)
	node.OnConnect(b.connected)
	node.OnCommandRead(b.guard)
	node.OnTransportWrite(b.stats.written)
	node.OnSurvey(b.peers.asked)
	node.OnNotification(b.peers.heard)
	return b, nil
}

// Ready is closed once Run takes connections and publications.
func (b *Bus) Ready() <-chan struct{} { return b.ready }

// Run carries the channel until ctx ends, then tells clients to come again.
func (b *Bus) Run(ctx context.Context) error {
	if b.o.Redis != "" {
		if err := b.useRedis(); err != nil {
			return err
		}
	}
	if err := b.node.Run(); err != nil {
		return fmt.Errorf("cannot start the channel: %w", err)
	}
	b.setRunning(true)
	close(b.ready)
	work, ctx := errgroup.WithContext(ctx)
	work.Go(func() error { return b.watchSessions(ctx) })
	work.Go(func() error { return b.peers.run(ctx) })
	work.Go(func() error { return b.peers.listen(ctx) })
	err := work.Wait()
	b.setRunning(false)
	return errors.Join(err, b.stop())
}

// startTimeout is how long what needs the engine waits for it.
const startTimeout = 10 * time.Second

// started waits until Run carries publications: a server takes requests while it still starts, and the engine cannot be
// used before it runs.
func (b *Bus) started() error {
	select {
	case <-b.ready:
		return nil
	default:
	}
	timeout := time.NewTimer(startTimeout)
	defer timeout.Stop()
	select {
	case <-b.ready:
		return nil
	case <-timeout.C:
		return ErrNotRunning
	}
}

// stopTimeout is how long the goodbye to all clients may take.
const stopTimeout = 5 * time.Second

func (b *Bus) stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	err := b.node.Shutdown(ctx)
	b.work.Wait()
	if b.redis != nil {
		b.redis.Close()
	}
	if errors.Is(err, context.DeadlineExceeded) {
		b.o.Log.Warn("clients of the channel were cut without a goodbye")
		return nil
	}
	return err
}

func (b *Bus) setRunning(on bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.running = on
}

// begin notes work that Run waits for; when it returns false there shall be none.
func (b *Bus) begin() bool {
	b.mu.RLock()
	defer b.mu.RUnlock()
	if b.running {
		b.work.Add(1)
	}
	return b.running
}

// watchSessions ends those sessions whose token or grace is over.
func (b *Bus) watchSessions(ctx context.Context) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			b.endOverdue()
		}
	}
}

func (b *Bus) endOverdue() {
	now := b.o.Now()
	var expired, gone []*Session
	b.mu.RLock()
	for _, s := range b.sessions {
		switch {
		case !s.expires.IsZero() && now.After(s.expires):
			expired = append(expired, s)
		case s.client == nil && now.Sub(s.cut) >= b.o.Grace:
			gone = append(gone, s)
		}
	}
	b.mu.RUnlock()
	for _, s := range expired {
		b.end(s, ReasonExpired)
	}
	for _, s := range gone {
		b.endAway(s, false)
	}
}

// Handler serves the channel: /im and what is below it.
func (b *Bus) Handler() http.Handler { return b.door }

// strangersFault is what the engine says of a request to /im/emulation for a node that there is not. It calls it an error, and
// anybody can send one.
const strangersFault = "error processing emulation request"

// log passes on what the engine says: about single clients at debug.
func (b *Bus) log(e centrifuge.LogEntry) {
	level := slog.LevelDebug
	if e.Level >= centrifuge.LogLevelWarn && e.Message != strangersFault {
		level = slog.LevelWarn
	}
	if !b.o.Log.Enabled(context.Background(), level) {
		return
	}
	args := make([]any, 0, 4)
	for _, name := range []string{"error", "client", "channel"} {
		if v, ok := e.Fields[name]; ok {
			args = append(args, name, v)
		}
	}
	b.o.Log.Log(context.Background(), level, e.Message, args...)
}
