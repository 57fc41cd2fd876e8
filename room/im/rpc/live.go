package rpc

import (
	"context"
	"encoding/json"
	"math/rand/v2"

	"weir/room/im"
	"weir/room/im/channel"
	"weir/room/im/rooms"
)

// what calls have that are about a room and nothing else.
type aRoom struct {
	Room string `json:"room"`
}

type nothing struct{}

func (m *Methods) renew(ctx context.Context, s Session, in struct {
	UserSig string `json:"userSig"`
},
) (any, error) {
	expires, err := m.o.Renew(ctx, s.Actor(), in.UserSig)
	if err != nil {
		return nil, err
	}
	s.Renew(expires)
	var at int64
	if !expires.IsZero() {
		at = expires.Unix()
	}
	return map[string]int64{"expires": at}, nil
}

func (m *Methods) bye(_ context.Context, s Session, _ nothing) (any, error) {
	s.Leave()
	return nil, nil
}

// entered is the answer to room.enter.
type entered struct {
	Status string   `json:"status"`
	Online int      `json:"online"`
	Room   roomView `json:"room"`
}

func (m *Methods) enter(ctx context.Context, s Session, in aRoom) (any, error) {
	if !s.Actor().MayEnter(in.Room) {
		return nil, errToken
	}
	e, err := m.o.Channel.Enter(ctx, s, in.Room)
	if err != nil {
		return nil, err
	}
	// What Enter knows of the room has the fields of all readers: which of them the actor may read Info knows.
	info, err := m.o.Rooms.Info(ctx, s.Actor(), in.Room)
	if err != nil {
		return nil, err
	}
	return entered{Status: e.Status, Online: e.Count, Room: view(info)}, nil
}

func (m *Methods) exit(ctx context.Context, s Session, in aRoom) (any, error) {
	return nil, m.o.Channel.Exit(ctx, s.Actor(), in.Room)
}

// sending is a message as a client sends it.
type sending struct {
	Room       string       `json:"room"`
	Body       []im.Element `json:"body"`
	Priority   im.Priority  `json:"priority"`
	Random     uint32       `json:"random"`
	Cloud      string       `json:"cloud"`
	Media      int64        `json:"media"`
	OnlineOnly bool         `json:"onlineOnly"`
}

type sent struct {
	Seq  uint64 `json:"seq"`
	Time int64  `json:"time"`
	Key  string `json:"key,omitempty"`
}

func (m *Methods) send(ctx context.Context, s Session, in sending) (any, error) {
	if in.Random == 0 { // a client that has no number of its own sends no message twice
		in.Random = rand.Uint32() //nolint:gosec // a number, not a secret
	}
	got, err := m.o.Channel.Send(ctx, s.Actor(), channel.Send{
		Room: in.Room, Random: in.Random, Body: in.Body, Priority: in.Priority, Cloud: in.Cloud, Media: in.Media,
		OnlineOnly: in.OnlineOnly,
	})
	return sent{Seq: got.Seq, Time: got.Time}, err
}

func (m *Methods) online(ctx context.Context, s Session, in aRoom) (any, error) {
	if _, err := m.o.Rooms.Info(ctx, s.Actor(), in.Room); err != nil {
		return nil, err
	}
	return map[string]int{"online": m.o.Channel.Count(s.Actor().App, in.Room)}, nil
}

// maxRecent is how many messages one answer has.
const maxRecent = 100

func (m *Methods) recent(ctx context.Context, s Session, in struct {
	Room  string `json:"room"`
	After uint64 `json:"after"`
	Limit int    `json:"limit"`
},
) (any, error) {
	limit, err := limited(in.Limit, maxRecent)
	if err != nil {
		return nil, err
	}
	list, err := m.o.Channel.Recent(ctx, s.Actor(), in.Room, in.After, limit)
	return messages(im.AppendMessage, list, false), err
}

// messages are messages in the form in which they are published.
func messages(render func([]byte, *im.Message) []byte, list []im.Message, more bool) json.RawMessage {
	each := make([]*im.Message, len(list))
	for i := range list {
		each[i] = &list[i]
	}
	text := im.AppendPublication(nil, render, each...)
	if more {
		text = append(text[:len(text)-1], `,"more":true}`...)
	}
	return text
}

// limited is how many are asked for, of at most so many; 0: all of these.
func limited(n, most int) (int, error) {
	if n < 0 || n > most {
		return 0, im.ErrBadParameter.With("limit is 1 to %d", most)
	}
	if n == 0 {
		return most, nil
	}
	return n, nil
}

// maxPresent is how many of those in a room without a list of members are told.
const maxPresent = 1000

type memberView struct {
	Account  string            `json:"user"`
	Role     string            `json:"role,omitempty"`
	NameCard string            `json:"nameCard,omitempty"`
	Joined   int64             `json:"joined"`
	Fields   map[string]string `json:"fields,omitempty"`
}

// members are those on a room's list, page by page, or those who are in a room that has none.
func (m *Methods) members(ctx context.Context, s Session, in struct {
	Room   string `json:"room"`
	Limit  int    `json:"limit"`
	Offset int    `json:"offset"`
},
) (any, error) {
	info, err := m.o.Rooms.Info(ctx, s.Actor(), in.Room)
	if err != nil {
		return nil, err
	}
	limit, err := limited(in.Limit, maxPresent)
	if err != nil {
		return nil, err
	}
	if in.Offset < 0 {
		return nil, im.ErrBadParameter.With("offset is not negative")
	}
	if info.Type == rooms.AVChatRoom || info.Type == rooms.BChatRoom {
		return m.present(s, in.Room, limit), nil
	}
	list, total, err := m.o.Rooms.Members(ctx, s.Actor(), in.Room, limit, in.Offset)
	if err != nil {
		return nil, err
	}
	out := make([]memberView, len(list))
	for i, x := range list {
		out[i] = memberView{x.Account, x.Role, x.NameCard, x.Joined.Unix(), x.Fields}
	}
	return map[string]any{"members": out, "total": total}, nil
}

func (m *Methods) present(s Session, room string, limit int) any {
	app := s.Actor().App
	list := m.o.Bus.Users(app, room, limit)
	out := make([]memberView, len(list))
	for i, x := range list {
		out[i] = memberView{Account: x.Account, Joined: x.Since}
	}
	return map[string]any{"members": out, "total": m.o.Channel.Count(app, room)}
}
