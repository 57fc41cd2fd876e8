package people

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"weir/room/hook"
	"weir/room/im"
	"weir/room/im/filter"
	"weir/room/store"
)

// noon is when tests begin.
var noon = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

const app = 7

var (
	root = im.Actor{App: app, User: "root", Admin: true, Platform: im.PlatformREST}
	ann  = im.Actor{App: app, User: "ann", Platform: im.PlatformWeb, Addr: "192.0.2.1"}
	bob  = im.Actor{App: app, User: "bob", Platform: im.PlatformIOS}
)

// stage is a node with everything that accounts need; bus and application's server are in memory, the store is a file.
type stage struct {
	*People
	t     *testing.T
	store *store.Store
	file  string
	bus   *bus
	hooks *hooks
	clock *clock

	mu     sync.Mutex // guards the fields below
	kicked []string
	left   []string
}

type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) read() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// newStage has the accounts ann and bob.
func newStage(t *testing.T) *stage {
	t.Helper()
	s := &stage{
		t: t, file: filepath.Join(t.TempDir(), "weir.db"), clock: &clock{now: noon},
		bus: &bus{sent: make(map[string][]string)}, hooks: &hooks{},
	}
	s.open()
	for _, id := range []string{"ann", "bob"} {
		s.ok(s.Import(t.Context(), app, Newcomer{ID: id}))
	}
	return s
}

// open opens the store, and begins anew on it.
func (s *stage) open() {
	s.t.Helper()
	db, err := store.Open(s.t.Context(), store.Options{Path: s.file, Now: s.clock.read})
	s.ok(err)
	s.t.Cleanup(func() { _ = db.Close() })
	s.store = db
	s.People = s.node(db)
}

// node is another node on the same store and bus.
func (s *stage) node(db Store) *People {
	s.t.Helper()
	words, err := filter.New(filter.Options{Store: s.store, Nodes: s.bus, Log: slog.New(slog.DiscardHandler)})
	s.ok(err)
	return New(Options{
		Store: db, Bus: s.bus, Filter: words, Hooks: s.hooks, Now: s.clock.read,
		Kick: func(_ int, user, reason string) { s.note(&s.kicked, user+" "+reason) },
		Left: func(_ int, user string, rooms []string) { s.note(&s.left, fmt.Sprint(user, rooms)) },
	})
}

func (s *stage) note(list *[]string, what string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	*list = append(*list, what)
}

func (s *stage) ok(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// refused checks that it was refused for a reason.
func (s *stage) refused(err, want error) {
	s.t.Helper()
	if !errors.Is(err, want) {
		s.t.Errorf("got %v, want %v", err, want)
	}
}

func equal[T any](t *testing.T, what string, got, want T) {
	t.Helper()
	if g, w := fmt.Sprintf("%+v", got), fmt.Sprintf("%+v", want); g != w {
		t.Errorf("%s: got %s, want %s", what, g, w)
	}
}

// bus carries messages in memory, to one list for each user.
type bus struct {
	mu       sync.Mutex // guards the fields below
	sent     map[string][]string
	online   map[string][]im.Platform
	handlers []handler
	fault    error
}

type handler struct {
	op string
	f  func(context.Context, []byte) ([]byte, error)
}

func (b *bus) PublishTo(_ int, user string, data []byte) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.fault != nil {
		return b.fault
	}
	b.sent[user] = append(b.sent[user], string(data))
	return nil
}

func (b *bus) OnlineAll(_ int, users []string) map[string][]im.Platform {
	b.mu.Lock()
	defer b.mu.Unlock()
	found := make(map[string][]im.Platform)
	for _, user := range users {
		if p := b.online[user]; p != nil {
			found[user] = p
		}
	}
	return found
}

func (b *bus) Handle(op string, f func(context.Context, []byte) ([]byte, error)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.handlers = append(b.handlers, handler{op, f})
}

func (b *bus) Announce(op string, data []byte) {
	b.mu.Lock()
	handlers := slices.Clone(b.handlers)
	b.mu.Unlock()
	for _, h := range handlers {
		if h.op == op {
			_, _ = h.f(context.Background(), data)
		}
	}
}

func (b *bus) fail(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.fault = err
}

// got is one message as its receiver sees it.
type got struct {
	Seq    uint64       `json:"q"`
	Time   int64        `json:"t"`
	From   string       `json:"f"`
	To     string       `json:"to"`
	Nick   string       `json:"n"`
	Avatar string       `json:"a"`
	Level  uint32       `json:"l"`
	Random uint32       `json:"r"`
	Cloud  string       `json:"c"`
	Body   []im.Element `json:"b"`
}

func (g got) text() string {
	text, _ := im.AppendText(nil, g.Body[0])
	return string(text)
}

// of are the messages that came to a user.
func (b *bus) of(t *testing.T, user string) (list []got) {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, data := range b.sent[user] {
		var p struct {
			M []got `json:"m"`
		}
		if err := json.Unmarshal([]byte(data), &p); err != nil {
			t.Fatal(err)
		}
		list = append(list, p.M...)
	}
	return list
}

// hooks is an application's server.
type hooks struct {
	mu      sync.Mutex // guards the fields below
	deaf    bool
	verdict hook.Verdict
	asked   []hook.Call
	told    []hook.Call
}

func (h *hooks) Wants(int, string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return !h.deaf
}

func (h *hooks) Ask(_ context.Context, c hook.Call) hook.Verdict {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.asked = append(h.asked, c)
	return h.verdict
}

func (h *hooks) Tell(c hook.Call) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.told = append(h.told, c)
}

func (h *hooks) say(v hook.Verdict) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.verdict = v
}

// take are the calls since the last time, each in JSON.
func (h *hooks) take(t *testing.T) (asked, told []string) {
	t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	asked, told = inJSON(t, h.asked), inJSON(t, h.told)
	h.asked, h.told = nil, nil
	return asked, told
}

func inJSON(t *testing.T, calls []hook.Call) (list []string) {
	t.Helper()
	for _, c := range calls {
		body, err := json.Marshal(c.Body)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, fmt.Sprintf("%d %s %s %s", c.App, c.Command, c.Actor.User, body))
	}
	return list
}

// text is a message that says something.
func text(to, says string) C2C {
	content, _ := json.Marshal(map[string]string{"Text": says})
	return C2C{To: to, Random: 1287657, Body: []im.Element{{Type: im.ElemText, Content: content}}}
}
