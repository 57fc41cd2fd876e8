package channel

import (
	"context"
	"errors"
	"fmt"
	"time"

	"weir/room/im"
)

// entry is a message on its way into a room, after all that may refuse it.
type entry struct {
	Message im.Message `json:"m"`
	Actor   im.Actor   `json:"actor"`
	Type    string     `json:"type"` // of the room
	// Exempt is a message of who is above the limit of a priority.
	Exempt bool `json:"exempt,omitempty"`
	// Keep is one that is to be durable before its sender hears of it.
	Keep       bool `json:"keep,omitempty"`
	OnlineOnly bool `json:"online_only,omitempty"`
	// NoAfter leaves out the callback after it was sent.
	NoAfter bool `json:"no_after,omitempty"`
	// Drop is one that its sender is to take for sent, and that nobody gets.
	Drop bool `json:"drop,omitempty"`

	decided chan outcome  // of one to be kept: what the window decided
	settled chan struct{} // closed when it is kept, or will not be
}

// outcome is what became of a message in its window.
type outcome uint8

const (
	cut outcome = iota
	chosen
	moved  // another node took it on
	failed // nobody did
)

// decide tells the sender of a message that is to be kept.
func (e *entry) decide(o outcome) {
	if e.decided != nil {
		e.decided <- o
	}
}

// accept has the room's owner take a message.
func (c *Channel) accept(ctx context.Context, e *entry) (Sent, error) {
	k := key{e.Message.App, e.Message.Room}
	for try := 0; ; try++ {
		sent, err := c.acceptOnce(ctx, k, e)
		if !errors.Is(err, errMoved) || try == moves {
			return sent, unavailable(err)
		}
		if err := pause(ctx, movePause); err != nil {
			return Sent{}, unavailable(err)
		}
	}
}

func (c *Channel) acceptOnce(ctx context.Context, k key, e *entry) (Sent, error) {
	if c.o.Bus.Owner(k.owned()) {
		return c.acceptHere(ctx, k, e)
	}
	return ask[Sent](ctx, c.o.Bus, k.owned(), opSend, e)
}

// unavailable is what clients hear of an error that is not theirs.
func unavailable(err error) error {
	if err == nil {
		return nil
	}
	if refused, ok := errors.AsType[*im.Error](err); ok && !errors.Is(err, errMoved) {
		return refused
	}
	return fmt.Errorf("%w: %w", im.ErrInternal, err)
}

// acceptHere takes a message at the node that owns its room: it gets its number and waits for the window.
func (c *Channel) acceptHere(ctx context.Context, k key, e *entry) (Sent, error) {
	d := dedupKey{e.Message.From, e.Message.Random}
	for {
		if !c.o.Bus.Owner(k.owned()) {
			return Sent{}, errMoved
		}
		r := c.lock(k)
		was, twice := r.dedup.find(d, c.o.Now())
		var sent Sent
		var wait <-chan struct{}
		var err error
		if !twice {
			sent, wait, err = r.takeLocked(d, e)
		}
		r.mu.Unlock()
		switch {
		case err != nil:
			return Sent{}, err
		case twice && (was.kept == nil || r.isKept(ctx, d, was)):
			c.stats.messages.WithLabelValues("duplicate").Inc()
			return was.sent, nil
		case !twice && wait == nil:
			return sent, c.settle(ctx, r, d, e)
		}
		if err := until(ctx, wait); err != nil {
			return Sent{}, err
		}
	}
}

// isKept waits until a message that was sent before is durable, or could not be kept.
func (r *room) isKept(ctx context.Context, d dedupKey, was known) bool {
	if until(ctx, was.kept) != nil {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	_, still := r.dedup.find(d, r.c.o.Now())
	return still
}

// until waits for something, which may be nil: nothing.
func until(ctx context.Context, done <-chan struct{}) error {
	if done != nil {
		select {
		case <-done:
		case <-ctx.Done():
		}
	}
	return ctx.Err()
}

// takeLocked numbers a message and puts it into the window. It returns what to wait for when there is no number yet.
func (r *room) takeLocked(d dedupKey, e *entry) (Sent, <-chan struct{}, error) {
	if r.c.isClosed() {
		return Sent{}, nil, errClosed
	}
	seq, wait, err := r.numberLocked()
	if wait != nil || err != nil {
		return Sent{}, wait, err
	}
	now := r.c.o.Now()
	m := &e.Message
	m.Seq, m.Time = seq, now.Unix()
	r.used = now
	was := known{sent: Sent{Seq: seq, Time: m.Time}, at: now}
	if e.Keep && !e.Drop {
		e.decided, e.settled = make(chan outcome, 1), make(chan struct{})
		was.kept = e.settled
	}
	r.dedup.add(d, was)
	if !e.Drop {
		r.collectLocked(now, e)
	}
	return was.sent, nil, nil
}

// collectLocked puts a message into the window.
func (r *room) collectLocked(now time.Time, e *entry) {
	if over, full := r.windowLocked().Add(now, e.Message.Priority, e.Exempt, e); full {
		r.c.behind(func() { r.c.tellCut(over) })
	}
	if e.Message.Priority == im.High {
		r.highLocked(now)
	} else {
		r.soonLocked(now)
	}
}

// settle waits until a message that is to be kept is durable. One that the window cut is not kept, which its sender
// does not see.
func (c *Channel) settle(ctx context.Context, r *room, d dedupKey, e *entry) error {
	if e.decided == nil {
		return nil
	}
	defer close(e.settled)
	err := c.keep(ctx, e)
	if err != nil { // the sender may send it again
		r.mu.Lock()
		r.dedup.forget(d)
		r.mu.Unlock()
	}
	return err
}

func (c *Channel) keep(ctx context.Context, e *entry) error {
	var o outcome
	select {
	case o = <-e.decided:
	case <-ctx.Done():
		return ctx.Err()
	}
	switch o {
	case cut, moved:
		return nil
	case chosen:
		if err := c.o.Store.KeepRoomMessage(ctx, e.Message, c.o.Now().Add(c.o.Keep)); err != nil {
			return fmt.Errorf("cannot keep a message: %w", err)
		}
		return nil
	default:
		return errClosed
	}
}
