package people

import (
	"context"
	"sync"
)

// turns let one message at a time be kept and published for each recipient, in the order in which they came, so that
// terminals get them in the order of their numbers. It is safe for concurrent use.
type turns struct {
	mu sync.Mutex // guards the map and each turn's users
	by map[key]*turn
}

type turn struct {
	taken chan struct{} // holds a value while somebody has the turn
	users int           // who has it or waits for it
}

// take waits for the turn of a recipient. Whoever took it calls done.
func (t *turns) take(ctx context.Context, k key) (done func(), err error) {
	t.mu.Lock()
	if t.by == nil {
		t.by = make(map[key]*turn)
	}
	mine := t.by[k]
	if mine == nil {
		mine = &turn{taken: make(chan struct{}, 1)}
		t.by[k] = mine
	}
	mine.users++
	t.mu.Unlock()
	select {
	case mine.taken <- struct{}{}:
		return func() { <-mine.taken; t.leave(k, mine) }, nil
	case <-ctx.Done():
		t.leave(k, mine)
		return nil, ctx.Err()
	}
}

func (t *turns) leave(k key, mine *turn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if mine.users--; mine.users == 0 {
		delete(t.by, k)
	}
}
