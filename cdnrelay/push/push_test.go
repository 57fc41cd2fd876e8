package push

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"weir/mux/av"
	"weir/room/dial"
	"weir/room/hook"
	"weir/room/live"
	"weir/room/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var errTest = errors.New("the test ends it")

// memory keeps tasks as the store does.
type memory struct {
	mu   sync.Mutex
	rows map[string]store.Relay
	err  error
}

func (m *memory) CreateRelay(_ context.Context, r store.Relay) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.rows == nil {
		m.rows = make(map[string]store.Relay)
	}
	m.rows[r.ID] = r
	return m.err
}

func (m *memory) Relays(context.Context, string) (all []store.Relay, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range m.rows {
		all = append(all, r)
	}
	return all, m.err
}

func (m *memory) DeleteRelay(_ context.Context, _, id string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.rows[id]; !ok {
		return store.ErrNotFound
	}
	delete(m.rows, id)
	return m.err
}

// listener hears of states.
type listener struct {
	mu     sync.Mutex
	events []hook.Event
}

func (l *listener) Stream(events ...hook.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.events = append(l.events, events...)
}

// states are those that were told, in order, each with its reason.
func (l *listener) states() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var all []string
	for _, e := range l.events {
		text := e.Relay.State
		if e.Reason != "" {
			text += "(" + e.Reason + ")"
		}
		all = append(all, text)
	}
	return strings.Join(all, " ")
}

// far is an Output whose targets do what the test wants.
type far struct {
	mu      sync.Mutex
	open    func(ctx context.Context, t Target) error // nil: it connects
	send    func(t Target, n int) error               // after n frames; nil: it goes on
	stall   func(t Target) time.Duration              // for how long nothing is taken before each write; nil: not at all
	goodbye time.Duration                             // of each session
	targets []Target
	closed  int
	got     map[string][]live.Frame // by address
}

func (f *far) Open(ctx context.Context, t Target) (Session, error) {
	f.mu.Lock()
	f.targets = append(f.targets, t)
	open := f.open
	f.mu.Unlock()
	if open != nil {
		if err := open(ctx, t); err != nil {
			return nil, err
		}
	}
	return &farSession{f, t}, nil
}

func (f *far) opened() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.targets)
}

func (f *far) frames(address string) []live.Frame {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.got[address]
}

// let changes what targets do.
func (f *far) let(open func(context.Context, Target) error, send func(Target, int) error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.open, f.send = open, send
}

type farSession struct {
	far *far
	t   Target
}

func (s *farSession) Send(ctx context.Context, p *Progress) error {
	r := s.t.Stream.NewReader(s.t.Reader)
	defer r.Close()
	n := 0
	return Forward(ctx, r, p, s.t.MaxLags, func(frames []live.Frame) error {
		if s.far.stall != nil {
			time.Sleep(s.far.stall(s.t))
		}
		s.far.mu.Lock()
		defer s.far.mu.Unlock()
		for _, f := range frames {
			if n++; s.far.send != nil {
				if err := s.far.send(s.t, n); err != nil {
					return err
				}
			}
			s.far.got[s.t.URL.String()] = append(s.far.got[s.t.URL.String()], f)
			p.Sent(1, len(f.Data), f.DTS)
		}
		return nil
	}, nil)
}

func (s *farSession) Close(context.Context) {
	time.Sleep(s.far.goodbye)
	s.far.mu.Lock()
	defer s.far.mu.Unlock()
	s.far.closed++
}

// rig is a hub with a Manager, within a bubble of synctest.
type rig struct {
	t     *testing.T
	hub   *live.Registry
	m     *Manager
	far   *far
	keep  *memory
	heard *listener
	stop  func()
}

func testOptions() Options {
	return Options{
		Guard:          dial.NewGuard(),
		ConnectTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second, MaxLag: 5 * time.Second, MaxLags: 3,
		Retry: time.Second, MaxRetry: 8 * time.Second, MaxTasks: 3, MaxPerStream: 4, MaxPerApp: 8, MaxTotal: 8,
		SignedFor: time.Hour,
		Sign: func(address string, s Signing, expires time.Time) (string, error) {
			return fmt.Sprintf("%s?sign=%s-%d", address, s.Key, expires.Unix()), nil
		},
	}
}

func newRig(t *testing.T, o Options) *rig {
	t.Helper()
	r := &rig{t: t, far: &far{got: make(map[string][]live.Frame)}, keep: new(memory), heard: new(listener)}
	r.hub = live.NewRegistry(live.Options{
		RingBytes: 4 << 20, RingTime: 8 * time.Second, Fresh: 3 * time.Second, Grace: 15 * time.Second,
		TrackWait: time.Second, FeedIdle: time.Second, MaxStreams: 10,
	})
	r.start(o)
	t.Cleanup(func() { r.stop() })
	return r
}

// start makes a Manager on the rig's hub and store, as after a restart.
func (r *rig) start(o Options) {
	r.t.Helper()
	o.Hub, o.Keeper, o.Hooks, o.Outputs = r.hub, r.keep, r.heard, map[string]Output{"rtmp": r.far, "https": r.far}
	o.Log = slog.New(slog.NewTextHandler(r.t.Output(), nil))
	var err error
	if r.m, err = New(o); err != nil {
		r.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var all sync.WaitGroup
	all.Go(func() { _ = r.m.Run(ctx) })
	hub, m := r.hub, r.m
	all.Go(func() { _ = hub.Run(ctx) })
	r.stop = func() {
		cancel()
		all.Wait()
		_ = m
	}
	synctest.Wait()
}

// camera is a publisher of a stream with sound only, in which every frame is a place to begin.
type camera struct {
	r   *rig
	pub *live.Publisher
	at  time.Duration
}

func (r *rig) publish(room, stream string, o live.PublishOptions) *camera {
	r.t.Helper()
	pub, err := r.hub.Publish(live.Key{App: "1", Room: room, Stream: stream}, o)
	if err != nil {
		r.t.Fatal(err)
	}
	return &camera{r: r, pub: pub}
}

// film publishes for so long, in real time.
func (c *camera) film(d time.Duration) {
	c.r.t.Helper()
	track := &av.Track{ID: 2, Codec: av.CodecOpus, ClockRate: 48000, Channels: 2}
	for end := time.Now().Add(d); time.Now().Before(end); {
		c.at = c.pub.Stream().Now() + time.Millisecond
		if c.pub.Stream().Tracks().Audio() == nil {
			if err := c.pub.Write(&av.Frame{Track: 2, Kind: av.KindConfig, Codec: av.CodecOpus, DTS: c.at, Config: track}); err != nil {
				c.r.t.Fatal(err)
			}
		}
		err := c.pub.Write(&av.Frame{Track: 2, Codec: av.CodecOpus, Key: true, DTS: c.at, PTS: c.at, Data: make([]byte, 100)})
		if err != nil {
			c.r.t.Fatal(err)
		}
		time.Sleep(100 * time.Millisecond)
	}
	synctest.Wait()
}

// one is the single destination of the single relay.
func (r *rig) one() Status {
	r.t.Helper()
	relays := r.m.Relays("1")
	if len(relays) != 1 || len(relays[0].Destinations) != 1 {
		r.t.Fatalf("%d relays: %+v", len(relays), relays)
	}
	return relays[0].Destinations[0]
}

func rule(match, to string) Task {
	room, stream, _ := strings.Cut(match, "/")
	return Task{Room: room, Stream: stream, To: to}
}

// TestRule: a stream that a rule means is pushed from its first media to its end, and each change is told once.
func TestRule(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := testOptions()
		o.Rules = []Task{rule("demo/*", "rtmp://127.0.0.1/{app}/{room}-{stream}-{user}-{streamid}?a={stream}")}
		r := newRig(t, o)
		other := r.publish("elsewhere", "cam", live.PublishOptions{})
		other.film(time.Second)
		c := r.publish("demo", "cam", live.PublishOptions{User: "host", ID: "1_demo_host_main"})
		synctest.Wait()
		if n := r.far.opened(); n != 0 {
			t.Fatalf("connected %d times before there was media", n)
		}
		c.film(2 * time.Second)
		s := r.one()
		if s.State != Running || s.Tries != 1 || s.Frames < 15 || s.Bytes != s.Frames*100 || s.Lag > time.Second {
			t.Errorf("while it is live: %+v", s)
		}
		if got := len(r.far.frames("rtmp://127.0.0.1/1/demo-cam-host-1_demo_host_main?a=cam")); got != int(s.Frames) {
			t.Errorf("%d frames arrived of %d; targets: %v", got, s.Frames, r.far.targets)
		}
		if r.far.targets[0].Guard != dial.Trusted {
			t.Error("an address of the configuration is not trusted")
		}
		c.pub.End(errTest)
		synctest.Wait()
		if s := r.one(); s.State != Ended || s.Reason != "stream_ended" || r.far.closed != 1 {
			t.Errorf("when it is over: %+v, %d sessions closed", s, r.far.closed)
		}
		if got := r.heard.states(); got != "connecting running ended(stream_ended)" {
			t.Errorf("told: %s", got)
		}
		e := r.heard.events[1]
		if e.App != 1 || e.Room != "demo" || e.User != "host" || e.StreamID != "1_demo_host_main" || e.Relay.Way != "push" || e.Relay.URL != "rtmp://127.0.0.1/1/***" {
			t.Errorf("told: %+v %+v", e, e.Relay)
		}
		other.pub.End(errTest)
	})
}

// TestPublisherReturns: a connection outlives a pause of the publisher, and another publisher.
func TestPublisherReturns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := testOptions()
		o.Rules = []Task{rule("demo/cam", "rtmp://127.0.0.1/live/cam")}
		r := newRig(t, o)
		c := r.publish("demo", "cam", live.PublishOptions{User: "host"})
		c.film(time.Second)
		c.pub.Interrupt(errTest)
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if s := r.one(); s.State != Running {
			t.Errorf("while the publisher is away: %+v", s)
		}
		c = r.publish("demo", "cam", live.PublishOptions{User: "host"})
		c.film(time.Second)
		if s := r.one(); s.State != Running || s.Tries != 1 || s.Frames < 15 {
			t.Errorf("when it is back: %+v", s)
		}
		c.pub.End(errTest)
		synctest.Wait()
		c = r.publish("demo", "cam", live.PublishOptions{User: "host"})
		c.film(time.Second)
		if s := r.one(); s.State != Running || s.Tries != 1 {
			t.Errorf("a new stream: %+v", s)
		}
		c.pub.Interrupt(errTest)
		time.Sleep(16 * time.Second) // longer than the grace time
		synctest.Wait()
		if s := r.one(); s.State != Ended {
			t.Errorf("when it stays away: %+v", s)
		}
		if got := r.heard.states(); got != strings.TrimSpace(strings.Repeat("connecting running ended(stream_ended) ", 2)) {
			t.Errorf("told: %s", got)
		}
	})
}

// TestReceiverTiresOfWaiting: a receiver that hangs up while the publisher is away is connected to again when that one is back, and
// not sent what it has had.
func TestReceiverTiresOfWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := testOptions()
		o.Rules = []Task{rule("demo/cam", "rtmp://127.0.0.1/live/cam")}
		r := newRig(t, o)
		c := r.publish("demo", "cam", live.PublishOptions{User: "host"})
		c.film(4 * time.Second)
		r.far.let(nil, func(Target, int) error { return ErrClosed })
		c.film(50 * time.Millisecond)
		r.far.let(nil, nil)
		c.pub.Interrupt(errTest)
		time.Sleep(10 * time.Second)
		synctest.Wait()
		s := r.one()
		if s.State != Waiting || s.Tries != 1 || !s.Retry.IsZero() {
			t.Errorf("while the publisher is away: %+v", s)
		}
		c = r.publish("demo", "cam", live.PublishOptions{User: "host"})
		c.film(500 * time.Millisecond)
		if s := r.one(); s.State != Running || s.Tries != 2 || s.Frames > 47 {
			t.Errorf("when it is back: %+v", s)
		}
		r.far.let(nil, func(Target, int) error { return ErrClosed })
		c.film(50 * time.Millisecond)
		c.pub.Interrupt(errTest)
		time.Sleep(16 * time.Second) // longer than the grace time
		synctest.Wait()
		if s := r.one(); s.State != Ended || s.Tries != 2 {
			t.Errorf("when it stays away: %+v", s)
		}
		if got := r.heard.states(); got != strings.TrimSpace(strings.Repeat("connecting running waiting(closed) ", 2)+"ended(stream_ended)") {
			t.Errorf("told: %s", got)
		}
	})
}

// TestReceiverDown: a receiver that is away for 20 s is pushed to again by itself, with pauses that grow, and what is told
// is what happened.
func TestReceiverDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := testOptions()
		o.Rules = []Task{rule("demo/cam", "rtmp://127.0.0.1/live/cam")}
		r := newRig(t, o)
		c := r.publish("demo", "cam", live.PublishOptions{})
		c.film(20 * time.Second)
		down := func(context.Context, Target) error { return fmt.Errorf("%w: refused", ErrConnect) }
		r.far.let(down, func(Target, int) error { return fmt.Errorf("%w: reset", ErrClosed) })
		c.film(20 * time.Second)
		s := r.one()
		if s.State != Waiting || s.Reason != "connect" || s.Restarts != 1 || s.Tries < 4 || s.Tries > 20 || s.Retry.Before(time.Now()) {
			t.Errorf("while it is away: %+v", s)
		}
		r.far.let(nil, nil)
		c.film(9 * time.Second) // the longest pause is 8 s
		if back := r.one(); back.State != Running || back.Frames <= s.Frames || !back.Retry.IsZero() || back.Reason != "connect" {
			t.Errorf("when it is back: %+v", back)
		}
		want := "connecting running waiting(closed)" + strings.Repeat(" connecting waiting(connect)", s.Tries-1) + " connecting running"
		if got := r.heard.states(); got != want {
			t.Errorf("told: %s\nwant: %s", got, want)
		}
		c.pub.End(errTest)
	})
}

// TestGiveUp: what fails for long enough is given up, but not what fails once in a while.
func TestGiveUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := testOptions()
		o.GiveUp = time.Minute
		o.Rules = []Task{rule("demo/cam", "rtmp://127.0.0.1/live/cam")}
		r := newRig(t, o)
		c := r.publish("demo", "cam", live.PublishOptions{})
		for range 3 { // each time it had run well
			c.film(30 * time.Second)
			r.far.let(nil, func(Target, int) error { return ErrClosed })
			c.film(500 * time.Millisecond)
			r.far.let(nil, nil)
		}
		c.film(30 * time.Second)
		if s := r.one(); s.State != Running {
			t.Fatalf("faults that pass: %+v", s)
		}
		// It accepts, takes a frame and hangs up: no good connection either.
		r.far.let(nil, func(_ Target, n int) error {
			if n > 1 {
				return ErrClosed
			}
			return nil
		})
		c.film(75 * time.Second)
		s := r.one()
		if s.State != Failed || s.Reason != "closed" {
			t.Errorf("in vain for a minute: %+v", s)
		}
		if n := r.m.claims; len(n) != 0 {
			t.Errorf("the address is still held: %v", n)
		}
		c.pub.End(errTest)
		synctest.Wait()
		r.far.let(nil, nil)
		c = r.publish("demo", "cam", live.PublishOptions{})
		c.film(time.Second)
		if s := r.one(); s.State != Running {
			t.Errorf("another stream: %+v", s)
		}
		c.pub.End(errTest)
	})
}

// TestFailsForGood: there is no second try where it cannot help.
func TestFailsForGood(t *testing.T) {
	for _, want := range []error{ErrUnfit, ErrAddress, fmt.Errorf("%w: dial: %w", ErrConnect, dial.ErrAddress)} {
		synctest.Test(t, func(t *testing.T) {
			o := testOptions()
			o.Rules = []Task{rule("demo/cam", "rtmp://127.0.0.1/live/cam")}
			r := newRig(t, o)
			r.far.let(func(context.Context, Target) error { return want }, nil)
			c := r.publish("demo", "cam", live.PublishOptions{})
			c.film(time.Minute)
			if s := r.one(); s.State != Failed || s.Tries != 1 || s.Reason == "other" || s.Reason == "connect" {
				t.Errorf("%v: %+v", want, s)
			}
			c.pub.End(errTest)
		})
	}
}

// TestChangedTracks: a connection that cannot carry what the stream has become is followed by another one at once.
func TestChangedTracks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := testOptions()
		o.Rules = []Task{rule("demo/cam", "rtmp://127.0.0.1/live/cam")}
		r := newRig(t, o)
		c := r.publish("demo", "cam", live.PublishOptions{})
		c.film(11 * time.Second)
		first := true
		r.far.let(nil, func(Target, int) error {
			if first {
				first = false
				return ErrChanged
			}
			return nil
		})
		c.film(200 * time.Millisecond)
		if s := r.one(); s.State != Running || s.Tries != 2 || s.Reason != "tracks_changed" {
			t.Errorf("%+v", s)
		}
		// One that always says so is not tried without a pause.
		r.far.let(nil, func(Target, int) error { return ErrChanged })
		c.film(10 * time.Second)
		if s := r.one(); s.Tries > 12 {
			t.Errorf("tried too often: %+v", s)
		}
		c.pub.End(errTest)
	})
}

// TestSilentTarget (BAD-07): a target that never answers is given up after the connect timeout, and holds up neither
// the others nor the end of the stream.
func TestSilentTarget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := testOptions()
		o.Rules = []Task{rule("demo/cam", "rtmp://127.0.0.1/live/silent"), rule("demo/cam", "rtmp://127.0.0.1/live/good")}
		r := newRig(t, o)
		r.far.let(func(ctx context.Context, t Target) error {
			if strings.HasSuffix(t.URL.Path, "silent") {
				<-ctx.Done()
				return fmt.Errorf("%w: %w", ErrConnect, ctx.Err())
			}
			return nil
		}, nil)
		c := r.publish("demo", "cam", live.PublishOptions{})
		c.film(10*time.Second + 100*time.Millisecond)
		silent, good := r.m.Relays("1")[0].Destinations[0], r.m.Relays("1")[1].Destinations[0]
		if silent.State != Waiting || silent.Reason != "timeout" || good.State != Running || good.Frames < 90 {
			t.Errorf("silent: %+v\ngood: %+v", silent, good)
		}
		c.film(5 * time.Second) // it is being connected to again
		c.pub.End(errTest)
		synctest.Wait()
		if s := r.m.Relays("1")[0].Destinations[0]; s.State != Ended {
			t.Errorf("the stream is over: %+v", s)
		}
	})
}

// TestSlowTarget: a target that takes nothing for a while lags, which is counted, and goes on at a later key frame; one that does so again
// and again is connected anew. Neither harms the stream or others.
func TestSlowTarget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := testOptions()
		o.Rules = []Task{rule("demo/cam", "rtmp://127.0.0.1/live/slow"), rule("demo/cam", "rtmp://127.0.0.1/live/good")}
		r := newRig(t, o)
		var stall atomic.Int64
		r.far.stall = func(t Target) time.Duration {
			if strings.HasSuffix(t.URL.Path, "slow") {
				return time.Duration(stall.Load())
			}
			return 0
		}
		c := r.publish("demo", "cam", live.PublishOptions{})
		c.film(time.Second)
		both := func() (slow, good Status) {
			all := r.m.Relays("1")
			return all[0].Destinations[0], all[1].Destinations[0]
		}
		stall.Store(int64(7 * time.Second))
		c.film(5 * time.Second)
		if slow, _ := both(); slow.Lag < 4*time.Second || slow.State != Running {
			t.Errorf("while it takes nothing: %+v", slow)
		}
		stall.Store(0)
		c.film(5 * time.Second)
		if slow, _ := both(); slow.State != Running || slow.Lags != 1 || slow.Tries != 1 || slow.Lag > time.Second {
			t.Errorf("it takes again: %+v", slow)
		}
		stall.Store(int64(6 * time.Second))
		c.film(40 * time.Second)
		slow, good := both()
		if slow.Reason != "slow" || slow.Tries < 2 || slow.Restarts < 1 {
			t.Errorf("it takes too little: %+v", slow)
		}
		if good.State != Running || good.Frames < 500 || good.Lags != 0 || good.Tries != 1 {
			t.Errorf("the good one: %+v", good)
		}
		c.pub.End(errTest)
	})
}

// TestSigned: each connection gets a fresh signature, which is shown nowhere and makes no other address of it.
func TestSigned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := testOptions()
		task := rule("demo/cam", "rtmp://127.0.0.1/live/{stream}")
		task.Sign = &Signing{Dialect: "tencent", Key: "the-secret"}
		o.Rules = []Task{task}
		r := newRig(t, o)
		r.far.let(func(_ context.Context, t Target) error {
			return fmt.Errorf("%w: %s is unknown", ErrRefused, t.URL) // an output that forgot to be careful
		}, nil)
		c := r.publish("demo", "cam", live.PublishOptions{})
		c.film(5 * time.Second)
		if n := len(r.far.targets); n < 2 || r.far.targets[0].URL.RawQuery == r.far.targets[n-1].URL.RawQuery {
			t.Errorf("signatures: %v", r.far.targets)
		}
		if s := r.one(); s.State != Waiting && s.State != Connecting || strings.Contains(s.Error+s.URL, "the-secret") {
			t.Errorf("%+v", s)
		}
		c.pub.End(errTest)
	})
}

// TestScrub: an output that lets an address slip into its error shows nothing of it.
func TestScrub(t *testing.T) {
	m, err := New(Options{Outputs: map[string]Output{"rtmp": &far{}, "https": &far{}}})
	if err != nil {
		t.Fatal(err)
	}
	task := &Task{To: "rtmp://user:hunter2@cdn.example.com/live2/abcd-efgh-ijkl?pass=opensesame", Token: "bearer-token"}
	c := newCarried(t.Context(), nil, live.Info{Key: live.Key{App: "1", Room: "r", Stream: "s"}})
	d := newDestination(t.Context(), m, task, c)
	u, _ := url.Parse(task.To)
	d.last = u
	text := d.scrub(fmt.Sprint("dial ", u, ": NetStream.Publish.BadName abcd-efgh-ijkl ", u.RawQuery, " hunter2 bearer-token ", strings.Repeat("é", 400)))
	for _, secret := range []string{"abcd", "opensesame", "hunter2", "bearer-token"} {
		if strings.Contains(text, secret) {
			t.Errorf("%s shows in %s", secret, text)
		}
	}
	if len(text) > maxError {
		t.Errorf("%d bytes", len(text))
	}
	d.last, _ = url.Parse("https://cdn.example.com/whip/ab-secret/publish?sign=cd-secret&n=1")
	if text := d.scrub("post /whip/ab-secret/publish: sign cd-secret 1 is too old"); strings.Contains(text, "secret") || !strings.Contains(text, "1 is too old") {
		t.Error(text)
	}
}

// TestFull: beyond the bounds destinations fail, and say why.
func TestFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := testOptions()
		for i := range 5 {
			o.Rules = append(o.Rules, rule("demo/cam", fmt.Sprintf("rtmp://127.0.0.1/live/%d", i)))
		}
		r := newRig(t, o)
		c := r.publish("demo", "cam", live.PublishOptions{})
		c.film(time.Second)
		states := map[State]int{}
		for _, relay := range r.m.Relays("1") {
			s := relay.Destinations[0]
			states[s.State]++
			if s.State == Failed && s.Reason != "too_many" {
				t.Errorf("%+v", s)
			}
		}
		if states[Running] != 4 || states[Failed] != 1 {
			t.Errorf("states: %v", states)
		}
		c.pub.End(errTest)
	})
}

// TestEndsWhileConnecting: a stream that ends before its target answers is no failure of the target.
func TestEndsWhileConnecting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := testOptions()
		o.Rules = []Task{rule("demo/cam", "rtmp://127.0.0.1/live/cam")}
		r := newRig(t, o)
		r.far.let(func(ctx context.Context, _ Target) error {
			<-ctx.Done()
			return fmt.Errorf("%w: %w", ErrConnect, context.Cause(ctx))
		}, nil)
		c := r.publish("demo", "cam", live.PublishOptions{})
		c.film(time.Second)
		c.pub.End(errTest)
		synctest.Wait()
		if s := r.one(); s.State != Ended || s.Reason != "stream_ended" || s.Tries != 1 {
			t.Errorf("%+v", s)
		}
		if got := r.heard.states(); got != "connecting ended(stream_ended)" {
			t.Errorf("told: %s", got)
		}
	})
}

// TestGivesWay: the hub lets another stream begin in the place of one that hears of its end a moment later. The address is
// its already.
func TestGivesWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, testOptions())
		c := r.publish("demo", "cam", live.PublishOptions{})
		c.film(time.Second)
		task := rule("demo/cam", "rtmp://127.0.0.1/live/cam")
		of := newCarried(t.Context(), c.pub.Stream(), c.pub.Stream().Info())
		d := newDestination(t.Context(), r.m, &task, of)
		defer d.cancel(nil)
		if d.ending() {
			t.Error("it ends before its stream does")
		}
		of.cancel()
		if !d.ending() {
			t.Error("another stream would find the address taken")
		}
	})
}
