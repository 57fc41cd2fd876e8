package room

import (
	"errors"
	"testing"

	"weir/room/auth"
	"weir/room/live"
)

// idHub is a hub without streams that keeps what was asked of it last.
type idHub struct {
	asked live.PublishOptions
	taken string // an id that another stream gets between the look and the publish
}

func (h *idHub) Publish(_ live.Key, o live.PublishOptions) (*live.Publisher, error) {
	if o.ID != "" && o.ID == h.taken {
		return nil, live.ErrIDTaken
	}
	h.asked = o
	return nil, nil
}

func (h *idHub) Stream(live.Key) (*live.Stream, bool) { return nil, false }

// TestNamer: who may give which id, and the id that a stream has by itself where its app's streams are relayed.
func TestNamer(t *testing.T) {
	hub := new(idHub)
	n := NewNamer(hub, func(app int) bool { return app == 7 })
	for _, c := range []struct {
		name, app, stream string
		o                 live.PublishOptions
		want              string
		err               error
	}{
		{"none where none is wanted", "8", "cam", live.PublishOptions{User: "ann"}, "", nil},
		{"one of their own", "8", "cam", live.PublishOptions{User: "ann", ID: "concert"}, "concert", nil},
		{"by itself", "7", "cam", live.PublishOptions{User: "ann"}, "7_r_ann_main", nil},
		{"a screen", "7", "cam_aux", live.PublishOptions{User: "ann"}, "7_r_ann_aux", nil},
		{"of nobody", "7", "cam", live.PublishOptions{}, "7_r_cam_main", nil},
		{"what was asked for goes first", "7", "cam", live.PublishOptions{User: "ann", ID: "concert"}, "concert", nil},
		{"another user's", "8", "cam", live.PublishOptions{User: "ann", ID: "8_r_bob_main"}, "", auth.ErrForeignID},
		{"none at all", "8", "cam", live.PublishOptions{User: "ann", ID: "a/b"}, "", auth.ErrBadID},
		{"no cloud's app", "x", "cam", live.PublishOptions{User: "ann"}, "", nil},
	} {
		hub.asked = live.PublishOptions{}
		_, err := n.Publish(live.Key{App: c.app, Room: "r", Stream: c.stream}, c.o)
		if !errors.Is(err, c.err) || hub.asked.ID != c.want {
			t.Errorf("%s: got %q, %v", c.name, hub.asked.ID, err)
		}
	}
}

// An id that nobody asked for keeps nobody out; one that somebody asked for does.
func TestNamerOvertaken(t *testing.T) {
	hub := &idHub{taken: "7_r_ann_main"}
	n := NewNamer(hub, func(int) bool { return true })
	k := live.Key{App: "7", Room: "r", Stream: "cam"}
	if _, err := n.Publish(k, live.PublishOptions{User: "ann"}); err != nil || hub.asked.User != "ann" || hub.asked.ID != "" {
		t.Errorf("got %+v, %v", hub.asked, err)
	}
	if _, err := n.Publish(k, live.PublishOptions{User: "ann", ID: hub.taken}); !errors.Is(err, live.ErrIDTaken) {
		t.Errorf("got %v", err)
	}
}

// A second stream of a user does not take the id of the first, and is taken in all the same.
func TestNamerLeavesTheFirst(t *testing.T) {
	hub := live.NewRegistry(live.Options{RingBytes: 1 << 10, MaxStreams: 3})
	n := NewNamer(hub, func(int) bool { return true })
	first, second := live.Key{App: "7", Room: "r", Stream: "cam"}, live.Key{App: "7", Room: "r", Stream: "desk"}
	for _, k := range []live.Key{first, second, first} {
		if _, err := n.Publish(k, live.PublishOptions{User: "ann"}); err != nil {
			t.Fatal(err)
		}
	}
	if s, ok := hub.Stream(live.IDKey("7", "7_r_ann_main")); !ok || s.Key() != first {
		t.Errorf("the id's stream is %v, %v", s, ok)
	}
	if s, _ := hub.Stream(second); s.Info().ID != "" {
		t.Errorf("the second stream has the id %q", s.Info().ID)
	}
}

// TestNamerOf: those who are asked whether somebody may publish or play hear of the id that the stream has, or is to get.
func TestNamerOf(t *testing.T) {
	hub := live.NewRegistry(live.Options{RingBytes: 1 << 10, MaxStreams: 3})
	n := NewNamer(hub, func(app int) bool { return app == 7 })
	if _, err := n.Publish(live.Key{App: "8", Room: "r", Stream: "cam"}, live.PublishOptions{User: "ann", ID: "concert"}); err != nil {
		t.Fatal(err)
	}
	publish := func(query, id string) auth.Request {
		return auth.Request{Action: auth.ActionPublish, Room: "r", Stream: "cam", Query: query, ID: id}
	}
	for _, c := range []struct {
		name string
		app  int
		r    auth.Request
		want string
	}{
		{"what is played", 8, auth.Request{Action: auth.ActionPlay, Room: "r", Stream: "cam"}, "concert"},
		{"what is waited for", 8, auth.Request{Action: auth.ActionPlay, ID: "later"}, "later"},
		{"none", 8, auth.Request{Action: auth.ActionPlay, Room: "r", Stream: "desk"}, ""},
		{"the address's", 8, publish("", "8_r_ann_main"), "8_r_ann_main"},
		{"the publisher's", 8, publish("x=y&streamid=other", ""), "other"},
		{"one that he may not give", 8, publish("streamid=8_r_bob_main", ""), ""},
		{"by itself", 7, publish("", ""), "7_r_ann_main"},
		{"none is wanted", 8, publish("", ""), ""},
		{"a query that is none", 8, publish("%zz", ""), ""},
	} {
		if got := n.Of(c.app, "ann", &c.r); got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}
