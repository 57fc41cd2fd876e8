package rpc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"weir/room/im"
	"weir/room/im/bus"
)

var user = im.Actor{App: 1, User: "u", Session: "s1", Platform: im.PlatformWeb}

// calls are every method with what it asks for and answers.
var calls = []struct{ method, params, asks, answers string }{
	{"session.renew", `{"userSig":"sig"}`, "Renew u sig; until 1800000000", `{"expires":1800000000}`},
	{"session.bye", ``, "Leave", `null`},
	{"room.enter", `{"room":"r","unknown":[]}`, "Enter r", `{"status":"JoinedSuccess","online":3,"room":{"id":"r","type":"AVChatRoom",` +
		`"name":"","owner":"","introduction":"","notification":"","face":"","join":"","muteAll":false,"status":"","fields":{},` +
		`"created":1800000000,"members":2,"maxMembers":0}}`},
	{"room.exit", `{"room":"r"}`, "Exit r", `null`},
	{
		"room.send", `{"room":"r","priority":"High","random":5,"cloud":"c","media":6,"onlineOnly":true,"body":[{"MsgType":"TIMTextElem","MsgContent":{"Text":"x"}}]}`,
		`Send {Room:r From: Random:5 Body:[{Type:TIMTextElem Content:[123 34 84 101 120 116 34 58 34 120 34 125]}] Priority:High Cloud:c ` +
			`Media:6 OnlineOnly:true NoBefore:false NoAfter:false}`, `{"seq":7,"time":9}`,
	},
	{"room.info", `{"room":"r"}`, "", `{"room":{"id":"r","type":"AVChatRoom","name":"","owner":"","introduction":"","notification":"",` +
		`"face":"","join":"","muteAll":false,"status":"","fields":{},"created":1800000000,"members":2,"maxMembers":0}}`},
	{"room.online", `{"room":"r"}`, "", `{"online":5}`},
	{"room.recent", `{"room":"r","after":2}`, "Recent r 2 100", `{"m":[{"q":3,"f":"a","p":"Normal","b":[]}]}`},
	{"room.mine", ``, "Of u", `{"rooms":[]}`},
	{
		"room.create", `{"room":"r","type":"AVChatRoom","name":"n","fields":{"b":"2","a":"1"},"members":["m"]}`,
		"Create {ID:r Type:AVChatRoom Name:n Owner: Introduction: Notification: Face: Join: MaxMembers:0 " +
			"Fields:[{Key:a Value:1} {Key:b Value:2}] Members:[{Account:m Role: Fields:[]}]}", `{"room":"new"}`,
	},
	{"room.modify", `{"room":"r","notification":""}`, "Modify r false true []", `null`},
	{"room.owner", `{"room":"r","user":"o"}`, "SetOwner r o", `null`},
	{"room.status", `{"room":"r","status":"closed"}`, "SetStatus r closed", `null`},
	{"room.destroy", `{"room":"r"}`, "Destroy r", `null`},
	{"room.members", `{"room":"r"}`, "", `{"members":[{"user":"a","joined":4}],"total":5}`},
	{"room.members", `{"room":"listed","limit":2,"offset":1}`, "Members listed 2 1", `{"members":[{"user":"a","role":"Owner","joined":1800000000}],"total":1}`},
	{"room.members.add", `{"room":"r","users":["a"],"silent":true}`, "AddMembers r [a] true", `{"results":{"a":2}}`},
	{"room.members.remove", `{"room":"r","users":["a"]}`, "RemoveMembers r [a] false", `null`},
	{"room.members.modify", `{"room":"r","user":"a","role":"Admin"}`, "ModifyMember r a true []", `null`},
	{"room.mute", `{"room":"r","users":["a"],"seconds":60}`, "Mute r [a] 60", `null`},
	{"room.mutes", `{"room":"r"}`, "Mutes r", `{"users":[{"user":"a","until":8}]}`},
	{"room.ban", `{"room":"r","users":["a"],"seconds":4294967295}`, "Ban r [a] 4294967295", `null`},
	{"room.unban", `{"room":"r","users":["a"]}`, "Unban r [a]", `null`},
	{"room.bans", `{"room":"r"}`, "Bans r 100 0", `{"total":0,"users":[]}`},
	{"room.attributes", `{"room":"r"}`, "Attributes r", `{"attributes":{},"seq":3}`},
	{"room.attributes.set", `{"room":"r","set":{"k":"v"},"delete":["d"],"seq":3}`, "SetAttributes r map[k:v] [d] false true", `{"seq":6}`},
	{"room.counters", `{"room":"r"}`, "Counters r", `{"counters":{}}`},
	{"room.counters.update", `{"room":"r","mode":"Increase","values":{"k":2}}`, "Count r Increase map[k:2]", `{"counters":{"k":2}}`},
	{"room.like", `{"room":"r"}`, "Like r likes 1", `null`},
	{"room.like", `{"room":"r","key":"k","n":5}`, "Like r k 5", `null`},
	{"seat.list", `{"room":"r"}`, "Seats r", `{"seats":[{"user":"a","state":"seated","by":"o","since":1800000000}]}`},
	{"seat.request", `{"room":"r"}`, "RequestSeat r", `null`},
	{"seat.invite", `{"room":"r","user":"a"}`, "InviteSeat r a", `null`},
	{"seat.accept", `{"room":"r"}`, "AcceptSeat r ", `null`},
	{"seat.decline", `{"room":"r","user":"a"}`, "DeclineSeat r a", `null`},
	{"seat.revoke", `{"room":"r","user":"a"}`, "RevokeSeat r a", `null`},
	{"seat.leave", `{"room":"r"}`, "LeaveSeat r", `null`},
	{"c2c.send", `{"to":"a","random":3,"body":[{"MsgType":"TIMTextElem","MsgContent":{}}]}`, "SendTo a 1 3", `{"seq":1,"time":2,"key":"1_3_2"}`},
	{"c2c.recall", `{"to":"a","key":"1_3_2","seq":4}`, "Recall a 1_3_2 4", `null`},
	{"c2c.offline", `{"after":1,"limit":10}`, "Offline 1 10", `{"m":[{"to":"u","q":2,"f":"a","p":"Normal","b":[]}],"more":true}`},
	{"c2c.ack", `{"seq":2}`, "Ack 2", `null`},
	{"profile.get", `{}`, "Profiles [u] []", `{"profiles":[{"user":"a","known":true,"items":{"T":"v"}}]}`},
	{"profile.set", `{"items":{"B":"2","A":"1"}}`, "SetProfile u [{A 1} {B 2}]", `null`},
	{"account.check", `{"users":["a"]}`, "Check [a]", `{"known":{"a":true}}`},
	{"account.online", `{"users":["a","x"]}`, "Online [a x]", `{"online":{"a":[]}}`},
}

func TestCalls(t *testing.T) {
	tried := make(map[string]bool)
	for _, tc := range calls {
		tried[tc.method] = true
		r := &recorder{}
		got, err := newMethods(r).Call(context.Background(), session{actor: user, r: r}, tc.method, []byte(tc.params))
		text, _ := json.Marshal(got)
		if err != nil || r.asked != tc.asks || string(text) != tc.answers {
			t.Errorf("%s: error %v\nasks    %s\nwant    %s\nanswers %s\nwant    %s", tc.method, err, r.asked, tc.asks, text, tc.answers)
		}
	}
	for name := range methods {
		if !tried[name] {
			t.Errorf("no case calls %s", name)
		}
	}
}

// TestRefusalsPass: what is behind the methods refuses, and that is what the client gets.
func TestRefusalsPass(t *testing.T) {
	for _, tc := range calls {
		r := &recorder{err: im.ErrBanned}
		if tc.method == "session.bye" {
			continue
		}
		if _, err := newMethods(r).Call(context.Background(), session{actor: user, r: r}, tc.method, []byte(tc.params)); !errors.Is(err, im.ErrBanned) {
			t.Errorf("%s: %v", tc.method, err)
		}
	}
}

// TestSendWithoutRandom: two messages of a client that counts none are two.
func TestSendWithoutRandom(t *testing.T) {
	r := &recorder{}
	var asked []string
	for range 2 {
		if _, err := newMethods(r).Call(context.Background(), session{actor: user, r: r}, "room.send", []byte(`{"room":"r","body":[]}`)); err != nil {
			t.Fatal(err)
		}
		asked = append(asked, r.asked)
	}
	if asked[0] == asked[1] || strings.Contains(asked[0], "Random:0") {
		t.Errorf("sent as %q", asked)
	}
}

// TestPrivileges: a token with privileges opens its own room, for what it says.
func TestPrivileges(t *testing.T) {
	for _, tc := range []struct {
		only         *im.Only
		room, method string
		allowed      bool
	}{
		{nil, "r", "room.enter", true},
		{&im.Only{Room: "r", Enter: true}, "r", "room.enter", true},
		{&im.Only{Room: "r", Enter: true}, "other", "room.enter", false},
		{&im.Only{Room: "r", Create: true}, "r", "room.enter", false},
		{&im.Only{Room: "r", Create: true}, "r", "room.create", true},
		{&im.Only{Room: "r", Create: true}, "", "room.create", false}, // its id would be made up
		{&im.Only{Room: "r", Enter: true}, "r", "room.create", false},
		{&im.Only{Room: "r", Enter: true}, "other", "room.info", false},
		{&im.Only{Room: "r", Enter: true}, "other", "room.destroy", false},
		{&im.Only{Room: "r", Enter: true}, "r", "room.info", true},
	} {
		r, a := &recorder{}, user
		a.Only = tc.only
		_, err := newMethods(r).Call(context.Background(), session{actor: a, r: r}, tc.method, fmt.Appendf(nil, `{"room":%q,"type":"AVChatRoom"}`, tc.room))
		if (err == nil) != tc.allowed || err != nil && (!errors.Is(err, im.ErrNoPermission) || r.asked != "") {
			t.Errorf("%+v, %s %q: %v", tc.only, tc.method, tc.room, err)
		}
	}
}

// D17: who is not logged in looks on, and is told 2024 for everything else.
func TestD17AnonymousMayOnlyLookOn(t *testing.T) {
	for _, tc := range calls {
		open := methods[tc.method].anonymous
		r := &recorder{}
		_, err := newMethods(r).Call(context.Background(), session{actor: im.Actor{App: 1}, r: r}, tc.method, []byte(tc.params))
		if open != (err == nil) || !open && (!errors.Is(err, im.ErrNotLoggedIn) || r.asked != "") {
			t.Errorf("%s is open: %v, and answered with %v after asking %q", tc.method, open, err, r.asked)
		}
	}
	for _, name := range []string{"room.send", "c2c.send", "room.create", "room.mute", "profile.set", "seat.request", "room.like"} {
		if methods[name].anonymous {
			t.Errorf("%s is open to anonymous viewers", name)
		}
	}
}

func TestNotInTheRoom(t *testing.T) {
	for _, method := range []string{"seat.request", "room.like"} {
		r := &recorder{}
		_, err := newMethods(r).Call(context.Background(), session{actor: user, r: r, away: true}, method, []byte(`{"room":"r"}`))
		if !errors.Is(err, im.ErrNotMember) || r.asked != "" {
			t.Errorf("%s: %v after asking %q", method, err, r.asked)
		}
	}
}

func TestParametersThatAreRefused(t *testing.T) {
	deep := strings.Repeat(`{"a":`, 33) + "1" + strings.Repeat("}", 33)
	for _, tc := range []struct {
		name, method, params string
		want                 *im.Error
	}{
		{"no method", "room.nothing", `{}`, im.ErrBadParameter},
		{"no method's name", "", `{}`, im.ErrBadParameter},
		{"not an object", "room.info", `[]`, im.ErrBadParameter},
		{"a text", "room.info", `"r"`, im.ErrBadParameter},
		{"a number for a text", "room.info", `{"room":1}`, im.ErrBadParameter},
		{"an object for a text", "room.info", `{"room":{}}`, im.ErrBadParameter},
		{"a text for a number", "room.send", `{"room":"r","random":"5"}`, im.ErrBadParameter},
		{"a negative number", "room.send", `{"room":"r","random":-1}`, im.ErrBadParameter},
		{"too large a number", "room.send", `{"room":"r","random":4294967296}`, im.ErrBadParameter},
		{"a fraction", "room.send", `{"room":"r","random":0.5}`, im.ErrBadParameter},
		{"not a priority", "room.send", `{"room":"r","priority":"high"}`, im.ErrBadPriority},
		{"a list for a text in a list", "account.check", `{"users":[["a"]]}`, im.ErrBadParameter},
		{"a body that is no list", "c2c.send", `{"to":"a","body":{}}`, im.ErrBadParameter},
		{"half of it", "room.info", `{"room":"r"`, im.ErrBadParameter},
		{"more than it", "room.info", `{"room":"r"}{}`, im.ErrBadParameter},
		{"not UTF-8", "room.info", "{\"room\":\"\xff\"}", im.ErrBadParameter},
		{"deep objects", "room.info", deep, im.ErrBadParameter},
		{"deep lists", "room.info", strings.Repeat("[", 10_000), im.ErrBadParameter},
		{"long", "room.info", `{"room":"` + strings.Repeat("a", maxParams) + `"}`, im.ErrTooLong},
		{"a negative limit", "room.recent", `{"room":"r","limit":-1}`, im.ErrBadParameter},
		{"too high a limit", "room.recent", `{"room":"r","limit":101}`, im.ErrBadParameter},
		{"a negative offset", "room.bans", `{"room":"r","offset":-1}`, im.ErrBadParameter},
		{"a negative offset of members", "room.members", `{"room":"listed","offset":-1}`, im.ErrBadParameter},
	} {
		r := &recorder{}
		_, err := newMethods(r).Call(context.Background(), session{actor: user, r: r}, tc.method, []byte(tc.params))
		if !errors.Is(err, tc.want) || r.asked != "" {
			t.Errorf("%s: %v after asking %q, want %v", tc.name, err, r.asked, tc.want)
		}
	}
}

// Brackets in texts are no depth, nor is what comes after a closed one.
func TestDepth(t *testing.T) {
	for text, want := range map[string]bool{
		`"` + strings.Repeat("[", 40) + `"`:               false,
		`"\"` + strings.Repeat("[", 40) + `"`:             false,
		strings.Repeat("[]", 40):                          false,
		strings.Repeat("[", 32) + strings.Repeat("]", 32): false,
		strings.Repeat("[", 33):                           true,
		`"\\"` + strings.Repeat("[", 33):                  true,
		strings.Repeat(`{"a":[`, 17):                      true,
	} {
		if tooDeep([]byte(text)) != want {
			t.Errorf("%.60s: want %v", text, want)
		}
	}
}

func TestLife(t *testing.T) {
	for _, tc := range []struct {
		reason bus.Reason
		actor  im.Actor
		want   string
	}{
		{bus.ReasonGone, user, "Ended false Logout u LinkClose"},
		{bus.ReasonLost, user, "Ended true Logout u Timeout"},
		{bus.ReasonLogout, user, "Ended false Logout u Unregister"},
		{bus.ReasonREST, user, "Ended false Logout u Unregister"},
		{bus.ReasonMoved, user, "Moved"},
		{bus.ReasonGone, im.Actor{App: 1}, "Ended false"},
	} {
		r := &recorder{}
		newMethods(r).Gone(session{actor: tc.actor, r: r}, tc.reason)
		if r.asked != tc.want {
			t.Errorf("%s: %s, want %s", tc.reason, r.asked, tc.want)
		}
	}
	r := &recorder{}
	newMethods(r).Opened(session{actor: user, r: r}, []im.Platform{im.PlatformWeb})
	newMethods(r).Opened(session{r: r}, nil)
	if want := "Login u [Web] Opened Opened"; r.asked != want {
		t.Errorf("%s, want %s", r.asked, want)
	}
}

// FuzzCall: whatever comes in, the answer is one of JSON or a refusal with a number.
func FuzzCall(f *testing.F) {
	for _, tc := range calls {
		f.Add(tc.method, []byte(tc.params))
	}
	f.Add("room.send", []byte(strings.Repeat(`{"body":[`, 20)))
	f.Fuzz(func(t *testing.T, method string, params []byte) {
		r := &recorder{}
		got, err := newMethods(r).Call(context.Background(), session{actor: user, r: r}, method, params)
		if err != nil {
			if refused, ok := errors.AsType[*im.Error](err); !ok || refused.Number == 0 {
				t.Fatalf("%s: %v", method, err)
			}
			return
		}
		if _, err := json.Marshal(got); err != nil {
			t.Fatalf("%s: %v", method, err)
		}
	})
}
