package channel

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"weir/room/im"
)

// A room's change is told at once, also while the room has more messages than may be sent.
func TestB02_B21_ProfileChangeIsTold(t *testing.T) {
	in(t, 1, nil, func(t *testing.T, c *cluster) {
		n := c.nodes[0]
		ann := n.enter("ann", "AV1")
		wait()
		for range 200 {
			ann.must("AV1", "noise", im.Normal)
		}
		text := "the sale begins"
		start := time.Now()
		n.channel.Tip(app, "AV1", im.Tip{Op: im.TipProfile, Operator: "administrator", Changed: &im.RoomChange{Notification: &text}})
		time.Sleep(125 * time.Millisecond)
		synctest.Wait()
		got := c.tips("AV1", im.TipProfile)
		if len(got) != 1 || *got[0].Changed.Notification != text {
			t.Fatalf("told %+v after %v", got, time.Since(start))
		}
	})
}

// Likes are a counter that is told once a window, with its latest value.
func TestB07_LikesAreMerged(t *testing.T) {
	in(t, 1, nil, func(t *testing.T, c *cluster) {
		n := c.nodes[0]
		n.enter("ann", "AV1")
		wait()
		for i := range int64(1000) {
			n.channel.Tip(app, "AV1", im.Tip{Op: im.TipCounter, Counters: map[string]int64{"likes": i + 1}})
			time.Sleep(time.Millisecond)
		}
		wait()
		got := c.tips("AV1", im.TipCounter)
		if len(got) < 3 || len(got) > 5 || got[len(got)-1].Counters["likes"] != 1000 {
			t.Errorf("told %+v", got)
		}
	})
}

// How many watch is told every three seconds at most, the latest number; all else of the media at once.
func TestEvents(t *testing.T) {
	in(t, 1, nil, func(t *testing.T, c *cluster) {
		n := c.nodes[0]
		count := func(watching int) {
			n.channel.Event(app, "AV1", im.Event{Type: "stream.viewers", Stream: "cam", Watching: &watching})
		}
		count(1)
		wait()
		if got := c.messages("AV1", im.KindEvent); len(got) > 0 {
			t.Errorf("told to nobody: %+v", got)
		}
		n.enter("ann", "AV1")
		for i := range 100 {
			count(i)
			time.Sleep(100 * time.Millisecond)
		}
		time.Sleep(5 * time.Second)
		synctest.Wait()
		events := func() (list []im.Event) {
			for _, m := range c.messages("AV1", im.KindEvent) {
				list = append(list, content[im.Event](t, m))
			}
			return list
		}
		got := events()
		if len(got) < 4 || len(got) > 5 || *got[len(got)-1].Watching != 99 {
			t.Errorf("told %+v", got)
		}
		start := time.Now()
		n.channel.Event(app, "AV1", im.Event{Type: "stream.ended", Stream: "cam", Reason: "deleted"})
		synctest.Wait()
		got = events()
		if last := got[len(got)-1]; last.Type != "stream.ended" || last.Reason != "deleted" || time.Since(start) > 0 {
			t.Errorf("told %+v after %v", last, time.Since(start))
		}
	})
}

// Who is put out gets nothing more, and hears why.
func TestE05_PutOut(t *testing.T) {
	in(t, 2, nil, func(t *testing.T, c *cluster) {
		ann, bob := c.nodes[1].enter("ann", "AV1"), c.nodes[1].enter("bob", "AV1")
		wait()
		c.nodes[0].channel.PutOut(app, "AV1", []string{"ann"}, im.NoticeKicked)
		synctest.Wait()
		if ann.InRoom("AV1") || !bob.InRoom("AV1") {
			t.Error("the wrong one is in the room")
		}
		told := c.told["ann"]
		if len(told) != 1 || told[0].Room != "AV1" || told[0].Kind != im.KindNotice || content[im.Notice](t, told[0]).Op != im.NoticeKicked {
			t.Errorf("told %+v", told)
		}
		_, err := ann.send("AV1", "I am still here", im.Normal)
		refused(t, err, im.ErrNotMember)
	})
}

// When a room is destroyed all hear of it, what was accepted before it goes out before it, and nobody is in it.
func TestE06_Destroyed(t *testing.T) {
	in(t, 2, nil, func(t *testing.T, c *cluster) {
		ann, viewer := c.nodes[0].enter("ann", "AV1"), c.nodes[1].enter("", "AV1")
		wait()
		ann.must("AV1", "goodbye", im.Normal)
		c.mu.Lock()
		delete(c.rooms, "AV1")
		c.mu.Unlock()
		c.nodes[0].channel.Gone(app, "AV1")
		synctest.Wait()
		all := c.published["AV1"]
		last := all[len(all)-1].messages
		notice := last[len(last)-1]
		if last[0].text(t) != "goodbye" || notice.Kind != im.KindNotice || content[im.Notice](t, notice).Op != im.NoticeDismissed {
			t.Errorf("the last publication is %+v", last)
		}
		wait()
		if ann.InRoom("AV1") || viewer.InRoom("AV1") {
			t.Error("somebody is still in the room")
		}
		_, err := ann.send("AV1", "hello", im.Normal)
		refused(t, err, im.ErrNoRoom)
		_, err = c.nodes[0].channel.Enter(context.Background(), ann, "AV1")
		refused(t, err, im.ErrNoRoom)
		if n := len(c.nodes[0].channel.rooms) + len(c.nodes[1].channel.rooms); n != 0 {
			t.Errorf("%d rooms are remembered", n)
		}
	})
}

// An application's text goes to all in a room, apart from the limit, or to some members of one with a list.
func TestB04_B06_Notice(t *testing.T) {
	in(t, 1, nil, func(t *testing.T, c *cluster) {
		n := c.nodes[0]
		ann := n.enter("ann", "AV1")
		ctx := context.Background()
		if err := n.channel.Notice(ctx, rest, "AV1", "new goods <b>", nil); err != nil {
			t.Fatal(err)
		}
		wait()
		got := c.messages("AV1", im.KindNotice)
		if len(got) != 1 || got[0].Seq != 0 || content[im.Notice](t, got[0]) != (im.Notice{Op: im.NoticeCustom, Text: "new goods <b>"}) {
			t.Errorf("got %+v", got)
		}
		refused(t, n.channel.Notice(ctx, ann.actor, "AV1", "x", nil), im.ErrNoPermission)
		refused(t, n.channel.Notice(ctx, rest, "AV1", "x", []string{"ann"}), im.ErrNoPermission)
		refused(t, n.channel.Notice(ctx, rest, "AV9", "x", nil), im.ErrNoRoom)
		refused(t, n.channel.Notice(ctx, rest, "AV1", strings.Repeat("x", im.MaxMessage+1), nil), im.ErrTooLong)
		if err := n.channel.Notice(ctx, rest, "G1", "to the host", []string{"host", "ann"}); err != nil {
			t.Error(err)
		}
		if len(c.told["host"]) != 1 || len(c.told["ann"]) != 0 {
			t.Errorf("told %+v", c.told)
		}
		n.channel.TipTo(app, "AV1", []string{"ann"}, im.Tip{Op: im.TipSeat, Seat: "invited"})
		if told := c.told["ann"]; len(told) != 1 || content[im.Tip](t, told[0]).Seat != "invited" {
			t.Errorf("told %+v", told)
		}
	})
}

// A broadcast reaches every room without a list in which somebody is.
func TestBroadcast(t *testing.T) {
	in(t, 1, nil, func(t *testing.T, c *cluster) {
		n := c.nodes[0]
		ann := n.enter("ann", "AV1")
		n.enter("host", "G1")
		_, err := n.channel.Broadcast(context.Background(), ann.actor, text("", "to all", im.Normal))
		refused(t, err, im.ErrNoPermission)
		sent, err := n.channel.Broadcast(context.Background(), rest, text("", "to all", im.Normal))
		if err != nil || sent.Seq == 0 {
			t.Fatalf("%+v, %v", sent, err)
		}
		wait()
		got := c.messages("AV1", im.KindMessage)
		if len(got) != 1 || !got[0].Broadcast || got[0].Seq != 0 || got[0].text(t) != "to all" {
			t.Errorf("got %+v", got)
		}
		if got := slices.Concat(c.texts("AV2"), c.texts("G1")); len(got) > 0 {
			t.Errorf("it went where nobody is, or to a room with a list: %q", got)
		}
	})
}
