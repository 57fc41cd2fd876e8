package people

import (
	"errors"
	"strings"
	"testing"
	"time"

	"weir/room/im"
)

// A message that was taken back waits for nobody, and whoever shows it is told.
func TestRecall(t *testing.T) {
	s := newStage(t)
	ctx := t.Context()
	var all []Sent
	for _, says := range []string{"one", "two", "three"} {
		sent, err := s.SendTo(ctx, ann, text("bob", says))
		s.ok(err)
		all = append(all, sent)
	}
	s.hooks.take(t)
	s.ok(s.Recall(ctx, ann, Recall{To: "bob", Key: all[1].Key, Seq: all[1].Seq}))
	_, told := s.hooks.take(t)
	equal(t, "told", told, []string{
		`7 C2C.CallbackAfterMsgWithDraw ann {"From_Account":"ann","To_Account":"bob","MsgKey":"` + all[1].Key + `","UnreadMsgNum":2}`,
	})
	s.ok(s.Recall(ctx, root, Recall{From: "ann", To: "bob", Key: all[2].Key}))
	list, _, err := s.Offline(ctx, bob, 0, 10)
	s.ok(err)
	if len(list) != 1 || list[0].Seq != 1 || list[0].Key() != all[0].Key {
		t.Errorf("kept: %+v", list)
	}
	for user, before := range map[string]int{"bob": 3, "ann": 0} {
		notices := s.bus.of(t, user)[before:]
		if len(notices) != 2 || notices[0].Seq != 0 || string(notices[0].Body[0].Content) != `{"OpType":101,"MsgKey":"`+all[1].Key+`"}` {
			t.Errorf("%s is told: %+v", user, notices)
		}
	}
	s.ok(s.Recall(ctx, ann, Recall{To: "bob", Key: all[1].Key, Seq: all[1].Seq})) // as if it was read before
	s.ok(s.Recall(ctx, ann, Recall{To: "bob", Key: all[1].Key, Seq: all[0].Seq}))
	list, _, err = s.Offline(ctx, bob, 0, 10)
	s.ok(err)
	equal(t, "kept", len(list), 1)
}

func TestRecallRefusals(t *testing.T) {
	s := newStage(t)
	sent, err := s.SendTo(t.Context(), ann, text("bob", "hi"))
	s.ok(err)
	good := Recall{To: "bob", Key: sent.Key, Seq: sent.Seq}
	with := func(change func(*Recall)) Recall {
		r := good
		change(&r)
		return r
	}
	check := func(what string, actor im.Actor, r Recall, want error) {
		t.Helper()
		if err := s.Recall(t.Context(), actor, r); !errors.Is(err, want) {
			t.Errorf("%s: %v", what, err)
		}
	}
	check("anonymous", im.Actor{App: app}, good, im.ErrNotLoggedIn)
	check("another's", bob, with(func(r *Recall) { r.From = "ann" }), im.ErrNotAdmin)
	check("nobody's", root, with(func(r *Recall) { r.From = "nobody" }), im.ErrNotImported)
	check("to nobody", ann, with(func(r *Recall) { r.To = "nobody" }), im.ErrNoRecipient)
	check("without its number", ann, with(func(r *Recall) { r.Seq = 0 }), im.ErrTooLate)
	for _, key := range []string{"", "1_2", "1_2_x", sent.Key + "_4", sent.Key + " ", "+1_2_3", "4294967296_1_1", strings.Repeat("1", 1000)} {
		check(key, ann, with(func(r *Recall) { r.Key = key }), im.ErrBadParameter)
	}
	check("what another sent", bob, good, nil) // bob sent no such message
	s.clock.pass(2*time.Minute + time.Second)
	check("too late", ann, good, im.ErrTooLate)
	list, _, err := s.Offline(t.Context(), bob, 0, 10)
	s.ok(err)
	equal(t, "kept", len(list), 1)
	check("never too late", root, with(func(r *Recall) { r.From = "ann" }), nil)
}
