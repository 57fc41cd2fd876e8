package rooms

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"weir/room/im"
)

// im-rest.md 6: attributes: at most 16, 32 bytes a name, 4 KB a value.
func TestAttributes(t *testing.T) {
	w := newWorld(t)
	w.create(NewRoom{ID: "AV1", Owner: "host"})
	seated(t, w, "AV1", "bob")
	w.forget()
	many := func(n int) map[string]string {
		set := make(map[string]string)
		for i := range n {
			set[fmt.Sprint("key", i)] = "v"
		}
		return set
	}
	one := func(name, value string) AttributeChange { return AttributeChange{Set: map[string]string{name: value}} }
	for _, c := range []struct {
		what   string
		actor  im.Actor
		change AttributeChange
		seq    uint64
		want   error
	}{
		{"by a member", user("ann"), one("a", "1"), 0, im.ErrNoPermission},
		{"by a viewer", im.Actor{App: app}, one("a", "1"), 0, im.ErrNotLoggedIn},
		{"nothing", admin, AttributeChange{}, 0, im.ErrBadParameter},
		{"no name", admin, one("", "1"), 0, im.ErrBadParameter},
		{"33 bytes", admin, one(strings.Repeat("字", 11), "1"), 0, im.ErrBadParameter},
		{"4097 bytes", admin, one("a", strings.Repeat("a", 4097)), 0, im.ErrBadParameter},
		{"17", admin, AttributeChange{Set: many(17)}, 0, im.ErrBadParameter},
		{"the most", user("host"), one(strings.Repeat("a", 32), strings.Repeat("v", 4096)), 1, nil},
		{"by who has a seat", user("bob"), one("b", "1"), 2, nil},
		{"delete what is not there", admin, AttributeChange{Delete: []string{"b", "none"}}, 0, im.ErrNoAttribute},
		{"16 with those that are there", admin, AttributeChange{Set: many(15)}, 0, im.ErrBadParameter},
		{"16 in place of them", admin, AttributeChange{Set: many(16), Replace: true}, 3, nil},
		{"clear", admin, AttributeChange{Replace: true}, 4, nil},
		{"an empty value", admin, one("a", ""), 5, nil},
		{"one for another", admin, AttributeChange{Set: map[string]string{"b": "1"}, Delete: []string{"a"}}, 6, nil},
	} {
		seq, err := w.SetAttributes(ctx, c.actor, "AV1", c.change)
		is(t, c.what, err, c.want)
		equal(t, c.what, seq, c.seq)
	}
	told := w.told.take()
	equal(t, "told", told[len(told)-1], news{Room: "AV1", Tip: im.Tip{
		Op: im.TipAttr, Operator: "administrator", Attributes: map[string]*string{"a": nil, "b": new("1")},
	}})
	w.restart()
	attributes, err := w.Attributes(ctx, im.Actor{App: app}, "AV1")
	equal(t, "after a restart", []any{attributes, err}, []any{Attributes{Values: map[string]string{"b": "1"}, Seq: 6}, nil})
}

// Who knows another main sequence than there is changes nothing.
func TestAttributeConflict(t *testing.T) {
	w := newWorld(t)
	other := w.node()
	w.create(NewRoom{ID: "AV1", Owner: "host"})
	set := func(r *Rooms, value string, seq uint64) error {
		_, err := r.SetAttributes(ctx, user("host"), "AV1", AttributeChange{Set: map[string]string{"a": value}, Seq: &seq})
		return err
	}
	is(t, "the first", set(w.Rooms, "1", 0), nil)
	is(t, "who did not see it", set(other, "2", 0), im.ErrAttributeConflict)
	attributes, err := other.Attributes(ctx, user("ann"), "AV1")
	equal(t, "the other node reads", []any{attributes, err}, []any{Attributes{Values: map[string]string{"a": "1"}, Seq: 1}, nil})
	if _, err := w.Attributes(ctx, user("ann"), "AV1"); err != nil { // this node keeps them from here on
		t.Fatal(err)
	}
	is(t, "who saw it", set(other, "2", 1), nil)
	attributes, err = w.Attributes(ctx, user("ann"), "AV1")
	equal(t, "this node reads", []any{attributes, err}, []any{Attributes{Values: map[string]string{"a": "2"}, Seq: 2}, nil})
	w.create(NewRoom{ID: "P", Type: Public, Owner: "host"})
	_, err = w.Attributes(ctx, user("ann"), "P")
	is(t, "of a room of others", err, im.ErrNoPermission)
}

// errDisk is what a store says that cannot write.
var errDisk = errors.New("the disk is full")
