package live

import (
	"slices"
	"testing"
)

// TestRoom: a room lists its own streams in order, of its own app, as they come and go.
func TestRoom(t *testing.T) {
	reg := runRegistry(t, testOptions())
	publish := func(k Key) {
		t.Helper()
		if _, err := reg.Publish(k, PublishOptions{Policy: PolicyReplace}); err != nil {
			t.Fatal(err)
		}
	}
	want := func(app, room string, names ...string) {
		t.Helper()
		var got []string
		for _, s := range reg.Room(app, room) {
			if k := s.Key(); k.App != app || k.Room != room {
				t.Errorf("%s/%s lists %s", app, room, k)
			}
			got = append(got, s.Key().Stream)
		}
		if !slices.Equal(got, names) {
			t.Errorf("%s/%s lists %v, want %v", app, room, got, names)
		}
	}
	b, a, other := Key{"1", "demo", "b"}, Key{"1", "demo", "a"}, Key{"2", "demo", "c"}
	want("1", "demo")
	for _, k := range []Key{b, a, other, {"1", "x", "a"}} {
		publish(k)
	}
	publish(a) // once more: it is taken over
	want("1", "demo", "a", "b")
	want("2", "demo", "c")
	want("1", "x", "a")
	reg.End(b, errTest)
	want("1", "demo", "a")
	reg.End(a, errTest)
	want("1", "demo")
	reg.mu.RLock()
	if n := len(reg.rooms); n != 2 {
		t.Errorf("%d rooms are remembered, want the two with streams", n)
	}
	reg.mu.RUnlock()
	publish(b)
	want("1", "demo", "b")
}
