package rooms

import (
	"context"

	"weir/room/hook"
	"weir/room/im"
)

// The items of a profile that tips show.
const (
	tagNick  = "Tag_Profile_IM_Nick"
	tagImage = "Tag_Profile_IM_Image"
)

// tip tells those in a room, with the names of the users as far as they are known.
func (r *Rooms) tip(ctx context.Context, app int, room string, t im.Tip) {
	t.Members = r.names(ctx, app, t.Users)
	r.teller.Tip(app, room, t)
}

// names are how accounts are shown; the store's failure costs the names alone.
func (r *Rooms) names(ctx context.Context, app int, users []string) []im.TipMemberInfo {
	accounts, err := r.exist(ctx, app, users)
	if err != nil {
		r.o.Log.Warn("cannot name the users of a notice", "app", app, "err", err)
	}
	var names []im.TipMemberInfo
	for _, user := range users {
		profile := accounts[user].Profile
		if nick, avatar := profile[tagNick], profile[tagImage]; nick != "" || avatar != "" {
			names = append(names, im.TipMemberInfo{Account: user, Nick: nick, Avatar: avatar})
		}
	}
	return names
}

// tell tells the app's receiver, where it wants to know.
func (r *Rooms) tell(a im.Actor, command string, body func() hook.Body) {
	if r.o.Hooks.Wants(a.App, command) {
		r.o.Hooks.Tell(hook.Call{App: a.App, Command: command, Actor: a, Body: body()})
	}
}
