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

// Change is what shall be otherwise of a room; nil stays as it is.
type Change struct {
	Name, Introduction, Notification, Face *string
	Join                                   *string
	MaxMembers                             *int
	MuteAll                                *bool
	// Fields are the custom fields to set; an empty value deletes one.
	Fields []im.FieldPair
}

// Modify changes a room's facts, and tells once what did change. In a room without a list of members the owner may, and
// administrators of the app; in others its admins may change texts and mute all too, and in a private one every member
// texts. Custom fields are changed by whom their definition lets.
func (r *Rooms) Modify(ctx context.Context, a im.Actor, id string, c Change) error {
	f, err := r.Get(ctx, a.App, id)
	if err != nil {
		return err
	}
	if err := c.mayChange(f, a); err != nil {
		return err
	}
	if err := r.mayWrite(ctx, a.App, ofRooms(f.Type), f.Role(a), c.Fields); err != nil {
		return err
	}
	if c, err = r.check(ctx, a.App, f, c); err != nil || c.none() {
		return err
	}
	return r.modify(ctx, a, id, c.apply)
}

// texts tells whether a text shall be otherwise, none whether nothing shall.
func (c Change) texts() bool {
	return c.Name != nil || c.Introduction != nil || c.Notification != nil || c.Face != nil
}

func (c Change) none() bool {
	return !c.texts() && c.Join == nil && c.MaxMembers == nil && c.MuteAll == nil && len(c.Fields) == 0
}

// mayChange tells whether the actor may change what is not a custom field.
func (c Change) mayChange(f *Facts, a im.Actor) error {
	role := f.Role(a)
	switch {
	case role < leastForTexts(f.Type) && c.texts(),
		role < Admin && c.MuteAll != nil,
		role < Owner && (c.Join != nil || c.MaxMembers != nil):
		return refuse(a)
	default:
		return nil
	}
}

// leastForTexts is who may change a room's texts.
func leastForTexts(typ string) Role {
	switch {
	case !listed(typ):
		return Owner
	case typ == Private:
		return Member
	default:
		return Admin
	}
}

// check gives the change back as it may be made.
func (r *Rooms) check(ctx context.Context, app int, f *Facts, c Change) (Change, error) {
	for _, value := range []**string{&c.Name, &c.Introduction, &c.Notification, &c.Face} {
		if *value != nil { // the caller's stays as it is
			text := **value
			*value = &text
		}
	}
	if c.Name != nil && *c.Name == "" {
		return Change{}, im.ErrBadParameter.With("a room has a name")
	}
	if err := r.clean(ctx, app, roomTexts(c.Name, c.Introduction, c.Notification, c.Face)...); err != nil {
		return Change{}, err
	}
	if c.Join != nil {
		if err := checkJoin(*c.Join); err != nil {
			return Change{}, err
		}
	}
	if c.MaxMembers != nil {
		most, err := roomFor(f.Type, *c.MaxMembers)
		if err != nil {
			return Change{}, err
		}
		c.MaxMembers = &most
	}
	return c, nil
}

// apply makes the change and gives what of it clients are told: what is otherwise now.
func (c Change) apply(room *store.Room) im.RoomChange {
	if c.Join != nil {
		room.Join = *c.Join
	}
	if c.MaxMembers != nil {
		room.MaxMembers = *c.MaxMembers
	}
	told := im.RoomChange{
		Name: put(&room.Name, c.Name), Introduction: put(&room.Introduction, c.Introduction),
		Notification: put(&room.Notification, c.Notification), Face: put(&room.Face, c.Face),
	}
	if c.MuteAll != nil && *c.MuteAll != room.MuteAll {
		room.MuteAll = *c.MuteAll
		told.MuteAll = onOff(room.MuteAll)
	}
	room.Fields, told.Fields = setFields(room.Fields, c.Fields)
	return told
}

// put sets a value where there is another, and gives it back then.
func put(old, value *string) *string {
	if value == nil || *value == *old {
		return nil
	}
	*old = *value
	return value
}

func onOff(on bool) *string {
	s := "Off"
	if on {
		s = "On"
	}
	return &s
}

// errSame takes a change back that changes nothing.
var errSame = errors.New("nothing changed")

// modify changes the room in one transaction and tells what did change.
func (r *Rooms) modify(ctx context.Context, a im.Actor, id string, change func(*store.Room) im.RoomChange) error {
	var told im.RoomChange
	room, err := r.o.Store.ModifyRoom(ctx, a.App, id, func(room *store.Room) error {
		before := *room
		if told = change(room); same(&before, room) {
			return errSame
		}
		return nil
	})
	if errors.Is(err, errSame) {
		return nil
	}
	if err != nil {
		return failed("modify the room", err)
	}
	word := changed{App: a.App, Room: id, Status: told.Status}
	r.announce(word)
	r.tellChanged(ctx, a, room, told)
	return nil
}

// same tells whether two states of a room are one. Fields are put in place whole, so that a change shows in what is told.
func same(a, b *store.Room) bool {
	return a.Name == b.Name && a.Introduction == b.Introduction && a.Notification == b.Notification && a.Face == b.Face &&
		a.Owner == b.Owner && a.Join == b.Join && a.MaxMembers == b.MaxMembers && a.MuteAll == b.MuteAll &&
		a.Status == b.Status && maps.Equal(a.Fields, b.Fields)
}

// tellChanged tells those in the room, but no fields that not everybody among them may read, and the app's receiver,
// which hears of texts alone.
func (r *Rooms) tellChanged(ctx context.Context, a im.Actor, room store.Room, told im.RoomChange) {
	text := hook.GroupChanged{
		Room: room.ID, Type: room.Type, Operator: a.User,
		Name: told.Name, Introduction: told.Introduction, Notification: told.Notification, Face: told.Face,
	}
	texts := text.Name != nil || text.Introduction != nil || text.Notification != nil || text.Face != nil
	if texts && r.o.Hooks.Wants(a.App, hook.GroupAfterChange) {
		r.o.Hooks.Tell(hook.Call{App: a.App, Command: hook.GroupAfterChange, Actor: a, Body: text})
	}
	if len(told.Fields) > 0 {
		set, err := r.fields.get(ctx, key{app: a.App})
		if err != nil {
			r.o.Log.Error("cannot tell a room of its custom fields", "app", a.App, "room", room.ID, "err", err)
		}
		told.Fields = slices.DeleteFunc(told.Fields, func(f im.FieldPair) bool {
			return len(set.readable(ofRooms(room.Type), Member, map[string]string{f.Key: f.Value})) == 0
		})
	}
	if texts || told.Owner != nil || told.MuteAll != nil || told.Status != nil || len(told.Fields) > 0 {
		r.teller.Tip(a.App, room.ID, im.Tip{Op: im.TipProfile, Operator: a.User, Changed: &told})
	}
}

// SetOwner gives a room with a list of members to another member.
func (r *Rooms) SetOwner(ctx context.Context, a im.Actor, id, owner string) error {
	f, err := r.allowed(ctx, a, id, Owner)
	switch {
	case err != nil:
		return err
	case !f.Listed():
		return im.ErrNoPermission.With("a room of this type keeps its owner")
	}
	if _, ok := f.members[owner]; !ok {
		return im.ErrNotMember.With("the new owner is not a member")
	}
	before := f.Owner
	if err := r.modify(ctx, a, id, func(room *store.Room) im.RoomChange {
		before = room.Owner
		return im.RoomChange{Owner: put(&room.Owner, &owner)}
	}); err != nil {
		return err
	}
	if before != "" && before != owner {
		r.announce(changed{App: a.App, Room: id, Lost: []string{before}})
	}
	return nil
}

// SetStatus opens, pauses or closes a room: its owner and admins may. Only administrators of the app forbid it, and
// end that.
func (r *Rooms) SetStatus(ctx context.Context, a im.Actor, id, status string) error {
	if err := checkStatus(status); err != nil {
		return err
	}
	if _, err := r.allowed(ctx, a, id, Admin); err != nil {
		return err
	}
	refused := false
	err := r.modify(ctx, a, id, func(room *store.Room) im.RoomChange {
		// Decided in the transaction: nobody opens what is being forbidden.
		refused = !a.Admin && (status == Forbidden || room.Status == Forbidden)
		if refused {
			return im.RoomChange{}
		}
		return im.RoomChange{Status: put(&room.Status, &status)}
	})
	if refused {
		return im.ErrNoPermission.With("only administrators forbid a room, and end that")
	}
	return err
}
