package people

import (
	"context"
	"errors"

	"weir/room/hook"
	"weir/room/im"
)

// ask has the application's server decide on a message, which it may change.
func (p *People) ask(ctx context.Context, s *sending, m *im.Message) hook.Verdict {
	if s.NoBefore || !p.o.Hooks.Wants(m.App, hook.C2CBeforeSend) {
		return hook.Verdict{}
	}
	verdict := p.o.Hooks.Ask(ctx, hook.Call{App: m.App, Command: hook.C2CBeforeSend, Actor: s.actor, Body: s.callback(m)})
	if verdict.Code != 0 || verdict.Body == nil && verdict.Cloud == nil {
		return verdict
	}
	body, cloud := m.Body, m.Cloud
	if verdict.Body != nil {
		body = verdict.Body
	}
	if verdict.Cloud != nil {
		cloud = *verdict.Cloud
	}
	body, err := im.CheckBody(body, cloud)
	if err != nil { // as if nobody had been asked, like any answer that is none
		p.o.Log.Warn("callback's message is not used", "app", m.App, "error", err)
		return verdict
	}
	m.Body, m.Cloud = body, cloud
	return verdict
}

// told has the application's server told of a message that was sent, or why it was not.
func (p *People) told(ctx context.Context, s *sending, m *im.Message, fault error) {
	if s.NoAfter || !p.o.Hooks.Wants(m.App, hook.C2CAfterSend) {
		return
	}
	sent := hook.C2CMessageSent{C2CMessage: s.callback(m), Info: hook.SentInfo}
	if fault != nil {
		e := asRefusal(fault)
		sent.Result, sent.Info, sent.Unread = e.Number, e.Info, -1
	} else {
		sent.Unread = p.unread(ctx, m.App, m.To)
	}
	p.o.Hooks.Tell(hook.Call{App: m.App, Command: hook.C2CAfterSend, Actor: s.actor, Body: sent})
}

// callback is a message as callbacks have it.
func (s *sending) callback(m *im.Message) hook.C2CMessage {
	c := hook.C2CMessage{
		From: m.From, To: m.To, Seq: uint64(m.Ref), Random: m.Random, Time: m.Time, Key: m.Key(), MsgBody: m.Body, Cloud: m.Cloud,
	}
	if s.life == 0 {
		c.OnlineOnly = 1
	}
	return c
}

// unread is how many messages wait for an account.
func (p *People) unread(ctx context.Context, app int, account string) int {
	n, err := p.o.Store.Kept(ctx, app, account)
	if err != nil {
		p.o.Log.Warn("messages not counted", "app", app, "error", err)
	}
	return n
}

// asRefusal is an error as clients see it.
func asRefusal(err error) *im.Error {
	if e, ok := errors.AsType[*im.Error](err); ok {
		return e
	}
	return im.ErrInternal
}
