package channel

import (
	"context"
	"errors"
	"fmt"
	"time"

	"weir/room/im"
	"weir/room/store"
)

const (
	// block is how many numbers are taken from the store at once, and low is when the next block is fetched.
	block = 128
	low   = block / 2
	// reserveTimeout is how long the store may take to give numbers.
	reserveTimeout = 5 * time.Second
)

// numbers are those that a room's next messages get. They come from the store in blocks, which nobody else ever gets,
// so that they grow across restarts and whichever node owns the room.
type numbers struct {
	next, end uint64 // [next, end)
	// more is the block after it, when it was fetched ahead.
	more, moreEnd uint64
	// floor is where the last block began that another node fetched: what is below it is not to be used any more.
	floor  uint64
	refill chan struct{} // closed when what was asked from the store came, or err is set; nil: nothing was asked
	err    error
}

// take gives the next number.
func (n *numbers) take() (uint64, bool) {
	if n.next < n.floor {
		n.next, n.end = 0, 0
	}
	if n.more < n.floor {
		n.more, n.moreEnd = 0, 0
	}
	if n.next == n.end {
		n.next, n.end = n.more, n.moreEnd
		n.more, n.moreEnd = 0, 0
	}
	if n.next == n.end {
		return 0, false
	}
	seq := n.next
	n.next++
	return seq, true
}

// put adds a block.
func (n *numbers) put(first, count uint64) {
	if n.next == n.end {
		n.next, n.end = first, first+count
		return
	}
	n.more, n.moreEnd = first, first+count
}

func (n *numbers) empty() bool { return n.next == n.end && n.more == n.moreEnd }

func (n *numbers) isLow() bool {
	return n.end-n.next < low && n.more == n.moreEnd
}

// numberLocked gives the next number, or what to wait for before there is one.
func (r *room) numberLocked() (seq uint64, wait <-chan struct{}, err error) {
	n := &r.numbers
	seq, ok := n.take()
	if !ok && n.err != nil {
		err, n.err = n.err, nil
		return 0, nil, err
	}
	if n.isLow() && n.refill == nil && !r.refillLocked() {
		return 0, nil, errClosed
	}
	if ok {
		return seq, nil, nil
	}
	return 0, n.refill, nil
}

// refillLocked asks the store for a block of numbers.
func (r *room) refillLocked() bool {
	done := make(chan struct{})
	r.numbers.refill, r.numbers.err = done, nil
	begun := r.c.behind(func() {
		defer close(done)
		first, err := r.reserve()
		r.mu.Lock()
		defer r.mu.Unlock()
		r.numbers.refill, r.numbers.err = nil, err
		if err != nil {
			return
		}
		if r.numbers.empty() {
			// Another node may have owned the room until now: time for it to hear of this, before anything goes out.
			r.hold = r.c.o.Now().Add(r.c.o.Flush)
		}
		r.numbers.put(first, block)
	})
	if !begun {
		r.numbers.refill = nil
	}
	return begun
}

func (r *room) reserve() (first uint64, err error) {
	ctx, cancel := context.WithTimeout(r.c.ctx, reserveTimeout)
	defer cancel()
	first, err = r.c.o.Store.ReserveSeq(ctx, r.k.app, r.k.room, block)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return 0, im.ErrNoRoom
	case err != nil:
		return 0, fmt.Errorf("cannot number messages: %w", err)
	}
	// Who owned the room before shall not go on with its own, lower numbers.
	r.c.announce(opTook, took{Node: r.c.node, App: r.k.app, Room: r.k.room, First: first})
	return first, nil
}
