package bus

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/centrifugal/centrifuge"

	"weir/room/im"
)

const (
	// beatEvery is how often a node says that it is there, and deadAfter is when it is taken for gone that does not.
	beatEvery = time.Second
	deadAfter = 4 * time.Second
	// countEvery is how often nodes tell how many are in their rooms.
	countEvery = 3 * time.Second
	// maxHeard are announcements that wait to be handled.
	maxHeard = 4096
)

// What nodes say to each other beside what Handle adds.
const (
	opBeat   = "bus.beat"
	opCounts = "bus.counts"
	opBye    = "bus.bye"
	opPart   = "bus.part"
	opKick   = "bus.kick"
	opLogin  = "bus.login"
	opTake   = "bus.take"
	opUsers  = "bus.users"
	opIsIn   = "bus.isin"
	opOnline = "bus.online"
)

type part struct {
	App     int    `json:"app"`
	Room    string `json:"room"`
	User    string `json:"user,omitempty"`
	Session string `json:"session,omitempty"`
	All     bool   `json:"all,omitempty"`
}

type kick struct {
	App    int    `json:"app"`
	User   string `json:"user"`
	Reason Reason `json:"reason"`
}

type login struct {
	App      int         `json:"app"`
	User     string      `json:"user"`
	Platform im.Platform `json:"platform"`
	Session  string      `json:"session"`
}

// spares tells whether a session may stay beside the new login.
func (l login) spares(s *Session) bool { return s.id == l.Session || s.actor.Platform != l.Platform }

type taking struct {
	Session string   `json:"session"`
	App     int      `json:"app"`
	User    string   `json:"user"`
	Only    *im.Only `json:"only,omitempty"`
}

type whoIsIn struct {
	App   int    `json:"app"`
	Room  string `json:"room"`
	Limit int    `json:"limit"`
}

type whetherIn struct {
	App  int    `json:"app"`
	Room string `json:"room"`
	User string `json:"user"`
}

type whoIsOnline struct {
	App   int      `json:"app"`
	Users []string `json:"users"`
}

// roomCount is how many are in a room by way of one node.
type roomCount struct {
	App  int    `json:"a"`
	Room string `json:"r"`
	N    int    `json:"n"`
}

// handler answers what another node asks, or takes what it announces.
type handler = func(ctx context.Context, data []byte) ([]byte, error)

// peers are the nodes of a cluster, this one included. Of two nodes each may think for a moment that the other one is
// gone; what must not be done twice has to be safe against that.
type peers struct {
	bus      *Bus
	incoming chan centrifuge.NotificationEvent

	mu       sync.RWMutex // guards the fields below
	handlers map[string]handler
	alive    map[string]*peer           // by node
	counted  map[string]map[roomKey]int // by node
	deaf     bool                       // the last beat did not go out: that others are silent means nothing
}

// peer is another node that is alive.
type peer struct {
	heard time.Time       // last
	here  context.Context // ends when the node is gone
	left  context.CancelFunc
}

func newPeers(b *Bus) *peers {
	p := &peers{
		bus: b, incoming: make(chan centrifuge.NotificationEvent, maxHeard),
		alive: make(map[string]*peer), counted: make(map[string]map[roomKey]int),
	}
	p.handlers = map[string]handler{
		opBeat: ignore, opBye: ignore, opCounts: ignore, // of this node itself
		opPart: handle(func(m part) (any, error) { b.partHere(m); return nil, nil }),
		opKick: handle(func(m kick) (any, error) { b.kickHere(m.App, m.User, m.Reason, nil); return nil, nil }),
		opLogin: handle(func(m login) (any, error) {
			b.kickHere(m.App, m.User, ReasonMultiple, m.spares)
			return nil, nil
		}),
		opTake:  handle(func(m taking) (any, error) { return b.giveAway(m), nil }),
		opUsers: handle(func(m whoIsIn) (any, error) { return b.usersHere(m.App, m.Room, m.Limit), nil }),
		opIsIn:  handle(func(m whetherIn) (any, error) { return b.isInHere(m.App, m.Room, m.User), nil }),
		opOnline: handle(func(m whoIsOnline) (any, error) {
			return b.onlineHere(m.App, m.Users), nil
		}),
	}
	return p
}

func ignore(context.Context, []byte) ([]byte, error) { return nil, nil }

// handle makes a handler of a function on what the data says.
func handle[T any](f func(T) (any, error)) handler {
	return func(_ context.Context, data []byte) ([]byte, error) {
		var in T
		if err := json.Unmarshal(data, &in); err != nil {
			return nil, err
		}
		out, err := f(in)
		if err != nil || out == nil {
			return nil, err
		}
		return json.Marshal(out)
	}
}

// Handle says who answers an operation that Ask or Announce names, at this node. It is called before Run.
func (b *Bus) Handle(op string, f func(ctx context.Context, data []byte) ([]byte, error)) {
	b.peers.mu.Lock()
	defer b.peers.mu.Unlock()
	b.peers.handlers[op] = f
}

// Owner tells whether this node is the one that owns a key. Each key has one owner among the nodes that are alive.
func (b *Bus) Owner(key string) bool { return b.peers.owner(key) == b.node.ID() }

// Ask asks the owner of a key, this node included, and waits for its answer. An *im.Error comes back as one.
func (b *Bus) Ask(ctx context.Context, key, op string, data []byte) ([]byte, error) {
	owner := b.peers.owner(key)
	if owner == b.node.ID() {
		return b.peers.do(ctx, op, data)
	}
	return b.peers.askNode(ctx, owner, op, data)
}

// Announce tells all nodes. This one handles it before Announce returns; the others soon, in the order in which one node
// announced.
func (b *Bus) Announce(op string, data []byte) {
	if b.o.Redis == "" {
		b.peers.handle1(op, data)
		return
	}
	err := b.started()
	if err == nil {
		err = b.node.Notify(op, data, "")
	}
	if err != nil {
		b.o.Log.Warn("cannot tell the other nodes", "op", op, "error", err)
	}
}

// tell announces something of the bus itself.
func (b *Bus) tell(op string, message any) {
	data, err := json.Marshal(message)
	if err != nil {
		b.o.Log.Error("cannot tell the other nodes", "op", op, "error", err)
		return
	}
	b.Announce(op, data)
}

// run says that this node is there, and forgets those that are gone.
func (p *peers) run(ctx context.Context) error {
	if p.bus.o.Redis == "" {
		<-ctx.Done()
		return nil
	}
	beat, count := time.NewTicker(beatEvery), time.NewTicker(countEvery)
	defer beat.Stop()
	defer count.Stop()
	p.beat()
	for {
		select {
		case <-ctx.Done():
			_ = p.bus.node.Notify(opBye, nil, "")
			return nil
		case <-beat.C:
			p.beat()
		case <-count.C:
			p.bus.tell(opCounts, p.bus.countsHere())
		}
	}
}

// listen handles what other nodes announce, one after the other.
func (p *peers) listen(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case e := <-p.incoming:
			p.handle1(e.Op, e.Data)
		}
	}
}

// beat says that this node is there, and looks who else is.
func (p *peers) beat() { p.age(p.bus.o.Now(), p.bus.node.Notify(opBeat, nil, "")) }

// age forgets the nodes that were silent for too long. When this node's own beat does not get through, the silence of
// others is no sign.
func (p *peers) age(now time.Time, deaf error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if deaf != nil || p.deaf {
		for _, other := range p.alive {
			other.heard = now
		}
	}
	p.deaf = deaf != nil
	for node, other := range p.alive {
		if now.Sub(other.heard) > deadAfter {
			p.forgetLocked(node)
			p.bus.o.Log.Warn("a node of the channel is gone", "node", node)
		}
	}
}

func (p *peers) forgetLocked(node string) {
	if other := p.alive[node]; other != nil {
		other.left()
	}
	delete(p.alive, node)
	delete(p.counted, node)
}

// heard is called by the engine for what any node says, this one included. What is not about nodes waits for listen,
// so that one which takes long to handle lets no node look dead.
func (p *peers) heard(e centrifuge.NotificationEvent) {
	if e.FromNodeID == p.bus.node.ID() {
		p.handle1(e.Op, e.Data)
		return
	}
	p.mark(e.FromNodeID, e.Op != opBye)
	switch e.Op {
	case opBeat, opBye:
		return
	case opCounts:
		p.note(e.FromNodeID, e.Data)
		return
	}
	select {
	case p.incoming <- e:
	default:
		p.bus.o.Log.Warn("other nodes say more than can be handled", "op", e.Op)
	}
}

// mark notes that a node is there, or has gone.
func (p *peers) mark(node string, there bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	other, known := p.alive[node]
	if known != there {
		p.bus.o.Log.Info("nodes of the channel changed", "node", node, "there", there)
	}
	if !there {
		p.forgetLocked(node)
		return
	}
	if !known {
		other = new(peer)
		other.here, other.left = context.WithCancel(context.Background())
		p.alive[node] = other
	}
	other.heard = p.bus.o.Now()
}

// note keeps how many are in the rooms of another node.
func (p *peers) note(node string, data []byte) {
	var list []roomCount
	if err := json.Unmarshal(data, &list); err != nil {
		p.bus.o.Log.Warn("cannot read what a node counted", "node", node, "error", err)
		return
	}
	counts := make(map[roomKey]int, len(list))
	for _, c := range list {
		counts[roomKey{c.App, c.Room}] = c.N
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.counted[node] = counts
}

func (b *Bus) countsHere() []roomCount {
	b.mu.RLock()
	defer b.mu.RUnlock()
	list := make([]roomCount, 0, len(b.rooms))
	for k := range b.rooms {
		list = append(list, roomCount{k.app, k.room, b.localCountLocked(k)})
	}
	return list
}

func (p *peers) count(k roomKey) (n int) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	for _, counts := range p.counted {
		n += counts[k]
	}
	return n
}

// handle1 handles one announcement.
func (p *peers) handle1(op string, data []byte) {
	ctx, cancel := context.WithTimeout(context.Background(), callTimeout)
	defer cancel()
	if _, err := p.do(ctx, op, data); err != nil {
		p.bus.o.Log.Warn("cannot handle what a node announced", "op", op, "error", err)
	}
}

func (p *peers) do(ctx context.Context, op string, data []byte) ([]byte, error) {
	p.mu.RLock()
	f := p.handlers[op]
	p.mu.RUnlock()
	if f == nil {
		return nil, fmt.Errorf("%w: %s", ErrNoHandler, op)
	}
	return f(ctx, data)
}

// others are the nodes that are alive beside this one.
func (p *peers) others() []string {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return slices.Collect(maps.Keys(p.alive))
}

// owner is the node with the highest rank for a key: when a node comes or goes, only the keys that it gets or had move
// (rendezvous hashing).
func (p *peers) owner(key string) string {
	best := p.bus.node.ID()
	if p.bus.o.Redis == "" {
		return best
	}
	p.mu.RLock()
	defer p.mu.RUnlock()
	top := rank(best, key)
	for node := range p.alive {
		if r := rank(node, key); r > top || r == top && node > best {
			best, top = node, r
		}
	}
	return best
}

// The answers to a question: in order, or an error of ours in JSON, or any other as text.
const (
	answerOK = iota
	answerRefused
	answerFailed
)

// asked is called by the engine when another node asks.
func (p *peers) asked(e centrifuge.SurveyEvent, answer centrifuge.SurveyCallback) {
	if !p.bus.begin() {
		answer(centrifuge.SurveyReply{Code: answerFailed, Data: []byte(ErrNotRunning.Error())})
		return
	}
	go func() { // the engine waits for this call before it takes the next message
		defer p.bus.work.Done()
		ctx, cancel := context.WithTimeout(context.Background(), callTimeout)
		defer cancel()
		data, err := p.do(ctx, e.Op, e.Data)
		answer(reply(data, err))
	}()
}

func reply(data []byte, err error) centrifuge.SurveyReply {
	if err == nil {
		return centrifuge.SurveyReply{Code: answerOK, Data: data}
	}
	if refused, ok := errors.AsType[*im.Error](err); ok {
		if data, err := json.Marshal(refused); err == nil {
			return centrifuge.SurveyReply{Code: answerRefused, Data: data}
		}
	}
	return centrifuge.SurveyReply{Code: answerFailed, Data: []byte(err.Error())}
}

// askNode asks one node, and waits no longer when that goes.
func (p *peers) askNode(ctx context.Context, node, op string, data []byte) ([]byte, error) {
	p.mu.RLock()
	other := p.alive[node]
	p.mu.RUnlock()
	if other != nil { // else it was not heard yet
		var cancel context.CancelFunc
		ctx, cancel = context.WithCancel(ctx)
		defer cancel()
		defer context.AfterFunc(other.here, cancel)()
	}
	answers, err := p.bus.node.Survey(ctx, op, data, node)
	if err != nil {
		return nil, fmt.Errorf("cannot ask node %s: %w", node, err)
	}
	answer, ok := answers[node]
	if !ok {
		return nil, ErrNoAnswer
	}
	return open(answer)
}

func open(answer centrifuge.SurveyResult) ([]byte, error) {
	switch answer.Code {
	case answerOK:
		return answer.Data, nil
	case answerRefused:
		var refused im.Error
		if err := json.Unmarshal(answer.Data, &refused); err != nil {
			return nil, fmt.Errorf("cannot read a node's answer: %w", err)
		}
		return nil, &refused
	default:
		return nil, fmt.Errorf("%w: %s", ErrNoAnswer, answer.Data)
	}
}

// askOthers asks all other nodes at once and hands on what answers come in time.
func (p *peers) askOthers(op string, question any, each func(data []byte)) {
	others := p.others()
	if len(others) == 0 {
		return
	}
	data, err := json.Marshal(question)
	if err != nil {
		p.bus.o.Log.Error("cannot ask the other nodes", "op", op, "error", err)
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), queryTimeout)
	defer cancel()
	answers := make(chan []byte, len(others))
	for _, node := range others {
		go func() {
			answer, err := p.askNode(ctx, node, op, data)
			if err != nil {
				p.bus.o.Log.Warn("a node does not answer", "node", node, "op", op, "error", err)
			}
			answers <- answer
		}()
	}
	for range others {
		if answer := <-answers; answer != nil {
			each(answer)
		}
	}
}

// Users are the accounts in a room over all nodes, those who came last first.
func (b *Bus) Users(app int, room string, limit int) []Present {
	all := b.usersHere(app, room, limit)
	b.peers.askOthers(opUsers, whoIsIn{app, room, limit}, func(data []byte) {
		var more []Present
		if json.Unmarshal(data, &more) == nil {
			all = append(all, more...)
		}
	})
	return latest(all, limit)
}

// IsIn tells whether a session of a user is in a room, at any node. Those whose connection is away still are.
func (b *Bus) IsIn(app int, room, user string) bool {
	if b.isInHere(app, room, user) {
		return true
	}
	found := false
	b.peers.askOthers(opIsIn, whetherIn{app, room, user}, func(data []byte) {
		found = found || string(data) == "true"
	})
	return found
}

// Online are the platforms on which a user is online; see OnlineAll.
func (b *Bus) Online(app int, user string) []im.Platform {
	return b.OnlineAll(app, []string{user})[user]
}

// OnlineAll are the platforms on which users are online, over all nodes. Who is offline is left out.
func (b *Bus) OnlineAll(app int, users []string) map[string][]im.Platform {
	all := b.onlineHere(app, users)
	b.peers.askOthers(opOnline, whoIsOnline{app, users}, func(data []byte) {
		var more map[string][]im.Platform
		if json.Unmarshal(data, &more) != nil {
			return
		}
		for user, platforms := range more {
			all[user] = append(all[user], platforms...)
			slices.SortFunc(all[user], cmp.Compare[im.Platform])
			all[user] = slices.Compact(all[user])
		}
	})
	return all
}

// take asks a node for a session that a client wants to go on with here, and returns its rooms.
func (p *peers) take(ctx context.Context, node string, t taking) []string {
	if !slices.Contains(p.others(), node) {
		return nil
	}
	data, err := json.Marshal(t)
	if err != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	answer, err := p.askNode(ctx, node, opTake, data)
	var rooms []string
	if err == nil && len(answer) > 0 {
		err = json.Unmarshal(answer, &rooms)
	}
	if err != nil {
		p.bus.o.Log.Info("cannot take a session from a node", "node", node, "error", err)
		return nil
	}
	return rooms
}

// giveAway ends a session that goes on elsewhere, and returns its rooms.
func (b *Bus) giveAway(t taking) any {
	b.mu.RLock()
	s := b.sessions[t.Session]
	b.mu.RUnlock()
	if s == nil || !s.belongsTo(im.Actor{App: t.App, User: t.User, Only: t.Only}) {
		return nil
	}
	rooms := s.Rooms()
	b.end(s, ReasonMoved)
	return rooms
}
