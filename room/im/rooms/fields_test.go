package rooms

import (
	"fmt"
	"strings"
	"testing"

	"weir/room/hook"
	"weir/room/im"
	"weir/room/store"
)

// B22: a field of rooms is defined with its name, types of room and who may read and write it.
func TestB22_DefineField(t *testing.T) {
	w := newWorld(t)
	for _, c := range []struct {
		what  string
		actor im.Actor
		field store.Field
		want  error
	}{
		{"by a user", user("host"), store.Field{Name: "f"}, im.ErrNoPermission},
		{"by a viewer", im.Actor{App: app}, store.Field{Name: "f"}, im.ErrNotLoggedIn},
		{"a type that is not", admin, store.Field{Name: "f", Types: []string{"x"}}, im.ErrBadParameter},
		{"members of a room without a list", admin, store.Field{Name: "f", Member: true, Types: []string{AVChatRoom}}, im.ErrBadParameter},
		{"a reader that is not", admin, store.Field{Name: "f", Read: "x"}, im.ErrBadParameter},
		{"a writer that is not", admin, store.Field{Name: "f", Write: "Owner"}, im.ErrBadParameter},
		{"all of it", admin, store.Field{Name: "f", Types: []string{AVChatRoom, Public}, Read: "anyone", Write: "app"}, nil},
		{"the least", admin, store.Field{Name: "g", Member: true}, nil},
		{"once more", admin, store.Field{Name: "f"}, im.ErrBadParameter},
	} {
		is(t, c.what, w.DefineField(ctx, c.actor, c.field), c.want)
	}
	fields, err := w.Fields(ctx, app)
	equal(t, "fields", []any{fields, err}, []any{[]store.Field{
		{Name: "f", Types: []string{AVChatRoom, Public}, Read: "anyone", Write: "app"},
		{Name: "g", Member: true, Read: "member", Write: "admin"},
	}, nil})
	fields, err = w.Fields(ctx, app+1)
	equal(t, "of another app", []any{fields, err}, []any{[]store.Field{}, nil})
}

// B23: letters, digits and _, not a digit first, at most 16.
func TestB23_FieldNames(t *testing.T) {
	w := newWorld(t)
	for name, want := range map[string]error{
		"a": nil, "A_9": nil, "_": nil, strings.Repeat("x", 16): nil,
		"": im.ErrBadParameter, "9a": im.ErrBadParameter, strings.Repeat("x", 17): im.ErrBadParameter,
		"a-b": im.ErrBadParameter, "a b": im.ErrBadParameter, "字": im.ErrBadParameter, "a\x00": im.ErrBadParameter,
	} {
		is(t, fmt.Sprintf("%q", name), w.DefineField(ctx, admin, store.Field{Name: name}), want)
	}
}

// B24: a field of rooms and one of members do not share a name. There are 20 of each.
func TestB24_FieldNamesAreShared(t *testing.T) {
	w := newWorld(t)
	for i := range 20 {
		is(t, "of rooms", w.DefineField(ctx, admin, store.Field{Name: fmt.Sprint("r", i)}), nil)
	}
	is(t, "one more of rooms", w.DefineField(ctx, admin, store.Field{Name: "r20"}), im.ErrBadParameter)
	is(t, "of members with the same name", w.DefineField(ctx, admin, store.Field{Name: "r1", Member: true}), im.ErrBadParameter)
	for i := range 20 {
		is(t, "of members", w.DefineField(ctx, admin, store.Field{Name: fmt.Sprint("m", i), Member: true}), nil)
	}
	is(t, "one more of members", w.DefineField(ctx, admin, store.Field{Name: "m20", Member: true}), im.ErrBadParameter)
	other := im.Actor{App: app + 1, User: "a", Admin: true}
	is(t, "of another app", w.DefineField(ctx, other, store.Field{Name: "r1", Member: true}), nil)
}

// B25, B26: who may read and write can be changed, and holds at once, on all nodes; the level cannot, and nothing deletes
// a field.
func TestB25_B26_ModifyField(t *testing.T) {
	w := newWorld(t)
	other := w.node()
	w.create(NewRoom{ID: "AV1", Owner: "host"})
	set := func(r *Rooms) error {
		return r.Modify(ctx, user("host"), "AV1", Change{Fields: []im.FieldPair{{Key: "f", Value: "v"}}})
	}
	is(t, "before it is defined", set(other), im.ErrBadParameter)
	is(t, "define", w.DefineField(ctx, admin, store.Field{Name: "f", Write: "app"}), nil)
	is(t, "at once", set(other), im.ErrNoPermission)
	is(t, "modify", w.ModifyField(ctx, admin, store.Field{Name: "f", Write: "owner"}), nil)
	is(t, "at once again", set(other), nil)
	is(t, "by a user", w.ModifyField(ctx, user("host"), store.Field{Name: "f", Write: "anyone"}), im.ErrNoPermission)
	is(t, "into one of members", w.ModifyField(ctx, admin, store.Field{Name: "f", Member: true}), im.ErrBadParameter)
	is(t, "one that is not there", w.ModifyField(ctx, admin, store.Field{Name: "g"}), im.ErrBadParameter)
	is(t, "for other types", w.ModifyField(ctx, admin, store.Field{Name: "f", Types: []string{Public}, Write: "anyone"}), nil)
	is(t, "then it is not here", set(w.Rooms), im.ErrBadParameter)
	info, err := w.Info(ctx, admin, "AV1")
	equal(t, "nor is its value", []any{info.Fields, err}, []any{map[string]string{}, nil})
}

// B27, B04, B06: an administrator sets fields by REST; members are told key and value; who may not is refused.
func TestB27_B04_B06_Fields(t *testing.T) {
	w := newWorld(t)
	w.create(NewRoom{ID: "AV1", Owner: "host"})
	for _, f := range []store.Field{{Name: "product", Write: "app"}, {Name: "gifts", Write: "app"}, {Name: "secret", Read: "admin", Write: "app"}} {
		if err := w.DefineField(ctx, admin, f); err != nil {
			t.Fatal(err)
		}
	}
	change := Change{Fields: []im.FieldPair{{Key: "product", Value: "42"}, {Key: "secret", Value: "s"}, {Key: "gifts", Value: "rose"}}}
	is(t, "by the owner", w.Modify(ctx, user("host"), "AV1", change), im.ErrNoPermission)
	is(t, "by the app", w.Modify(ctx, admin, "AV1", change), nil)
	equal(t, "told", w.told.take(), []news{{Room: "AV1", Tip: im.Tip{Op: im.TipProfile, Operator: "administrator", Changed: &im.RoomChange{
		Fields: []im.FieldPair{{Key: "gifts", Value: "rose"}, {Key: "product", Value: "42"}},
	}}}})
	if calls := w.hooks.bodies(hook.GroupAfterChange); len(calls) > 0 {
		t.Errorf("fields call back: %+v", calls)
	}
	for who, want := range map[im.Actor]map[string]string{
		admin:        {"product": "42", "gifts": "rose", "secret": "s"},
		user("host"): {"product": "42", "gifts": "rose", "secret": "s"},
		user("ann"):  {"product": "42", "gifts": "rose"},
		{App: app}:   {"product": "42", "gifts": "rose"},
	} {
		info, err := w.Info(ctx, who, "AV1")
		equal(t, who.User+" reads", []any{info.Fields, err}, []any{want, nil})
	}
	// An empty value deletes; what is the same is not told; what nobody may read is not told.
	is(t, "again", w.Modify(ctx, admin, "AV1", Change{Fields: []im.FieldPair{
		{Key: "product", Value: ""}, {Key: "gifts", Value: "rose"}, {Key: "secret", Value: "t"},
	}}), nil)
	equal(t, "told", w.told.take(), []news{{Room: "AV1", Tip: im.Tip{Op: im.TipProfile, Operator: "administrator", Changed: &im.RoomChange{
		Fields: []im.FieldPair{{Key: "product"}},
	}}}})
	is(t, "hidden", w.Modify(ctx, admin, "AV1", Change{Fields: []im.FieldPair{{Key: "secret", Value: "u"}}}), nil)
	equal(t, "told", w.told.take(), []news(nil))
	equal(t, "fields", w.facts("AV1").Fields, map[string]string{"gifts": "rose", "secret": "u"})
}

// im-rest.md 6: the ladder of rights, for reading and for writing, in a room with a list of members.
func TestFieldLadder(t *testing.T) {
	w := newWorld(t)
	w.create(NewRoom{ID: "P", Type: Public, Owner: "host", Members: []NewMember{{Account: "ann"}, {Account: "bob", Role: "Admin"}}})
	ladder := []struct {
		actor im.Actor
		role  string
	}{{user("carl"), "anyone"}, {user("ann"), "member"}, {user("bob"), "admin"}, {user("host"), "owner"}, {admin, "app"}}
	for _, field := range ladder {
		name := "f_" + field.role
		if err := w.DefineField(ctx, admin, store.Field{Name: name, Read: field.role, Write: field.role}); err != nil {
			t.Fatal(err)
		}
		is(t, name, w.Modify(ctx, admin, "P", Change{Fields: []im.FieldPair{{Key: name, Value: "v"}}}), nil)
	}
	for i, who := range ladder {
		info, err := w.Info(ctx, who.actor, "P")
		if err != nil {
			t.Fatal(err)
		}
		for j, field := range ladder {
			var want error
			if i < j {
				want = im.ErrNoPermission
			}
			what := who.role + " and a field for " + field.role
			_, reads := info.Fields["f_"+field.role]
			equal(t, what+" is read", reads, want == nil)
			is(t, what+" is written", w.Modify(ctx, who.actor, "P", Change{Fields: []im.FieldPair{{Key: "f_" + field.role, Value: "w"}}}), want)
		}
	}
}

// A value has 512 bytes.
func TestFieldValues(t *testing.T) {
	w := newWorld(t)
	w.create(NewRoom{ID: "AV1"})
	is(t, "define", w.DefineField(ctx, admin, store.Field{Name: "f"}), nil)
	for value, want := range map[string]error{
		strings.Repeat("a", 512): nil, strings.Repeat("a", 513): im.ErrBadParameter,
		strings.Repeat("字", 170): nil, strings.Repeat("字", 171): im.ErrBadParameter,
		"\x00": im.ErrBadParameter,
	} {
		set := []im.FieldPair{{Key: "f", Value: value}}
		is(t, fmt.Sprintf("%d bytes", len(value)), w.Modify(ctx, admin, "AV1", Change{Fields: set}), want)
		_, err := w.Create(ctx, admin, NewRoom{Type: AVChatRoom, Name: "x", Fields: set})
		is(t, fmt.Sprintf("create with %d bytes", len(value)), err, want)
	}
	is(t, "21 at once", w.Modify(ctx, admin, "AV1", Change{Fields: make([]im.FieldPair, 21)}), im.ErrBadParameter)
}
