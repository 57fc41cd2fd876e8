package people

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"weir/room/hook"
	"weir/room/im"
)

// C12: an administrator's message, with what the reference's program sends, reaches the agent who is there, is kept for
// 60 s for one who is not, and is not shown to the sender. The administrator need not have been imported.
func TestC12Send(t *testing.T) {
	s := newStage(t)
	ctx := t.Context()
	m := text("bob", "Inquiry from a WeChat subscription account: hello")
	m.Time, m.Life = noon.Unix(), new(int64(60))
	sent, err := s.SendTo(ctx, root, m)
	s.ok(err)
	if sent.Seq != 1 || sent.Time != noon.Unix() || !strings.HasSuffix(sent.Key, fmt.Sprintf("_1287657_%d", noon.Unix())) || len(sent.Key) > 50 {
		t.Errorf("sent: %+v", sent)
	}
	want := got{Seq: 1, Time: noon.Unix(), From: "root", To: "bob", Random: 1287657, Body: m.Body}
	equal(t, "message", s.bus.of(t, "bob"), []got{want})
	equal(t, "sender's", s.bus.of(t, "root"), nil)
	list, more, err := s.Offline(ctx, bob, 0, 10)
	s.ok(err)
	if len(list) != 1 || more || list[0].Seq != 1 || list[0].From != "root" || string(list[0].Body[0].Content) != string(m.Body[0].Content) {
		t.Errorf("kept: %+v, %v", list, more)
	}
	s.clock.pass(61 * time.Second)
	list, _, err = s.Offline(ctx, bob, 0, 10)
	s.ok(err)
	equal(t, "kept after its life", len(list), 0)
}

// C14: a message is shown on the sender's own terminals when that is asked for, without the recipient's number.
func TestC14SyncOtherMachine(t *testing.T) {
	s := newStage(t)
	m := text("bob", "hi")
	m.Sync = true
	_, err := s.SendTo(t.Context(), ann, m)
	s.ok(err)
	equal(t, "sender's", s.bus.of(t, "ann"), []got{{Time: noon.Unix(), From: "ann", To: "bob", Random: 1287657, Body: m.Body}})
	equal(t, "recipient's", len(s.bus.of(t, "bob")), 1)
	m.To = "ann"
	_, err = s.SendTo(t.Context(), ann, m)
	s.ok(err)
	equal(t, "to oneself", len(s.bus.of(t, "ann")), 2)
}

// C15: two texts with the same random number within one second are two messages; the same one sent again is one.
func TestC15ConstantRandom(t *testing.T) {
	s := newStage(t)
	ctx := t.Context()
	one, two := text("bob", "one"), text("bob", "two")
	one.Time, two.Time = noon.Unix(), noon.Unix()
	first, err := s.SendTo(ctx, root, one)
	s.ok(err)
	_, err = s.SendTo(ctx, root, two)
	s.ok(err)
	again, err := s.SendTo(ctx, root, one)
	s.ok(err)
	equal(t, "the answer", again, first)
	two.To = "ann"
	_, err = s.SendTo(ctx, root, two)
	s.ok(err)
	var says []string
	for _, m := range s.bus.of(t, "bob") {
		says = append(says, m.text())
	}
	equal(t, "messages", says, []string{"one", "two"})
	equal(t, "to another", len(s.bus.of(t, "ann")), 1)
	if n := testutil.ToFloat64(s.stats.repeated); n != 1 {
		t.Errorf("%v repeated", n)
	}
}

// A message that was sent before is one with another time, number or, by REST, in another second.
func TestSameAgain(t *testing.T) {
	for _, tc := range []struct {
		name   string
		actor  im.Actor
		change func(s *stage, m *C2C)
		want   int
	}{
		{"nothing", ann, func(*stage, *C2C) {}, 1},
		{"a client's, later", ann, func(s *stage, _ *C2C) { s.clock.pass(againTime - time.Second) }, 1},
		{"much later", ann, func(s *stage, _ *C2C) { s.clock.pass(againTime) }, 2},
		{"a program's, in another second", root, func(s *stage, _ *C2C) { s.clock.pass(time.Second) }, 2},
		{"random", ann, func(_ *stage, m *C2C) { m.Random++ }, 2},
		{"seq", ann, func(_ *stage, m *C2C) { m.Seq++ }, 2},
		{"time", ann, func(_ *stage, m *C2C) { m.Time++ }, 2},
		{"cloud data", ann, func(_ *stage, m *C2C) { m.Cloud = "x" }, 2},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := newStage(t)
			m := text("bob", "hi")
			_, err := s.SendTo(t.Context(), tc.actor, m)
			s.ok(err)
			tc.change(s, &m)
			_, err = s.SendTo(t.Context(), tc.actor, m)
			s.ok(err)
			equal(t, "messages", len(s.bus.of(t, "bob")), tc.want)
		})
	}
}

func TestSameAtOnce(t *testing.T) {
	s := newStage(t)
	answers := make([]Sent, 20)
	var wg sync.WaitGroup
	for i := range answers {
		wg.Go(func() {
			var err error
			if answers[i], err = s.SendTo(t.Context(), ann, text("bob", "hi")); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	equal(t, "messages", len(s.bus.of(t, "bob")), 1)
	equal(t, "answers", len(slices.Compact(answers)), 1)
}

// What was refused may be sent again.
func TestAgainAfterAFault(t *testing.T) {
	s := newStage(t)
	s.hooks.say(hook.Verdict{Code: 1})
	_, err := s.SendTo(t.Context(), ann, text("bob", "hi"))
	s.refused(err, im.ErrDeniedC2C)
	s.hooks.say(hook.Verdict{})
	_, err = s.SendTo(t.Context(), ann, text("bob", "hi"))
	s.ok(err)
	equal(t, "messages", len(s.bus.of(t, "bob")), 1)
}

func TestAgainIsBounded(t *testing.T) {
	g := newAgain()
	for i := range maxAgain + 10 {
		_, _, _ = g.once(t.Context(), noon, mark{text: uint64(i)}, func() (Sent, error) { return Sent{}, nil })
	}
	if len(g.by) > maxAgain || len(g.order) > maxAgain {
		t.Errorf("%d, %d are remembered", len(g.by), len(g.order))
	}
	func() {
		defer func() { _ = recover() }()
		_, _, _ = g.once(t.Context(), noon, mark{app: 1}, func() (Sent, error) { panic("for a test") })
	}()
	if _, repeated, err := g.once(t.Context(), noon, mark{app: 1}, func() (Sent, error) { return Sent{}, nil }); repeated || err != nil {
		t.Error("what panicked counts as sent")
	}
}

func TestRefusals(t *testing.T) {
	s := newStage(t)
	s.ok(s.Silence(t.Context(), app, "bob", new(uint32(60)), nil))
	with := func(change func(*C2C)) C2C {
		m := text("bob", "hi")
		change(&m)
		return m
	}
	for _, tc := range []struct {
		name  string
		actor im.Actor
		m     C2C
		want  error
	}{
		{"anonymous", im.Actor{App: app}, text("bob", "hi"), im.ErrNotLoggedIn},
		{"for another", ann, with(func(m *C2C) { m.From = "bob" }), im.ErrNotAdmin},
		{"for nobody", root, with(func(m *C2C) { m.From = "nobody" }), im.ErrNotImported},
		{"to nobody", ann, with(func(m *C2C) { m.To = "nobody" }), im.ErrNoRecipient},
		{"to another app's", im.Actor{App: app + 1, User: "root", Admin: true}, text("bob", "hi"), im.ErrNoRecipient},
		{"from one who was deleted", im.Actor{App: app, User: "carl"}, text("bob", "hi"), im.ErrNotImported},
		{"for too long", ann, with(func(m *C2C) { m.Life = new(int64(604801)) }), im.ErrBadLife},
		{"for less than nothing", ann, with(func(m *C2C) { m.Life = new(int64(-1)) }), im.ErrBadLife},
		{"nothing", ann, with(func(m *C2C) { m.Body = nil }), im.ErrBadBody},
		{"E12 too long", ann, text("bob", strings.Repeat("x", 12289)), im.ErrTooLong},
		{"A33 a word", ann, text("bob", "W.e.i.r bad word"), im.ErrSensitive},
		{"A33 a word by REST", root, text("bob", "weirbadword"), im.ErrSensitive},
		{"silenced", bob, text("ann", "hi"), im.ErrMutedC2C},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := s.SendTo(t.Context(), tc.actor, tc.m)
			s.refused(err, tc.want)
		})
	}
	equal(t, "messages", len(s.bus.of(t, "bob"))+len(s.bus.of(t, "ann")), 0)
	if n := testutil.ToFloat64(s.stats.refused); n != 13 {
		t.Errorf("%v refused", n)
	}
	m := text("ann", "a program's word for one who is silenced")
	m.From, m.Life = "bob", new(int64(604800))
	_, err := s.SendTo(t.Context(), root, m)
	s.ok(err)
}

// D23, D24, B28: others see the nick and the level that an account has.
func TestD24NickAndLevel(t *testing.T) {
	s := newStage(t)
	s.ok(s.SetProfile(t.Context(), root, "ann", []Item{{im.TagNick, "Ann"}, {im.TagImage, "https://a/b"}, {im.TagLevel, "9"}}))
	m := text("bob", "hi")
	m.Cloud = "mine"
	_, err := s.SendTo(t.Context(), ann, m)
	s.ok(err)
	equal(t, "message", s.bus.of(t, "bob"), []got{{
		Seq: 1, Time: noon.Unix(), From: "ann", To: "bob", Nick: "Ann", Avatar: "https://a/b", Level: 9, Random: 1287657, Cloud: "mine", Body: m.Body,
	}})
}

func TestBefore(t *testing.T) {
	replaced := []im.Element{{Type: im.ElemText, Content: json.RawMessage(` {"Text": "other"}`)}}
	cloud := "cloud"
	for _, tc := range []struct {
		name    string
		verdict hook.Verdict
		err     error
		says    []string
		told    int
	}{
		{"0", hook.Verdict{}, nil, []string{"hi"}, 1},
		{"1", hook.Verdict{Code: 1}, im.ErrDeniedC2C, nil, 0},
		{"2", hook.Verdict{Code: 2}, nil, nil, 0},
		{"120001", hook.Verdict{Code: 120001, Info: "not today"}, im.Refused(120001, "not today"), nil, 0},
		{"another body", hook.Verdict{Body: replaced, Cloud: &cloud}, nil, []string{"other"}, 1},
		{"a body that is none", hook.Verdict{Body: []im.Element{{Type: "x"}}}, nil, []string{"hi"}, 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := newStage(t)
			s.hooks.say(tc.verdict)
			sent, err := s.SendTo(t.Context(), ann, text("bob", "hi"))
			s.refused(err, tc.err)
			if tc.err != nil && err.Error() != tc.err.Error() {
				t.Errorf("got %v", err)
			}
			if err == nil && (sent.Key == "" || sent.Time == 0) {
				t.Errorf("sent: %+v", sent)
			}
			var says []string
			for _, m := range s.bus.of(t, "bob") {
				says = append(says, m.text())
			}
			equal(t, "messages", says, tc.says)
			asked, told := s.hooks.take(t)
			equal(t, "asked, told", []int{len(asked), len(told)}, []int{1, tc.told})
		})
	}
}

// B28, E10: what the application's server is asked and told.
func TestCallbacks(t *testing.T) {
	s := newStage(t)
	ctx := t.Context()
	m := text("bob", "hi")
	m.Seq = 5
	_, err := s.SendTo(ctx, ann, m)
	s.ok(err)
	const message = `"From_Account":"ann","To_Account":"bob","MsgSeq":5,"MsgRandom":1287657,"MsgTime":1777636800,"MsgKey":"5_1287657_1777636800",` +
		`"OnlineOnlyFlag":%d,"MsgBody":[{"MsgType":"TIMTextElem","MsgContent":{"Text":"hi"}}],"CloudCustomData":""`
	asked, told := s.hooks.take(t)
	equal(t, "asked", asked, []string{fmt.Sprintf("7 C2C.CallbackBeforeSendMsg ann {"+message+"}", 0)})
	equal(t, "told", told, []string{fmt.Sprintf("7 C2C.CallbackAfterSendMsg ann {"+message+
		`,"SendMsgResult":0,"ErrorInfo":"send msg succeed","UnreadMsgNum":1}`, 0)})

	m.Life, m.Cloud, m.NoBefore = new(int64(0)), "x", true
	s.bus.fail(errors.New("the bus is gone"))
	if _, err = s.SendTo(ctx, ann, m); err == nil {
		t.Error("a message that nobody keeps and nobody got was sent")
	}
	asked, told = s.hooks.take(t)
	if len(asked) != 0 || len(told) != 1 || !strings.HasSuffix(told[0], `"SendMsgResult":10002,"ErrorInfo":"internal error","UnreadMsgNum":-1}`) ||
		!strings.Contains(told[0], `"OnlineOnlyFlag":1`) {
		t.Errorf("asked %s, told %s", asked, told)
	}
	s.bus.fail(nil)

	m.To, m.NoAfter = "nobody", true
	_, err = s.SendTo(ctx, ann, m)
	s.refused(err, im.ErrNoRecipient)
	m.NoAfter = false
	_, err = s.SendTo(ctx, ann, m)
	s.refused(err, im.ErrNoRecipient)
	asked, told = s.hooks.take(t)
	if len(asked) != 0 || len(told) != 1 || !strings.Contains(told[0], `"SendMsgResult":90012,`) {
		t.Errorf("asked %s, told %s", asked, told)
	}
}

// A message that nobody keeps has no number, so that none is missing when its recipient was not there.
func TestOnlineOnly(t *testing.T) {
	s := newStage(t)
	m := text("bob", "now or never")
	m.Life = new(int64(0))
	sent, err := s.SendTo(t.Context(), ann, m)
	s.ok(err)
	equal(t, "number", sent.Seq, 0)
	equal(t, "messages", len(s.bus.of(t, "bob")), 1)
	list, _, err := s.Offline(t.Context(), bob, 0, 10)
	s.ok(err)
	equal(t, "kept", len(list), 0)
}

// A message that was kept is sent, whether those who are online could be told at once or not.
func TestKeptWithoutBus(t *testing.T) {
	s := newStage(t)
	s.bus.fail(errors.New("the bus is gone"))
	m := text("bob", "hi")
	m.Sync = true
	_, err := s.SendTo(t.Context(), ann, m)
	s.ok(err)
	s.bus.fail(nil)
	_, err = s.SendTo(t.Context(), ann, text("bob", "more"))
	s.ok(err)
	equal(t, "the first that comes", s.bus.of(t, "bob")[0].Seq, 2) // its client sees that 1 is missing
	list, _, err := s.Offline(t.Context(), bob, 0, 10)
	s.ok(err)
	equal(t, "kept", len(list), 2)
}

// Messages wait until they are acknowledged, for a terminal that comes in again and again.
func TestOfflineAndAck(t *testing.T) {
	s := newStage(t)
	ctx := t.Context()
	for i := range 7 {
		_, err := s.SendTo(ctx, []im.Actor{ann, root}[i%2], text("bob", fmt.Sprint(i+1)))
		s.ok(err)
		s.clock.pass(time.Second)
	}
	check := func(after uint64, limit int, wantMore bool, want ...uint64) {
		t.Helper()
		list, more, err := s.Offline(ctx, bob, after, limit)
		s.ok(err)
		var seqs []uint64
		for _, m := range list {
			seqs = append(seqs, m.Seq)
		}
		equal(t, "kept", seqs, want)
		equal(t, "more", more, wantMore)
	}
	check(0, 3, true, 1, 2, 3)
	check(0, 0, false, 1, 2, 3, 4, 5, 6, 7)
	check(5, 2, false, 6, 7)
	check(math.MaxUint64, 2, false)
	s.hooks.take(t)
	s.ok(s.Ack(ctx, bob, 3))
	check(0, 10, false, 4, 5, 6, 7)
	s.ok(s.Ack(ctx, bob, 3))
	_, told := s.hooks.take(t)
	equal(t, "told", strings.Join(told, "\n"),
		`7 C2C.CallbackAfterMsgReport bob {"Report_Account":"bob","Peer_Account":"ann","LastReadTime":1777636802,"UnreadMsgNum":4}
7 C2C.CallbackAfterMsgReport bob {"Report_Account":"bob","Peer_Account":"root","LastReadTime":1777636801,"UnreadMsgNum":4}`)
	s.hooks.deaf = true
	s.ok(s.Ack(ctx, bob, math.MaxUint64))
	check(0, 10, false)
	_, _, err := s.Offline(ctx, im.Actor{App: app}, 0, 1)
	s.refused(err, im.ErrNotLoggedIn)
	s.refused(s.Ack(ctx, im.Actor{App: app}, 1), im.ErrNotLoggedIn)
}

// What is given at once is bounded in bytes, too, but never nothing.
func TestOfflineBytes(t *testing.T) {
	s := newStage(t)
	for i := range 8 {
		m := text("bob", strings.Repeat("x", 12_000))
		m.Seq = uint32(i + 1)
		_, err := s.SendTo(t.Context(), ann, m)
		s.ok(err)
	}
	list, more, err := s.Offline(t.Context(), bob, 0, 100)
	s.ok(err)
	equal(t, "kept, more", []any{len(list), more}, []any{5, true})
}

// Numbers go on after a restart, and whichever node a message comes by; each node tells them in their order.
func TestNumbers(t *testing.T) {
	s := newStage(t)
	_, err := s.SendTo(t.Context(), ann, text("bob", "before"))
	s.ok(err)
	s.ok(s.Ack(t.Context(), bob, 1))
	s.ok(s.store.Close())
	s.open()
	nodes := []*People{s.People, s.node(s.store)}
	const each = 20
	var mu sync.Mutex
	seqs := map[uint64]bool{}
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			for n := range each {
				sent, err := nodes[i%2].SendTo(t.Context(), ann, text("bob", fmt.Sprint(i, n)))
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				seqs[sent.Seq] = true
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	for seq := uint64(2); seq < 2+4*each; seq++ {
		if !seqs[seq] {
			t.Errorf("number %d was not given", seq)
		}
	}
	last := map[string]int{}
	for _, m := range s.bus.of(t, "bob")[1:] {
		var sender string
		var n int
		if _, err := fmt.Sscan(m.text(), &sender, &n); err != nil {
			t.Fatal(err)
		}
		if n != last[sender] {
			t.Errorf("%s sent %d, and %d comes", sender, last[sender], n)
		}
		last[sender]++
	}
}

// slow is a store that keeps messages when it is told to.
type slow struct {
	Store
	began, goOn chan struct{}
}

func (s *slow) KeepMessage(ctx context.Context, m im.Message, until time.Time) (uint64, error) {
	s.began <- struct{}{}
	<-s.goOn
	return s.Store.KeepMessage(ctx, m, until)
}

// A message that is on its way is kept though its sender is gone, who cannot know how far it came.
func TestSenderGoes(t *testing.T) {
	s := newStage(t)
	db := &slow{s.store, make(chan struct{}), make(chan struct{})}
	node := s.node(db)
	ctx, cancel := context.WithCancel(t.Context())
	over := make(chan error)
	go func() {
		_, err := node.SendTo(ctx, ann, text("bob", "hi"))
		over <- err
	}()
	<-db.began
	cancel()
	close(db.goOn)
	s.ok(<-over)
	equal(t, "messages", len(s.bus.of(t, "bob")), 1)
}

func TestTurns(t *testing.T) {
	var turns turns
	k := key{app, "bob"}
	done, err := turns.take(t.Context(), k)
	if err != nil {
		t.Fatal(err)
	}
	other, err := turns.take(t.Context(), key{app, "ann"})
	if err != nil {
		t.Fatal(err)
	}
	other()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := turns.take(ctx, k); !errors.Is(err, context.Canceled) {
		t.Errorf("two have the turn: %v", err)
	}
	done()
	if len(turns.by) != 0 {
		t.Errorf("%d recipients are remembered", len(turns.by))
	}
}

// One message to many accounts: each gets it once, and those who cannot are named.
func TestBatch(t *testing.T) {
	s := newStage(t)
	ctx := t.Context()
	var to []string
	for i := range 40 {
		to = append(to, fmt.Sprint("user", i))
	}
	var list []Newcomer
	for _, id := range to {
		list = append(list, Newcomer{ID: id})
	}
	_, err := s.ImportMany(ctx, app, list)
	s.ok(err)
	asked := append([]string{"nobody", "user0"}, to...)
	sent, failed, err := s.SendToMany(ctx, root, text("", "to all"), asked)
	s.ok(err)
	equal(t, "failed", failed, []Failed{{"nobody", im.ErrNoRecipient}})
	if sent.Seq != 0 || sent.Key == "" {
		t.Errorf("sent: %+v", sent)
	}
	for _, id := range to {
		if m := s.bus.of(t, id); len(m) != 1 || m[0].To != id || m[0].text() != "to all" {
			t.Errorf("%s got %+v", id, m)
		}
	}
	_, _, err = s.SendToMany(ctx, root, text("", "x"), make([]string, 501))
	s.refused(err, im.ErrTooMany)
	_, _, err = s.SendToMany(ctx, root, text("", "weirbadword"), to)
	s.refused(err, im.ErrSensitive)
	_, _, err = s.SendToMany(ctx, root, C2C{}, to)
	s.refused(err, im.ErrBadBody)
}

// A message may be left out of what counts as unread; its recipient gets it all the same.
func TestNoUnread(t *testing.T) {
	s := newStage(t)
	m := text("bob", "quietly")
	m.NoUnread = true
	for _, says := range []C2C{text("bob", "hi"), m} {
		_, err := s.SendTo(t.Context(), ann, says)
		s.ok(err)
	}
	_, told := s.hooks.take(t)
	for i, call := range told {
		if !strings.HasSuffix(call, `"UnreadMsgNum":1}`) {
			t.Errorf("message %d: %s", i+1, call)
		}
	}
	list, _, err := s.Offline(t.Context(), bob, 0, 10)
	s.ok(err)
	equal(t, "kept", len(list), 2)
	equal(t, "quiet", []bool{list[0].Quiet, list[1].Quiet}, []bool{false, true})
	if data := s.bus.sent["bob"][1]; !strings.Contains(data, `"nu":true`) {
		t.Errorf("sent: %s", data)
	}
}

func FuzzParseKey(f *testing.F) {
	for _, key := range []string{"1_2_3", "4294967295_4294967295_9223372036854775807", "1_2", "+1_2_3", "1_2_3_4", "1_2_-3"} {
		f.Add(key)
	}
	f.Fuzz(func(t *testing.T, key string) {
		m, err := parseKey(key)
		if err == nil && m.Key() != key || err != nil && !errors.Is(err, im.ErrBadParameter) {
			t.Errorf("%q: %v, %v", key, m, err)
		}
	})
}
