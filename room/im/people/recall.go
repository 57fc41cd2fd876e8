package people

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"time"

	"weir/room/hook"
	"weir/room/im"
)

// recallTime is how long an account may take back what it sent. Administrators always may.
const recallTime = 2 * time.Minute

// Recall is a message to be taken back.
type Recall struct {
	From string // empty: the actor; only an administrator names another
	To   string
	Key  string // see Sent
	// Seq is the message's number among what its recipient was sent; 0: not known, which only an administrator may say.
	Seq uint64
}

// Recall takes a message back: it is no longer kept, and terminals of both accounts that are connected are told by a
// notice. What a terminal has that is not connected stays there.
func (p *People) Recall(ctx context.Context, actor im.Actor, r Recall) error {
	switch {
	case actor.Anonymous():
		return im.ErrNotLoggedIn
	case r.From == "":
		r.From = actor.User
	case r.From != actor.User && !actor.Admin:
		return im.ErrNotAdmin
	}
	key, err := parseKey(r.Key)
	if err != nil {
		return err
	}
	key.App, key.From, key.To = actor.App, r.From, r.To
	if !actor.Admin && (r.Seq == 0 || p.o.Now().Sub(time.Unix(key.Time, 0)) > recallTime) {
		return im.ErrTooLate
	}
	if err := p.exists(ctx, actor.App, r.From, im.ErrNotImported); err != nil {
		return err
	}
	if err := p.exists(ctx, actor.App, r.To, im.ErrNoRecipient); err != nil {
		return err
	}
	return p.recall(ctx, actor, &key, r.Seq)
}

// parseKey reads the key of a message.
func parseKey(text string) (m im.Message, err error) {
	_, err = fmt.Sscanf(text, "%d_%d_%d", &m.Ref, &m.Random, &m.Time)
	if err != nil || m.Key() != text {
		return im.Message{}, im.ErrBadParameter.With("MsgKey is the key of no message")
	}
	return m, nil
}

// recall forgets a message and tells of it.
func (p *People) recall(ctx context.Context, actor im.Actor, key *im.Message, seq uint64) error {
	after, limit := uint64(0), maxRead
	if seq > 0 {
		after, limit = min(seq, math.MaxInt64)-1, 1
	}
	list, err := p.o.Store.KeptFor(ctx, key.App, key.To, after, limit)
	if err != nil {
		return fmt.Errorf("cannot read kept messages: %w", err)
	}
	for _, m := range list {
		if m.From != key.From || m.Key() != key.Key() {
			continue
		}
		if err := p.o.Store.ForgetOne(ctx, key.App, key.To, m.Seq); err != nil {
			return fmt.Errorf("cannot forget a message: %w", err)
		}
	}
	notice, err := json.Marshal(im.Notice{Op: im.NoticeRecalled, Key: key.Key()})
	if err != nil {
		return err
	}
	told := im.Message{
		App: key.App, From: key.From, To: key.To, Kind: im.KindNotice, Time: p.o.Now().Unix(),
		Body: []im.Element{{Type: im.ElemNotice, Content: notice}},
	}
	err = errors.Join(p.publish(key.To, &told), p.publish(key.From, &told))
	if err == nil && p.o.Hooks.Wants(key.App, hook.C2CAfterWithdraw) {
		p.o.Hooks.Tell(hook.Call{App: key.App, Command: hook.C2CAfterWithdraw, Actor: actor, Body: hook.C2CWithdrawn{
			From: key.From, To: key.To, Key: key.Key(), Unread: p.unread(ctx, key.App, key.To),
		}})
	}
	return err
}
