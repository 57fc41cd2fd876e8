package rpc

import (
	"context"
	"fmt"
	"time"

	"weir/room/im"
	"weir/room/im/bus"
	"weir/room/im/channel"
	"weir/room/im/people"
	"weir/room/im/rooms"
	"weir/room/store"
)

var epoch = time.Unix(1_800_000_000, 0)

// recorder stands for what is behind the methods: it writes down what it is asked, and says yes.
type recorder struct {
	asked string
	err   error
}

func (r *recorder) note(format string, args ...any) error {
	r.asked += fmt.Sprintf(format, args...)
	return r.err
}

type session struct {
	actor im.Actor
	r     *recorder
	away  bool // not in any room
}

func (s session) ID() string         { return "s1" }
func (s session) Actor() im.Actor    { return s.actor }
func (s session) Rooms() []string    { return []string{"r"} }
func (s session) InRoom(string) bool { return !s.away }
func (s session) Renew(at time.Time) { _ = s.r.note("; until %d", at.Unix()) }
func (s session) Leave()             { _ = s.r.note("Leave") }

type fakeChannel struct{ r *recorder }

func (f fakeChannel) Opened(context.Context, channel.Session) { _ = f.r.note(" Opened") }
func (f fakeChannel) Ended(_ channel.Session, lost bool)      { _ = f.r.note("Ended %v", lost) }
func (f fakeChannel) Moved(channel.Session)                   { _ = f.r.note("Moved") }
func (f fakeChannel) Enter(_ context.Context, _ channel.Session, room string) (channel.Entered, error) {
	return channel.Entered{Status: channel.EnteredRoom, Count: 3}, f.r.note("Enter %s", room)
}

func (f fakeChannel) Exit(_ context.Context, _ im.Actor, room string) error {
	return f.r.note("Exit %s", room)
}

func (f fakeChannel) Send(_ context.Context, _ im.Actor, m channel.Send) (channel.Sent, error) {
	return channel.Sent{Seq: 7, Time: 9}, f.r.note("Send %+v", m)
}

func (f fakeChannel) Recent(_ context.Context, _ im.Actor, room string, after uint64, limit int) ([]im.Message, error) {
	return []im.Message{{Room: room, Seq: after + 1, From: "a"}}, f.r.note("Recent %s %d %d", room, after, limit)
}
func (f fakeChannel) Count(int, string) int { return 5 }

type fakeBus struct{}

func (fakeBus) Users(int, string, int) []bus.Present { return []bus.Present{{Account: "a", Since: 4}} }

type fakeRooms struct{ r *recorder }

func (f fakeRooms) Create(_ context.Context, _ im.Actor, n rooms.NewRoom) (store.Room, error) {
	return store.Room{ID: "new"}, f.r.note("Create %+v", n)
}

func (f fakeRooms) Destroy(_ context.Context, _ im.Actor, id string) error {
	return f.r.note("Destroy %s", id)
}

func (f fakeRooms) Modify(_ context.Context, _ im.Actor, id string, c rooms.Change) error {
	return f.r.note("Modify %s %v %v %v", id, c.Name != nil, c.Notification != nil, c.Fields)
}

func (f fakeRooms) SetOwner(_ context.Context, _ im.Actor, id, owner string) error {
	return f.r.note("SetOwner %s %s", id, owner)
}

func (f fakeRooms) SetStatus(_ context.Context, _ im.Actor, id, status string) error {
	return f.r.note("SetStatus %s %s", id, status)
}

func (f fakeRooms) Info(_ context.Context, _ im.Actor, id string) (rooms.Info, error) {
	typ := rooms.AVChatRoom
	if id == "listed" {
		typ = rooms.Public
	}
	return rooms.Info{Room: store.Room{ID: id, Type: typ, Created: epoch}, Members: 2}, f.r.err
}

func (f fakeRooms) Of(_ context.Context, _ int, account string) ([]string, error) {
	return nil, f.r.note("Of %s", account)
}

func (f fakeRooms) AddMembers(_ context.Context, _ im.Actor, id string, list []string, silent bool) ([]rooms.Added, error) {
	return []rooms.Added{{Account: "a", Result: rooms.AddAlready}}, f.r.note("AddMembers %s %v %v", id, list, silent)
}

func (f fakeRooms) RemoveMembers(_ context.Context, _ im.Actor, id string, list []string, silent bool) error {
	return f.r.note("RemoveMembers %s %v %v", id, list, silent)
}

func (f fakeRooms) Members(_ context.Context, _ im.Actor, id string, limit, offset int) ([]store.Member, int, error) {
	return []store.Member{{Account: "a", Role: "Owner", Joined: epoch}}, 1, f.r.note("Members %s %d %d", id, limit, offset)
}

func (f fakeRooms) ModifyMember(_ context.Context, _ im.Actor, id, account string, c rooms.MemberChange) error {
	return f.r.note("ModifyMember %s %s %v %v", id, account, c.Role != nil, c.Fields)
}

func (f fakeRooms) Mute(_ context.Context, _ im.Actor, id string, list []string, seconds uint32) error {
	return f.r.note("Mute %s %v %d", id, list, seconds)
}

func (f fakeRooms) Mutes(_ context.Context, _ im.Actor, id string) ([]store.Until, error) {
	return []store.Until{{Account: "a", Until: 8}}, f.r.note("Mutes %s", id)
}

func (f fakeRooms) Ban(_ context.Context, _ im.Actor, id string, list []string, seconds uint32) error {
	return f.r.note("Ban %s %v %d", id, list, seconds)
}

func (f fakeRooms) Unban(_ context.Context, _ im.Actor, id string, list []string) error {
	return f.r.note("Unban %s %v", id, list)
}

func (f fakeRooms) Bans(_ context.Context, _ im.Actor, id string, limit, offset int) ([]store.Until, int, error) {
	return nil, 0, f.r.note("Bans %s %d %d", id, limit, offset)
}

func (f fakeRooms) SetAttributes(_ context.Context, _ im.Actor, id string, c rooms.AttributeChange) (uint64, error) {
	return 6, f.r.note("SetAttributes %s %v %v %v %v", id, c.Set, c.Delete, c.Replace, c.Seq != nil)
}

func (f fakeRooms) Attributes(_ context.Context, _ im.Actor, id string) (rooms.Attributes, error) {
	return rooms.Attributes{Seq: 3}, f.r.note("Attributes %s", id)
}

func (f fakeRooms) Count(_ context.Context, _ im.Actor, id string, mode rooms.CountMode, values map[string]int64) (map[string]int64, error) {
	return values, f.r.note("Count %s %s %v", id, mode, values)
}

func (f fakeRooms) Like(_ context.Context, _ im.Actor, id, key string, n int64) error {
	return f.r.note("Like %s %s %d", id, key, n)
}

func (f fakeRooms) Counters(_ context.Context, _ im.Actor, id string) (map[string]int64, error) {
	return nil, f.r.note("Counters %s", id)
}

func (f fakeRooms) RequestSeat(_ context.Context, _ im.Actor, id string) error {
	return f.r.note("RequestSeat %s", id)
}

func (f fakeRooms) InviteSeat(_ context.Context, _ im.Actor, id, user string) error {
	return f.r.note("InviteSeat %s %s", id, user)
}

func (f fakeRooms) AcceptSeat(_ context.Context, _ im.Actor, id, user string) error {
	return f.r.note("AcceptSeat %s %s", id, user)
}

func (f fakeRooms) DeclineSeat(_ context.Context, _ im.Actor, id, user string) error {
	return f.r.note("DeclineSeat %s %s", id, user)
}

func (f fakeRooms) RevokeSeat(_ context.Context, _ im.Actor, id, user string) error {
	return f.r.note("RevokeSeat %s %s", id, user)
}

func (f fakeRooms) LeaveSeat(_ context.Context, _ im.Actor, id string) error {
	return f.r.note("LeaveSeat %s", id)
}

func (f fakeRooms) Seats(_ context.Context, _ im.Actor, id string) ([]store.Seat, error) {
	return []store.Seat{{Account: "a", State: rooms.SeatTaken, By: "o", Since: epoch}}, f.r.note("Seats %s", id)
}

type fakePeople struct{ r *recorder }

func (f fakePeople) Check(_ context.Context, _ int, ids []string) (map[string]bool, error) {
	return map[string]bool{"a": true}, f.r.note("Check %v", ids)
}

func (f fakePeople) Online(_ context.Context, _ int, ids []string) ([]people.Presence, error) {
	return []people.Presence{{Account: "a", Known: true}, {Account: "x"}}, f.r.note("Online %v", ids)
}

func (f fakePeople) SetProfile(_ context.Context, _ im.Actor, account string, items []people.Item) error {
	return f.r.note("SetProfile %s %v", account, items)
}

func (f fakePeople) Profiles(_ context.Context, _ int, ids, tags []string) ([]people.Profile, error) {
	return []people.Profile{{Account: "a", Known: true, Items: []people.Item{{Tag: "T", Value: "v"}}}},
		f.r.note("Profiles %v %v", ids, tags)
}

func (f fakePeople) SendTo(_ context.Context, _ im.Actor, m people.C2C) (people.Sent, error) {
	return people.Sent{Seq: 1, Time: 2, Key: "1_3_2"}, f.r.note("SendTo %s %d %d", m.To, len(m.Body), m.Random)
}

func (f fakePeople) Recall(_ context.Context, _ im.Actor, r people.Recall) error {
	return f.r.note("Recall %s %s %d", r.To, r.Key, r.Seq)
}

func (f fakePeople) Offline(_ context.Context, _ im.Actor, after uint64, limit int) ([]im.Message, bool, error) {
	return []im.Message{{To: "u", Seq: 2, From: "a"}}, true, f.r.note("Offline %d %d", after, limit)
}

func (f fakePeople) Ack(_ context.Context, _ im.Actor, upTo uint64) error {
	return f.r.note("Ack %d", upTo)
}

func (f fakePeople) Login(_ context.Context, a im.Actor, kicked ...im.Platform) error {
	return f.r.note("Login %s %v", a.User, kicked)
}

func (f fakePeople) Logout(a im.Actor, why people.Leave) {
	_ = f.r.note(" Logout %s %s", a.User, why)
}

// newMethods are methods whose calls are written down.
func newMethods(r *recorder) *Methods {
	return New(Options{
		Rooms: fakeRooms{r}, Channel: fakeChannel{r}, People: fakePeople{r}, Bus: fakeBus{},
		Renew: func(_ context.Context, a im.Actor, sig string) (time.Time, error) {
			return epoch, r.note("Renew %s %s", a.User, sig)
		},
	})
}
