package channel

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"weir/room/hook"
	"weir/room/im"
	"weir/room/im/rooms"
)

// Users in one room exchange messages, each with a number that grows and with how its sender is shown.
func TestB01_Exchange(t *testing.T) {
	in(t, 1, nil, func(t *testing.T, c *cluster) {
		ann, bob := c.nodes[0].enter("ann", "AV1"), c.nodes[0].enter("bob", "AV1")
		one := ann.must("AV1", "hello", im.Normal)
		two := bob.must("AV1", "hello yourself", im.Normal)
		wait()
		got := c.messages("AV1", im.KindMessage)
		if len(got) != 2 || got[0].text(t) != "hello" || got[1].text(t) != "hello yourself" {
			t.Fatalf("got %+v", got)
		}
		m := got[0]
		if m.From != "ann" || m.Nick != "the ann" || m.Level != 3 || m.Priority != "Normal" || m.Media != 1234 || m.Time != one.Time {
			t.Errorf("got %+v", m)
		}
		if m.Seq != one.Seq || got[1].Seq != two.Seq || two.Seq <= one.Seq {
			t.Errorf("numbers %d and %d, the answers were %d and %d", m.Seq, got[1].Seq, one.Seq, two.Seq)
		}
	})
}

// Custom messages arrive as they were sent: gifts, follows, purchases, and the end of a push with its last words.
func TestB05_B10_B11_B18_E11_CustomVerbatim(t *testing.T) {
	const tricky = "<script>alert(1)</script>\r\n\u202egnp.exe \x1b[31mred {\"a\":\"\\u0000\"} 🎁"
	in(t, 1, nil, func(t *testing.T, c *cluster) {
		ann := c.nodes[0].enter("ann", "AV1")
		for _, custom := range []map[string]string{
			{"Data": "gift", "Desc": tricky, "Ext": `{"n":1}`},
			{"Data": "follow", "Desc": "", "Ext": tricky},
			{"Data": tricky, "Desc": "buy", "Ext": ""},
			{"Data": "push_stopped", "Desc": "see you tomorrow", "Ext": ""},
		} {
			data, err := json.Marshal(custom)
			if err != nil {
				t.Fatal(err)
			}
			m := text("AV1", "", im.High)
			m.Body = []im.Element{{Type: im.ElemCustom, Content: data}}
			if _, err := c.nodes[0].channel.Send(context.Background(), ann.actor, m); err != nil {
				t.Fatal(err)
			}
			wait()
			all := c.messages("AV1", im.KindMessage)
			got := content[map[string]string](t, all[len(all)-1])
			for field, want := range custom {
				if got[field] != want {
					t.Errorf("%s is %q, want %q", field, got[field], want)
				}
			}
		}
	})
}

// The sender's own page knows its message by its account and its random, and every session of others gets it once.
func TestB19_OwnMessageCanBeTold(t *testing.T) {
	in(t, 1, nil, func(t *testing.T, c *cluster) {
		ann := c.nodes[0].enter("ann", "AV1")
		m := text("AV1", "hello", im.Normal)
		if _, err := c.nodes[0].channel.Send(context.Background(), ann.actor, m); err != nil {
			t.Fatal(err)
		}
		wait()
		got := c.messages("AV1", im.KindMessage)
		if len(got) != 1 || got[0].From != "ann" || got[0].Random != m.Random {
			t.Errorf("got %+v", got)
		}
	})
}

// An assistant who sends messages has to be in the room; one that acts by REST need not.
func TestB20_SenderIsInTheRoom(t *testing.T) {
	in(t, 1, nil, func(t *testing.T, c *cluster) {
		n := c.nodes[0]
		_, err := n.connect("ann").send("AV1", "hello", im.Normal)
		refused(t, err, im.ErrNotMember)
		m := text("AV1", "by the backend", im.Normal)
		m.From = "bob"
		if _, err := n.channel.Send(context.Background(), rest, m); err != nil {
			t.Error(err)
		}
		if _, err := n.channel.Send(context.Background(), rest, text("AV1", "by the administrator", im.Normal)); err != nil {
			t.Error(err)
		}
		m = text("AV1", "by nobody", im.Normal)
		m.From = "nobody"
		_, err = n.channel.Send(context.Background(), rest, m)
		refused(t, err, im.ErrNoAccount)
		wait()
		if got, want := c.texts("AV1"), []string{"by the backend", "by the administrator"}; !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

// change replaces what is known of a room.
func (c *cluster) change(room string, f func(*rooms.Facts)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	facts := *c.rooms[room]
	f(&facts)
	c.rooms[room] = &facts
}

// What keeps a message out of a room.
func TestRefusals(t *testing.T) {
	for name, test := range map[string]func(t *testing.T, n *node, ann, host *client){
		"D17: who is not logged in": func(t *testing.T, n *node, _, _ *client) {
			_, err := n.enter("", "AV1").send("AV1", "hello", im.Normal)
			refused(t, err, im.ErrNotLoggedIn)
		},
		"another's name": func(t *testing.T, n *node, ann, _ *client) {
			m := text("AV1", "hello", im.Normal)
			m.From = "bob"
			_, err := n.channel.Send(context.Background(), ann.actor, m)
			refused(t, err, im.ErrNoPermission)
		},
		"no such room": func(t *testing.T, _ *node, ann, _ *client) {
			_, err := ann.send("AV9", "hello", im.Normal)
			refused(t, err, im.ErrNoRoom)
		},
		"all are muted but the owner": func(t *testing.T, n *node, ann, host *client) {
			n.change("AV1", func(f *rooms.Facts) { f.MuteAll = true })
			_, err := ann.send("AV1", "hello", im.Normal)
			refused(t, err, im.ErrMuted)
			host.must("AV1", "hello", im.Normal)
			if _, err := n.channel.Send(context.Background(), rest, text("AV1", "hello", im.Normal)); err != nil {
				t.Error(err)
			}
		},
		"B09: the room is closed": func(t *testing.T, n *node, ann, _ *client) {
			for _, status := range []string{rooms.Closed, rooms.Forbidden} {
				n.change("AV1", func(f *rooms.Facts) { f.Status = status })
				_, err := ann.send("AV1", "hello", im.Normal)
				refused(t, err, im.ErrRoomClosed)
			}
			n.change("AV1", func(f *rooms.Facts) { f.Status = rooms.Paused })
			ann.must("AV1", "hello", im.Normal)
		},
		"the account is silenced": func(t *testing.T, n *node, ann, _ *client) {
			silent := n.people["ann"]
			silent.NoRoom = time.Now().Unix() + 60
			n.people["ann"] = silent
			_, err := ann.send("AV1", "hello", im.Normal)
			refused(t, err, im.ErrMuted)
		},
		"E12: 12,289 bytes": func(t *testing.T, _ *node, ann, _ *client) {
			empty := text("AV1", "", im.Normal)
			head := len(`[{"MsgType":"TIMTextElem","MsgContent":}]`) + len(empty.Body[0].Content)
			ann.must("AV1", strings.Repeat("x", im.MaxMessage-head), im.Normal)
			_, err := ann.send("AV1", strings.Repeat("x", im.MaxMessage-head+1), im.Normal)
			refused(t, err, im.ErrTooLong)
		},
		"a body that is none": func(t *testing.T, n *node, ann, _ *client) {
			m := text("AV1", "hello", im.Normal)
			m.Body[0].Content = json.RawMessage(`{"Text":5}`)
			_, err := n.channel.Send(context.Background(), ann.actor, m)
			refused(t, err, im.ErrBadParameter)
		},
	} {
		t.Run(name, func(t *testing.T) {
			in(t, 1, nil, func(t *testing.T, c *cluster) {
				n := c.nodes[0]
				test(t, n, n.enter("ann", "AV1"), n.enter("host", "AV1"))
			})
		})
	}
}

type angry struct{}

func (angry) Body(_ context.Context, _ int, body []im.Element) ([]im.Element, error) {
	if strings.Contains(string(body[0].Content), "bad") {
		return nil, im.ErrSensitive
	}
	return body, nil
}

// A message with a word that is not allowed is refused, and the application's server hears of it.
func TestB30_Filter(t *testing.T) {
	in(t, 1, func(o *Options) { o.Filter = angry{} }, func(t *testing.T, c *cluster) {
		c.want(hook.GroupSendException)
		ann := c.nodes[0].enter("ann", "AV1")
		_, err := ann.send("AV1", "a bad word", im.Normal)
		refused(t, err, im.ErrSensitive)
		ann.must("AV1", "a good word", im.Normal)
		wait()
		if got := c.texts("AV1"); !slices.Equal(got, []string{"a good word"}) {
			t.Errorf("got %q", got)
		}
		calls := c.commands(hook.GroupSendException)
		if len(calls) != 1 || calls[0].Body.(hook.GroupMessageCut).Code != im.ErrSensitive.Number {
			t.Errorf("told %+v", calls)
		}
	})
}

// The callback before a message replaces what it says.
func TestE09_CallbackRewrites(t *testing.T) {
	in(t, 1, nil, func(t *testing.T, c *cluster) {
		c.want(hook.GroupAfterSend)
		n := c.nodes[0]
		cloud := "by the callback"
		n.asks(func(m hook.GroupMessage) hook.Verdict {
			level := im.Element{Type: im.ElemCustom, Content: json.RawMessage(`{"Desc":"CustomElement.MemberLevel","Data":"LV1","Ext":"","Sound":""}`)}
			return hook.Verdict{Body: append(m.MsgBody, level), Cloud: &cloud}
		})
		ann := n.enter("ann", "AV1")
		ann.must("AV1", "hello", im.Normal)
		wait()
		got := c.messages("AV1", im.KindMessage)
		if len(got) != 1 || len(got[0].Body) != 2 || got[0].Body[1].Type != im.ElemCustom || got[0].Cloud != cloud {
			t.Errorf("got %+v", got)
		}
		calls := c.commands(hook.GroupAfterSend)
		if len(calls) != 1 || len(calls[0].Body.(hook.GroupMessageSent).MsgBody) != 2 {
			t.Errorf("told %+v", calls)
		}
		// A replacement that may not be sent is as none.
		n.asks(func(hook.GroupMessage) hook.Verdict {
			return hook.Verdict{Body: []im.Element{{Type: im.ElemText, Content: json.RawMessage(`7`)}}}
		})
		ann.must("AV1", "as it was", im.Normal)
		wait()
		if got := c.messages("AV1", im.KindMessage); len(got) != 2 || got[1].text(t) != "as it was" {
			t.Errorf("got %+v", got)
		}
	})
}

// The callback before a message has it vanish, or refuses it with a code of its own.
func TestE10_CallbackDropsAndRefuses(t *testing.T) {
	in(t, 1, nil, func(t *testing.T, c *cluster) {
		c.want(hook.GroupAfterSend, hook.GroupSendException)
		n := c.nodes[0]
		ann := n.enter("ann", "AV1")
		n.asks(func(hook.GroupMessage) hook.Verdict { return hook.Verdict{Code: 2} })
		if sent := ann.must("AV1", "into the void", im.Normal); sent.Seq == 0 || sent.Time == 0 {
			t.Errorf("the sender sees %+v", sent)
		}
		n.asks(func(hook.GroupMessage) hook.Verdict { return hook.Verdict{Code: 1} })
		_, err := ann.send("AV1", "no", im.Normal)
		refused(t, err, im.ErrDenied)
		n.asks(func(hook.GroupMessage) hook.Verdict { return hook.Verdict{Code: 10150, Info: "buy first"} })
		_, err = ann.send("AV1", "no", im.Normal)
		if got, ok := errors.AsType[*im.Error](err); !ok || got.Number != 10150 || got.Info != "buy first" {
			t.Errorf("the sender sees %v", err)
		}
		m := text("AV1", "past the callback", im.Normal)
		m.NoBefore, m.NoAfter = true, true
		if _, err := n.channel.Send(context.Background(), ann.actor, m); err != nil {
			t.Error(err)
		}
		wait()
		if got := c.texts("AV1"); !slices.Equal(got, []string{"past the callback"}) {
			t.Errorf("got %q", got)
		}
		if len(c.commands(hook.GroupAfterSend)) > 0 || len(c.commands(hook.GroupSendException)) > 0 {
			t.Errorf("told %+v", c.calls)
		}
	})
}

// The same random of the same sender within five minutes is the same message.
func TestDuplicate(t *testing.T) {
	in(t, 1, nil, func(t *testing.T, c *cluster) {
		n := c.nodes[0]
		ann, bob := n.enter("ann", "AV1"), n.enter("bob", "AV1")
		m := text("AV1", "hello", im.Normal)
		send := func(cl *client) Sent {
			sent, err := n.channel.Send(context.Background(), cl.actor, m)
			if err != nil {
				t.Fatal(err)
			}
			return sent
		}
		first := send(ann)
		time.Sleep(4 * time.Minute)
		if again := send(ann); again != first {
			t.Errorf("the second is %+v, want %+v", again, first)
		}
		if other := send(bob); other.Seq == first.Seq {
			t.Error("another's message was taken for the same")
		}
		time.Sleep(time.Minute)
		if later := send(ann); later.Seq == first.Seq {
			t.Error("after five minutes it is still the same message")
		}
		wait()
		if got := len(c.messages("AV1", im.KindMessage)); got != 3 {
			t.Errorf("%d messages, want 3", got)
		}
	})
}

func TestDedupIsBounded(t *testing.T) {
	var d dedup
	now := time.Unix(1_700_000_000, 0)
	for i := range uint32(3 * dedupMost) {
		d.add(dedupKey{"ann", i}, known{at: now})
		if _, ok := d.find(dedupKey{"ann", i}, now); !ok {
			t.Fatalf("message %d is not known", i)
		}
	}
	if n := len(d.young) + len(d.old); n > dedupMost {
		t.Errorf("%d are remembered, want %d at most", n, dedupMost)
	}
}

// 80 messages a second, 10 of High, 30 of Normal and 40 of Low, from many senders: viewers get 40 a second, all of
// High, all of Normal, in the order of each sender. Every sender sees success, and the callbacks tell the truth.
func TestD04_D05_EightyASecond(t *testing.T) {
	in(t, 1, nil, func(t *testing.T, c *cluster) {
		c.want(hook.GroupAfterSend, hook.GroupSendException)
		n := c.nodes[0]
		senders := []*client{n.enter("ann", "AV1"), n.enter("bob", "AV1"), n.enter("cid", "AV1")}
		time.Sleep(5 * time.Second)
		const seconds = 10
		pattern := [8]im.Priority{im.Low, im.Normal, im.Low, im.High, im.Low, im.Normal, im.Low, im.Normal}
		jitter := rand.New(rand.NewPCG(1, 2))
		begin := time.Now()
		for i := range 80 * seconds {
			senders[i%3].must("AV1", fmt.Sprint(i), pattern[i%8])
			// No clock is even.
			time.Sleep(time.Until(begin.Add(time.Duration(i+1)*time.Second/80 + time.Duration(jitter.IntN(8000))*time.Microsecond)))
		}
		wait()
		got := map[string]int{}
		lastOf, last := map[string]int{}, uint64(0)
		for _, m := range c.messages("AV1", im.KindMessage) {
			got[m.Priority]++
			var i int
			if _, err := fmt.Sscan(m.text(t), &i); err != nil {
				t.Fatal(err)
			}
			if i < lastOf[m.From] || m.Seq <= last {
				t.Fatalf("message %d of %s (number %d) comes after %d (number %d)", i, m.From, m.Seq, lastOf[m.From], last)
			}
			lastOf[m.From], last = i, m.Seq
		}
		// A few of Low go before the room knows what the others need; nothing important is cut for them.
		if got["High"] != 10*seconds || got["Normal"] != 30*seconds || got["Low"] > 4 {
			t.Errorf("in %d s viewers got %v", seconds, got)
		}
		// No second has more than forty, whenever it begins.
		publications := c.published["AV1"]
		for i, from := range publications {
			sum := 0
			for _, p := range publications[i:] {
				if p.at.Sub(from.at) < time.Second && p.at.After(begin) {
					for _, m := range p.messages {
						if m.Kind == im.KindMessage {
							sum++
						}
					}
				}
			}
			if sum > 40 {
				t.Errorf("%d messages in the second from %v on", sum, from.at.Sub(begin))
			}
		}
		if n := len(c.commands(hook.GroupAfterSend)); n != 40*seconds+got["Low"] {
			t.Errorf("the callback heard of %d messages that were sent", n)
		}
		cut := c.commands(hook.GroupSendException)
		if len(cut) != 40*seconds-got["Low"] || cut[0].Body.(hook.GroupMessageCut).Code != 10023 {
			t.Errorf("the callback heard of %d messages that were cut", len(cut))
		}
	})
}

// At 40 messages a second and fewer nothing is dropped, evenly or at once.
func TestD05_FortyASecond(t *testing.T) {
	in(t, 1, nil, func(t *testing.T, c *cluster) {
		ann := c.nodes[0].enter("ann", "AV1")
		for i := range 200 {
			ann.must("AV1", fmt.Sprint(i), [...]im.Priority{im.Low, im.Normal, im.Low, im.Lowest}[i%4])
			time.Sleep(time.Second/40 + 100*time.Microsecond) // never just when a window ends
		}
		wait()
		for i := range 40 {
			ann.must("AV1", fmt.Sprint(200+i), [...]im.Priority{im.Low, im.Normal, im.High, im.Lowest}[i%4])
		}
		wait()
		if got := len(c.messages("AV1", im.KindMessage)); got != 240 {
			t.Errorf("%d messages, want 240", got)
		}
	})
}

// A window is one publication, which no message waits for longer than a window; High does not wait even that long,
// and there are eight publications a second at most.
func TestWindow(t *testing.T) {
	in(t, 1, nil, func(t *testing.T, c *cluster) {
		ann := c.nodes[0].enter("ann", "AV1")
		wait()
		before := len(c.published["AV1"])
		start := time.Now()
		for range 5 {
			ann.must("AV1", "hello", im.Normal)
		}
		time.Sleep(250 * time.Millisecond)
		synctest.Wait()
		if got := c.published["AV1"][before:]; len(got) != 1 || len(got[0].messages) != 5 || got[0].at.Sub(start) != 250*time.Millisecond {
			t.Fatalf("published %+v", got)
		}
		wait()
		start = time.Now()
		ann.must("AV1", "a gift", im.High)
		synctest.Wait()
		all := c.published["AV1"]
		if got := all[len(all)-1]; got.messages[0].Priority != "High" || got.at != start {
			t.Errorf("published %+v", got)
		}
		before = len(all)
		for range 50 {
			ann.must("AV1", "a gift", im.High)
			time.Sleep(20 * time.Millisecond)
		}
		synctest.Wait()
		if n := len(c.published["AV1"]) - before; n < 7 || n > 8 {
			t.Errorf("%d publications in a second, want 8", n)
		}
	})
}

// A room with a list of members keeps its messages before the answer, and gives them to its members.
func TestKeptMessages(t *testing.T) {
	in(t, 1, nil, func(t *testing.T, c *cluster) {
		n := c.nodes[0]
		host := n.connect("host") // owns the room, and gets what is said in it without entering
		if !host.InRoom("G1") {
			t.Fatal("a member does not get what is said")
		}
		sent := host.must("G1", "to be kept", im.Normal)
		if len(c.kept) != 1 || c.kept[0].Seq != sent.Seq {
			t.Fatalf("kept %+v, the answer is %+v", c.kept, sent)
		}
		if got := c.texts("G1"); !slices.Equal(got, []string{"to be kept"}) {
			t.Errorf("published %q", got)
		}
		c.keepErr = errors.New("the disk is full")
		m := text("G1", "not kept", im.Normal)
		if _, err := n.channel.Send(context.Background(), host.actor, m); !errors.Is(err, im.ErrInternal) {
			t.Errorf("error %v", err)
		}
		c.keepErr = nil
		if _, err := n.channel.Send(context.Background(), host.actor, m); err != nil {
			t.Error(err)
		}
		m = text("G1", "for now only", im.Normal)
		m.OnlineOnly = true
		if _, err := n.channel.Send(context.Background(), host.actor, m); err != nil {
			t.Error(err)
		}
		kept, err := n.channel.Recent(context.Background(), host.actor, "G1", sent.Seq, 10)
		if err != nil || len(kept) != 1 || string(kept[0].Body[0].Content) != `{"Text":"not kept"}` {
			t.Errorf("recent: %+v, %v", kept, err)
		}
		_, err = n.channel.Recent(context.Background(), n.connect("ann").actor, "G1", 0, 10)
		refused(t, err, im.ErrNotMember)
	})
}

// What the window cuts in a room with a list is not kept, and its sender sees success.
func TestCutIsNotKept(t *testing.T) {
	in(t, 1, func(o *Options) { o.PerSecond = 3 }, func(t *testing.T, c *cluster) {
		c.rooms["G1"].Type = rooms.Public
		host := c.nodes[0].connect("host")
		var group sync.WaitGroup
		for range 10 {
			m := text("G1", "hello", im.Low)
			group.Go(func() {
				if _, err := c.nodes[0].channel.Send(context.Background(), host.actor, m); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
		if len(c.kept) != 3 || len(c.messages("G1", im.KindMessage)) != 3 {
			t.Errorf("kept %d, published %d, want 3", len(c.kept), len(c.messages("G1", im.KindMessage)))
		}
	})
}

// The media time that a client names is taken when it is near.
func TestMediaTime(t *testing.T) {
	in(t, 1, nil, func(t *testing.T, c *cluster) {
		n := c.nodes[0]
		ann := n.enter("ann", "AV1")
		near := time.Now().Add(-5 * time.Second).UnixMilli()
		for _, media := range []int64{0, near, -1, time.Now().Add(time.Hour).UnixMilli()} {
			m := text("AV1", "hello", im.Normal)
			m.Media = media
			if _, err := n.channel.Send(context.Background(), ann.actor, m); err != nil {
				t.Fatal(err)
			}
		}
		wait()
		var got []int64
		for _, m := range c.messages("AV1", im.KindMessage) {
			got = append(got, m.Media)
		}
		if want := []int64{1234, near, 1234, 1234}; !slices.Equal(got, want) {
			t.Errorf("media times %v, want %v", got, want)
		}
	})
}

// The store that is slow holds up those who send, and never what was accepted.
func TestSlowStore(t *testing.T) {
	in(t, 1, nil, func(t *testing.T, c *cluster) {
		ann := c.nodes[0].enter("ann", "AV1")
		ann.must("AV1", "hello", im.Normal)
		c.reserve = 3 * time.Second
		start := time.Now()
		for range block {
			ann.must("AV1", "hello", im.High)
		}
		if took := time.Since(start); took < 2*time.Second {
			t.Errorf("numbers came in %v", took)
		}
		wait()
		c.reserve = time.Minute // more than the store may take
		var err error
		for i := 0; err == nil && i < 3*block; i++ {
			_, err = ann.send("AV1", "hello", im.High)
		}
		if !errors.Is(err, im.ErrInternal) {
			t.Errorf("error %v", err)
		}
	})
}

// stuck is an application's server, and a queue before it, that take nothing.
type stuck struct{ until chan struct{} }

func (stuck) Wants(int, string) bool                      { return true }
func (stuck) Ask(context.Context, hook.Call) hook.Verdict { return hook.Verdict{} }
func (s stuck) Tell(hook.Call)                            { <-s.until }

// What is told afterwards holds up nobody who sends or gets messages.
func TestPublishingWaitsForNobody(t *testing.T) {
	var until chan struct{}
	in(t, 1, func(o *Options) {
		until = make(chan struct{}) // of the bubble
		o.Hooks = stuck{until}
	}, func(t *testing.T, c *cluster) {
		ann := c.nodes[0].enter("ann", "AV1")
		var want []string
		for i := range 10 {
			ann.must("AV1", fmt.Sprint(i), im.Normal)
			want = append(want, fmt.Sprint(i))
			time.Sleep(300 * time.Millisecond)
		}
		synctest.Wait()
		if got := c.texts("AV1"); !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
		close(until)
	})
}
