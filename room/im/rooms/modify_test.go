package rooms

import (
	"fmt"
	"sync"
	"testing"

	"weir/room/hook"
	"weir/room/im"
	"weir/room/store"
)

// B02: the owner changes the announcement; who is in the room hears of that alone, who comes later reads it.
func TestB02_Announcement(t *testing.T) {
	w := newWorld(t)
	w.create(NewRoom{ID: "AV1", Owner: "host", Name: "Sale", Introduction: "i"})
	if err := w.Modify(ctx, user("host"), "AV1", Change{Notification: new("sale at 8"), Introduction: new("i")}); err != nil {
		t.Fatal(err)
	}
	equal(t, "told", w.told.take(), []news{{Room: "AV1", Tip: im.Tip{
		Op: im.TipProfile, Operator: "host", Changed: &im.RoomChange{Notification: new("sale at 8")},
	}}})
	equal(t, "calls", w.hooks.take(), []hook.Call{{App: app, Command: hook.GroupAfterChange, Actor: user("host"), Body: hook.GroupChanged{
		Room: "AV1", Type: AVChatRoom, Operator: "host", Notification: new("sale at 8"),
	}}})
	f, err := w.Join(ctx, user("ann"), "AV1")
	if err != nil || f.Notification != "sale at 8" || f.InfoSeq != 1 {
		t.Errorf("who comes later reads %+v, %v", f, err)
	}
	if err := w.Modify(ctx, user("host"), "AV1", Change{Notification: new("sale at 8")}); err != nil {
		t.Fatal(err)
	}
	if told := w.told.take(); len(told) > 0 || w.facts("AV1").InfoSeq != 1 {
		t.Errorf("what did not change is told: %+v", told)
	}
}

// B21: an administrator of the app changes a room that it is no member of, and everybody is told.
func TestB21_AdministratorModifies(t *testing.T) {
	w := newWorld(t)
	w.create(NewRoom{ID: "P", Type: Public, Owner: "host"})
	if err := w.Modify(ctx, admin, "P", Change{Name: new("new"), Face: new("https://f"), MaxMembers: new(5), Join: new(DisableApply)}); err != nil {
		t.Fatal(err)
	}
	f := w.facts("P")
	equal(t, "room", []any{f.Name, f.Face, f.MaxMembers, f.Join}, []any{"new", "https://f", 5, DisableApply})
	equal(t, "told", w.told.take(), []news{{Room: "P", Tip: im.Tip{
		Op: im.TipProfile, Operator: "administrator", Changed: &im.RoomChange{Name: new("new"), Face: new("https://f")},
	}}})
	w.forget()
	if err := w.Modify(ctx, admin, "P", Change{MaxMembers: new(6)}); err != nil {
		t.Fatal(err)
	}
	if told, calls := w.told.take(), w.hooks.take(); len(told)+len(calls) > 0 || w.facts("P").MaxMembers != 6 {
		t.Errorf("nobody has words for this: %+v, %+v", told, calls)
	}
}

// im-rest.md 6: who may change what of a room.
func TestWhoModifies(t *testing.T) {
	w := newWorld(t)
	members := []NewMember{{Account: "ann"}, {Account: "bob", Role: "Admin"}}
	w.create(NewRoom{ID: "live", Owner: "host"})
	for id, typ := range map[string]string{"public": Public, "private": Private} {
		w.create(NewRoom{ID: id, Type: typ, Owner: "host", Members: members})
	}
	text, muteAll, join := Change{Introduction: new("x")}, Change{MuteAll: new(true)}, Change{Join: new(FreeAccess)}
	viewer := im.Actor{App: app}
	for _, c := range []struct {
		room   string
		actor  im.Actor
		change Change
		want   error
	}{
		{"live", admin, text, nil},
		{"live", user("host"), text, nil},
		{"live", user("ann"), text, im.ErrNoPermission},
		{"live", viewer, text, im.ErrNotLoggedIn},
		{"live", user("host"), muteAll, nil},
		{"live", user("ann"), muteAll, im.ErrNoPermission},
		{"live", user("ann"), join, im.ErrNoPermission},
		{"public", user("host"), join, nil},
		{"public", user("bob"), text, nil},
		{"public", user("bob"), muteAll, nil},
		{"public", user("bob"), join, im.ErrNoPermission},
		{"public", user("bob"), Change{MaxMembers: new(5)}, im.ErrNoPermission},
		{"public", user("ann"), text, im.ErrNoPermission},
		{"public", user("carl"), text, im.ErrNoPermission},
		{"private", user("ann"), text, nil},
		{"private", user("ann"), muteAll, im.ErrNoPermission},
		{"private", user("carl"), text, im.ErrNoPermission},
		{"none", admin, text, im.ErrNoRoom},
		{"live", user("host"), Change{Name: new("forbidden")}, im.ErrSensitive},
		{"public", admin, Change{MaxMembers: new(2001)}, im.ErrBadParameter},
		{"public", admin, Change{Join: new("x")}, im.ErrBadParameter},
	} {
		is(t, fmt.Sprintf("%s in %s: %+v", c.actor.User, c.room, c.change), w.Modify(ctx, c.actor, c.room, c.change), c.want)
	}
}

// All are muted but the owner and admins, until they no longer are.
func TestMuteAll(t *testing.T) {
	w := newWorld(t)
	w.create(NewRoom{ID: "P", Type: Public, Owner: "host", Members: []NewMember{{Account: "ann"}, {Account: "bob", Role: "Admin"}}})
	for _, on := range []bool{true, false} {
		if err := w.Modify(ctx, user("bob"), "P", Change{MuteAll: &on}); err != nil {
			t.Fatal(err)
		}
		f := w.facts("P")
		for who, want := range map[string]bool{"host": false, "bob": false, "ann": on, "carl": on} {
			if f.Muted(who, epoch) != want {
				t.Errorf("%s is muted: %v, while all are: %v", who, !want, on)
			}
		}
		equal(t, "told", w.told.take(), []news{{Room: "P", Tip: im.Tip{
			Op: im.TipProfile, Operator: "bob", Changed: &im.RoomChange{MuteAll: new(map[bool]string{true: "On", false: "Off"}[on])},
		}}})
	}
}

// Two who change a room at the same time lose nothing of each other, on two nodes.
func TestConcurrentModifies(t *testing.T) {
	w := newWorld(t)
	w.create(NewRoom{ID: "AV1"})
	var fields []string
	for i := range 10 {
		fields = append(fields, fmt.Sprint("f", i))
		if err := w.DefineField(ctx, admin, store.Field{Name: fields[i]}); err != nil {
			t.Fatal(err)
		}
	}
	other := w.node()
	var all sync.WaitGroup
	for i, field := range fields {
		all.Go(func() {
			r := []*Rooms{w.Rooms, other}[i%2]
			if err := r.Modify(ctx, admin, "AV1", Change{Fields: []im.FieldPair{{Key: field, Value: "v"}}}); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	for _, r := range []*Rooms{w.Rooms, other} {
		if f, err := r.Get(ctx, app, "AV1"); err != nil || len(f.Fields) != len(fields) || f.InfoSeq != uint64(len(fields)) {
			t.Errorf("there are %v after %d changes, %v", f.Fields, f.InfoSeq, err)
		}
	}
}

// B09: the status of a live room; members are told, what is published ends, publishing is refused.
func TestB09_Status(t *testing.T) {
	w := newWorld(t)
	w.create(NewRoom{ID: "AV1", Owner: "host"})
	for _, c := range []struct {
		actor   im.Actor
		status  string
		want    error
		is      string
		publish error
		enter   error
	}{
		{user("ann"), Closed, im.ErrNoPermission, Open, nil, nil},
		{im.Actor{App: app}, Closed, im.ErrNotLoggedIn, Open, nil, nil},
		{user("host"), "x", im.ErrBadParameter, Open, nil, nil},
		{user("host"), Paused, nil, Paused, nil, nil},
		{user("host"), Closed, nil, Closed, im.ErrRoomClosed, nil},
		{user("host"), Closed, nil, Closed, im.ErrRoomClosed, nil},
		{user("host"), Open, nil, Open, nil, nil},
		{user("host"), Forbidden, im.ErrNoPermission, Open, nil, nil},
		{admin, Forbidden, nil, Forbidden, im.ErrRoomClosed, im.ErrRoomClosed},
		{user("host"), Open, im.ErrNoPermission, Forbidden, im.ErrRoomClosed, im.ErrRoomClosed},
		{user("host"), Closed, im.ErrNoPermission, Forbidden, im.ErrRoomClosed, im.ErrRoomClosed},
		{admin, Open, nil, Open, nil, nil},
	} {
		what := c.actor.User + " makes it " + c.status
		was := w.facts("AV1").Status
		is(t, what, w.SetStatus(ctx, c.actor, "AV1", c.status), c.want)
		equal(t, what, w.facts("AV1").Status, c.is)
		var tips []news
		var ends []string
		if c.is != was {
			tips = []news{{Room: "AV1", Tip: im.Tip{Op: im.TipProfile, Operator: c.actor.User, Changed: &im.RoomChange{Status: &c.is}}}}
			ends = []string{"AV1 is " + c.is}
		}
		equal(t, what+", told", w.told.take(), tips)
		equal(t, what+", media", w.ends.take(), ends)
		is(t, what+", the owner publishes", w.MayPublish(ctx, app, "AV1", "host", false), c.publish)
		is(t, what+", an administrator publishes", w.MayPublish(ctx, app, "AV1", "administrator", true), c.publish)
		_, err := w.Join(ctx, user("ann"), "AV1")
		is(t, what+", somebody enters", err, c.enter)
		_, err = w.Join(ctx, im.Actor{App: app}, "AV1")
		is(t, what+", a viewer enters", err, c.enter)
		_, err = w.Join(ctx, admin, "AV1")
		is(t, what+", an administrator enters", err, nil)
	}
	if calls := w.hooks.bodies(hook.GroupAfterChange); len(calls) > 0 {
		t.Errorf("the app's receiver, which knows no status, is told %+v", calls)
	}
	is(t, "a room that is not there", w.SetStatus(ctx, admin, "none", Closed), im.ErrNoRoom)
}

// im-rest.md 6: change_group_owner.
func TestSetOwner(t *testing.T) {
	w := newWorld(t)
	w.create(NewRoom{ID: "live", Owner: "host"})
	w.create(NewRoom{ID: "P", Type: Public, Owner: "host", Members: []NewMember{{Account: "ann"}, {Account: "bob", Role: "Admin"}}})
	is(t, "of a live room", w.SetOwner(ctx, admin, "live", "ann"), im.ErrNoPermission)
	is(t, "by an admin", w.SetOwner(ctx, user("bob"), "P", "bob"), im.ErrNoPermission)
	is(t, "to nobody", w.SetOwner(ctx, user("host"), "P", "carl"), im.ErrNotMember)
	if told := w.told.take(); len(told) > 0 {
		t.Errorf("told %+v", told)
	}
	is(t, "by the owner", w.SetOwner(ctx, user("host"), "P", "bob"), nil)
	f := w.facts("P")
	if f.Owner != "bob" || f.Role(user("bob")) != Owner || f.Role(user("host")) != Member {
		t.Errorf("owner %s, roles %v", f.Owner, f.members)
	}
	members, _, err := w.Members(ctx, admin, "P", 10, 0)
	roles := map[string]string{}
	for _, m := range members {
		roles[m.Account] = m.Role
	}
	equal(t, "roles", []any{roles, err}, []any{map[string]string{"host": "Member", "ann": "Member", "bob": "Owner"}, nil})
	equal(t, "told", w.told.take(), []news{{Room: "P", Tip: im.Tip{
		Op: im.TipProfile, Operator: "host", Changed: &im.RoomChange{Owner: new("bob")},
	}}})
	equal(t, "media", w.ends.take(), []string{"host in P"})
}

func TestListAndOf(t *testing.T) {
	w := newWorld(t)
	for i := range 5 {
		w.create(NewRoom{ID: fmt.Sprint("a", i), Owner: "host"})
		w.create(NewRoom{ID: fmt.Sprint("p", i), Type: Public, Owner: "ann", Members: []NewMember{{Account: "host"}}})
	}
	var all []string
	after := ""
	for {
		ids, next, total, err := w.List(ctx, app, Public, 2, after)
		if err != nil || total != 5 {
			t.Fatal(total, err)
		}
		all = append(all, ids...)
		if after = next; next == "" {
			break
		}
	}
	equal(t, "pages", all, []string{"p0", "p1", "p2", "p3", "p4"})
	_, _, total, err := w.List(ctx, app, "", 2, "")
	equal(t, "all types", []any{total, err}, []any{10, nil})
	_, _, _, err = w.List(ctx, app, "x", 2, "")
	is(t, "no type", err, im.ErrBadParameter)
	_, _, _, err = w.List(ctx, app, "", 0, "")
	is(t, "no limit", err, im.ErrBadParameter)
	ids, err := w.Of(ctx, app, "host")
	equal(t, "of an account", []any{ids, err}, []any{[]string{"a0", "a1", "a2", "a3", "a4", "p0", "p1", "p2", "p3", "p4"}, nil})
}
