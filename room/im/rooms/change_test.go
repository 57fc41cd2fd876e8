package rooms

import (
	"slices"
	"testing"

	"weir/room/store"
)

// An account that was deleted is no member and no owner any more, on all nodes.
func TestAccountDeleted(t *testing.T) {
	w := newWorld(t)
	other := w.node()
	w.create(NewRoom{ID: "r", Type: Public, Owner: "ann"})
	if err := w.store.PutMembers(ctx, app, "r", []store.Member{{Account: "bob", Role: "Member"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := other.Get(ctx, app, "r"); err != nil {
		t.Fatal(err)
	}
	ids, err := w.store.RoomsOf(ctx, app, "ann")
	if err != nil || !slices.Equal(ids, []string{"r"}) {
		t.Fatal(ids, err)
	}
	if err := w.store.DeleteAccount(ctx, app, "ann"); err != nil {
		t.Fatal(err)
	}
	w.AccountDeleted(app, "ann", ids)
	for _, r := range []*Rooms{w.Rooms, other} {
		f, err := r.Get(ctx, app, "r")
		if err != nil {
			t.Fatal(err)
		}
		if _, there := f.Member("ann"); there || f.Owner != "" {
			t.Errorf("ann is still there: owner %q", f.Owner)
		}
	}
}
