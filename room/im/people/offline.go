package people

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"

	"weir/room/hook"
	"weir/room/im"
)

const (
	// maxOffline is how many kept messages are given at once, and maxOfflineBytes about how long they are together: what
	// waits for one client is bounded.
	maxOffline      = 500
	maxOfflineBytes = 64 << 10
)

// Offline are the messages kept for the actor with a number greater than after, oldest first, and whether there are
// more. They are kept until they are acknowledged, so that a terminal that goes by numbers misses none and takes none
// twice: it drops what it has, and asks here when it comes in and when a number is left out.
func (p *People) Offline(ctx context.Context, actor im.Actor, after uint64, limit int) (list []im.Message, more bool, err error) {
	if actor.Anonymous() {
		return nil, false, im.ErrNotLoggedIn
	}
	if limit <= 0 || limit > maxOffline {
		limit = maxOffline
	}
	list, err = p.o.Store.KeptFor(ctx, actor.App, actor.User, min(after, math.MaxInt64), limit+1)
	if err != nil {
		return nil, false, fmt.Errorf("cannot read kept messages: %w", err)
	}
	n, bytes := 0, 0
	for n < min(limit, len(list)) {
		bytes += len(list[n].Cloud)
		for _, e := range list[n].Body {
			bytes += len(e.Content)
		}
		if n > 0 && bytes > maxOfflineBytes {
			break
		}
		n++
	}
	return list[:n], n < len(list), nil
}

// Ack says that one of the actor's terminals has the messages up to a number. They are kept no longer: what an account
// was sent waits for the first of its terminals that comes in.
func (p *People) Ack(ctx context.Context, actor im.Actor, upTo uint64) error {
	if actor.Anonymous() {
		return im.ErrNotLoggedIn
	}
	upTo = min(upTo, math.MaxInt64)
	wanted := p.o.Hooks.Wants(actor.App, hook.C2CAfterRead)
	var read map[string]int64
	if wanted {
		var err error
		if read, err = p.lastRead(ctx, actor, upTo); err != nil {
			return err
		}
	}
	if err := p.o.Store.ForgetKept(ctx, actor.App, actor.User, upTo); err != nil {
		return fmt.Errorf("cannot forget kept messages: %w", err)
	}
	if len(read) == 0 {
		return nil
	}
	unread := p.unread(ctx, actor.App, actor.User)
	for _, peer := range slices.Sorted(maps.Keys(read)) {
		p.o.Hooks.Tell(hook.Call{App: actor.App, Command: hook.C2CAfterRead, Actor: actor, Body: hook.C2CRead{
			Reader: actor.User, Peer: peer, Last: read[peer], Unread: unread,
		}})
	}
	return nil
}

// maxRead is how many messages are looked through for who sent them.
const maxRead = 1000

// lastRead is when each sender's last message up to a number was sent.
func (p *People) lastRead(ctx context.Context, actor im.Actor, upTo uint64) (map[string]int64, error) {
	list, err := p.o.Store.KeptFor(ctx, actor.App, actor.User, 0, maxRead)
	if err != nil {
		return nil, fmt.Errorf("cannot read kept messages: %w", err)
	}
	last := make(map[string]int64)
	for _, m := range list {
		if m.Seq <= upTo {
			last[m.From] = max(last[m.From], m.Time)
		}
	}
	return last, nil
}
