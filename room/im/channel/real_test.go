package channel

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"weir/room/im"
	"weir/room/im/rooms"
	"weir/room/store"
)

// patience is how long a test waits for what has to come. Nothing depends on how long it really takes.
const patience = 30 * time.Second

// eventually waits for something.
func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !done(); {
		if time.Now().After(end) {
			t.Fatalf("%s did not happen", what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// house is a channel above the real rooms and the real store.
type house struct {
	*cluster
	rooms *rooms.Rooms
	store *store.Store
	node  *node
}

func newHouse(t *testing.T, path string) (h *house, end func()) {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	kept, err := store.Open(t.Context(), store.Options{Path: path, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 2)
	go func() { done <- kept.Run(ctx) }()
	c := newCluster(t, 0, nil)
	h = &house{cluster: c, store: kept}
	h.node = c.start(func(o *Options) {
		h.rooms = rooms.New(rooms.Options{Store: kept, Nodes: o.Bus, Log: log})
		o.Rooms, o.Store = h.rooms, kept
	})
	h.rooms.Attach(h.node.channel)
	go func() { done <- h.rooms.Run(ctx) }()
	for id, account := range c.people {
		if _, err := kept.PutAccount(ctx, app, id, account.Profile); err != nil {
			t.Fatal(err)
		}
	}
	return h, func() {
		h.node.stop()
		<-h.node.done
		cancel()
		for range 2 {
			if err := <-done; err != nil && ctx.Err() == nil {
				t.Error(err)
			}
		}
		if err := kept.Close(); err != nil {
			t.Error(err)
		}
	}
}

func open(t *testing.T) *house {
	t.Helper()
	h, end := newHouse(t, filepath.Join(t.TempDir(), "weir.db"))
	t.Cleanup(end)
	for _, n := range []rooms.NewRoom{
		{ID: "AV1", Type: rooms.AVChatRoom, Name: "live", Owner: "host"}, {ID: "G1", Type: rooms.Public, Name: "members", Owner: "host"},
	} {
		if _, err := h.rooms.Create(t.Context(), rest, n); err != nil {
			t.Fatal(err)
		}
	}
	return h
}

// Who is muted cannot send, not after leaving and coming back either, until it is unmuted.
func TestE04_Mute(t *testing.T) {
	h := open(t)
	ann := h.node.enter("ann", "AV1")
	ann.must("AV1", "before", im.Normal)
	mute := func(seconds uint32) {
		if err := h.rooms.Mute(t.Context(), rest, "AV1", []string{"ann"}, seconds); err != nil {
			t.Fatal(err)
		}
	}
	mute(600)
	_, err := ann.send("AV1", "muted", im.Normal)
	refused(t, err, im.ErrMuted)
	if err := h.node.channel.Exit(t.Context(), ann.actor, "AV1"); err != nil {
		t.Fatal(err)
	}
	again := h.node.enter("ann", "AV1")
	_, err = again.send("AV1", "still muted", im.Normal)
	refused(t, err, im.ErrMuted)
	mute(0)
	again.must("AV1", "after", im.Normal)
	eventually(t, "the publication", func() bool { return slices.Equal(h.texts("AV1"), []string{"before", "after"}) })
	eventually(t, "the notice", func() bool { return len(h.tips("AV1", im.TipMember)) == 2 })
}

// Who is banned is put out, hears of it, gets nothing more and cannot come back before it is unbanned.
func TestE05_Ban(t *testing.T) {
	h := open(t)
	ann := h.node.enter("ann", "AV1")
	if err := h.rooms.Ban(t.Context(), rest, "AV1", []string{"ann"}, 600); err != nil {
		t.Fatal(err)
	}
	if ann.InRoom("AV1") {
		t.Error("who is banned is still in the room")
	}
	_, err := h.node.channel.Enter(t.Context(), h.node.connect("ann"), "AV1")
	refused(t, err, im.ErrBanned)
	_, err = ann.send("AV1", "banned", im.Normal)
	refused(t, err, im.ErrBanned)
	eventually(t, "the notice to all", func() bool { return len(h.tips("AV1", im.TipBanned)) == 1 })
	eventually(t, "the notice to the one", func() bool {
		h.mu.Lock()
		defer h.mu.Unlock()
		return len(h.told["ann"]) == 1
	})
	if err := h.rooms.Unban(t.Context(), rest, "AV1", []string{"ann"}); err != nil {
		t.Fatal(err)
	}
	h.node.enter("ann", "AV1").must("AV1", "back", im.Normal)
}

// A destroyed room is told to all and cannot be entered.
func TestE06_Destroy(t *testing.T) {
	h := open(t)
	ann := h.node.enter("ann", "AV1")
	if err := h.rooms.Destroy(t.Context(), rest, "AV1"); err != nil {
		t.Fatal(err)
	}
	if got := h.messages("AV1", im.KindNotice); len(got) != 1 || content[im.Notice](t, got[0]).Op != im.NoticeDismissed {
		t.Errorf("told %+v", got)
	}
	eventually(t, "the end", func() bool { return !ann.InRoom("AV1") })
	_, err := h.node.channel.Enter(t.Context(), ann, "AV1")
	refused(t, err, im.ErrNoRoom)
}

// A change of the room by its owner is told, likes are told as one counter, and a seat is free when its account left.
func TestB02_B07_ChangesAreTold(t *testing.T) {
	h := open(t)
	ann, host := h.node.enter("ann", "AV1"), h.node.enter("host", "AV1")
	text := "new goods"
	if err := h.rooms.Modify(t.Context(), host.actor, "AV1", rooms.Change{Notification: &text}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the notice", func() bool {
		got := h.tips("AV1", im.TipProfile)
		return len(got) == 1 && *got[0].Changed.Notification == text
	})
	for range 100 {
		if err := h.rooms.Like(t.Context(), ann.actor, "AV1", rooms.LikesKey, 3); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "the counter", func() bool {
		got := h.tips("AV1", im.TipCounter)
		return len(got) > 0 && got[len(got)-1].Counters[rooms.LikesKey] == 300
	})

	if err := h.rooms.InviteSeat(t.Context(), host.actor, "AV1", "ann"); err != nil {
		t.Fatal(err)
	}
	if err := h.rooms.AcceptSeat(t.Context(), ann.actor, "AV1", ""); err != nil {
		t.Fatal(err)
	}
	second := h.node.enter("ann", "AV1")
	ann.end(false)
	seats := func() int {
		list, err := h.rooms.Seats(t.Context(), rest, "AV1")
		if err != nil {
			t.Fatal(err)
		}
		return len(list)
	}
	if seats() != 1 {
		t.Error("the seat is freed while its account is still there")
	}
	second.end(false)
	eventually(t, "the free seat", func() bool { return seats() == 0 })
}

// A seat stays while its account is in the room by way of another node.
func TestSeatOfTwoNodes(t *testing.T) {
	h := open(t)
	other := h.start(func(o *Options) {
		o.Rooms, o.Store = h.rooms, h.store
		o.Bus.Handle("rooms.changed", func(context.Context, []byte) ([]byte, error) { return nil, nil })
	})
	host, ann, phone := h.node.enter("host", "AV1"), h.node.enter("ann", "AV1"), other.enter("ann", "AV1")
	if err := h.rooms.InviteSeat(t.Context(), host.actor, "AV1", "ann"); err != nil {
		t.Fatal(err)
	}
	if err := h.rooms.AcceptSeat(t.Context(), ann.actor, "AV1", ""); err != nil {
		t.Fatal(err)
	}
	ann.end(false)
	h.node.channel.freeSeat(ann.actor, "AV1") // what goes on behind, now
	seats := func() int {
		list, err := h.rooms.Seats(t.Context(), rest, "AV1")
		if err != nil {
			t.Fatal(err)
		}
		return len(list)
	}
	if seats() != 1 {
		t.Error("the seat is freed while its account is still there")
	}
	phone.end(false)
	eventually(t, "the free seat", func() bool { return seats() == 0 })
	other.stop()
	<-other.done
}

// Members come onto the list by entering, which is told once, and off it by leaving.
func TestListedRoom(t *testing.T) {
	h := open(t)
	ann := h.node.enter("ann", "G1")
	sent := ann.must("G1", "kept", im.Normal)
	if err := h.node.channel.Exit(t.Context(), ann.actor, "G1"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the notices", func() bool {
		return len(h.tips("G1", im.TipJoin)) == 1 && len(h.tips("G1", im.TipQuit)) == 1
	})
	host := h.node.connect("host")
	kept, err := h.node.channel.Recent(t.Context(), host.actor, "G1", 0, 10)
	if err != nil || len(kept) != 1 || kept[0].Seq != sent.Seq {
		t.Errorf("kept %+v, %v", kept, err)
	}
	refused(t, h.node.channel.Exit(t.Context(), host.actor, "G1"), im.ErrOwnerStays)
}

// Who is put onto a list gets what is said in the room at once, on all of its connections, and who leaves gets nothing
// more on any.
func TestListedRoomComesByItself(t *testing.T) {
	h := open(t)
	host, ann, phone, bob := h.node.connect("host"), h.node.connect("ann"), h.node.connect("ann"), h.node.connect("bob")
	made, err := h.rooms.Create(t.Context(), host.actor, rooms.NewRoom{
		Type: rooms.Private, Name: "small", Members: []rooms.NewMember{{Account: "bob"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if !host.InRoom(made.ID) || !bob.InRoom(made.ID) || ann.InRoom(made.ID) {
		t.Errorf("in the new room: its owner %v, its member %v, another one %v", host.Rooms(), bob.Rooms(), ann.Rooms())
	}
	if _, err := h.rooms.AddMembers(t.Context(), host.actor, made.ID, []string{"ann"}, false); err != nil {
		t.Fatal(err)
	}
	if !ann.InRoom(made.ID) || !phone.InRoom(made.ID) {
		t.Errorf("who was added is in %v and %v", ann.Rooms(), phone.Rooms())
	}
	if err := h.node.channel.Exit(t.Context(), phone.actor, made.ID); err != nil {
		t.Fatal(err)
	}
	if ann.InRoom(made.ID) || phone.InRoom(made.ID) {
		t.Errorf("who left is in %v and %v", ann.Rooms(), phone.Rooms())
	}
	refused(t, h.node.channel.Exit(t.Context(), ann.actor, made.ID), im.ErrNotMember)
	if _, err := h.node.channel.Enter(t.Context(), bob, "G1"); err != nil {
		t.Fatal(err)
	}
	if err := h.rooms.RemoveMembers(t.Context(), host.actor, made.ID, []string{"bob"}, true); err != nil {
		t.Fatal(err)
	}
	if got := bob.Rooms(); !slices.Equal(got, []string{"G1"}) {
		t.Errorf("who was taken off the list is in %v", got)
	}
}

// A token for one room lets nobody hear what is said in another one.
func TestTokenOfOneRoom(t *testing.T) {
	h := open(t)
	h.node.mu.Lock()
	limited := &client{node: h.node, actor: im.Actor{
		App: app, User: "host", Platform: im.PlatformWeb, Session: "limited", Only: &im.Only{Room: "AV1", Enter: true},
	}}
	h.node.sessions["limited"] = limited
	h.node.mu.Unlock()
	h.node.channel.Opened(t.Context(), limited)
	h.node.channel.Came(app, "G1", []string{"host"})
	if got := limited.Rooms(); len(got) != 0 {
		t.Errorf("it is in %v", got)
	}
}

// Numbers and what was kept go on after a restart.
func TestRestart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "weir.db")
	var last uint64
	for run := range 3 {
		h, end := newHouse(t, path)
		if run == 0 {
			if _, err := h.rooms.Create(t.Context(), rest, rooms.NewRoom{ID: "G1", Type: rooms.Public, Name: "members", Owner: "host"}); err != nil {
				t.Fatal(err)
			}
		}
		host := h.node.connect("host")
		for i := range 2 {
			sent := host.must("G1", fmt.Sprint(i), im.High)
			if sent.Seq <= last {
				t.Errorf("number %d after %d", sent.Seq, last)
			}
			last = sent.Seq
		}
		kept, err := h.node.channel.Recent(t.Context(), host.actor, "G1", 0, 10)
		if err != nil || len(kept) != 2*(run+1) {
			t.Errorf("after run %d %d messages are kept, %v", run, len(kept), err)
		}
		end()
	}
}
