package people

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"weir/room/im"
	"weir/room/store"
)

// C04: an account can be imported again and again, and its id may be an openid of WeChat.
func TestC04Import(t *testing.T) {
	s := newStage(t)
	ctx := t.Context()
	const openid = "oGZUI0egBJY1zhBYw2KhdUfwVJJE"
	for range 2 {
		s.ok(s.Import(ctx, app, Newcomer{ID: openid, Nick: "客户"}))
	}
	s.ok(s.Import(ctx, app, Newcomer{ID: openid, Face: "https://a/b.jpg"}))
	account, err := s.Account(ctx, app, openid)
	s.ok(err)
	equal(t, "profile", account.Profile, map[string]string{im.TagNick: "客户", im.TagImage: "https://a/b.jpg"})
	known, err := s.Check(ctx, app, []string{openid, "nobody", "ann"})
	s.ok(err)
	equal(t, "known", known, map[string]bool{openid: true, "nobody": false, "ann": true})
	_, err = s.Account(ctx, app+1, openid)
	s.refused(err, im.ErrUnknownAccount)
}

func TestIDs(t *testing.T) {
	s := newStage(t)
	for id, want := range map[string]error{
		"a": nil, "a b@#./": nil, strings.Repeat("a", 32): nil, "用户": nil,
		"": im.ErrBadAccount, strings.Repeat("a", 33): im.ErrBadAccount, strings.Repeat("用", 11): im.ErrBadAccount,
		"a\nb": im.ErrBadAccount, "a\x00": im.ErrBadAccount, "\xff": im.ErrBadAccount, "a\u200b": im.ErrBadAccount,
	} {
		if err := s.Import(t.Context(), app, Newcomer{ID: id}); !errors.Is(err, want) {
			t.Errorf("%q: %v", id, err)
		}
	}
}

// C17: many accounts at once, and which of them could not be imported.
func TestC17ImportMany(t *testing.T) {
	s := newStage(t)
	var list []Newcomer
	for i := range 100 {
		list = append(list, Newcomer{ID: fmt.Sprint("user", i), Nick: "N"})
	}
	list[3].ID, list[50].Nick = "", strings.Repeat("n", 501)
	failed, err := s.ImportMany(t.Context(), app, list)
	s.ok(err)
	equal(t, "failed", failed, []string{"", "user50"})
	known, err := s.Check(t.Context(), app, []string{"user0", "user50", "user99"})
	s.ok(err)
	equal(t, "known", known, map[string]bool{"user0": true, "user50": false, "user99": true})
	_, err = s.ImportMany(t.Context(), app, append(list, Newcomer{ID: "one more"}))
	s.refused(err, im.ErrTooMany)
	_, err = s.Check(t.Context(), app, make([]string, 101))
	s.refused(err, im.ErrTooMany)
}

// C05, C11: a deleted account is gone with all that is kept of it, and its sessions end.
func TestC11Delete(t *testing.T) {
	s := newStage(t)
	ctx := t.Context()
	s.ok(s.store.CreateRoom(ctx, app, store.Room{ID: "r", Type: "Public"}, []store.Member{{Account: "ann"}, {Account: "bob"}}))
	_, err := s.SendTo(ctx, ann, text("bob", "hi"))
	s.ok(err)
	s.ok(s.Delete(ctx, app, "bob"))
	equal(t, "kicked", s.kicked, []string{"bob accountDeleted"})
	equal(t, "left", s.left, []string{"bob[r]"})
	_, err = s.Account(ctx, app, "bob")
	s.refused(err, im.ErrUnknownAccount)
	members, _, err := s.store.Members(ctx, app, "r", 10, 0)
	s.ok(err)
	equal(t, "members", len(members), 1)
	s.refused(s.Delete(ctx, app, "bob"), im.ErrUnknownAccount)
	_, err = s.SendTo(ctx, ann, text("bob", "are you there?"))
	s.refused(err, im.ErrNoRecipient)
	s.ok(s.Import(ctx, app, Newcomer{ID: "bob"}))
	list, _, err := s.Offline(ctx, bob, 0, 10)
	s.ok(err)
	equal(t, "kept", len(list), 0)
}

// E01: an administrator ends an account's sessions.
func TestE01Kick(t *testing.T) {
	s := newStage(t)
	s.ok(s.Kick(t.Context(), app, "ann"))
	s.refused(s.Kick(t.Context(), app, "nobody"), im.ErrUnknownAccount)
	equal(t, "kicked", s.kicked, []string{"ann REST_API_Kick"})
}

func TestOnline(t *testing.T) {
	s := newStage(t)
	s.bus.online = map[string][]im.Platform{"ann": {im.PlatformIOS, im.PlatformWeb}, "nobody": {im.PlatformWeb}}
	list, err := s.Online(t.Context(), app, []string{"bob", "nobody", "ann"})
	s.ok(err)
	equal(t, "online", list, []Presence{
		{Account: "bob", Known: true},
		{Account: "nobody"},
		{Account: "ann", Known: true, Platforms: []im.Platform{im.PlatformIOS, im.PlatformWeb}},
	})
	_, err = s.Online(t.Context(), app, make([]string, 501))
	s.refused(err, im.ErrTooMany)
}

// A19: whoever has a valid UserSig is an account; the application's server is told who comes and goes.
func TestA19LoginImports(t *testing.T) {
	s := newStage(t)
	carl := im.Actor{App: app, User: "carl", Platform: im.PlatformWeb}
	s.ok(s.Login(t.Context(), carl))
	s.ok(s.Login(t.Context(), carl, im.PlatformWeb))
	for _, why := range []Leave{LeftLogout, LeftClosed, LeftTimeout} {
		s.Logout(carl, why)
	}
	_, err := s.Account(t.Context(), app, "carl")
	s.ok(err)
	_, told := s.hooks.take(t)
	equal(t, "told", strings.Join(told, "\n"), `7 State.StateChange carl {"Info":{"To_Account":"carl","Action":"Login","Reason":"Register"}}
7 State.StateChange carl {"Info":{"To_Account":"carl","Action":"Login","Reason":"Register"},"KickedDevice":[{"Platform":"Web"}]}
7 State.StateChange carl {"Info":{"To_Account":"carl","Action":"Logout","Reason":"Unregister"}}
7 State.StateChange carl {"Info":{"To_Account":"carl","Action":"Disconnect","Reason":"LinkClose"}}
7 State.StateChange carl {"Info":{"To_Account":"carl","Action":"Disconnect","Reason":"Timeout"}}`)
	s.hooks.deaf = true
	s.Logout(carl, LeftLogout)
	if _, told := s.hooks.take(t); told != nil {
		t.Errorf("told %s, who does not want to hear", told)
	}
	s.refused(s.Login(t.Context(), im.Actor{App: app, User: "a\nb"}), im.ErrBadAccount)
}

func TestSilence(t *testing.T) {
	s := newStage(t)
	ctx := t.Context()
	check := func(wantC2C, wantRooms uint32) {
		t.Helper()
		c2c, rooms, err := s.Silences(ctx, app, "ann")
		s.ok(err)
		equal(t, "silences", []uint32{c2c, rooms}, []uint32{wantC2C, wantRooms})
		account, err := s.Account(ctx, app, "ann")
		s.ok(err)
		noC2C, noRooms := Silenced(account, s.clock.read())
		equal(t, "silenced", []bool{noC2C, noRooms}, []bool{wantC2C > 0, wantRooms > 0})
	}
	check(0, 0)
	s.ok(s.Silence(ctx, app, "ann", new(uint32(60)), nil))
	check(60, 0)
	s.clock.pass(20 * time.Second)
	s.ok(s.Silence(ctx, app, "ann", nil, new(uint32(math.MaxUint32))))
	check(40, math.MaxUint32)
	s.clock.pass(40 * time.Second)
	check(0, math.MaxUint32)
	s.ok(s.Silence(ctx, app, "ann", new(uint32(math.MaxUint32-1)), new(uint32(0))))
	if c2c, _, _ := s.Silences(ctx, app, "ann"); c2c == math.MaxUint32 || c2c < 1<<31 {
		t.Errorf("silenced for %d seconds", c2c)
	}
	s.refused(s.Silence(ctx, app, "nobody", new(uint32(1)), nil), im.ErrUnknownAccount)
	_, _, err := s.Silences(ctx, app, "nobody")
	s.refused(err, im.ErrUnknownAccount)
}

// What one node changes the others know.
func TestNodesForget(t *testing.T) {
	s := newStage(t)
	ctx := t.Context()
	other := s.node(s.store)
	_, err := other.Account(ctx, app, "ann")
	s.ok(err)
	s.ok(s.SetProfile(ctx, root, "ann", []Item{{im.TagNick, "Ann"}}))
	account, err := other.Account(ctx, app, "ann")
	s.ok(err)
	equal(t, "nick", account.Profile[im.TagNick], "Ann")
	s.ok(s.Delete(ctx, app, "ann"))
	_, err = other.Account(ctx, app, "ann")
	s.refused(err, im.ErrUnknownAccount)
	if _, err := other.forget(ctx, []byte("{")); err == nil {
		t.Error("what cannot be read was taken")
	}
}

func TestCacheIsBounded(t *testing.T) {
	c := newCache(3)
	for i := range 5 {
		c.put(key{app, fmt.Sprint(i)}, store.Account{}, 0, noon)
		c.get(key{app, "0"}, noon) // it is used all the time
	}
	for i, want := range []bool{true, false, false, true, true} {
		if _, _, ok := c.get(key{app, fmt.Sprint(i)}, noon); ok != want {
			t.Errorf("%d: there %v", i, ok)
		}
	}
	if len(c.at) != 3 || c.used.Len() != 3 {
		t.Errorf("%d, %d entries", len(c.at), c.used.Len())
	}
}

// What was read before an account changed is not kept.
func TestCacheAgainstAChange(t *testing.T) {
	c := newCache(3)
	k := key{app, "ann"}
	_, round, _ := c.get(k, noon)
	c.drop(k)
	c.put(k, store.Account{ID: "old"}, round, noon)
	if _, _, ok := c.get(k, noon); ok {
		t.Error("what was read before the change is there")
	}
}

// A change that nobody was told of is seen within half a minute.
func TestLostWord(t *testing.T) {
	s := newStage(t)
	other := s.node(s.store)
	_, err := other.Account(t.Context(), app, "ann")
	s.ok(err)
	_, err = s.store.PutAccount(t.Context(), app, "ann", map[string]string{im.TagNick: "Ann"})
	s.ok(err)
	s.clock.pass(keepAccount + time.Second)
	for range 2 {
		account, err := other.Account(t.Context(), app, "ann")
		s.ok(err)
		equal(t, "nick", account.Profile[im.TagNick], "Ann")
	}
	equal(t, "entries", other.cache.used.Len(), 1)
}
