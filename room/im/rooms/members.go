package rooms

import (
	"context"
	"errors"
	"maps"
	"slices"

	"weir/room/hook"
	"weir/room/im"
	"weir/room/store"
)

// maxRemoved is how many accounts one request takes off a list, or mutes.
const maxRemoved = 100

// Added is what became of one account that was to become a member.
type Added struct {
	Account string
	Result  Result
}

// Result is what became of it, by the numbers of the wire.
type Result int

// What became of it.
const (
	AddFailed  Result = 0 // it does not exist, is banned or refused, or found no room
	AddDone    Result = 1
	AddAlready Result = 2
)

// MemberChange is what shall be otherwise of a member; nil stays as it is.
type MemberChange struct {
	Role     *string // Admin or Member
	NameCard *string
	Fields   []im.FieldPair // an empty value deletes one
}

// AddMembers puts accounts, at most 300, onto the list of a room, and tells what became of each: its admins may, and in
// private rooms and communities every member. Silent leaves out the notice. It is im.ErrRoomFull when nobody found room.
func (r *Rooms) AddMembers(ctx context.Context, a im.Actor, id string, accounts []string, silent bool) ([]Added, error) {
	f, err := r.Get(ctx, a.App, id)
	if err != nil {
		return nil, err
	}
	if err := mayInvite(f, a, accounts); err != nil {
		return nil, err
	}
	results := make(map[string]Result, len(accounts))
	for _, account := range accounts {
		if _, ok := f.members[account]; ok {
			results[account] = AddAlready
		}
	}
	invited, err := r.invitable(ctx, a, f, accounts)
	if err != nil {
		return nil, err
	}
	added, full, err := r.enlist(ctx, a, f, hook.JoinInvited, invited, silent)
	if err != nil {
		return nil, err
	}
	if full && len(added) == 0 {
		return nil, im.ErrRoomFull
	}
	for _, account := range added {
		results[account] = AddDone
	}
	list := make([]Added, 0, len(accounts))
	for _, account := range accounts {
		list = append(list, Added{account, results[account]})
	}
	return list, nil
}

func mayInvite(f *Facts, a im.Actor, accounts []string) error {
	least := Admin
	if f.Type == Private || f.Type == Community {
		least = Member
	}
	switch {
	case !f.Listed():
		return im.ErrNoPermission.With("a room of this type has no list of members")
	case f.Role(a) < least:
		return refuse(a)
	case len(accounts) == 0:
		return im.ErrBadParameter.With("no account is named")
	case len(accounts) > maxNewMembers:
		return im.ErrTooMany
	default:
		return nil
	}
}

// invitable are those of the accounts that exist, are not members and that the app's receiver does not refuse.
func (r *Rooms) invitable(ctx context.Context, a im.Actor, f *Facts, accounts []string) ([]string, error) {
	there, err := r.exist(ctx, a.App, accounts)
	if err != nil {
		return nil, err
	}
	maps.DeleteFunc(there, func(account string, _ store.Account) bool {
		_, member := f.members[account]
		return member
	})
	invited := slices.Sorted(maps.Keys(there))
	if len(invited) == 0 || !r.o.Hooks.Wants(a.App, hook.GroupBeforeInvite) {
		return invited, nil
	}
	verdict := r.o.Hooks.Ask(ctx, hook.Call{App: a.App, Command: hook.GroupBeforeInvite, Actor: a, Body: hook.GroupInvitation{
		Room: f.ID, Type: f.Type, Operator: a.User, Members: invited,
	}})
	if err := verdict.Err(im.ErrDenied); err != nil {
		return nil, err
	}
	return slices.DeleteFunc(slices.Clone(invited), func(account string) bool {
		return slices.Contains(verdict.Refused, account)
	}), nil
}

// enlist puts accounts onto the list as far as there is room, and tells of those that were not on it.
func (r *Rooms) enlist(ctx context.Context, a im.Actor, f *Facts, how string, accounts []string, silent bool) (added []string, full bool, err error) {
	if len(accounts) == 0 {
		return nil, false, nil
	}
	members := make([]store.Member, 0, len(accounts))
	for _, account := range accounts {
		members = append(members, store.Member{Account: account, Role: roleMember, Joined: r.now()})
	}
	added, full, err = r.o.Store.AddMembers(ctx, a.App, f.ID, members, f.MaxMembers)
	if err != nil {
		return nil, false, failed("add members", err)
	}
	if len(added) > 0 {
		r.announce(changed{App: a.App, Room: f.ID})
		if how == hook.JoinInvited { // who asked comes in by itself
			r.teller.Came(a.App, f.ID, added)
		}
		if !silent {
			r.tip(ctx, a.App, f.ID, im.Tip{Op: im.TipJoin, Operator: a.User, Users: added, Count: f.Members() + len(added)})
		}
		r.tell(a, hook.GroupAfterJoin, func() hook.Body {
			return hook.GroupJoined{Room: f.ID, Type: f.Type, How: how, Operator: a.User, Members: added}
		})
	}
	if full {
		r.tell(a, hook.GroupAfterFull, func() hook.Body { return hook.GroupFull{Room: f.ID} })
	}
	return added, full, nil
}

// RemoveMembers takes accounts, at most 100, off the list of a room and puts them out: those who stand above them may.
// Silent leaves out the notice to the others.
func (r *Rooms) RemoveMembers(ctx context.Context, a im.Actor, id string, accounts []string, silent bool) error {
	f, err := r.allowed(ctx, a, id, Admin)
	switch {
	case err != nil:
		return err
	case !f.Listed():
		return im.ErrNoPermission.With("nobody is taken out of a room of this type: ban or mute them")
	case len(accounts) > maxRemoved:
		return im.ErrTooMany
	}
	var out []string
	for _, account := range accounts {
		role, member := f.members[account]
		switch {
		case !member || slices.Contains(out, account):
		case role == Owner || role >= f.Role(a):
			return im.ErrNoPermission
		default:
			out = append(out, account)
		}
	}
	if len(out) == 0 {
		return nil
	}
	if err := r.delist(ctx, a, f, hook.ExitKicked, out); err != nil {
		return err
	}
	if !silent {
		r.tip(ctx, a.App, id, im.Tip{Op: im.TipKicked, Operator: a.User, Users: out, Count: f.Members() - len(out)})
	}
	r.teller.PutOut(a.App, id, out, im.NoticeKicked)
	return nil
}

// delist takes accounts off the list, with their seats.
func (r *Rooms) delist(ctx context.Context, a im.Actor, f *Facts, how string, accounts []string) error {
	if err := r.o.Store.DeleteMembers(ctx, a.App, f.ID, accounts); err != nil {
		return failed("remove members", err)
	}
	r.announce(changed{App: a.App, Room: f.ID, Lost: accounts})
	for _, account := range accounts {
		if err := r.Left(ctx, a.App, f.ID, account); err != nil {
			r.o.Log.Error("cannot free the seat of who is no member any more", "app", a.App, "room", f.ID, "err", err)
		}
	}
	r.tell(a, hook.GroupAfterExit, func() hook.Body {
		return hook.GroupLeft{Room: f.ID, Type: f.Type, How: how, Operator: a.User, Members: accounts}
	})
	return nil
}

// Members is a page of a room's list as an actor may see it, in the order that they joined, and how long the list is. A
// private room shows it to its members alone.
func (r *Rooms) Members(ctx context.Context, a im.Actor, id string, limit, offset int) ([]store.Member, int, error) {
	f, err := r.Get(ctx, a.App, id)
	if err != nil {
		return nil, 0, err
	}
	switch {
	case a.Anonymous() && !a.Admin:
		return nil, 0, im.ErrNotLoggedIn
	case f.Type == Private && f.Role(a) < Member:
		return nil, 0, im.ErrNoPermission
	case limit < 0 || offset < 0:
		return nil, 0, im.ErrBadParameter
	case !f.Listed():
		return nil, 0, nil
	}
	set, err := r.fields.get(ctx, key{app: a.App})
	if err != nil {
		return nil, 0, err
	}
	members, total, err := r.o.Store.Members(ctx, a.App, id, min(limit, maxMembers[f.Type]), offset)
	if err != nil {
		return nil, 0, failed("list members", err)
	}
	for i := range members {
		m := &members[i]
		m.Role = f.roleOf(*m)
		m.Fields = set.readable(ofMembers(f.Type), ownRole(f, a, m.Account), m.Fields)
	}
	return members, total, nil
}

// ownRole is what an actor is towards the fields of a member: of its own it may read and write at least what members
// may.
func ownRole(f *Facts, a im.Actor, account string) Role {
	role := f.Role(a)
	if role < Member && a.User == account {
		return Member
	}
	return role
}

// ModifyMember changes a member's role, name card and custom fields: its own card and fields everybody may, those of
// others who stands above them, and roles the owner.
func (r *Rooms) ModifyMember(ctx context.Context, a im.Actor, id, account string, c MemberChange) error {
	f, err := r.Get(ctx, a.App, id)
	if err != nil {
		return err
	}
	if err := c.mayChange(f, a, account); err != nil {
		return err
	}
	if err := r.mayWrite(ctx, a.App, ofMembers(f.Type), f.Role(a), c.Fields); err != nil {
		return err
	}
	if c.NameCard != nil {
		card := *c.NameCard
		c.NameCard = &card
	}
	if err := r.clean(ctx, a.App, text{"NameCard", c.NameCard, maxNameCard, true}); err != nil {
		return err
	}
	err = r.o.Store.ModifyMember(ctx, a.App, id, account, func(m *store.Member) error {
		if c.Role != nil {
			m.Role = *c.Role
		}
		if c.NameCard != nil {
			m.NameCard = *c.NameCard
		}
		m.Fields, _ = setFields(m.Fields, c.Fields)
		return nil
	})
	if errors.Is(err, store.ErrNotFound) {
		return im.ErrNotMember
	}
	if err != nil {
		return failed("modify a member", err)
	}
	word := changed{App: a.App, Room: id}
	if c.Role != nil {
		word.Lost = []string{account}
	}
	r.announce(word)
	r.tip(ctx, a.App, id, im.Tip{Op: im.TipMember, Operator: a.User, Users: []string{account}})
	return nil
}

func (c MemberChange) mayChange(f *Facts, a im.Actor, account string) error {
	other, member := f.members[account]
	role := f.Role(a)
	switch {
	case !f.Listed():
		return im.ErrNoPermission.With("a room of this type has no list of members")
	case a.Anonymous() && !a.Admin:
		return im.ErrNotLoggedIn
	case !member:
		return im.ErrNotMember
	case a.User != account && (role < Admin || role <= other):
		return im.ErrNoPermission
	case c.Role != nil && (role < Owner || other == Owner):
		return im.ErrNoPermission
	case c.Role != nil && *c.Role != roleAdmin && *c.Role != roleMember:
		return im.ErrBadParameter.With("a member's role is Admin or Member")
	default:
		return nil
	}
}
