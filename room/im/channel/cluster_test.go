package channel

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"weir/room/im"
)

// ordered fails unless the numbers of the messages in a room are each there once and grow.
func (c *cluster) ordered(t *testing.T, room string) {
	t.Helper()
	last := uint64(0)
	for _, m := range c.messages(room, im.KindMessage) {
		if m.Seq <= last {
			t.Fatalf("number %d comes after %d", m.Seq, last)
		}
		last = m.Seq
	}
}

// A message that is sent at one node goes through the room's owner: one limit, one order, and refusals as they are.
func TestD08_OtherNode(t *testing.T) {
	in(t, 2, nil, func(t *testing.T, c *cluster) {
		ann, bob := c.nodes[0].enter("ann", "AV1"), c.nodes[1].enter("bob", "AV1")
		for i := range 200 {
			ann.must("AV1", fmt.Sprint("a", i), im.Normal)
			bob.must("AV1", fmt.Sprint("b", i), im.Normal)
			time.Sleep(25 * time.Millisecond)
		}
		wait()
		got := c.messages("AV1", im.KindMessage)
		if len(got) < 190 || len(got) > 210 {
			t.Errorf("%d messages in five seconds, want 40 a second", len(got))
		}
		c.ordered(t, "AV1")
		m := text("AV1", "once", im.High)
		one, err := c.nodes[1].channel.Send(context.Background(), bob.actor, m)
		if err != nil {
			t.Fatal(err)
		}
		if two, err := c.nodes[1].channel.Send(context.Background(), bob.actor, m); err != nil || one != two {
			t.Errorf("the same message twice: %+v and %+v, %v", one, two, err)
		}
		c.mu.Lock()
		delete(c.rooms, "AV1")
		c.mu.Unlock()
		_, err = bob.send("AV1", "hello", im.Normal)
		refused(t, err, im.ErrNoRoom)
	})
}

// The owner of a room changes again and again, and nodes hear of it late: the numbers that viewers get are each there
// once and grow, and no message is lost.
func TestCLU02_OwnerMoves(t *testing.T) {
	in(t, 2, func(o *Options) { o.PerSecond = 1000 }, func(t *testing.T, c *cluster) {
		c.announce = 20 * time.Millisecond
		owner := 0
		c.owner = func(string) int { return owner }
		clients := []*client{c.nodes[0].enter("ann", "AV1"), c.nodes[1].enter("bob", "AV1")}
		const count = 600
		for i := range count {
			clients[i%2].must("AV1", fmt.Sprint(i), [...]im.Priority{im.Normal, im.Normal, im.High}[i%3])
			time.Sleep(10 * time.Millisecond)
			if i%100 == 99 {
				c.mu.Lock()
				owner = 1 - owner
				c.mu.Unlock()
			}
		}
		wait()
		c.ordered(t, "AV1")
		seen := map[string]int{}
		for _, s := range c.texts("AV1") {
			seen[s]++
		}
		for i := range count {
			if seen[fmt.Sprint(i)] != 1 {
				t.Errorf("message %d came %d times", i, seen[fmt.Sprint(i)])
			}
		}
	})
}

// What the old owner has not published yet when it hears of the new one, it hands on.
func TestCLU02_HandsOn(t *testing.T) {
	in(t, 2, nil, func(t *testing.T, c *cluster) {
		c.announce = 20 * time.Millisecond
		owner := 0
		c.owner = func(string) int { return owner }
		ann, bob := c.nodes[0].enter("ann", "AV1"), c.nodes[1].enter("bob", "AV1")
		ann.must("AV1", "the first", im.Normal)
		wait()
		ann.must("AV1", "in the old owner's window", im.Normal)
		c.mu.Lock()
		owner = 1
		c.mu.Unlock()
		bob.must("AV1", "at the new owner", im.High)
		wait()
		c.ordered(t, "AV1")
		if got, want := c.texts("AV1"), []string{"the first", "at the new owner", "in the old owner's window"}; !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

// What one sender has in the old owner's window keeps its order at the new one.
func TestCLU02_HandsOnInOrder(t *testing.T) {
	in(t, 2, nil, func(t *testing.T, c *cluster) {
		c.announce = 20 * time.Millisecond
		owner := 0
		c.owner = func(string) int { return owner }
		ann, bob := c.nodes[0].enter("ann", "AV1"), c.nodes[1].enter("bob", "AV1")
		ann.must("AV1", "first", im.Normal)
		wait()
		want := make([]string, 0, 20)
		for i := range 20 {
			want = append(want, fmt.Sprint(i))
			ann.must("AV1", want[i], im.Normal)
		}
		c.mu.Lock()
		owner = 1
		c.mu.Unlock()
		bob.must("AV1", "new", im.High)
		wait()
		got := slices.DeleteFunc(c.texts("AV1"), func(s string) bool { return s == "first" || s == "new" })
		if !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

// While no node takes itself for the owner, senders wait; when that lasts, they hear of it.
func TestNoOwner(t *testing.T) {
	in(t, 2, nil, func(t *testing.T, c *cluster) {
		owners := []int{1, 1, 1}
		c.owner = func(string) int {
			if len(owners) > 0 {
				owners = owners[1:]
			}
			if len(owners)%2 == 1 {
				return 1
			}
			return 0
		}
		ann := c.nodes[0].enter("ann", "AV1")
		ann.must("AV1", "hello", im.Normal)
		wait()
		if got := c.texts("AV1"); !slices.Equal(got, []string{"hello"}) {
			t.Errorf("got %q", got)
		}
	})
}

// Numbers go on after a restart, and those that were not used are not used again.
func TestNumbersGrowAcrossRestarts(t *testing.T) {
	in(t, 1, nil, func(t *testing.T, c *cluster) {
		last := uint64(0)
		for range 5 {
			n := c.start(nil)
			c.mu.Lock()
			c.owner = func(string) int { return n.index }
			c.mu.Unlock()
			ann := n.enter("ann", "AV1")
			for range 3 {
				if sent := ann.must("AV1", "hello", im.Normal); sent.Seq <= last {
					t.Fatalf("number %d after %d", sent.Seq, last)
				} else {
					last = sent.Seq
				}
			}
		}
		wait()
		c.ordered(t, "AV1")
	})
}

// Many senders at once: each message is numbered once, and each sender's stay in order.
func TestConcurrentSenders(t *testing.T) {
	in(t, 2, func(o *Options) { o.PerSecond = 10_000 }, func(t *testing.T, c *cluster) {
		var group sync.WaitGroup
		for s := range 8 {
			cl := c.nodes[s%2].enter([]string{"ann", "bob", "cid", "host"}[s%4], "AV1")
			messages := make([]Send, 100)
			for i := range messages {
				messages[i] = text("AV1", fmt.Sprint(s, " ", i), im.Normal)
			}
			group.Go(func() {
				for _, m := range messages {
					if _, err := cl.node.channel.Send(context.Background(), cl.actor, m); err != nil {
						t.Error(err)
					}
				}
			})
		}
		group.Wait()
		wait()
		c.ordered(t, "AV1")
		last := map[int]int{}
		all := c.texts("AV1")
		for _, s := range all {
			var sender, i int
			if _, err := fmt.Sscan(s, &sender, &i); err != nil {
				t.Fatal(err)
			}
			if i != last[sender] {
				t.Fatalf("message %d of sender %d comes where %d should", i, sender, last[sender])
			}
			last[sender]++
		}
		if len(all) != 800 {
			t.Errorf("%d messages, want 800", len(all))
		}
	})
}

// What waits when the channel ends is published, and senders who come later are refused.
func TestEnd(t *testing.T) {
	in(t, 1, nil, func(t *testing.T, c *cluster) {
		n := c.nodes[0]
		ann := n.enter("ann", "AV1")
		ann.must("AV1", "the last words", im.Normal)
		n.stop()
		<-n.done
		if got := c.texts("AV1"); !slices.Equal(got, []string{"the last words"}) {
			t.Errorf("got %q", got)
		}
		if _, err := ann.send("AV1", "too late", im.Normal); err == nil {
			t.Error("a message was taken after the end")
		}
	})
}

// Rooms in which nothing goes on are forgotten, others are not.
func TestIdleRoomsAreForgotten(t *testing.T) {
	in(t, 1, nil, func(t *testing.T, c *cluster) {
		n := c.nodes[0]
		ann := n.enter("ann", "AV1")
		bob := n.enter("bob", "AV2")
		bob.must("AV2", "hello", im.Normal)
		bob.end(false)
		time.Sleep(10 * time.Minute)
		n.channel.mu.RLock()
		rooms := len(n.channel.rooms)
		n.channel.mu.RUnlock()
		if rooms != 1 {
			t.Errorf("%d rooms are remembered, want that of one who is there", rooms)
		}
		ann.must("AV1", "hello", im.Normal)
	})
}
