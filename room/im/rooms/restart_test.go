package rooms

import (
	"testing"

	"weir/room/im"
	"weir/room/store"
)

// A restart keeps all that lasts of a room.
func TestRestartKeepsEverything(t *testing.T) {
	w := newWorld(t)
	for _, f := range []store.Field{{Name: "product"}, {Name: "level", Member: true}} {
		is(t, "define", w.DefineField(ctx, admin, f), nil)
	}
	w.create(NewRoom{
		ID: "P", Type: Public, Name: "People", Owner: "host", Introduction: "i", Notification: "n", Face: "f", Join: NeedPermission,
		MaxMembers: 7, Fields: []im.FieldPair{{Key: "product", Value: "42"}},
		Members: []NewMember{{Account: "ann", Role: "Admin", Fields: []im.FieldPair{{Key: "level", Value: "3"}}}, {Account: "bob"}},
	})
	is(t, "mute all", w.Modify(ctx, admin, "P", Change{MuteAll: new(true)}), nil)
	is(t, "mute", w.Mute(ctx, admin, "P", []string{"bob"}, Forever), nil)
	is(t, "pause", w.SetStatus(ctx, admin, "P", Paused), nil)
	seated(t, w, "P", "bob")
	_, err := w.SetAttributes(ctx, admin, "P", AttributeChange{Set: map[string]string{"a": "1"}})
	is(t, "attributes", err, nil)
	_, err = w.Count(ctx, admin, "P", CountSet, map[string]int64{"c": 5})
	is(t, "counters", err, nil)
	what := func() []any {
		members, n, err1 := w.Members(ctx, admin, "P", 10, 0)
		fields, err2 := w.Fields(ctx, app)
		attributes, err3 := w.Attributes(ctx, admin, "P")
		counters, err4 := w.Counters(ctx, admin, "P")
		return []any{w.facts("P"), members, n, fields, attributes, counters, err1, err2, err3, err4}
	}
	before := what()
	w.restart()
	equal(t, "after a restart", what(), before)
}
