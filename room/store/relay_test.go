package store

import (
	"reflect"
	"testing"
)

// TestRelays: relays of a way are kept, also through a restart, and go with their app.
func TestRelays(t *testing.T) {
	both(t, func(t *testing.T, g *ground) {
		ctx := t.Context()
		s := g.open(t)
		ok(t, s.CreateApp(ctx, App{ID: 7, Key: "k", Created: noon}))
		push := Relay{Way: "push", ID: "b", App: 7, Created: noon, Facts: []byte(`{"to":"rtmp://example.com/live/a"}`)}
		pull := Relay{Way: "pull", ID: "b", App: 8, Created: noon, Facts: []byte(`{}`)}
		ok(t, s.CreateRelay(ctx, push))
		ok(t, s.CreateRelay(ctx, pull))
		is(t, s.CreateRelay(ctx, push), ErrExists)

		s = g.open(t)
		got, err := s.Relays(ctx, "push")
		if ok(t, err); !reflect.DeepEqual(got, []Relay{push}) {
			t.Errorf("kept: %+v", got)
		}
		ok(t, s.DeleteApp(ctx, 7))
		if got, err := s.Relays(ctx, "push"); err != nil || len(got) != 0 {
			t.Errorf("of a deleted app: %v, %v", got, err)
		}
		ok(t, s.DeleteRelay(ctx, "pull", "b"))
		is(t, s.DeleteRelay(ctx, "pull", "b"), ErrNotFound)
	})
}
