package rooms

import (
	"context"
	"errors"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"weir/room/hook"
	"weir/room/im"
	"weir/room/store"
)

const app = 1400000000

var (
	epoch = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	admin = im.Actor{App: app, User: "administrator", Admin: true, Platform: im.PlatformREST}
	ctx   = context.Background()
)

func user(name string) im.Actor { return im.Actor{App: app, User: name, Platform: im.PlatformWeb} }

// world is rooms on a store of SQLite, with everybody who is told.
type world struct {
	*Rooms
	t     *testing.T
	path  string
	store *store.Store
	clock *clock
	told  *told
	hooks *receiver
	ends  *ends
	nodes *cluster
}

// newWorld has accounts host, ann, bob, carl and u0 to u9.
func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, path: filepath.Join(t.TempDir(), "weir.db"), clock: &clock{now: epoch}}
	w.open()
	for _, id := range []string{"host", "ann", "bob", "carl", "u0", "u1", "u2", "u3", "u4", "u5", "u6", "u7", "u8", "u9"} {
		if _, err := w.store.PutAccount(ctx, app, id, map[string]string{tagNick: "nick of " + id}); err != nil {
			t.Fatal(err)
		}
	}
	return w
}

// open begins a process on the store.
func (w *world) open() {
	w.t.Helper()
	s, err := store.Open(ctx, store.Options{Path: w.path, Now: w.clock.Now})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = s.Close() })
	w.store, w.nodes = s, &cluster{}
	w.told, w.hooks, w.ends = &told{}, &receiver{}, &ends{}
	w.Rooms = w.node()
}

// node is another node on the same store.
func (w *world) node() *Rooms {
	r := New(Options{
		Store: w.store, Hooks: w.hooks, Filter: words{}, Nodes: w.nodes.join(),
		StatusChanged: w.ends.status, PublishLost: w.ends.lost, Now: w.clock.Now,
	})
	r.Attach(w.told)
	return r
}

// restart ends the process and begins another.
func (w *world) restart() {
	w.t.Helper()
	if err := w.store.Close(); err != nil {
		w.t.Fatal(err)
	}
	w.open()
}

// create makes a room that is there for the test.
func (w *world) create(n NewRoom) {
	w.t.Helper()
	if n.Type == "" {
		n.Type = AVChatRoom
	}
	if n.Name == "" {
		n.Name = "a room"
	}
	if _, err := w.Create(ctx, admin, n); err != nil {
		w.t.Fatal(err)
	}
	w.forget()
}

func (w *world) forget() {
	w.told.take()
	w.hooks.take()
	w.ends.take()
}

func (w *world) facts(id string) *Facts {
	w.t.Helper()
	f, err := w.Get(ctx, app, id)
	if err != nil {
		w.t.Fatal(err)
	}
	return f
}

// is checks what came out of a call: nil, or the refusal of a number.
func is(t *testing.T, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: got %v, want %v", what, err, want)
	}
}

func equal(t *testing.T, what string, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s:\ngot  %+v\nwant %+v", what, got, want)
	}
}

type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// news is what a Teller was told. Room is the room, To whom it went to; nobody: everybody in the room.
type news struct {
	Room string
	To   []string
	Tip  im.Tip
	Came []string
	Out  im.NoticeOp
	Gone bool
}

type told struct {
	mu   sync.Mutex
	list []news
}

func (l *told) add(n news) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.list = append(l.list, n)
}

func (l *told) take() []news {
	l.mu.Lock()
	defer l.mu.Unlock()
	list := l.list
	l.list = nil
	return list
}

func (l *told) Tip(_ int, room string, t im.Tip) { l.add(news{Room: room, Tip: t}) }

func (l *told) TipTo(_ int, room string, users []string, t im.Tip) {
	l.add(news{Room: room, To: users, Tip: t})
}

func (l *told) Came(_ int, room string, users []string) { l.add(news{Room: room, Came: users}) }

func (l *told) PutOut(_ int, room string, users []string, why im.NoticeOp) {
	l.add(news{Room: room, To: users, Out: why})
}

func (l *told) Gone(_ int, room string) { l.add(news{Room: room, Gone: true}) }

// receiver is an app's server, which wants to know everything.
type receiver struct {
	mu      sync.Mutex
	calls   []hook.Call
	verdict map[string]hook.Verdict
}

func (r *receiver) Wants(int, string) bool { return true }

func (r *receiver) Tell(c hook.Call) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calls = append(r.calls, c)
}

func (r *receiver) Ask(_ context.Context, c hook.Call) hook.Verdict {
	r.Tell(c)
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.verdict[c.Command]
}

func (r *receiver) say(command string, v hook.Verdict) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.verdict = map[string]hook.Verdict{command: v}
}

func (r *receiver) take() []hook.Call {
	r.mu.Lock()
	defer r.mu.Unlock()
	calls := r.calls
	r.calls = nil
	return calls
}

// bodies are what was told or asked by a command.
func (r *receiver) bodies(command string) []hook.Body {
	var bodies []hook.Body
	for _, c := range r.take() {
		if c.Command == command {
			bodies = append(bodies, c.Body)
		}
	}
	return bodies
}

// ends is what the media side is told.
type ends struct {
	mu   sync.Mutex
	list []string
}

func (e *ends) add(s string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.list = append(e.list, s)
}

func (e *ends) status(_ int, room, status string) { e.add(room + " is " + status) }
func (e *ends) lost(_ int, room, user string)     { e.add(user + " in " + room) }

func (e *ends) take() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	list := e.list
	e.list = nil
	return list
}

// words is a filter that refuses one word and masks another.
type words struct{}

func (words) Text(_ context.Context, _ int, text string) (string, error) {
	if strings.Contains(text, "forbidden") {
		return "", im.ErrSensitive
	}
	return strings.ReplaceAll(text, "rude", "****"), nil
}

// cluster carries words between nodes of one process, to all of them.
type cluster struct {
	mu    sync.Mutex
	nodes []*member
}

type member struct {
	c    *cluster
	hear func(context.Context, []byte) ([]byte, error)
}

func (c *cluster) join() *member {
	c.mu.Lock()
	defer c.mu.Unlock()
	m := &member{c: c}
	c.nodes = append(c.nodes, m)
	return m
}

func (m *member) Handle(_ string, f func(context.Context, []byte) ([]byte, error)) { m.hear = f }

func (m *member) Announce(_ string, data []byte) {
	m.c.mu.Lock()
	nodes := slices.Clone(m.c.nodes)
	m.c.mu.Unlock()
	for _, n := range nodes {
		_, _ = n.hear(ctx, data)
	}
}
