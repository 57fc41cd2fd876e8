package rooms

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"weir/room/im"
	"weir/room/store"
)

// seated gives an account a seat.
func seated(t *testing.T, w *world, room, who string) {
	t.Helper()
	if err := w.RequestSeat(ctx, user(who), room); err != nil {
		t.Fatal(err)
	}
	if err := w.AcceptSeat(ctx, admin, room, who); err != nil {
		t.Fatal(err)
	}
}

// tipped is who was told of which state of whose seat.
func tipped(w *world) (list []string) {
	for _, n := range w.told.take() {
		to := "all"
		if n.To != nil {
			to = fmt.Sprint(n.To)
		}
		list = append(list, fmt.Sprintf("%s: %s %s by %s", to, n.Tip.Users, n.Tip.Seat, n.Tip.Operator))
	}
	return list
}

// Seats: a request that a host accepts, an invitation that its receiver accepts, and all other ways.
func TestSeats(t *testing.T) {
	w := newWorld(t)
	w.create(NewRoom{ID: "AV1", Owner: "host"})
	host, ann, bob := user("host"), user("ann"), user("bob")
	viewer := im.Actor{App: app}
	type step struct {
		what string
		do   func() error
		want error
		told []string
		ends []string
		may  error // whether ann may publish afterwards
	}
	no := im.ErrNoPermission
	steps := []step{
		{"a viewer asks", func() error { return w.RequestSeat(ctx, viewer, "AV1") }, im.ErrNotLoggedIn, nil, nil, no},
		{"the host asks", func() error { return w.RequestSeat(ctx, host, "AV1") }, nil, nil, nil, no},
		{"ann asks", func() error { return w.RequestSeat(ctx, ann, "AV1") }, nil, []string{"[host]: [ann] requested by ann"}, nil, no},
		{"ann asks again", func() error { return w.RequestSeat(ctx, ann, "AV1") }, nil, nil, nil, no},
		{"ann accepts herself", func() error { return w.AcceptSeat(ctx, ann, "AV1", "") }, errNoSeat, nil, nil, no},
		{"bob accepts her", func() error { return w.AcceptSeat(ctx, bob, "AV1", "ann") }, no, nil, nil, no},
		{"the host accepts", func() error { return w.AcceptSeat(ctx, host, "AV1", "ann") }, nil, []string{"all: [ann] seated by host"}, nil, nil},
		{"the host accepts again", func() error { return w.AcceptSeat(ctx, host, "AV1", "ann") }, nil, nil, nil, nil},
		{"ann asks while seated", func() error { return w.RequestSeat(ctx, ann, "AV1") }, nil, nil, nil, nil},
		{"ann invites", func() error { return w.InviteSeat(ctx, ann, "AV1", "bob") }, no, nil, nil, nil},
		{"ann leaves", func() error { return w.LeaveSeat(ctx, ann, "AV1") }, nil, []string{"all: [ann] left by ann"}, []string{"ann in AV1"}, no},
		{"ann leaves again", func() error { return w.LeaveSeat(ctx, ann, "AV1") }, errNoSeat, nil, nil, no},
		{"the host invites nobody", func() error { return w.InviteSeat(ctx, host, "AV1", "nobody") }, im.ErrNoAccount, nil, nil, no},
		{"the host invites ann", func() error { return w.InviteSeat(ctx, host, "AV1", "ann") }, nil, []string{"[ann]: [ann] invited by host"}, nil, no},
		{"the host accepts for her", func() error { return w.AcceptSeat(ctx, host, "AV1", "ann") }, errNoSeat, nil, nil, no},
		{"ann accepts", func() error { return w.AcceptSeat(ctx, ann, "AV1", "ann") }, nil, []string{"all: [ann] seated by ann"}, nil, nil},
		{"bob revokes", func() error { return w.RevokeSeat(ctx, bob, "AV1", "ann") }, no, nil, nil, nil},
		{"the host revokes", func() error { return w.RevokeSeat(ctx, host, "AV1", "ann") }, nil, []string{"all: [ann] revoked by host"}, []string{"ann in AV1"}, no},
		{"the host revokes again", func() error { return w.RevokeSeat(ctx, host, "AV1", "ann") }, errNoSeat, nil, nil, no},
		{"the host invites once more", func() error { return w.InviteSeat(ctx, host, "AV1", "ann") }, nil, []string{"[ann]: [ann] invited by host"}, nil, no},
		{"ann declines", func() error { return w.DeclineSeat(ctx, ann, "AV1", "") }, nil, []string{"[host]: [ann] declined by ann"}, nil, no},
		{"ann declines again", func() error { return w.DeclineSeat(ctx, ann, "AV1", "") }, errNoSeat, nil, nil, no},
		{"the app invites", func() error { return w.InviteSeat(ctx, admin, "AV1", "ann") }, nil, []string{"[ann host]: [ann] invited by administrator"}, nil, no},
		{"the host takes it back", func() error { return w.RevokeSeat(ctx, host, "AV1", "ann") }, nil, []string{"[administrator ann]: [ann] revoked by host"}, nil, no},
		{"ann asks again", func() error { return w.RequestSeat(ctx, ann, "AV1") }, nil, []string{"[host]: [ann] requested by ann"}, nil, no},
		{"bob declines it", func() error { return w.DeclineSeat(ctx, bob, "AV1", "ann") }, no, nil, nil, no},
		{"the host declines it", func() error { return w.DeclineSeat(ctx, host, "AV1", "ann") }, nil, []string{"[ann]: [ann] declined by host"}, nil, no},
		{"ann asks once more", func() error { return w.RequestSeat(ctx, ann, "AV1") }, nil, []string{"[host]: [ann] requested by ann"}, nil, no},
		{"the host invites her", func() error { return w.InviteSeat(ctx, host, "AV1", "ann") }, nil, []string{"all: [ann] seated by host"}, nil, nil},
		{"she goes out of the room", func() error { return w.Left(ctx, app, "AV1", "ann") }, nil, []string{"all: [ann] left by ann"}, []string{"ann in AV1"}, no},
		{"she is out of the room", func() error { return w.Left(ctx, app, "AV1", "ann") }, nil, nil, nil, no},
		{"ann is invited", func() error { return w.InviteSeat(ctx, host, "AV1", "ann") }, nil, []string{"[ann]: [ann] invited by host"}, nil, no},
		{"ann asks", func() error { return w.RequestSeat(ctx, ann, "AV1") }, nil, []string{"all: [ann] seated by ann"}, nil, nil},
		{"a room that is not there", func() error { return w.RequestSeat(ctx, ann, "none") }, im.ErrNoRoom, nil, nil, nil},
		{"to leave one", func() error { return w.LeaveSeat(ctx, ann, "none") }, errNoSeat, nil, nil, nil},
		{"a closed room", func() error { return w.SetStatus(ctx, host, "AV1", Closed) }, nil, []string{"all: []  by host"}, []string{"AV1 is closed"}, im.ErrRoomClosed},
		{"to ask there", func() error { return w.RequestSeat(ctx, bob, "AV1") }, im.ErrRoomClosed, nil, nil, im.ErrRoomClosed},
	}
	for _, s := range steps {
		is(t, s.what, s.do(), s.want)
		equal(t, s.what+", told", tipped(w), s.told)
		equal(t, s.what+", media", w.ends.take(), s.ends)
		is(t, s.what+", she publishes", w.MayPublish(ctx, app, "AV1", "ann", false), s.may)
	}
}

// Seats survive a restart; who sees which.
func TestSeatsLast(t *testing.T) {
	w := newWorld(t)
	w.create(NewRoom{ID: "AV1", Owner: "host"})
	seated(t, w, "AV1", "ann")
	is(t, "bob asks", w.RequestSeat(ctx, user("bob"), "AV1"), nil)
	w.restart()
	is(t, "ann publishes", w.MayPublish(ctx, app, "AV1", "ann", false), nil)
	annSits := store.Seat{Account: "ann", State: SeatTaken, By: "administrator", Since: epoch}
	bobAsks := store.Seat{Account: "bob", State: SeatRequested, By: "bob", Since: epoch}
	for who, want := range map[im.Actor][]store.Seat{
		user("host"): {annSits, bobAsks}, user("bob"): {annSits, bobAsks}, user("carl"): {annSits}, {App: app}: {annSits},
	} {
		seats, err := w.Seats(ctx, who, "AV1")
		equal(t, who.User+" sees", []any{seats, err}, []any{want, nil})
	}
	w.clock.pass(time.Minute)
	seats, err := w.Seats(ctx, user("host"), "AV1")
	equal(t, "after a minute", []any{seats, err}, []any{[]store.Seat{annSits}, nil})
	is(t, "too late", w.AcceptSeat(ctx, user("host"), "AV1", "bob"), errNoSeat)
}

// What nobody answers is over after a minute, and told.
func TestSeatsExpire(t *testing.T) {
	w := newWorld(t)
	w.create(NewRoom{ID: "AV1", Owner: "host"})
	is(t, "ann asks", w.RequestSeat(ctx, user("ann"), "AV1"), nil)
	w.clock.pass(time.Second)
	is(t, "bob is invited", w.InviteSeat(ctx, user("host"), "AV1", "bob"), nil)
	seated(t, w, "AV1", "carl")
	w.clock.pass(58 * time.Second)
	w.forget()
	w.expireSeats(ctx)
	equal(t, "a second before", tipped(w), []string(nil))
	w.clock.pass(time.Second)
	w.expireSeats(ctx)
	equal(t, "ann's", tipped(w), []string{"[ann host]: [ann] expired by "})
	w.clock.pass(time.Second)
	is(t, "too late", w.AcceptSeat(ctx, user("bob"), "AV1", ""), errNoSeat)
	w.expireSeats(ctx)
	equal(t, "bob's", tipped(w), []string{"[bob host]: [bob] expired by "})
	seats, err := w.Seats(ctx, admin, "AV1")
	if len(seats) != 1 || seats[0].Account != "carl" || err != nil || len(w.waiting.ends) > 0 {
		t.Errorf("seats %v, %v, waiting %v", seats, err, w.waiting.ends)
	}
}

// There are nine seats, also for many who take them at the same time on two nodes.
func TestSeatsAreBounded(t *testing.T) {
	w := newWorld(t)
	w.create(NewRoom{ID: "AV1", Owner: "host"})
	nodes := []*Rooms{w.Rooms, w.node()}
	var all sync.WaitGroup
	var mu sync.Mutex
	full := 0
	for i := range 12 {
		name := fmt.Sprint("guest", i)
		if _, err := w.store.PutAccount(ctx, app, name, nil); err != nil {
			t.Fatal(err)
		}
		is(t, "invite", w.InviteSeat(ctx, user("host"), "AV1", name), nil)
		all.Go(func() {
			if err := nodes[i%2].AcceptSeat(ctx, user(name), "AV1", ""); err != nil {
				is(t, "accept", err, im.ErrRoomFull)
				mu.Lock()
				full++
				mu.Unlock()
			}
		})
	}
	all.Wait()
	seats, err := w.Seats(ctx, user("u1"), "AV1")
	if len(seats) != 9 || full != 3 || err != nil {
		t.Errorf("%d seats, %d times full, %v", len(seats), full, err)
	}
	w.create(NewRoom{ID: "AV2", Owner: "host"})
	for i := range 101 {
		var want error
		if i == 100 {
			want = im.ErrTooMany
		}
		is(t, fmt.Sprint("request ", i), w.RequestSeat(ctx, user(fmt.Sprint("v", i)), "AV2"), want)
	}
}

// MayPublish: what this package says of who publishes into a room.
func TestMayPublish(t *testing.T) {
	w := newWorld(t)
	w.create(NewRoom{ID: "owned", Owner: "host"})
	w.create(NewRoom{ID: "free"})
	w.create(NewRoom{ID: "group", Type: Public, Owner: "host", Members: []NewMember{{Account: "ann"}, {Account: "bob", Role: "Admin"}}})
	w.create(NewRoom{ID: "ownerless", Type: Public, Members: []NewMember{{Account: "ann"}}})
	w.create(NewRoom{ID: "paused", Owner: "host"})
	is(t, "pause", w.SetStatus(ctx, admin, "paused", Paused), nil)
	is(t, "ban", w.Ban(ctx, admin, "free", []string{"carl"}, 60), nil)
	seated(t, w, "owned", "carl")
	for _, c := range []struct {
		room, user string
		admin      bool
		want       error
	}{
		{"unknown", "ann", false, nil},
		{"unknown", "", false, nil},
		{"no/id", "ann", false, nil}, // room/auth refuses it
		{"owned", "host", false, nil},
		{"owned", "carl", false, nil},
		{"owned", "ann", false, im.ErrNoPermission},
		{"owned", "", false, im.ErrNoPermission},
		{"owned", "administrator", true, nil},
		{"free", "ann", false, nil},
		{"free", "", false, nil},
		{"free", "carl", false, im.ErrBanned},
		{"group", "bob", false, nil},
		{"group", "ann", false, im.ErrNoPermission},
		{"group", "u1", false, im.ErrNoPermission},
		{"ownerless", "ann", false, nil},
		{"ownerless", "u1", false, im.ErrNotMember},
		{"paused", "host", false, nil},
		{"paused", "ann", false, im.ErrNoPermission},
	} {
		is(t, fmt.Sprintf("%s into %s", c.user, c.room), w.MayPublish(ctx, app, c.room, c.user, c.admin), c.want)
	}
	if err := w.store.Close(); err != nil {
		t.Fatal(err)
	}
	if err := w.MayPublish(ctx, app, "another", "ann", false); err == nil {
		t.Error("when nobody knows, somebody may publish")
	}
}
