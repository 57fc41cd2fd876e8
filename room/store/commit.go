package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"sync"
	"time"
)

const (
	// maxBatch is how many writes share a commit at most.
	maxBatch = 256
	// maxWaiting is how many may wait for one.
	maxWaiting = 20_000
	// commitTimeout is how long a batch may take.
	commitTimeout = 30 * time.Second
)

// A committer makes writes in transactions, each of as many writes as came while the one before was under way (group
// commit). There is no goroutine: the caller whose write has waited longest leads, it commits for all that wait by then
// and hands the lead on.
type committer struct {
	*database
	stats *Stats

	mu      sync.Mutex // guards the fields below
	waiting []*write   // the first of them leads, unless leading is over
	leading bool
	closed  bool
	idle    chan struct{} // closed when nothing waits and closed is set
}

// write is one call's change.
type write struct {
	do    func(access) error
	turn  chan bool // true: lead; false: it is done
	leads bool      // guarded by the committer
	err   error     // counts once it is done
}

func newCommitter(d *database, stats *Stats) *committer {
	return &committer{database: d, stats: stats, idle: make(chan struct{})}
}

// write makes a change and returns when it is durable. A context that ends while the write waits takes it back; once it
// is being committed its outcome is waited for.
func (c *committer) write(ctx context.Context, do func(access) error) error {
	w := &write{do: do, turn: make(chan bool, 1)}
	lead, err := c.enter(w)
	if err != nil {
		return err
	}
	if !lead {
		select {
		case lead = <-w.turn:
		case <-ctx.Done():
			if c.withdraw(w) {
				return ctx.Err()
			}
			lead = <-w.turn
		}
	}
	if lead {
		c.lead(w)
	}
	return w.err
}

// enter queues a write and tells whether it leads.
func (c *committer) enter(w *write) (lead bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.closed:
		return false, ErrClosed
	case len(c.waiting) >= maxWaiting:
		return false, ErrBusy
	}
	c.waiting = append(c.waiting, w)
	lead = !c.leading
	c.leading = true
	return lead, nil
}

// withdraw takes a write back that nobody has begun with.
func (c *committer) withdraw(w *write) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	i := slices.Index(c.waiting, w)
	if i < 0 || w.leads {
		return false
	}
	c.waiting = slices.Delete(c.waiting, i, i+1)
	return true
}

// lead commits all that waits, up to a bound, with own among it.
func (c *committer) lead(own *write) {
	c.mu.Lock()
	n := min(len(c.waiting), maxBatch)
	batch := slices.Clone(c.waiting[:n])
	c.waiting = slices.Delete(c.waiting, 0, n)
	c.mu.Unlock()

	c.commit(batch)

	c.mu.Lock()
	if c.leading = len(c.waiting) > 0; c.leading {
		c.waiting[0].leads = true
		c.waiting[0].turn <- true
	} else if c.closed {
		close(c.idle)
	}
	c.mu.Unlock()
	for _, w := range batch {
		if w != own {
			w.turn <- false
		}
	}
}

// commit makes a batch's writes. Where one of them fails the others are made without it, in a second go: a savepoint for
// each costs more than the few that fail.
func (c *committer) commit(batch []*write) {
	ctx, cancel := context.WithTimeout(context.Background(), commitTimeout)
	defer cancel()
	began := time.Now()
	err := c.try(ctx, batch, false)
	if err != nil && len(batch) > 1 {
		err = c.try(ctx, batch, true)
	}
	for _, w := range batch {
		w.err = c.fault(cmp.Or(w.err, err))
		c.stats.failed(w.err)
	}
	c.stats.committed(time.Since(began), len(batch))
}

// try makes all writes of a batch in one transaction. With savepoints, one that fails is undone and has its error;
// without, its error is everybody's.
func (c *committer) try(ctx context.Context, batch []*write, savepoints bool) error {
	tx, err := c.begin(ctx)
	if err != nil {
		return err
	}
	for _, w := range batch {
		a := access{ctx, tx}
		if savepoints {
			w.err, err = apart(w.do, a)
		} else {
			err = run(w.do, a)
		}
		if err != nil {
			_ = tx.Rollback() // the first error is the one to tell
			return err
		}
	}
	return tx.Commit()
}

// apart makes one write that leaves nothing if it fails, for an error of its own; failed is what ends the transaction.
func apart(do func(access) error, a access) (own, failed error) {
	if _, err := a.exec("SAVEPOINT apart"); err != nil {
		return nil, err
	}
	own = run(do, a)
	if own != nil {
		if _, err := a.exec("ROLLBACK TO SAVEPOINT apart"); err != nil {
			return nil, errors.Join(own, err)
		}
	}
	_, failed = a.exec("RELEASE SAVEPOINT apart")
	return own, failed
}

// run makes one write. It runs in another caller's goroutine, who must not die of its fault.
func run(do func(access) error, a access) (err error) {
	defer func() {
		if fault := recover(); fault != nil {
			err = fmt.Errorf("panic in a write: %v\n%s", fault, debug.Stack())
		}
	}()
	return do(a)
}

// close refuses later writes and waits for those under way.
func (c *committer) close() error {
	c.mu.Lock()
	if !c.closed {
		c.closed = true
		if !c.leading {
			close(c.idle)
		}
	}
	c.mu.Unlock()
	<-c.idle
	return c.writes.Close()
}
