package people

import (
	"context"
	"hash/maphash"
	"sync"
	"time"

	"weir/room/im"
)

const (
	// againTime is how long a message is known again, maxAgain how many are.
	againTime = 5 * time.Minute
	maxAgain  = 50_000
)

// mark tells messages apart. What they say is part of it: programs send different texts with the same random number
// within one second, and both are messages.
type mark struct {
	app      int
	from, to string
	seq      uint32
	random   uint32
	time     int64
	text     uint64
}

// attempt is a message that is being sent, or was.
type attempt struct {
	mark  mark
	began time.Time
	over  chan struct{} // closed when sent and err are known
	sent  Sent
	err   error
}

// again knows the messages that were sent lately by way of this node, so that one which is sent again, because its
// answer was lost, is not delivered twice. It is safe for concurrent use.
type again struct {
	seed maphash.Seed

	mu sync.Mutex // guards the fields below
	by map[mark]*attempt
	// order has the attempts by when they began; those that failed are only in order.
	order []*attempt
}

func newAgain() *again { return &again{seed: maphash.MakeSeed(), by: make(map[mark]*attempt)} }

// hash is of what a message says.
func (g *again) hash(body []im.Element, cloud string) uint64 {
	var h maphash.Hash
	h.SetSeed(g.seed)
	for _, e := range body {
		_, _ = h.WriteString(e.Type)
		_ = h.WriteByte(0)
		_, _ = h.Write(e.Content)
		_ = h.WriteByte(0)
	}
	_, _ = h.WriteString(cloud)
	return h.Sum64()
}

// once calls send for a message that was not sent before. For one that was, it waits for how that ended, which is the
// answer again; what failed is tried anew.
func (g *again) once(ctx context.Context, now time.Time, m mark, send func() (Sent, error)) (sent Sent, repeated bool, err error) {
	a, first := g.begin(now, m)
	if !first {
		select {
		case <-a.over:
			return a.sent, true, a.err
		case <-ctx.Done():
			return Sent{}, true, ctx.Err()
		}
	}
	err = im.ErrInternal // which it stays if send panics
	defer func() { g.end(a, sent, err) }()
	sent, err = send()
	return sent, false, err
}

func (g *again) begin(now time.Time, m mark) (a *attempt, first bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for len(g.order) > 0 && (len(g.order) >= maxAgain || now.Sub(g.order[0].began) >= againTime) {
		old := g.order[0]
		g.order[0], g.order = nil, g.order[1:]
		if g.by[old.mark] == old {
			delete(g.by, old.mark)
		}
	}
	if a = g.by[m]; a != nil {
		return a, false
	}
	a = &attempt{mark: m, began: now, over: make(chan struct{})}
	g.by[m] = a
	g.order = append(g.order, a)
	return a, true
}

func (g *again) end(a *attempt, sent Sent, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if err != nil && g.by[a.mark] == a {
		delete(g.by, a.mark)
	}
	a.sent, a.err = sent, err
	close(a.over)
}
