package v4

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"weir/room/auth"
	"weir/room/im"
	"weir/room/im/channel"
	"weir/room/im/people"
	"weir/room/im/rooms"
	"weir/room/store"
)

// domain is all that an API calls. It writes down what was called, and answers what its fields say.
type domain struct {
	trace bytes.Buffer
	err   error // of every call but VerifyAdmin
	admin error // of VerifyAdmin

	list []string // of rooms
}

// noted writes a call down, its arguments in JSON but for the actor's.
func (d *domain) noted(name string, args ...any) error {
	d.trace.WriteString(name)
	for _, a := range args {
		text, err := json.Marshal(a)
		if err != nil {
			return err
		}
		d.trace.WriteByte(' ')
		d.trace.Write(text)
	}
	d.trace.WriteByte('\n')
	return d.err
}

func (d *domain) VerifyAdmin(_ context.Context, app int, identifier, usersig string) (auth.User, error) {
	if app != 1400000000 || identifier != "admin" || usersig != "sig" {
		return auth.User{}, fmt.Errorf("asked for %d %q %q", app, identifier, usersig)
	}
	return auth.User{ID: identifier}, d.admin
}

// When things are in answers.
var (
	morning = time.Date(2026, 5, 1, 8, 0, 0, 0, time.UTC)
	noon    = morning.Add(4 * time.Hour)
)

// isAdmin is the actor of every call.
func isAdmin(a im.Actor) bool {
	return a == im.Actor{App: 1400000000, User: "admin", Admin: true, Platform: im.PlatformREST, Addr: "192.0.2.1"}
}

func (d *domain) by(a im.Actor, name string, args ...any) error {
	if !isAdmin(a) {
		name = fmt.Sprintf("%s by %+v", name, a)
	}
	return d.noted(name, args...)
}

// folk are the accounts.
type folk struct{ *domain }

func (d folk) Import(_ context.Context, _ int, n people.Newcomer) error { return d.noted("Import", n) }

func (d folk) ImportMany(_ context.Context, _ int, list []people.Newcomer) ([]string, error) {
	return []string{list[len(list)-1].ID}, d.noted("ImportMany", list)
}

func (d folk) Delete(_ context.Context, _ int, id string) error {
	if err := d.noted("Delete", id); err != nil || id != "nobody" {
		return err
	}
	return im.ErrUnknownAccount
}

func (d folk) Check(_ context.Context, _ int, ids []string) (map[string]bool, error) {
	return map[string]bool{"u1": true}, d.noted("Check", ids)
}

func (d folk) Kick(_ context.Context, _ int, id string) error { return d.noted("Kick", id) }

func (d folk) Online(_ context.Context, _ int, ids []string) ([]people.Presence, error) {
	return []people.Presence{
		{Account: "u1", Known: true, Platforms: []im.Platform{im.PlatformWeb, im.PlatformIOS}},
		{Account: "u2", Known: true},
		{Account: "nobody"},
	}, d.noted("Online", ids)
}

func (d folk) Account(_ context.Context, _ int, id string) (store.Account, error) {
	if id != "u1" {
		return store.Account{}, im.ErrUnknownAccount
	}
	profile := map[string]string{im.TagNick: "One", im.TagImage: "https://example.com/1.png"}
	return store.Account{ID: id, Profile: profile}, d.noted("Account", id)
}

func (d folk) SetProfile(_ context.Context, a im.Actor, account string, items []people.Item) error {
	return d.by(a, "SetProfile", account, items)
}

func (d folk) Profiles(_ context.Context, _ int, ids, tags []string) ([]people.Profile, error) {
	return []people.Profile{
		{Account: "u1", Known: true, Items: []people.Item{{Tag: im.TagNick, Value: "One <b>"}, {Tag: "Tag_Profile_IM_Level", Value: "7"}}},
		{Account: "nobody"},
	}, d.noted("Profiles", ids, tags)
}

func (d folk) Silence(_ context.Context, _ int, id string, c2c, inRooms *uint32) error {
	return d.noted("Silence", id, c2c, inRooms)
}

func (d folk) Silences(_ context.Context, _ int, id string) (c2c, inRooms uint32, err error) {
	return 60, 4294967295, d.noted("Silences", id)
}

func (d folk) SendTo(_ context.Context, a im.Actor, m people.C2C) (people.Sent, error) {
	return people.Sent{Seq: 3, Time: noon.Unix(), Key: "3_7_1777636800"}, d.by(a, "SendTo", m)
}

func (d folk) Recall(_ context.Context, a im.Actor, r people.Recall) error {
	return d.by(a, "Recall", r)
}

func (d folk) SendToMany(_ context.Context, a im.Actor, m people.C2C, to []string) (people.Sent, []people.Failed, error) {
	failed := []people.Failed{{Account: "nobody", Err: im.ErrUnknownAccount}}
	return people.Sent{Key: "3_7_1777636800"}, failed, d.by(a, "SendToMany", m, to)
}

// places are the rooms: live has no list of members, club has one.
type places struct{ *domain }

func (d places) Create(_ context.Context, a im.Actor, n rooms.NewRoom) (store.Room, error) {
	id := n.ID
	if id == "" {
		id = "@TGS#1"
	}
	return store.Room{ID: id}, d.by(a, "Create", n)
}

func (d places) Destroy(_ context.Context, a im.Actor, id string) error {
	return d.by(a, "Destroy", id)
}

func (d places) Info(_ context.Context, a im.Actor, id string) (rooms.Info, error) {
	info := rooms.Info{Room: store.Room{
		ID: id, Type: rooms.AVChatRoom, Name: "Shop", Owner: "u1", Introduction: "All day", Notification: "Sale \"now\"",
		Face: "https://example.com/r.png", Join: rooms.FreeAccess, MuteAll: true, Status: rooms.Open,
		Fields: map[string]string{"price": "9", "item": "cup"}, Created: morning, InfoSeq: 4, LastInfo: noon,
	}}
	switch id {
	case "club":
		info.Type, info.MuteAll, info.MaxMembers, info.Members, info.Fields = rooms.Public, false, 200, 2, nil
	case "none":
		return rooms.Info{}, im.ErrNoRoom
	}
	return info, d.by(a, "Info", id)
}

func (d places) Modify(_ context.Context, a im.Actor, id string, c rooms.Change) error {
	return d.by(a, "Modify", id, c)
}

func (d places) SetOwner(_ context.Context, a im.Actor, id, owner string) error {
	return d.by(a, "SetOwner", id, owner)
}

func (d places) List(_ context.Context, _ int, typ string, limit int, after string) (ids []string, next string, total int, err error) {
	at := 0
	for i, id := range d.list {
		if id == after {
			at = i + 1
		}
	}
	ids = d.list[at:min(at+limit, len(d.list))]
	if at+limit < len(d.list) {
		next = ids[len(ids)-1]
	}
	return ids, next, len(d.list), d.noted("List", typ, limit, after)
}

func (d places) AddMembers(_ context.Context, a im.Actor, id string, accounts []string, silent bool) ([]rooms.Added, error) {
	return []rooms.Added{
		{Account: "u1", Result: rooms.AddDone}, {Account: "u2", Result: rooms.AddAlready}, {Account: "nobody", Result: rooms.AddFailed},
	}, d.by(a, "AddMembers", id, accounts, silent)
}

func (d places) RemoveMembers(_ context.Context, a im.Actor, id string, accounts []string, silent bool) error {
	return d.by(a, "RemoveMembers", id, accounts, silent)
}

func (d places) Members(_ context.Context, a im.Actor, id string, limit, offset int) ([]store.Member, int, error) {
	return []store.Member{
		{Account: "u1", Role: "Owner", NameCard: "The owner", Joined: morning, Fields: map[string]string{"team": "red"}},
		{Account: "u2", Role: "Member", Joined: noon},
	}, 2, d.by(a, "Members", id, limit, offset)
}

func (d places) Mute(_ context.Context, a im.Actor, id string, accounts []string, seconds uint32) error {
	return d.by(a, "Mute", id, accounts, seconds)
}

func (d places) Mutes(_ context.Context, a im.Actor, id string) ([]store.Until, error) {
	return []store.Until{{Account: "u2", Until: 1777640400}, {Account: "u3", Until: rooms.Forever}}, d.by(a, "Mutes", id)
}

func (d places) Ban(_ context.Context, a im.Actor, id string, accounts []string, seconds uint32) error {
	return d.by(a, "Ban", id, accounts, seconds)
}

func (d places) Unban(_ context.Context, a im.Actor, id string, accounts []string) error {
	return d.by(a, "Unban", id, accounts)
}

func (d places) Bans(_ context.Context, a im.Actor, id string, limit, offset int) ([]store.Until, int, error) {
	return []store.Until{{Account: "u2", Until: 1777640400}}, 3, d.by(a, "Bans", id, limit, offset)
}

func (d places) SetAttributes(_ context.Context, a im.Actor, id string, c rooms.AttributeChange) (uint64, error) {
	return 1, d.by(a, "SetAttributes", id, c)
}

func (d places) Attributes(_ context.Context, a im.Actor, id string) (rooms.Attributes, error) {
	return rooms.Attributes{Values: map[string]string{"b": "2", "a": "1"}, Seq: 5}, d.by(a, "Attributes", id)
}

func (d places) Count(_ context.Context, a im.Actor, id string, mode rooms.CountMode, values map[string]int64) (map[string]int64, error) {
	return map[string]int64{"likes": 12, "gifts": 3}, d.by(a, "Count", id, mode, values)
}

func (d places) Counters(_ context.Context, a im.Actor, id string) (map[string]int64, error) {
	return map[string]int64{"likes": 12, "gifts": 3}, d.by(a, "Counters", id)
}

// talk is what goes on in rooms.
type talk struct{ *domain }

func (d talk) Send(_ context.Context, a im.Actor, m channel.Send) (channel.Sent, error) {
	return channel.Sent{Seq: 9, Time: noon.Unix()}, d.by(a, "Send", m)
}

func (d talk) Broadcast(_ context.Context, a im.Actor, m channel.Send) (channel.Sent, error) {
	return channel.Sent{Seq: 9, Time: noon.Unix()}, d.by(a, "Broadcast", m)
}

func (d talk) Notice(_ context.Context, a im.Actor, room, text string, to []string) error {
	return d.by(a, "Notice", room, text, to)
}

func (d talk) Count(int, string) int { return 1234 }

func (d talk) present(int, string, int) []Present {
	return []Present{{"u1", noon.Unix()}, {"guest", morning.Unix()}}
}

// lists are the words.
type lists struct{ *domain }

func (d lists) Words(context.Context, int) ([]string, error) {
	return []string{"bad", "worse"}, d.noted("Words")
}

func (d lists) Add(_ context.Context, _ int, words []string) error { return d.noted("Add", words) }

func (d lists) Delete(_ context.Context, _ int, words []string) error {
	return d.noted("Delete", words)
}

// over makes an API over a domain.
func over(d *domain, change ...func(*Options)) *API {
	o := Options{
		Admins: d, People: folk{d}, Rooms: places{d}, Channel: talk{d}, Words: lists{d}, Present: talk{d}.present,
		PerSecond: 1e6, Now: func() time.Time { return noon },
	}
	for _, f := range change {
		f(&o)
	}
	a := New(o)
	a.newID = func() string { return "id" }
	return a
}
