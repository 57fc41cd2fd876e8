package rooms

import (
	"context"
	"maps"
	"slices"

	"weir/room/hook"
	"weir/room/im"
)

// Destroy ends a room for good: its owner may, and administrators of the app. What is published in it ends.
func (r *Rooms) Destroy(ctx context.Context, a im.Actor, id string) error {
	f, err := r.allowed(ctx, a, id, Owner)
	if err != nil {
		return err
	}
	if err := r.o.Store.DeleteRoom(ctx, a.App, id); err != nil {
		return failed("destroy the room", err)
	}
	r.counts.forget(key{a.App, id})
	gone := ""
	r.announce(changed{App: a.App, Room: id, Status: &gone})
	r.teller.Gone(a.App, id)
	if r.o.Hooks.Wants(a.App, hook.GroupAfterDestroy) {
		r.o.Hooks.Tell(hook.Call{App: a.App, Command: hook.GroupAfterDestroy, Actor: a, Body: hook.GroupDestroyed{
			Room: id, Type: f.Type, Name: f.Name, Owner: f.Owner, Members: slices.Sorted(maps.Keys(f.members)),
		}})
	}
	return nil
}

// allowed gives the facts of a room in which the actor is at least of a role.
func (r *Rooms) allowed(ctx context.Context, a im.Actor, id string, least Role) (*Facts, error) {
	f, err := r.Get(ctx, a.App, id)
	if err != nil {
		return nil, err
	}
	if f.Role(a) < least {
		return nil, refuse(a)
	}
	return f, nil
}

// refuse is the refusal of what needs more rights.
func refuse(a im.Actor) error {
	if a.Anonymous() {
		return im.ErrNotLoggedIn
	}
	return im.ErrNoPermission
}
