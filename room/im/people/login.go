package people

import (
	"context"
	"errors"

	"weir/room/hook"
	"weir/room/im"
)

// Login is told of each session that begins with a proved identity. It imports an account that is new: whoever signs a
// UserSig for somebody says that there is such a one. Platforms are those of the sessions that had to end for it.
func (p *People) Login(ctx context.Context, actor im.Actor, kicked ...im.Platform) error {
	if err := p.admit(ctx, actor.App, actor.User); err != nil {
		return err
	}
	devices := make([]hook.KickedDevice, 0, len(kicked))
	for _, platform := range kicked {
		devices = append(devices, hook.KickedDevice{Platform: platform})
	}
	p.tell(actor, hook.StateChange, hook.StateChanged{
		Info:   hook.StateInfo{Account: actor.User, Action: hook.Login, Reason: hook.ReasonRegister},
		Kicked: devices,
	})
	return nil
}

// admit makes sure that there is an account whose identity was proved.
func (p *People) admit(ctx context.Context, app int, id string) error {
	_, err := p.Account(ctx, app, id)
	if errors.Is(err, im.ErrUnknownAccount) {
		return p.Import(ctx, app, Newcomer{ID: id})
	}
	return err
}

// Leave is why a session ended.
type Leave string

// Why sessions end.
const (
	LeftLogout  Leave = hook.ReasonUnregister // the client logged out
	LeftClosed  Leave = hook.ReasonLinkClose  // its connection was closed
	LeftTimeout Leave = hook.ReasonTimeout    // its connection went silent
)

// Logout is told of each session that ended.
func (p *People) Logout(actor im.Actor, why Leave) {
	action := hook.Disconnect
	if why == LeftLogout {
		action = hook.Logout
	}
	p.tell(actor, hook.StateChange, hook.StateChanged{
		Info: hook.StateInfo{Account: actor.User, Action: action, Reason: string(why)},
	})
}

// tell has the application's server told, if it wants to be.
func (p *People) tell(actor im.Actor, command string, body hook.Body) {
	if p.o.Hooks.Wants(actor.App, command) {
		p.o.Hooks.Tell(hook.Call{App: actor.App, Command: command, Actor: actor, Body: body})
	}
}
