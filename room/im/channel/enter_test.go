package channel

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"weir/room/hook"
	"weir/room/im"
	"weir/room/im/rooms"
)

// tips are the notices of one kind that went into a room.
func (c *cluster) tips(room string, op im.TipOp) (list []im.Tip) {
	for _, m := range c.messages(room, im.KindTip) {
		if tip := content[im.Tip](c.t, m); tip.Op == op {
			list = append(list, tip)
		}
	}
	return list
}

// Others hear who comes and goes, with the name that they have set before.
func TestB03_E03_D23_JoinAndLeave(t *testing.T) {
	in(t, 1, nil, func(t *testing.T, c *cluster) {
		c.want(hook.GroupStateChange, hook.GroupAfterJoin, hook.GroupAfterExit)
		n := c.nodes[0]
		n.enter("bob", "AV1")
		wait()
		ann := n.enter("ann", "AV1")
		wait()
		tips := c.messages("AV1", im.KindTip)
		if len(tips) != 2 {
			t.Fatalf("%d notices, want 2", len(tips))
		}
		tip := content[im.Tip](t, tips[1])
		if tip.Op != im.TipJoin || !slices.Equal(tip.Users, []string{"ann"}) || tip.Members[0].Nick != "the ann" || tip.Count != 2 {
			t.Errorf("the notice says %+v", tip)
		}
		if tips[1].From != "ann" || tips[1].Nick != "the ann" || tips[1].Seq != 0 {
			t.Errorf("the notice is %+v", tips[1])
		}

		if err := n.channel.Exit(context.Background(), ann.actor, "AV1"); err != nil {
			t.Fatal(err)
		}
		if ann.InRoom("AV1") {
			t.Error("who left still gets what is said")
		}
		refused(t, n.channel.Exit(context.Background(), ann.actor, "AV1"), im.ErrNotMember)
		_, err := ann.send("AV1", "hello", im.Normal)
		refused(t, err, im.ErrNotMember)
		wait()
		if left := c.tips("AV1", im.TipQuit); len(left) != 1 || left[0].Users[0] != "ann" || left[0].Count != 1 {
			t.Errorf("told %+v", left)
		}

		var told []string
		for _, call := range c.calls {
			switch body := call.Body.(type) {
			case hook.GroupPresence:
				told = append(told, fmt.Sprint(body.Event, " ", body.Cause, " ", body.Members))
			case hook.GroupJoined:
				told = append(told, fmt.Sprint(body.How, " ", body.Members, " ", body.Type))
			case hook.GroupLeft:
				told = append(told, fmt.Sprint(body.How, " ", body.Members, " ", body.Type))
			}
		}
		want := []string{
			"Online Join [bob]", "Apply [bob] AVChatRoom", "Online Join [ann]", "Apply [ann] AVChatRoom",
			"Offline Quit [ann]", "Quit [ann] AVChatRoom",
		}
		if !slices.Equal(told, want) {
			t.Errorf("callbacks %q, want %q", told, want)
		}
	})
}

// A connection that is lost is told as such to the application's server.
func TestLostConnection(t *testing.T) {
	in(t, 1, nil, func(t *testing.T, c *cluster) {
		c.want(hook.GroupStateChange)
		c.nodes[0].enter("ann", "AV1").end(true)
		c.nodes[0].enter("bob", "AV1").end(false)
		wait()
		var causes []string
		for _, call := range c.commands(hook.GroupStateChange) {
			causes = append(causes, call.Body.(hook.GroupPresence).Cause)
		}
		slices.Sort(causes)
		if want := []string{"HeartbeatInterrupt", "Join", "Quit"}; !slices.Equal(causes, want) {
			t.Errorf("causes %q, want %q", causes, want)
		}
	})
}

// Entering twice is told, and changes nothing; a second session of an account is no second comer.
func TestEnterTwice(t *testing.T) {
	in(t, 1, nil, func(t *testing.T, c *cluster) {
		n := c.nodes[0]
		ann := n.enter("ann", "AV1")
		got, err := n.channel.Enter(context.Background(), ann, "AV1")
		if err != nil || got.Status != AlreadyInRoom || got.Room.ID != "AV1" {
			t.Errorf("got %+v, %v", got, err)
		}
		second := n.enter("ann", "AV1")
		wait()
		second.end(false)
		wait()
		if joined, left := c.tips("AV1", im.TipJoin), c.tips("AV1", im.TipQuit); len(joined) != 1 || len(left) != 0 {
			t.Errorf("told %+v and %+v", joined, left)
		}
		ann.must("AV1", "still here", im.Normal)
	})
}

// Who is not logged in may read, in rooms without a list of members.
func TestD17_D18_Anonymous(t *testing.T) {
	in(t, 1, nil, func(t *testing.T, c *cluster) {
		n := c.nodes[0]
		viewer := n.connect("")
		got, err := n.channel.Enter(context.Background(), viewer, "AV1")
		if err != nil || got.Status != EnteredRoom || got.Count != 1 || !viewer.InRoom("AV1") {
			t.Errorf("got %+v, %v", got, err)
		}
		_, err = n.channel.Enter(context.Background(), viewer, "G1")
		refused(t, err, im.ErrNotLoggedIn)
		wait()
		if tips := c.messages("AV1", im.KindTip); len(tips) != 0 {
			t.Errorf("others hear of a viewer without a name: %+v", tips)
		}
		if err := n.channel.Exit(context.Background(), viewer.actor, "AV1"); err != nil || viewer.InRoom("AV1") {
			t.Errorf("cannot leave: %v", err)
		}
	})
}

// A browser is in one room at a time, but for those that are its account's own.
func TestOneRoomAtATime(t *testing.T) {
	in(t, 1, nil, func(t *testing.T, c *cluster) {
		n := c.nodes[0]
		ann := n.enter("ann", "AV1")
		host := n.enter("host", "AV1")
		agent := n.connect("bob")
		agent.actor.Platform = im.PlatformUnknown
		wait()
		for _, s := range []*client{ann, host, agent} {
			for _, room := range []string{"AV1", "AV2"} {
				if _, err := n.channel.Enter(context.Background(), s, room); err != nil {
					t.Fatal(err)
				}
			}
		}
		if ann.InRoom("AV1") || !ann.InRoom("AV2") || !host.InRoom("AV1") || !host.InRoom("G1") || !agent.InRoom("AV1") {
			t.Errorf("rooms: %v, %v, %v", ann.Rooms(), host.Rooms(), agent.Rooms())
		}
		wait()
		if left := c.tips("AV1", im.TipQuit); len(left) != 1 || left[0].Users[0] != "ann" {
			t.Errorf("told %+v", left)
		}
	})
}

// Who comes at once is told in one notice, with so many names and the count of all; who comes and goes at once is not
// told at all. In a big room there is one notice a second.
func TestJoinsAreMerged(t *testing.T) {
	in(t, 1, func(o *Options) { o.TipNames = 5 }, func(t *testing.T, c *cluster) {
		n := c.nodes[0]
		for i := range 20 {
			n.enter(fmt.Sprint("user", i), "AV1")
		}
		n.enter("ann", "AV1").end(false)
		wait()
		got := c.tips("AV1", im.TipJoin)
		if len(got) != 1 || len(got[0].Users) != 5 || got[0].Count != 20 {
			t.Fatalf("told %+v", got)
		}
		for i := range 400 {
			n.enter(fmt.Sprint("viewer", i), "AV1")
			time.Sleep(25 * time.Millisecond)
		}
		wait()
		got = c.tips("AV1", im.TipJoin)
		if last := got[len(got)-1]; last.Count != 420 {
			t.Errorf("the last notice counts %d, want 420", last.Count)
		}
		// 180 of them in windows of 250 ms, the others once a second.
		if n := len(got); n > 1+20+7 {
			t.Errorf("%d notices in ten seconds", n)
		}
	})
}

// A session that comes over from another node stays in no room that its account was put out of meanwhile.
func TestMovedSessionIsPutOut(t *testing.T) {
	in(t, 1, nil, func(t *testing.T, c *cluster) {
		n := c.nodes[0]
		c.rooms["AV2"].Status = rooms.Forbidden
		ann := &client{node: n, actor: im.Actor{App: app, User: "ann", Session: "moved"}, rooms: []string{"AV1", "AV2", "G1", "gone"}}
		n.sessions["moved"] = ann
		n.channel.Opened(context.Background(), ann)
		if got := ann.Rooms(); !slices.Equal(got, []string{"AV1"}) {
			t.Errorf("it stays in %v", got)
		}
	})
}

// A token that is for one room brings nothing of the others that its user is a member of.
func TestPrivilegesKeepOutOfOtherRooms(t *testing.T) {
	in(t, 1, nil, func(t *testing.T, c *cluster) {
		n := c.nodes[0]
		for want, only := range map[string]*im.Only{
			"[G1]": nil, "[]": {Room: "AV1", Enter: true}, "[] ": {Room: "G1"}, "[G1] ": {Room: "G1", Enter: true},
		} {
			host := &client{node: n, actor: im.Actor{App: app, User: "host", Session: "s" + want, Only: only}}
			n.sessions[host.actor.Session] = host
			n.channel.Opened(context.Background(), host)
			if got := fmt.Sprint(host.Rooms()); got != strings.TrimSpace(want) {
				t.Errorf("with %+v it is in %s, want %s", only, got, want)
			}
		}
	})
}

// A session that moves to another node is not told.
func TestMovedSession(t *testing.T) {
	in(t, 2, nil, func(t *testing.T, c *cluster) {
		ann := c.nodes[0].enter("ann", "AV1")
		wait()
		c.nodes[0].channel.Moved(ann)
		there := &client{node: c.nodes[1], actor: ann.actor, rooms: []string{"AV1"}}
		c.nodes[1].channel.Opened(context.Background(), there)
		wait()
		if len(c.tips("AV1", im.TipJoin)) != 1 || len(c.tips("AV1", im.TipQuit)) != 0 {
			t.Errorf("told %+v", c.messages("AV1", im.KindTip))
		}
		if _, err := there.send("AV1", "from the other node", im.Normal); err != nil {
			t.Error(err)
		}
		c.nodes[1].channel.Ended(there, false)
		wait()
		if left := c.tips("AV1", im.TipQuit); len(left) != 1 || left[0].Users[0] != "ann" {
			t.Errorf("when it ends, told %+v", left)
		}
	})
}
