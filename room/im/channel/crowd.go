package channel

import (
	"slices"
	"time"

	"weir/room/hook"
	"weir/room/im"
)

const (
	// bigCrowd is from how many accounts on a room hears of those who come and go once in bigPace only.
	bigCrowd = 200
	bigPace  = time.Second
	// told is how many accounts one callback names at most.
	told = 100
)

// guest is an account that is in a room by way of this node.
type guest struct {
	sessions []string
	info     im.TipMemberInfo
}

// crowd is who came and went since that was told.
type crowd struct {
	came, left []im.TipMemberInfo // at most Options.TipNames: others are in the count alone
	changed    bool
	at         time.Time // when it was told last

	typ                string   // of the room
	joined, quit, lost []string // for callbacks; at most told
}

// cause is why somebody is in a room or is no longer.
type cause uint8

const (
	joins cause = iota
	quits
	breaks // the connection was lost
)

// noteLocked has it told that an account came or went, also by callback where that is wanted. Who went before it was
// told that they came was never there.
func (r *room) noteLocked(info im.TipMemberInfo, why cause, wanted bool) {
	to, other := &r.crowd.came, &r.crowd.left
	if why != joins {
		to, other = other, to
	}
	r.crowd.changed = true
	same := func(i im.TipMemberInfo) bool { return i.Account == info.Account }
	if i := slices.IndexFunc(*other, same); i >= 0 {
		*other = slices.Delete(*other, i, i+1)
	} else if len(*to) < r.c.o.TipNames {
		*to = append(*to, info)
	}
	if wanted {
		r.callLocked(info.Account, why)
	}
	now := r.c.o.Now()
	if next := r.crowd.at.Add(bigPace); len(r.here) >= bigCrowd && next.After(now) {
		r.atLocked(next, now)
	} else {
		r.soonLocked(now)
	}
}

// callLocked notes an account for the callbacks.
func (r *room) callLocked(account string, why cause) {
	list := [...]*[]string{joins: &r.crowd.joined, quits: &r.crowd.quit, breaks: &r.crowd.lost}[why]
	*list = append(*list, account)
	if len(*list) < told {
		return
	}
	full := r.crowd.calls()
	r.c.behind(func() { r.c.tellCrowd(r.k, &full) })
}

// calls takes what is for callbacks.
func (c *crowd) calls() crowd {
	full := crowd{typ: c.typ, joined: c.joined, quit: c.quit, lost: c.lost}
	c.joined, c.quit, c.lost = nil, nil, nil
	return full
}

// crowdLocked takes what is to be told of who came and went.
func (r *room) crowdLocked(b *batch, now time.Time) {
	if !r.crowd.changed {
		return
	}
	if next := r.crowd.at.Add(bigPace); len(r.here) >= bigCrowd && next.After(now) {
		r.atLocked(next, now)
		return
	}
	b.crowd = r.crowd
	r.crowd = crowd{at: now, typ: r.crowd.typ}
}

// crowdTips makes the notices of who came and went. They show the first of those whom they name as their sender.
func (r *room) crowdTips(b *batch) {
	if len(b.crowd.came) == 0 && len(b.crowd.left) == 0 {
		return
	}
	count := r.c.o.Bus.Count(r.k.app, r.k.room)
	for _, told := range []struct {
		op   im.TipOp
		who  []im.TipMemberInfo
		list *[]im.Message
	}{{im.TipJoin, b.crowd.came, &b.before}, {im.TipQuit, b.crowd.left, &b.after}} {
		if len(told.who) == 0 {
			continue
		}
		tip := im.Tip{Op: told.op, Operator: told.who[0].Account, Members: told.who, Count: count}
		for _, who := range told.who {
			tip.Users = append(tip.Users, who.Account)
		}
		m := r.c.tip(r.k, tip)
		m.From, m.Nick, m.Avatar = told.who[0].Account, told.who[0].Nick, told.who[0].Avatar
		*told.list = append(*told.list, m)
	}
}

// wantsCrowd tells whether anybody is to be told of who comes and goes. It may take as long as the store does.
func (c *Channel) wantsCrowd(app int) bool {
	return c.o.Hooks.Wants(app, hook.GroupStateChange) || c.o.Hooks.Wants(app, hook.GroupAfterJoin) ||
		c.o.Hooks.Wants(app, hook.GroupAfterExit)
}

// tellCrowd tells the application's server who came and went.
func (c *Channel) tellCrowd(k key, of *crowd) {
	for _, list := range []struct {
		who          []string
		event, cause string
	}{
		{of.joined, hook.Online, hook.CauseJoined},
		{of.quit, hook.Offline, hook.CauseQuit},
		{of.lost, hook.Offline, hook.CauseInterrupted},
	} {
		if len(list.who) == 0 {
			continue
		}
		actor := im.Actor{App: k.app, User: list.who[0]}
		c.tellIf(actor, hook.GroupStateChange, hook.GroupPresence{Room: k.room, Event: list.event, Cause: list.cause, Members: list.who})
		if list.event == hook.Online {
			c.tellIf(actor, hook.GroupAfterJoin, hook.GroupJoined{
				Room: k.room, Type: of.typ, How: hook.JoinApply, Operator: actor.User, Members: list.who,
			})
			continue
		}
		c.tellIf(actor, hook.GroupAfterExit, hook.GroupLeft{
			Room: k.room, Type: of.typ, How: hook.ExitQuit, Operator: actor.User, Members: list.who,
		})
	}
}

func (c *Channel) tellIf(a im.Actor, command string, body hook.Body) {
	if c.o.Hooks.Wants(a.App, command) {
		c.o.Hooks.Tell(hook.Call{App: a.App, Command: command, Actor: a, Body: body})
	}
}
