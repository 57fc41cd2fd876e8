package rooms

import (
	"fmt"
	"strings"
	"testing"

	"weir/room/hook"
	"weir/room/im"
)

// D10, B16, B17: an administrator makes an audio and video chat room, and finds it with its facts.
func TestD10_B16_B17_Create(t *testing.T) {
	w := newWorld(t)
	room, err := w.Create(ctx, admin, NewRoom{
		ID: "AV1", Type: AVChatRoom, Name: "Sale", Owner: "host", Introduction: "i", Notification: "n", Face: "https://f",
	})
	if err != nil {
		t.Fatal(err)
	}
	info, err := w.Info(ctx, user("ann"), "AV1")
	if err != nil {
		t.Fatal(err)
	}
	for what, got := range map[string][2]any{
		"id": {info.ID, "AV1"}, "name": {info.Name, "Sale"}, "owner": {info.Owner, "host"}, "type": {info.Type, AVChatRoom},
		"created": {info.Created, epoch}, "introduction": {info.Introduction, "i"}, "notification": {info.Notification, "n"},
		"face": {info.Face, "https://f"}, "join": {info.Join, FreeAccess}, "status": {info.Status, Open},
		"members": {info.Members, 0}, "answered": {room.ID, "AV1"},
	} {
		equal(t, what, got[0], got[1])
	}
	ids, next, total, err := w.List(ctx, app, AVChatRoom, 10, "")
	equal(t, "listed", []any{ids, next, total, err}, []any{[]string{"AV1"}, "", 1, nil})
	if none, _, total, _ := w.List(ctx, app, Public, 10, ""); len(none)+total != 0 {
		t.Errorf("listed as another type: %v", none)
	}
	if w.facts("AV1").Role(user("host")) != Owner || w.facts("AV1").Role(user("ann")) != Member ||
		w.facts("AV1").Role(admin) != App || w.facts("AV1").Role(im.Actor{App: app}) != Anyone {
		t.Error("roles are wrong")
	}
}

// im-rest.md 9: what the app's receiver is asked and told of a new room.
func TestCreateIsAskedAndTold(t *testing.T) {
	w := newWorld(t)
	w.create(NewRoom{ID: "first", Type: Public, Owner: "host"})
	if _, err := w.Create(ctx, admin, NewRoom{
		ID: "P", Type: Public, Name: "People", Owner: "host", Members: []NewMember{{Account: "bob"}, {Account: "ann", Role: "Admin"}},
	}); err != nil {
		t.Fatal(err)
	}
	members := hook.Members{"ann", "bob", "host"}
	equal(t, "calls", w.hooks.take(), []hook.Call{
		{App: app, Command: hook.GroupBeforeCreate, Actor: admin, Body: hook.GroupCreation{
			Operator: "administrator", Owner: "host", Type: Public, Name: "People", Owned: 1, Members: members,
		}},
		{App: app, Command: hook.GroupAfterCreate, Actor: admin, Body: hook.GroupCreated{
			Room: "P", Operator: "administrator", Owner: "host", Type: Public, Name: "People", Owned: 1, Members: members,
			Fields: []hook.Field{},
		}},
	})
	w.hooks.say(hook.GroupBeforeCreate, hook.Verdict{Code: 1})
	_, err := w.Create(ctx, user("ann"), NewRoom{ID: "Q", Type: Public, Name: "Q"})
	is(t, "denied", err, im.ErrDenied)
	_, err = w.Get(ctx, app, "Q")
	is(t, "denied", err, im.ErrNoRoom)
}

// E07: a taken id is refused, and says whether it is the asker's own.
func TestE07_TakenID(t *testing.T) {
	w := newWorld(t)
	w.create(NewRoom{ID: "AV1", Owner: "host"})
	w.create(NewRoom{ID: "free"})
	for _, c := range []struct {
		what  string
		actor im.Actor
		room  NewRoom
		want  error
	}{
		{"of another", user("ann"), NewRoom{ID: "AV1"}, im.ErrRoomTaken},
		{"the own", user("host"), NewRoom{ID: "AV1"}, im.ErrRoomYours},
		{"by REST for another", admin, NewRoom{ID: "AV1", Owner: "ann"}, im.ErrRoomTaken},
		{"by REST for the owner", admin, NewRoom{ID: "AV1", Owner: "host"}, im.ErrRoomYours},
		{"by REST for nobody", admin, NewRoom{ID: "AV1"}, im.ErrRoomTaken},
		{"of nobody, for nobody", admin, NewRoom{ID: "free"}, im.ErrRoomTaken},
	} {
		c.room.Type, c.room.Name = AVChatRoom, "x"
		_, err := w.Create(ctx, c.actor, c.room)
		is(t, c.what, err, c.want)
	}
	if _, err := w.Join(ctx, user("host"), "AV1"); err != nil {
		t.Errorf("the own room cannot be entered: %v", err)
	}
}

// im-rest.md 6: ids.
func TestRoomIDs(t *testing.T) {
	w := newWorld(t)
	for _, c := range []struct {
		id   string
		want error
	}{
		{"a", nil},
		{strings.Repeat("a", 48), nil},
		{strings.Repeat("a", 49), im.ErrBadRoomID},
		{"with space and !#~", nil},
		{"@TGS#mine", im.ErrBadRoomID},
		{"@TGS", nil},
		{"房间", im.ErrBadRoomID},
		{"tab\t", im.ErrBadRoomID},
		// The wire would take these, media would not.
		{"a/b", im.ErrBadRoomID},
		{`a\b`, im.ErrBadRoomID},
		{"a%b", im.ErrBadRoomID},
		{"a?b", im.ErrBadRoomID},
		{".a", im.ErrBadRoomID},
		{" a", im.ErrBadRoomID},
		{"a ", im.ErrBadRoomID},
	} {
		_, err := w.Create(ctx, admin, NewRoom{ID: c.id, Type: AVChatRoom, Name: "x"})
		is(t, fmt.Sprintf("%q", c.id), err, c.want)
	}
	made, err := w.Create(ctx, admin, NewRoom{Type: AVChatRoom, Name: "x"})
	if err != nil || !strings.HasPrefix(made.ID, "@TGS#") || len(made.ID) > 48 {
		t.Errorf("made %q, %v", made.ID, err)
	}
	if _, err := w.Get(ctx, app, made.ID); err != nil {
		t.Errorf("the room with an id that was made is not found: %v", err)
	}
	if _, err := w.Get(ctx, app, strings.Repeat("x", 1<<20)); err == nil || w.Rooms.facts.order.Len() > 40 {
		t.Error("an id that none can be is kept")
	}
}

// B14: a name has 30 bytes; texts have their limits in bytes, at the edge and over it.
func TestB14_TextLimits(t *testing.T) {
	w := newWorld(t)
	w.create(NewRoom{ID: "AV1"})
	for _, c := range []struct {
		what string
		set  func(*NewRoom, *Change, string)
		most int
	}{
		{"Name", func(n *NewRoom, c *Change, s string) { n.Name, c.Name = s, &s }, 30},
		{"Introduction", func(n *NewRoom, c *Change, s string) { n.Introduction, c.Introduction = s, &s }, 240},
		{"Notification", func(n *NewRoom, c *Change, s string) { n.Notification, c.Notification = s, &s }, 300},
		{"FaceUrl", func(n *NewRoom, c *Change, s string) { n.Face, c.Face = s, &s }, 500},
	} {
		for _, s := range []struct {
			text string
			want error
		}{
			{strings.Repeat("a", c.most), nil},
			{strings.Repeat("a", c.most+1), im.ErrBadParameter},
			{strings.Repeat("字", c.most/3), nil},
			{strings.Repeat("字", c.most/3+1), im.ErrBadParameter},
			{"zero\x00", im.ErrBadParameter},
			{"bad\xff", im.ErrBadParameter},
		} {
			n, change := NewRoom{Type: AVChatRoom, Name: "x"}, Change{}
			c.set(&n, &change, s.text)
			_, err := w.Create(ctx, admin, n)
			is(t, fmt.Sprintf("create with a %s of %d bytes", c.what, len(s.text)), err, s.want)
			is(t, fmt.Sprintf("modify a %s of %d bytes", c.what, len(s.text)), w.Modify(ctx, admin, "AV1", change), s.want)
		}
	}
	_, err := w.Create(ctx, admin, NewRoom{Type: AVChatRoom})
	is(t, "no name", err, im.ErrBadParameter)
	is(t, "no name any more", w.Modify(ctx, admin, "AV1", Change{Name: new("")}), im.ErrBadParameter)
}

// B15: an owner is optional, and exists.
func TestB15_Owner(t *testing.T) {
	w := newWorld(t)
	for _, c := range []struct {
		what  string
		actor im.Actor
		owner string
		want  error
		is    string
	}{
		{"nobody", admin, "", nil, ""},
		{"an account", admin, "host", nil, "host"},
		{"no account", admin, "nobody", im.ErrNoAccount, ""},
		{"a user's own", user("ann"), "", nil, "ann"},
		{"a user's own by name", user("ann"), "ann", nil, "ann"},
		{"a user's for another", user("ann"), "host", im.ErrNoPermission, ""},
		{"a viewer's", im.Actor{App: app}, "", im.ErrNotLoggedIn, ""},
	} {
		for _, typ := range []string{AVChatRoom, Public} {
			room, err := w.Create(ctx, c.actor, NewRoom{Type: typ, Name: "x", Owner: c.owner})
			is(t, c.what+" in "+typ, err, c.want)
			equal(t, c.what, room.Owner, c.is)
			if err == nil && c.is != "" && w.facts(room.ID).Role(user(c.is)) != Owner {
				t.Errorf("%s: is not the owner", c.what)
			}
		}
	}
}

// im-rest.md 6: types, members and how many, how a room takes them.
func TestCreateRules(t *testing.T) {
	w := newWorld(t)
	many := func(n int) (list []NewMember) {
		for i := range n {
			list = append(list, NewMember{Account: fmt.Sprintf("m%d", i)})
			if _, err := w.store.PutAccount(ctx, app, list[i].Account, nil); err != nil {
				t.Fatal(err)
			}
		}
		return list
	}
	few := []NewMember{{Account: "ann"}, {Account: "bob", Role: "Admin"}}
	for _, c := range []struct {
		what string
		room NewRoom
		want error
	}{
		{"Public", NewRoom{Type: Public, Members: few}, nil},
		{"Private", NewRoom{Type: Private, Members: few}, nil},
		{"ChatRoom", NewRoom{Type: ChatRoom, Members: few}, nil},
		{"Community", NewRoom{Type: Community, Members: few}, nil},
		{"the old BChatRoom", NewRoom{Type: BChatRoom}, nil},
		{"no type", NewRoom{}, im.ErrBadParameter},
		{"another type", NewRoom{Type: "avchatroom"}, im.ErrBadParameter},
		{"members of an AVChatRoom", NewRoom{Type: AVChatRoom, Members: few}, im.ErrNoPermission},
		{"members of a BChatRoom", NewRoom{Type: BChatRoom, Members: few}, im.ErrNoPermission},
		{"300 members", NewRoom{Type: Public, Members: many(300)}, nil},
		{"301 members", NewRoom{Type: Public, Members: many(301)}, im.ErrTooMany},
		{"a member who does not exist", NewRoom{Type: Public, Members: []NewMember{{Account: "nobody"}}}, im.ErrNoAccount},
		{"a member as owner", NewRoom{Type: Public, Members: []NewMember{{Account: "ann", Role: "Owner"}}}, im.ErrBadParameter},
		{"as many as there is room", NewRoom{Type: Public, Owner: "host", Members: few, MaxMembers: 3}, nil},
		{"one more", NewRoom{Type: Public, Owner: "host", Members: few, MaxMembers: 2}, im.ErrRoomFull},
		{"all that the type has", NewRoom{Type: Private, MaxMembers: 200}, nil},
		{"more than the type has", NewRoom{Type: Private, MaxMembers: 201}, im.ErrBadParameter},
		{"less than one", NewRoom{Type: Private, MaxMembers: -1}, im.ErrBadParameter},
		{"a number where there is no list", NewRoom{Type: AVChatRoom, MaxMembers: 500}, nil},
		{"by permission", NewRoom{Type: Public, Join: NeedPermission}, nil},
		{"in no way", NewRoom{Type: Public, Join: "Whatever"}, im.ErrBadParameter},
		{"a field that is not defined", NewRoom{Type: Public, Fields: []im.FieldPair{{Key: "f", Value: "v"}}}, im.ErrBadParameter},
		{"a word that is not allowed", NewRoom{Type: Public, Notification: "forbidden"}, im.ErrSensitive},
		{"one in its name", NewRoom{Type: Public, Name: "forbidden"}, im.ErrSensitive},
	} {
		if c.room.Name == "" {
			c.room.Name = "x"
		}
		_, err := w.Create(ctx, admin, c.room)
		is(t, c.what, err, c.want)
	}
	room, err := w.Create(ctx, admin, NewRoom{Type: Public, Name: "a rude name", Owner: "host", Members: few})
	if err != nil || room.Name != "a **** name" || room.MaxMembers != 2000 {
		t.Errorf("%+v, %v", room, err)
	}
	f := w.facts(room.ID)
	if f.Role(user("bob")) != Admin || f.Role(user("ann")) != Member || f.Role(user("carl")) != Anyone || f.Members() != 3 {
		t.Errorf("roles: %v", f.members)
	}
}

// A user makes so many rooms of a type; an administrator makes more, for the same user as well.
func TestCreateIsBounded(t *testing.T) {
	w := newWorld(t)
	w.o.Owned = 2
	create := func(a im.Actor, typ, owner string) error {
		_, err := w.Create(ctx, a, NewRoom{Type: typ, Name: "x", Owner: owner})
		return err
	}
	is(t, "the first", create(user("ann"), AVChatRoom, ""), nil)
	is(t, "the second", create(user("ann"), AVChatRoom, ""), nil)
	is(t, "the third", create(user("ann"), AVChatRoom, ""), im.ErrTooManyRooms)
	is(t, "one of another type", create(user("ann"), Public, ""), nil)
	is(t, "another user's", create(user("bob"), AVChatRoom, ""), nil)
	is(t, "an administrator's", create(admin, AVChatRoom, "ann"), nil)
}

// E06: a room that was destroyed tells so, and is no more.
func TestE06_Destroy(t *testing.T) {
	w := newWorld(t)
	w.create(NewRoom{ID: "P", Type: Public, Name: "People", Owner: "host", Members: []NewMember{{Account: "bob", Role: "Admin"}}})
	if _, err := w.SetAttributes(ctx, user("host"), "P", AttributeChange{Set: map[string]string{"a": "1"}}); err != nil {
		t.Fatal(err)
	}
	w.forget()
	for _, a := range []im.Actor{user("bob"), user("ann")} {
		is(t, a.User, w.Destroy(ctx, a, "P"), im.ErrNoPermission)
	}
	is(t, "a viewer", w.Destroy(ctx, im.Actor{App: app}, "P"), im.ErrNotLoggedIn)
	is(t, "the owner", w.Destroy(ctx, user("host"), "P"), nil)
	equal(t, "told", w.told.take(), []news{{Room: "P", Gone: true}})
	equal(t, "media", w.ends.take(), []string{"P is "})
	equal(t, "calls", w.hooks.take(), []hook.Call{{App: app, Command: hook.GroupAfterDestroy, Actor: user("host"), Body: hook.GroupDestroyed{
		Room: "P", Type: Public, Name: "People", Owner: "host", Members: hook.Members{"bob", "host"},
	}}})
	_, err := w.Join(ctx, user("bob"), "P")
	is(t, "to enter it", err, im.ErrNoRoom)
	is(t, "once more", w.Destroy(ctx, admin, "P"), im.ErrNoRoom)
	w.create(NewRoom{ID: "P", Type: Public})
	if attributes, err := w.Attributes(ctx, admin, "P"); err != nil || len(attributes.Values) > 0 || w.facts("P").Members() > 0 {
		t.Errorf("the next room of this id has what the last one had: %v, %v", attributes, err)
	}
}
