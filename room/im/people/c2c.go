package people

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"

	"weir/room/hook"
	"weir/room/im"
	"weir/room/store"
)

const (
	// maxLife is how long a message is kept at most, in seconds, and how long when nothing is said.
	maxLife = 7 * 24 * 3600
	// keepTime bounds how long the store may take to keep a message.
	keepTime = 10 * time.Second
	// maxRecipients is how many accounts one message may go to.
	maxRecipients = 500
)

// C2C is a message from an account to another, as it was asked for.
type C2C struct {
	From string // empty: the actor; only an administrator names another
	To   string
	// Seq, Random and Time (Unix seconds) are the sender's own; Seq and Time may be 0.
	Seq    uint32
	Random uint32
	Time   int64
	Body   []im.Element
	Cloud  string
	// Life is how many seconds it is kept for a recipient who is not there: nil: seven days; 0: not at all.
	Life *int64
	// Sync also shows it on the sender's own terminals.
	Sync bool
	// NoUnread does not count it as unread.
	NoUnread bool
	// NoBefore and NoAfter leave out the callbacks.
	NoBefore, NoAfter bool
}

// Sent is what became of a message.
type Sent struct {
	Seq  uint64 // its number among what its recipient was sent; 0: it was not kept
	Time int64  // Unix seconds
	Key  string // <seq>_<random>_<time>
}

// sending is a message on its way to one recipient or to several.
type sending struct {
	C2C
	actor im.Actor
	life  time.Duration
	now   time.Time
	sent  Sent // but for its number among what the recipient was sent
	mark  mark
	// message is what the recipient gets, but for who that is.
	message im.Message
	// refused is why nobody gets it.
	refused error
}

// SendTo sends a message from an account to another. It returns when the message is kept: then its recipient gets it
// sooner or later, unless its life is over before. The same message sent again within five minutes is answered as the
// first time and delivered once.
func (p *People) SendTo(ctx context.Context, actor im.Actor, m C2C) (Sent, error) {
	s, err := p.prepare(ctx, actor, m)
	if err != nil {
		p.stats.count(err)
		return Sent{}, err
	}
	return p.sendOnce(ctx, s, m.To)
}

// Failed is a recipient whom a message did not reach, and why.
type Failed struct {
	Account string
	Err     *im.Error
}

// SendToMany sends a message to up to 500 accounts, each once; m.To is not used. An error means that nobody got it.
func (p *People) SendToMany(ctx context.Context, actor im.Actor, m C2C, to []string) (Sent, []Failed, error) {
	if len(to) > maxRecipients {
		return Sent{}, nil, im.ErrTooMany
	}
	s, err := p.prepare(ctx, actor, m)
	if err == nil {
		err = s.refused
	}
	if err != nil {
		p.stats.count(err)
		return Sent{}, nil, err
	}
	to = unique(to)
	faults := make([]error, len(to))
	inParallel(len(to), func(i int) { _, faults[i] = p.sendOnce(ctx, s, to[i]) })
	var failed []Failed
	for i, err := range faults {
		if err != nil {
			failed = append(failed, Failed{to[i], asRefusal(err)})
		}
	}
	return s.sent, failed, nil
}

// prepare checks what does not depend on the recipient.
func (p *People) prepare(ctx context.Context, actor im.Actor, m C2C) (*sending, error) {
	if actor.Anonymous() {
		return nil, im.ErrNotLoggedIn
	}
	life := int64(maxLife)
	if m.Life != nil {
		life = *m.Life
	}
	if life < 0 || life > maxLife {
		return nil, im.ErrBadLife
	}
	var err error
	if m.Body, err = im.CheckBody(m.Body, m.Cloud); err != nil {
		return nil, err
	}
	s := &sending{C2C: m, actor: actor, life: time.Duration(life) * time.Second, now: p.o.Now()}
	if err := p.sender(ctx, s); err != nil {
		return nil, err
	}
	s.sent.Time = s.now.Unix()
	s.message.Time = s.sent.Time
	s.mark = mark{app: actor.App, from: s.From, seq: m.Seq, random: m.Random, time: m.Time, text: p.again.hash(m.Body, m.Cloud)}
	if actor.Admin && m.Time == 0 { // programs have constant random numbers: without a time it is one message in its second only
		s.mark.time = s.sent.Time
	}
	if s.message.Ref == 0 {
		s.message.Ref = rand.Uint32() //nolint:gosec // it only names the message
	}
	s.sent.Key = s.message.Key()
	return s, nil
}

// sender finds out who sends, and whether that is forbidden.
func (p *People) sender(ctx context.Context, s *sending) error {
	if s.From == "" || s.From == s.actor.User {
		s.From = s.actor.User
	} else if !s.actor.Admin {
		return im.ErrNotAdmin
	}
	if s.From == s.actor.User && s.actor.Admin { // who need not have been imported; others are when they log in
		if err := p.admit(ctx, s.actor.App, s.From); err != nil {
			return err
		}
	}
	from, err := p.Account(ctx, s.actor.App, s.From)
	if errors.Is(err, im.ErrUnknownAccount) {
		return im.ErrNotImported
	}
	if err != nil {
		return err
	}
	level, _ := strconv.ParseUint(from.Profile[im.TagLevel], 10, 32)
	s.message = im.Message{
		App: s.actor.App, From: s.From, Nick: from.Profile[im.TagNick], Avatar: from.Profile[im.TagImage], Level: uint32(level),
		Ref: s.Seq, Random: s.Random, Body: s.Body, Cloud: s.Cloud, Quiet: s.NoUnread,
	}
	if silenced, _ := Silenced(from, s.now); silenced && !s.actor.Admin { // what comes by REST is not bound by it
		s.refused = im.ErrMutedC2C
		return nil
	}
	body, refused := p.o.Filter.Body(ctx, s.actor.App, s.Body)
	if s.refused = refused; refused == nil {
		s.message.Body = body
	}
	return nil
}

// sendOnce sends a message to one recipient, if that was not done before.
func (p *People) sendOnce(ctx context.Context, s *sending, to string) (Sent, error) {
	mine := s.mark
	mine.to = to
	sent, repeated, err := p.again.once(ctx, s.now, mine, func() (Sent, error) { return p.send(ctx, s, to) })
	if repeated {
		p.stats.repeated.Inc()
	} else {
		p.stats.count(err)
	}
	return sent, err
}

// send sends a message to one recipient, and has the application's server told how that went.
func (p *People) send(ctx context.Context, s *sending, to string) (Sent, error) {
	m := s.message
	m.To = to
	if err := p.allowed(ctx, s, to); err != nil {
		p.told(ctx, s, &m, err)
		return Sent{}, err
	}
	switch verdict := p.ask(ctx, s, &m); {
	case verdict.Code == hook.Dropped:
		return s.sent, nil
	case verdict.Code != 0:
		return Sent{}, verdict.Err(im.ErrDeniedC2C)
	}
	err := p.deliver(ctx, s, &m)
	p.told(ctx, s, &m, err)
	if err != nil {
		return Sent{}, err
	}
	sent := s.sent
	sent.Seq = m.Seq
	return sent, nil
}

// allowed tells whether the message may go to an account.
func (p *People) allowed(ctx context.Context, s *sending, to string) error {
	if s.refused != nil {
		return s.refused
	}
	return p.exists(ctx, s.actor.App, to, im.ErrNoRecipient)
}

// exists is nil when there is an account, and missing when there is none.
func (p *People) exists(ctx context.Context, app int, id string, missing *im.Error) error {
	_, err := p.Account(ctx, app, id)
	if errors.Is(err, im.ErrUnknownAccount) {
		return missing
	}
	return err
}

// deliver keeps a message for its recipient, and sends it to those terminals that are connected. It goes on when the
// sender no longer waits, who cannot know how far it came.
//
// The message's number is given out by the store, in the transaction that keeps it: whichever node it comes by, numbers
// grow without a hole, and none is seen before a smaller one. An owner of the account among the nodes could give them out
// as well, but not while nodes come and go.
func (p *People) deliver(ctx context.Context, s *sending, m *im.Message) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), keepTime)
	defer cancel()
	done, err := p.turns.take(ctx, key{m.App, m.To})
	if err != nil {
		return fmt.Errorf("cannot send a message in time: %w", err)
	}
	defer done()
	if s.life > 0 {
		m.Seq, err = p.o.Store.KeepMessage(ctx, *m, s.now.Add(s.life))
		if errors.Is(err, store.ErrNotFound) {
			return im.ErrNoRecipient // by now
		}
		if err != nil {
			return fmt.Errorf("cannot keep a message: %w", err)
		}
	}
	if err := p.publish(m.To, m); err != nil {
		if s.life == 0 {
			return err
		}
		p.o.Log.Warn("message kept, but not sent on", "app", m.App, "error", err) // it is got with those that were kept
	}
	if s.Sync && m.From != m.To {
		copied := *m
		copied.Seq = 0 // it counts what the recipient was sent
		if err := p.publish(m.From, &copied); err != nil {
			p.o.Log.Warn("message not shown to its sender", "app", m.App, "error", err)
		}
	}
	return nil
}

// publish sends a message to the terminals of an account.
func (p *People) publish(account string, m *im.Message) error {
	return p.o.Bus.PublishTo(m.App, account, im.AppendPublication(nil, im.AppendPersonal, m))
}
