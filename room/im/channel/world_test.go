package channel

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"weir/room/hook"
	"weir/room/im"
	"weir/room/im/rooms"
	"weir/room/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const app = 7

// cluster is nodes that share rooms, accounts and a store, and what was published in them.
type cluster struct {
	t     testing.TB
	mu    sync.Mutex
	nodes []*node
	owner func(key string) int // the node that owns a key; nil: the first
	// published is what went into each room, in order; told what went to accounts.
	published map[string][]publication
	told      map[string][]message

	rooms  map[string]*rooms.Facts
	left   []string
	people map[string]store.Account
	calls  []hook.Call
	wants  map[string]bool
	before func(hook.GroupMessage) hook.Verdict

	numbers  uint64
	kept     []im.Message
	keepErr  error
	reserve  time.Duration // how long the store takes for numbers
	announce time.Duration // how long nodes take to hear of each other
}

// publication is what one went into a room with.
type publication struct {
	at       time.Time
	node     int
	messages []message
}

// message is a message as a client reads it.
type message struct {
	Room     string  `json:"g"`
	Seq      uint64  `json:"q"`
	Time     int64   `json:"t"`
	From     string  `json:"f"`
	Nick     string  `json:"n"`
	Level    uint32  `json:"l"`
	Kind     im.Kind `json:"k"`
	Priority string  `json:"p"`
	Body     []struct {
		Type    string          `json:"MsgType"`
		Content json.RawMessage `json:"MsgContent"`
	} `json:"b"`
	Cloud     string `json:"c"`
	Random    uint32 `json:"r"`
	Media     int64  `json:"mt"`
	Broadcast bool   `json:"bc"`
}

// content reads the only element of a message.
func content[T any](t testing.TB, m message) (c T) {
	t.Helper()
	if len(m.Body) != 1 {
		t.Fatalf("%d elements, want one: %+v", len(m.Body), m)
	}
	if err := json.Unmarshal(m.Body[0].Content, &c); err != nil {
		t.Fatal(err)
	}
	return c
}

func (m message) text(t testing.TB) string {
	return content[struct{ Text string }](t, m).Text
}

// node is one server of a cluster, as its channel sees it.
type node struct {
	*cluster
	index    int
	channel  *Channel
	handlers map[string]func(context.Context, []byte) ([]byte, error)
	sessions map[string]*client
	stop     context.CancelFunc
	done     chan struct{}
}

// client is a session.
type client struct {
	node  *node
	actor im.Actor
	mu    sync.Mutex
	rooms []string
	over  bool
}

func (cl *client) Actor() im.Actor { return cl.actor }

func (cl *client) Rooms() []string {
	cl.mu.Lock()
	defer cl.mu.Unlock()
	return slices.Clone(cl.rooms)
}

func (cl *client) InRoom(room string) bool {
	cl.mu.Lock()
	defer cl.mu.Unlock()
	return !cl.over && slices.Contains(cl.rooms, room)
}

func (cl *client) leave(room string) {
	cl.mu.Lock()
	defer cl.mu.Unlock()
	cl.rooms = slices.DeleteFunc(cl.rooms, func(r string) bool { return r == room })
}

// newCluster makes and runs nodes. A live room AV1 of the owner "host" is there, and a room G1 with a list.
func newCluster(t testing.TB, nodes int, change func(*Options)) *cluster {
	t.Helper()
	c := &cluster{
		t: t, published: map[string][]publication{}, told: map[string][]message{},
		rooms:  map[string]*rooms.Facts{},
		people: map[string]store.Account{}, wants: map[string]bool{},
	}
	c.rooms["AV1"] = &rooms.Facts{Room: store.Room{ID: "AV1", Type: rooms.AVChatRoom, Owner: "host", Status: rooms.Open}}
	c.rooms["AV2"] = &rooms.Facts{Room: store.Room{ID: "AV2", Type: rooms.AVChatRoom, Owner: "host", Status: rooms.Open}}
	c.rooms["G1"] = &rooms.Facts{Room: store.Room{ID: "G1", Type: rooms.Public, Owner: "host", Status: rooms.Open}}
	for _, id := range []string{"host", "ann", "bob", "cid"} {
		c.people[id] = store.Account{ID: id, Profile: map[string]string{im.TagNick: "the " + id, im.TagLevel: "3"}}
	}
	for range nodes {
		c.start(change)
	}
	return c
}

// start adds a node.
func (c *cluster) start(change func(*Options)) *node {
	c.mu.Lock()
	n := &node{
		cluster: c, index: len(c.nodes), sessions: map[string]*client{}, done: make(chan struct{}),
		handlers: map[string]func(context.Context, []byte) ([]byte, error){},
	}
	c.nodes = append(c.nodes, n)
	c.mu.Unlock()
	o := Options{
		Rooms: n, People: n, Bus: n, Store: n, Hooks: hooked{n}, Log: slog.New(slog.DiscardHandler),
		Join: func(s Session, room string, _ int) error {
			cl := s.(*client)
			cl.mu.Lock()
			defer cl.mu.Unlock()
			cl.rooms = append(cl.rooms, room)
			return nil
		},
		Sessions: func(_ int, user string) (list []Session) {
			c.mu.Lock()
			defer c.mu.Unlock()
			for _, cl := range n.sessions {
				if cl.actor.User == user {
					list = append(list, cl)
				}
			}
			return list
		},
		MediaTime: func(int, string) int64 { return 1234 },
	}
	if change != nil {
		change(&o)
	}
	n.channel = New(o)
	ctx, cancel := context.WithCancel(context.Background())
	n.stop = cancel
	go func() {
		defer close(n.done)
		if err := n.channel.Run(ctx); err != nil {
			c.t.Error(err)
		}
	}()
	return n
}

func (c *cluster) close() {
	for _, n := range c.nodes {
		n.stop()
		<-n.done
	}
}

// in runs a test with a cluster in a bubble of its own time.
func in(t *testing.T, nodes int, change func(*Options), test func(*testing.T, *cluster)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, nodes, change)
		defer synctest.Wait()
		defer c.close()
		test(t, c)
	})
}

// connect opens a session. An empty user is an anonymous viewer.
func (n *node) connect(user string) *client {
	n.mu.Lock()
	cl := &client{node: n, actor: im.Actor{App: app, User: user, Platform: im.PlatformWeb, Session: fmt.Sprintf("%s-%d-%d", user, n.index, len(n.sessions))}}
	n.sessions[cl.actor.Session] = cl
	n.mu.Unlock()
	n.channel.Opened(context.Background(), cl)
	return cl
}

// enter brings a new session of a user into a room.
func (n *node) enter(user, room string) *client {
	n.t.Helper()
	cl := n.connect(user)
	if _, err := n.channel.Enter(context.Background(), cl, room); err != nil {
		n.t.Fatal(err)
	}
	return cl
}

// end ends a session.
func (cl *client) end(lost bool) {
	cl.mu.Lock()
	cl.over = true
	cl.mu.Unlock()
	cl.node.mu.Lock()
	delete(cl.node.sessions, cl.actor.Session)
	cl.node.mu.Unlock()
	cl.node.channel.Ended(cl, lost)
}

var random uint32

func text(room, s string, p im.Priority) Send {
	random++
	data, err := json.Marshal(map[string]string{"Text": s})
	if err != nil {
		panic(err)
	}
	return Send{Room: room, Random: random, Priority: p, Body: []im.Element{{Type: im.ElemText, Content: data}}}
}

func (cl *client) send(room, s string, p im.Priority) (Sent, error) {
	return cl.node.channel.Send(context.Background(), cl.actor, text(room, s, p))
}

// must sends and wants success.
func (cl *client) must(room, s string, p im.Priority) Sent {
	cl.node.t.Helper()
	sent, err := cl.send(room, s, p)
	if err != nil {
		cl.node.t.Fatal(err)
	}
	return sent
}

var rest = im.Actor{App: app, User: "administrator", Admin: true, Platform: im.PlatformREST}

// messages are all that went into a room, of one kind.
func (c *cluster) messages(room string, kind im.Kind) (list []message) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, p := range c.published[room] {
		for _, m := range p.messages {
			if m.Kind == kind {
				list = append(list, m)
			}
		}
	}
	return list
}

// texts are the texts that went into a room.
func (c *cluster) texts(room string) (list []string) {
	for _, m := range c.messages(room, im.KindMessage) {
		list = append(list, m.text(c.t))
	}
	return list
}

// commands are the callbacks of a command.
func (c *cluster) commands(command string) (list []hook.Call) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, call := range c.calls {
		if call.Command == command {
			list = append(list, call)
		}
	}
	return list
}

// wait lets everything that is due happen.
func wait() {
	time.Sleep(2 * time.Second)
	synctest.Wait()
}

// refused fails unless an error is a refusal with a number.
func refused(t *testing.T, err error, want *im.Error) {
	t.Helper()
	if got, ok := errors.AsType[*im.Error](err); !ok || got.Number != want.Number {
		t.Errorf("error %v, want %d %s", err, want.Number, want.Code)
	}
}

// Bus

func decode(t testing.TB, data []byte) []message {
	t.Helper()
	var p struct {
		M []message `json:"m"`
	}
	if err := json.Unmarshal(data, &p); err != nil {
		t.Errorf("a publication is no JSON: %v: %s", err, data)
	}
	return p.M
}

func (n *node) Publish(_ int, room string, data []byte) error {
	list := decode(n.t, data)
	n.mu.Lock()
	defer n.mu.Unlock()
	n.published[room] = append(n.published[room], publication{time.Now(), n.index, list})
	return nil
}

func (n *node) PublishTo(_ int, user string, data []byte) error {
	list := decode(n.t, data)
	n.mu.Lock()
	defer n.mu.Unlock()
	n.told[user] = append(n.told[user], list...)
	return nil
}

func (n *node) Part(_ int, room, user, session string) {
	n.each(func(cl *client) {
		if cl.actor.User == user && user != "" || cl.actor.Session == session {
			cl.leave(room)
		}
	})
}

func (n *node) Clear(_ int, room string) { n.each(func(cl *client) { cl.leave(room) }) }

func (n *node) each(f func(*client)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, other := range n.nodes {
		for _, cl := range other.sessions {
			f(cl)
		}
	}
}

func (n *node) Count(_ int, room string) (count int) {
	n.each(func(cl *client) {
		if cl.InRoom(room) {
			count++
		}
	})
	return count
}

func (n *node) IsIn(_ int, room, user string) (found bool) {
	n.each(func(cl *client) { found = found || cl.actor.User == user && cl.InRoom(room) })
	return found
}

func (c *cluster) ownerOf(key string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.owner == nil {
		return 0
	}
	return c.owner(key)
}

func (n *node) Owner(key string) bool { return n.ownerOf(key) == n.index }

func (n *node) Ask(ctx context.Context, key, op string, data []byte) ([]byte, error) {
	return n.nodes[n.ownerOf(key)].handlers[op](ctx, data)
}

func (n *node) Announce(op string, data []byte) {
	for _, other := range n.nodes {
		hear := func() {
			if _, err := other.handlers[op](context.Background(), data); err != nil {
				n.t.Error(err)
			}
		}
		if other == n || n.announce == 0 {
			hear()
			continue
		}
		time.AfterFunc(n.announce, hear)
	}
}

func (n *node) Handle(op string, f func(context.Context, []byte) ([]byte, error)) { n.handlers[op] = f }

// Rooms

func (n *node) Get(_ context.Context, _ int, id string) (*rooms.Facts, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	facts := n.rooms[id]
	if facts == nil {
		return nil, im.ErrNoRoom
	}
	return facts, nil
}

func (n *node) Join(ctx context.Context, a im.Actor, id string) (*rooms.Facts, error) {
	facts, err := n.Get(ctx, a.App, id)
	if err != nil {
		return nil, err
	}
	if facts.Listed() && a.Anonymous() {
		return nil, im.ErrNotLoggedIn
	}
	return facts, nil
}

func (n *node) Quit(_ context.Context, a im.Actor, id string) error {
	if n.rooms[id].Owner == a.User {
		return im.ErrOwnerStays
	}
	return nil
}

func (n *node) Left(_ context.Context, _ int, id, user string) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.left = append(n.left, id+" "+user)
	return nil
}

func (n *node) List(_ context.Context, _ int, typ string, limit int, after string) (ids []string, next string, total int, err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, id := range slices.Sorted(maps.Keys(n.rooms)) {
		if n.rooms[id].Type == typ {
			total++
			if id > after && len(ids) < limit {
				ids = append(ids, id)
			}
		}
	}
	return ids, "", total, nil
}

func (n *node) Of(_ context.Context, _ int, account string) (ids []string, err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, id := range slices.Sorted(maps.Keys(n.rooms)) {
		if n.rooms[id].Owner == account {
			ids = append(ids, id)
		}
	}
	return ids, nil
}

// People

func (n *node) Account(_ context.Context, _ int, id string) (store.Account, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	account, ok := n.people[id]
	if !ok {
		return account, im.ErrUnknownAccount
	}
	return account, nil
}

// Hooks

func (n *node) Wants(_ int, command string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.wants[command]
}

func (n *node) asks(f func(hook.GroupMessage) hook.Verdict) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.wants[hook.GroupBeforeSend] = true
	n.before = f
}

func (c *cluster) want(commands ...string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, command := range commands {
		c.wants[command] = true
	}
}

// hooked asks and tells.
type hooked struct{ *node }

func (h hooked) Ask(_ context.Context, c hook.Call) hook.Verdict {
	return h.before(c.Body.(hook.GroupMessage))
}

func (h hooked) Tell(c hook.Call) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.calls = append(h.calls, c)
}

// Store

func (n *node) ReserveSeq(ctx context.Context, _ int, room string, count int) (uint64, error) {
	if n.reserve > 0 {
		if err := pause(ctx, n.reserve); err != nil {
			return 0, err
		}
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.rooms[room] == nil {
		return 0, store.ErrNotFound
	}
	first := n.numbers + 1
	n.numbers += uint64(count)
	return first, nil
}

func (n *node) KeepRoomMessage(_ context.Context, m im.Message, _ time.Time) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.keepErr != nil {
		return n.keepErr
	}
	n.kept = append(n.kept, m)
	return nil
}

func (n *node) RoomMessages(_ context.Context, _ int, room string, after uint64, limit int) (list []im.Message, err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, m := range n.kept {
		if m.Room == room && m.Seq > after && len(list) < limit {
			list = append(list, m)
		}
	}
	return list, nil
}
