package rooms

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"weir/room/hook"
	"weir/room/im"
	"weir/room/store"
)

// im-rest.md 6: add_group_member.
func TestAddMembers(t *testing.T) {
	w := newWorld(t)
	w.create(NewRoom{ID: "live", Owner: "host"})
	w.create(NewRoom{ID: "P", Type: Public, Owner: "host", MaxMembers: 5, Members: []NewMember{{Account: "ann"}}})
	_, err := w.AddMembers(ctx, admin, "live", []string{"bob"}, false)
	is(t, "into a live room", err, im.ErrNoPermission)
	_, err = w.AddMembers(ctx, admin, "P", nil, false)
	is(t, "nobody", err, im.ErrBadParameter)
	_, err = w.AddMembers(ctx, user("ann"), "P", []string{"bob"}, false)
	is(t, "by a member", err, im.ErrNoPermission)
	_, err = w.AddMembers(ctx, admin, "P", make([]string, 301), false)
	is(t, "301", err, im.ErrTooMany)

	w.hooks.say(hook.GroupBeforeInvite, hook.Verdict{Refused: []string{"carl"}})
	added, err := w.AddMembers(ctx, user("host"), "P", []string{"bob", "nobody", "ann", "carl", "u1"}, false)
	equal(t, "added", []any{added, err}, []any{[]Added{
		{"bob", AddDone}, {"nobody", AddFailed}, {"ann", AddAlready}, {"carl", AddFailed}, {"u1", AddDone},
	}, nil})
	equal(t, "told", w.told.take(), []news{{Room: "P", Came: []string{"bob", "u1"}}, {Room: "P", Tip: im.Tip{
		Op: im.TipJoin, Operator: "host", Users: []string{"bob", "u1"}, Count: 4,
		Members: []im.TipMemberInfo{{Account: "bob", Nick: "nick of bob"}, {Account: "u1", Nick: "nick of u1"}},
	}}})
	equal(t, "calls", w.hooks.take(), []hook.Call{
		{App: app, Command: hook.GroupBeforeInvite, Actor: user("host"), Body: hook.GroupInvitation{
			Room: "P", Type: Public, Operator: "host", Members: hook.Members{"bob", "carl", "u1"},
		}},
		{App: app, Command: hook.GroupAfterJoin, Actor: user("host"), Body: hook.GroupJoined{
			Room: "P", Type: Public, How: hook.JoinInvited, Operator: "host", Members: hook.Members{"bob", "u1"},
		}},
	})
	w.hooks.say("", hook.Verdict{})
	added, err = w.AddMembers(ctx, admin, "P", []string{"u2", "u3"}, true)
	equal(t, "the last one", []any{added, err}, []any{[]Added{{"u2", AddDone}, {"u3", AddFailed}}, nil})
	equal(t, "silent", w.told.take(), []news{{Room: "P", Came: []string{"u2"}}})
	equal(t, "full", w.hooks.bodies(hook.GroupAfterFull), []hook.Body{hook.GroupFull{Room: "P"}})
	_, err = w.AddMembers(ctx, admin, "P", []string{"u3"}, false)
	is(t, "into a full room", err, im.ErrRoomFull)

	w.hooks.say(hook.GroupBeforeInvite, hook.Verdict{Code: 1})
	w.create(NewRoom{ID: "Q", Type: Private, Owner: "host", Members: []NewMember{{Account: "ann"}}})
	_, err = w.AddMembers(ctx, user("ann"), "Q", []string{"bob"}, false)
	is(t, "denied", err, im.ErrDenied)
	w.hooks.say("", hook.Verdict{})
	_, err = w.AddMembers(ctx, user("ann"), "Q", []string{"bob"}, false)
	is(t, "by a member of a private room", err, nil)
}

// Many at the same time are no more than there is room for.
func TestAddMembersAtOnce(t *testing.T) {
	w := newWorld(t)
	w.create(NewRoom{ID: "P", Type: Public, MaxMembers: 3})
	nodes := []*Rooms{w.Rooms, w.node()}
	var all sync.WaitGroup
	for i := range 10 {
		all.Go(func() {
			_, err := nodes[i%2].Join(ctx, user(fmt.Sprint("u", i)), "P")
			if err != nil {
				is(t, "join", err, im.ErrRoomFull)
			}
		})
	}
	all.Wait()
	for _, r := range nodes {
		if f, err := r.Get(ctx, app, "P"); err != nil || f.Members() != 3 {
			t.Errorf("%d members, %v", f.Members(), err)
		}
	}
}

// im-rest.md 6: delete_group_member.
func TestRemoveMembers(t *testing.T) {
	w := newWorld(t)
	w.create(NewRoom{ID: "live", Owner: "host"})
	w.create(NewRoom{ID: "P", Type: Public, Owner: "host", Members: []NewMember{
		{Account: "ann"}, {Account: "bob", Role: "Admin"}, {Account: "carl", Role: "Admin"}, {Account: "u1"},
	}})
	for _, c := range []struct {
		what  string
		actor im.Actor
		room  string
		who   []string
		want  error
	}{
		{"a live room", admin, "live", []string{"ann"}, im.ErrNoPermission},
		{"by a member", user("ann"), "P", []string{"u1"}, im.ErrNoPermission},
		{"an admin by an admin", user("bob"), "P", []string{"ann", "carl"}, im.ErrNoPermission},
		{"the owner", admin, "P", []string{"host"}, im.ErrNoPermission},
		{"101", admin, "P", make([]string, 101), im.ErrTooMany},
		{"nobody that is there", admin, "P", []string{"u9"}, nil},
	} {
		is(t, c.what, w.RemoveMembers(ctx, c.actor, c.room, c.who, false), c.want)
	}
	if told := w.told.take(); len(told) > 0 || w.facts("P").Members() != 5 {
		t.Errorf("told %+v", told)
	}
	w.hooks.take()
	is(t, "by an admin", w.RemoveMembers(ctx, user("bob"), "P", []string{"ann", "u9", "ann", "u1"}, false), nil)
	out := []string{"ann", "u1"}
	equal(t, "told", w.told.take(), []news{
		{Room: "P", Tip: im.Tip{Op: im.TipKicked, Operator: "bob", Users: out, Count: 3, Members: []im.TipMemberInfo{
			{Account: "ann", Nick: "nick of ann"}, {Account: "u1", Nick: "nick of u1"},
		}}},
		{Room: "P", To: out, Out: im.NoticeKicked},
	})
	equal(t, "calls", w.hooks.take(), []hook.Call{{App: app, Command: hook.GroupAfterExit, Actor: user("bob"), Body: hook.GroupLeft{
		Room: "P", Type: Public, How: hook.ExitKicked, Operator: "bob", Members: out,
	}}})
	equal(t, "media", w.ends.take(), []string{"ann in P", "u1 in P"})
	is(t, "silently", w.RemoveMembers(ctx, user("host"), "P", []string{"bob"}, true), nil)
	equal(t, "told", w.told.take(), []news{{Room: "P", To: []string{"bob"}, Out: im.NoticeKicked}})
}

// Join and Quit: how a room takes those who ask, what the app's receiver is asked and told.
func TestJoinAndQuit(t *testing.T) {
	w := newWorld(t)
	w.create(NewRoom{ID: "live", Owner: "host"})
	w.create(NewRoom{ID: "free", Type: Public, Owner: "host", MaxMembers: 2})
	w.create(NewRoom{ID: "asked", Type: Public, Owner: "host", Join: NeedPermission, Members: []NewMember{{Account: "ann"}}})
	w.create(NewRoom{ID: "shut", Type: Public, Owner: "host", Join: DisableApply})
	w.create(NewRoom{ID: "forbidden", Type: Public, Owner: "host"})
	is(t, "forbid", w.SetStatus(ctx, admin, "forbidden", Forbidden), nil)
	viewer := im.Actor{App: app}
	for _, c := range []struct {
		room  string
		actor im.Actor
		want  error
	}{
		{"live", viewer, nil},
		{"live", user("ann"), nil},
		{"live", user("host"), nil},
		{"free", viewer, im.ErrNotLoggedIn},
		{"free", admin, nil},
		{"free", user("host"), nil},
		{"asked", user("ann"), nil},
		{"asked", user("bob"), im.ErrNoPermission},
		{"shut", user("bob"), im.ErrNoPermission},
		{"forbidden", user("host"), im.ErrRoomClosed},
		{"none", user("bob"), im.ErrNoRoom},
	} {
		_, err := w.Join(ctx, c.actor, c.room)
		is(t, c.actor.User+" into "+c.room, err, c.want)
	}
	w.forget()
	f, err := w.Join(ctx, user("ann"), "free")
	if err != nil || f.Role(user("ann")) != Member || f.Members() != 2 {
		t.Errorf("%+v, %v", f, err)
	}
	equal(t, "told", w.told.take(), []news{{Room: "free", Tip: im.Tip{
		Op: im.TipJoin, Operator: "ann", Users: []string{"ann"}, Count: 2, Members: []im.TipMemberInfo{{Account: "ann", Nick: "nick of ann"}},
	}}})
	equal(t, "calls", w.hooks.take(), []hook.Call{
		{App: app, Command: hook.GroupBeforeJoin, Actor: user("ann"), Body: hook.GroupApplication{Room: "free", Type: Public, Requestor: "ann"}},
		{App: app, Command: hook.GroupAfterJoin, Actor: user("ann"), Body: hook.GroupJoined{
			Room: "free", Type: Public, How: hook.JoinApply, Operator: "ann", Members: hook.Members{"ann"},
		}},
		{App: app, Command: hook.GroupAfterFull, Actor: user("ann"), Body: hook.GroupFull{Room: "free"}},
	})
	_, err = w.Join(ctx, user("ann"), "free")
	is(t, "again", err, nil)
	_, err = w.Join(ctx, user("bob"), "free")
	is(t, "a full room", err, im.ErrRoomFull)
	w.forget()
	is(t, "the owner quits", w.Quit(ctx, user("host"), "free"), im.ErrOwnerStays)
	is(t, "a stranger quits", w.Quit(ctx, user("carl"), "free"), im.ErrNotMember)
	is(t, "a viewer quits", w.Quit(ctx, viewer, "live"), nil)
	is(t, "ann quits", w.Quit(ctx, user("ann"), "free"), nil)
	equal(t, "told", w.told.take(), []news{{Room: "free", Tip: im.Tip{
		Op: im.TipQuit, Operator: "ann", Users: []string{"ann"}, Count: 1, Members: []im.TipMemberInfo{{Account: "ann", Nick: "nick of ann"}},
	}}})
	equal(t, "calls", w.hooks.take(), []hook.Call{{App: app, Command: hook.GroupAfterExit, Actor: user("ann"), Body: hook.GroupLeft{
		Room: "free", Type: Public, How: hook.ExitQuit, Operator: "ann", Members: hook.Members{"ann"},
	}}})
	w.hooks.say(hook.GroupBeforeJoin, hook.Verdict{Code: 1})
	for _, room := range []string{"free", "live"} {
		_, err = w.Join(ctx, user("bob"), room)
		is(t, "denied into "+room, err, im.ErrDenied)
		_, err = w.Join(ctx, user("host"), room)
		is(t, "the owner, who is not asked for", err, nil)
	}
}

// Roles, name cards and fields of members.
func TestModifyMember(t *testing.T) {
	w := newWorld(t)
	w.create(NewRoom{ID: "live", Owner: "host"})
	is(t, "define", w.DefineField(ctx, admin, store.Field{Name: "level", Member: true, Read: "member", Write: "admin"}), nil)
	w.create(NewRoom{ID: "P", Type: Public, Owner: "host", Members: []NewMember{
		{Account: "ann"}, {Account: "bob", Role: "Admin", Fields: []im.FieldPair{{Key: "level", Value: "1"}}}, {Account: "carl"},
	}})
	card := MemberChange{NameCard: new("a rude card")}
	for _, c := range []struct {
		what   string
		actor  im.Actor
		room   string
		member string
		change MemberChange
		want   error
	}{
		{"in a live room", admin, "live", "ann", card, im.ErrNoPermission},
		{"of a stranger", admin, "P", "u1", card, im.ErrNotMember},
		{"another's by a member", user("ann"), "P", "carl", card, im.ErrNoPermission},
		{"an admin's by a member", user("ann"), "P", "bob", card, im.ErrNoPermission},
		{"the owner's by an admin", user("bob"), "P", "host", card, im.ErrNoPermission},
		{"the own", user("ann"), "P", "ann", card, nil},
		{"a member's by an admin", user("bob"), "P", "ann", card, nil},
		{"50 bytes", user("ann"), "P", "ann", MemberChange{NameCard: new(strings.Repeat("a", 50))}, nil},
		{"51 bytes", user("ann"), "P", "ann", MemberChange{NameCard: new(strings.Repeat("字", 17))}, im.ErrBadParameter},
		{"a word", user("ann"), "P", "ann", MemberChange{NameCard: new("forbidden")}, im.ErrSensitive},
		{"the own field", user("ann"), "P", "ann", MemberChange{Fields: []im.FieldPair{{Key: "level", Value: "9"}}}, im.ErrNoPermission},
		{"a field by an admin", user("bob"), "P", "ann", MemberChange{Fields: []im.FieldPair{{Key: "level", Value: "2"}}}, nil},
		{"a role by an admin", user("bob"), "P", "ann", MemberChange{Role: new("Admin")}, im.ErrNoPermission},
		{"a role by the owner", user("host"), "P", "carl", MemberChange{Role: new("Admin")}, nil},
		{"the owner's role", admin, "P", "host", MemberChange{Role: new("Member")}, im.ErrNoPermission},
		{"to be the owner", admin, "P", "ann", MemberChange{Role: new("Owner")}, im.ErrBadParameter},
		{"by a viewer", im.Actor{App: app}, "P", "ann", card, im.ErrNotLoggedIn},
	} {
		is(t, c.what, w.ModifyMember(ctx, c.actor, c.room, c.member, c.change), c.want)
	}
	equal(t, "told of", w.told.take()[0], news{Room: "P", Tip: im.Tip{
		Op: im.TipMember, Operator: "ann", Users: []string{"ann"}, Members: []im.TipMemberInfo{{Account: "ann", Nick: "nick of ann"}},
	}})
	members, total, err := w.Members(ctx, user("ann"), "P", 10, 0)
	equal(t, "members", []any{members, total, err}, []any{[]store.Member{
		{Account: "ann", Role: "Member", NameCard: strings.Repeat("a", 50), Joined: epoch, Fields: map[string]string{"level": "2"}},
		{Account: "bob", Role: "Admin", Joined: epoch, Fields: map[string]string{"level": "1"}},
		{Account: "carl", Role: "Admin", Joined: epoch, Fields: map[string]string{}},
		{Account: "host", Role: "Owner", Joined: epoch, Fields: map[string]string{}},
	}, 4, nil})
	members, _, _ = w.Members(ctx, user("u1"), "P", 1, 1)
	if len(members) != 1 || members[0].Account != "bob" || len(members[0].Fields) > 0 {
		t.Errorf("a stranger sees %+v", members)
	}
	w.create(NewRoom{ID: "Q", Type: Private, Owner: "host"})
	_, _, err = w.Members(ctx, user("u1"), "Q", 10, 0)
	is(t, "a private room's list", err, im.ErrNoPermission)
	_, _, err = w.Members(ctx, im.Actor{App: app}, "P", 10, 0)
	is(t, "a viewer", err, im.ErrNotLoggedIn)
	none, total, err := w.Members(ctx, admin, "live", 10, 0)
	equal(t, "no list", []any{none, total, err}, []any{[]store.Member(nil), 0, nil})
}

// E04: who is muted stays so when it leaves and comes again, until it is not, or its time is over.
func TestE04_Mute(t *testing.T) {
	w := newWorld(t)
	w.create(NewRoom{ID: "P", Type: Public, Owner: "host", Members: []NewMember{{Account: "ann"}, {Account: "bob", Role: "Admin"}, {Account: "carl", Role: "Admin"}}})
	for _, c := range []struct {
		what  string
		actor im.Actor
		who   []string
		want  error
	}{
		{"by a member", user("ann"), []string{"u1"}, im.ErrNoPermission},
		{"an admin by an admin", user("bob"), []string{"ann", "carl"}, im.ErrNoPermission},
		{"oneself", user("bob"), []string{"bob"}, im.ErrNoPermission},
		{"nobody", admin, nil, im.ErrBadParameter},
		{"101", admin, make([]string, 101), im.ErrTooMany},
		{"no account", admin, []string{""}, im.ErrBadAccount},
		{"33 bytes", admin, []string{strings.Repeat("a", 33)}, im.ErrBadAccount},
		{"the owner by the app", admin, []string{"host"}, nil},
	} {
		is(t, c.what, w.Mute(ctx, c.actor, "P", c.who, 60), c.want)
	}
	w.forget()
	until := epoch.Unix() + 60
	is(t, "mute", w.Mute(ctx, user("bob"), "P", []string{"ann"}, 60), nil)
	equal(t, "told", w.told.take(), []news{{Room: "P", Tip: im.Tip{
		Op: im.TipMember, Operator: "bob", Users: []string{"ann"}, Muted: &until, Members: []im.TipMemberInfo{{Account: "ann", Nick: "nick of ann"}},
	}}})
	is(t, "quit", w.Quit(ctx, user("ann"), "P"), nil)
	w.restart()
	f, err := w.Join(ctx, user("ann"), "P")
	if err != nil || !f.Muted("ann", w.clock.Now()) {
		t.Errorf("is not muted after it came again: %v", err)
	}
	mutes, err := w.Mutes(ctx, user("bob"), "P")
	equal(t, "mutes", []any{mutes, err}, []any{[]store.Until{{Account: "ann", Until: until}, {Account: "host", Until: until}}, nil})
	_, err = w.Mutes(ctx, user("ann"), "P")
	is(t, "mutes by a member", err, im.ErrNoPermission)
	w.clock.pass(59 * time.Second)
	if !w.facts("P").Muted("ann", w.clock.Now()) {
		t.Error("is not muted a second before the end")
	}
	w.clock.pass(time.Second)
	if w.facts("P").Muted("ann", w.clock.Now()) {
		t.Error("is muted at the end")
	}
	if mutes, _ := w.Mutes(ctx, admin, "P"); len(mutes) > 0 {
		t.Errorf("mutes that are over: %v", mutes)
	}
	is(t, "for good", w.Mute(ctx, admin, "P", []string{"ann"}, Forever), nil)
	w.clock.pass(50 * 365 * 24 * time.Hour)
	if !w.facts("P").Muted("ann", w.clock.Now()) {
		t.Error("is not muted for good")
	}
	is(t, "unmute", w.Mute(ctx, admin, "P", []string{"ann"}, 0), nil)
	if w.facts("P").Muted("ann", w.clock.Now()) {
		t.Error("is muted still")
	}
}

// E05: who is banned is put out, cannot come in for the time, and loses its seat.
func TestE05_Ban(t *testing.T) {
	w := newWorld(t)
	w.create(NewRoom{ID: "AV1", Owner: "host"})
	w.create(NewRoom{ID: "P", Type: Public, Owner: "host"})
	seated(t, w, "AV1", "ann")
	w.forget()
	for _, c := range []struct {
		what    string
		actor   im.Actor
		room    string
		who     []string
		seconds uint32
		want    error
	}{
		{"a room with a list", admin, "P", []string{"ann"}, 60, im.ErrNoPermission},
		{"by a user", user("bob"), "AV1", []string{"ann"}, 60, im.ErrNoPermission},
		{"by a viewer", im.Actor{App: app}, "AV1", []string{"ann"}, 60, im.ErrNotLoggedIn},
		{"the owner by the owner", user("host"), "AV1", []string{"host"}, 60, im.ErrNoPermission},
		{"for no time", admin, "AV1", []string{"ann"}, 0, im.ErrBadParameter},
		{"21", admin, "AV1", make([]string, 21), 60, im.ErrTooMany},
		{"no room", admin, "none", []string{"ann"}, 60, im.ErrNoRoom},
	} {
		is(t, c.what, w.Ban(ctx, c.actor, c.room, c.who, c.seconds), c.want)
	}
	is(t, "ban", w.Ban(ctx, user("host"), "AV1", []string{"ann", "bob"}, 60), nil)
	told := w.told.take()
	if len(told) != 3 {
		t.Fatalf("told %+v", told)
	}
	both := []string{"ann", "bob"}
	equal(t, "told", told[0].Tip.Op, im.TipBanned)
	equal(t, "told", told[0].Tip.Users, both)
	equal(t, "put out", told[1], news{Room: "AV1", To: both, Out: im.NoticeKicked})
	equal(t, "seat", []string{told[2].Tip.Seat, told[2].Tip.Users[0]}, []string{SeatLeft, "ann"})
	equal(t, "media", w.ends.take(), []string{"ann in AV1", "bob in AV1", "ann in AV1"})
	is(t, "publishes", w.MayPublish(ctx, app, "AV1", "ann", false), im.ErrBanned)
	_, err := w.Join(ctx, user("ann"), "AV1")
	is(t, "comes in", err, im.ErrBanned)
	is(t, "likes", w.Like(ctx, user("ann"), "AV1", LikesKey, 1), im.ErrBanned)
	is(t, "asks for a seat", w.RequestSeat(ctx, user("ann"), "AV1"), im.ErrBanned)
	w.restart()
	is(t, "for good", w.Ban(ctx, admin, "AV1", []string{"carl"}, Forever), nil)
	bans, total, err := w.Bans(ctx, user("host"), "AV1", 2, 1)
	equal(t, "bans", []any{bans, total, err}, []any{[]store.Until{
		{Account: "bob", Until: epoch.Unix() + 60}, {Account: "carl", Until: Forever},
	}, 3, nil})
	for _, page := range [][2]int{{0, 0}, {5, 3}, {5, 99}} {
		if bans, total, err := w.Bans(ctx, admin, "AV1", page[0], page[1]); len(bans) > 0 || total != 3 || err != nil {
			t.Errorf("page %v: %v of %d, %v", page, bans, total, err)
		}
	}
	_, _, err = w.Bans(ctx, user("bob"), "AV1", 1, 0)
	is(t, "bans by a user", err, im.ErrNoPermission)
	w.clock.pass(time.Minute)
	_, err = w.Join(ctx, user("ann"), "AV1")
	is(t, "comes in when it is over", err, nil)
	_, err = w.Join(ctx, user("carl"), "AV1")
	is(t, "not for good", err, im.ErrBanned)
	w.forget()
	is(t, "unban", w.Unban(ctx, user("host"), "AV1", []string{"carl"}), nil)
	equal(t, "told", w.told.take()[0].Tip.Op, im.TipUnban)
	_, err = w.Join(ctx, user("carl"), "AV1")
	is(t, "comes in", err, nil)
}
