package rooms

import (
	"context"

	"weir/room/hook"
	"weir/room/im"
)

// Join is how an actor comes into a room: it tells whether it may, and in a room with a list of members puts it onto
// the list when it is not yet. Everybody who enters goes through it, anonymous viewers too, who see rooms without a list
// alone. Into a closed room everybody may come, into a forbidden one administrators of the app.
func (r *Rooms) Join(ctx context.Context, a im.Actor, id string) (*Facts, error) {
	f, err := r.Get(ctx, a.App, id)
	if err != nil {
		return nil, err
	}
	role, member := f.Member(a.User)
	switch {
	case a.Admin:
		return f, nil
	case f.Banned(a.User, r.o.Now()):
		return nil, im.ErrBanned
	case f.Status == Forbidden:
		return nil, im.ErrRoomClosed.With("the room is forbidden")
	case !f.Listed() && (a.Anonymous() || role == Owner):
		return f, nil
	case f.Listed() && a.Anonymous():
		return nil, im.ErrNotLoggedIn
	case f.Listed() && member:
		return f, nil
	case f.Listed() && f.Join != FreeAccess:
		return nil, im.ErrNoPermission.With("the room takes nobody who asks")
	}
	if err := r.mayJoin(ctx, a, f); err != nil {
		return nil, err
	}
	if !f.Listed() {
		return f, nil
	}
	added, full, err := r.enlist(ctx, a, f, hook.JoinApply, []string{a.User}, false)
	switch {
	case err != nil:
		return nil, err
	case full && len(added) == 0:
		return nil, im.ErrRoomFull
	default:
		return r.Get(ctx, a.App, id)
	}
}

// mayJoin asks the app's receiver.
func (r *Rooms) mayJoin(ctx context.Context, a im.Actor, f *Facts) error {
	if !r.o.Hooks.Wants(a.App, hook.GroupBeforeJoin) {
		return nil
	}
	return r.o.Hooks.Ask(ctx, hook.Call{App: a.App, Command: hook.GroupBeforeJoin, Actor: a, Body: hook.GroupApplication{
		Room: f.ID, Type: f.Type, Requestor: a.User,
	}}).Err(im.ErrDenied)
}

// Quit takes the actor off the list of a room; an owner stays.
func (r *Rooms) Quit(ctx context.Context, a im.Actor, id string) error {
	f, err := r.Get(ctx, a.App, id)
	if err != nil {
		return err
	}
	switch _, member := f.members[a.User]; {
	case !f.Listed():
		return nil // there is no list to be on
	case a.User == f.Owner && a.User != "":
		return im.ErrOwnerStays
	case !member:
		return im.ErrNotMember
	}
	if err := r.delist(ctx, a, f, hook.ExitQuit, []string{a.User}); err != nil {
		return err
	}
	r.tip(ctx, a.App, id, im.Tip{Op: im.TipQuit, Operator: a.User, Users: []string{a.User}, Count: f.Members() - 1})
	return nil
}
