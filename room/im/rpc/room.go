package rpc

import (
	"context"
	"slices"

	"weir/room/im"
	"weir/room/im/rooms"
	"weir/room/store"
)

// roomView is a room as clients see it.
type roomView struct {
	ID           string            `json:"id"`
	Type         string            `json:"type"`
	Name         string            `json:"name"`
	Owner        string            `json:"owner"`
	Introduction string            `json:"introduction"`
	Notification string            `json:"notification"`
	Face         string            `json:"face"`
	Join         string            `json:"join"`
	MuteAll      bool              `json:"muteAll"`
	Status       string            `json:"status"`
	Fields       map[string]string `json:"fields"`
	Created      int64             `json:"created"`
	Members      int               `json:"members"`
	MaxMembers   int               `json:"maxMembers"`
}

func view(i rooms.Info) roomView {
	v := roomView{
		ID: i.ID, Type: i.Type, Name: i.Name, Owner: i.Owner, Introduction: i.Introduction, Notification: i.Notification,
		Face: i.Face, Join: i.Join, MuteAll: i.MuteAll, Status: i.Status, Fields: i.Fields, Created: i.Created.Unix(),
		Members: i.Members, MaxMembers: i.MaxMembers,
	}
	if v.Fields == nil {
		v.Fields = map[string]string{}
	}
	return v
}

func (m *Methods) info(ctx context.Context, s Session, in aRoom) (any, error) {
	info, err := m.o.Rooms.Info(ctx, s.Actor(), in.Room)
	if err != nil {
		return nil, err
	}
	return map[string]roomView{"room": view(info)}, nil
}

func (m *Methods) mine(ctx context.Context, s Session, _ nothing) (any, error) {
	a := s.Actor()
	list, err := m.o.Rooms.Of(ctx, a.App, a.User)
	return map[string][]string{"rooms": append([]string{}, list...)}, err
}

// creating is a room to be made.
type creating struct {
	Room         string            `json:"room"`
	Type         string            `json:"type"`
	Name         string            `json:"name"`
	Introduction string            `json:"introduction"`
	Notification string            `json:"notification"`
	Face         string            `json:"face"`
	Join         string            `json:"join"`
	MaxMembers   int               `json:"maxMembers"`
	Fields       map[string]string `json:"fields"`
	Members      []string          `json:"members"`
}

func (m *Methods) create(ctx context.Context, s Session, in creating) (any, error) {
	if !s.Actor().MayCreate(in.Room) {
		return nil, errToken
	}
	list := make([]rooms.NewMember, len(in.Members))
	for i, account := range in.Members {
		list[i].Account = account
	}
	made, err := m.o.Rooms.Create(ctx, s.Actor(), rooms.NewRoom{
		ID: in.Room, Type: in.Type, Name: in.Name, Introduction: in.Introduction, Notification: in.Notification, Face: in.Face,
		Join: in.Join, MaxMembers: in.MaxMembers, Fields: pairs(in.Fields), Members: list,
	})
	if err != nil {
		return nil, err
	}
	return map[string]string{"room": made.ID}, nil
}

// pairs are custom fields in the order of their names.
func pairs(fields map[string]string) []im.FieldPair {
	list := make([]im.FieldPair, 0, len(fields))
	for key, value := range fields {
		list = append(list, im.FieldPair{Key: key, Value: value})
	}
	slices.SortFunc(list, func(x, y im.FieldPair) int {
		if x.Key < y.Key {
			return -1
		}
		return 1
	})
	return list
}

// modifying is what shall be otherwise of a room; what is left out stays.
type modifying struct {
	Room         string            `json:"room"`
	Name         *string           `json:"name"`
	Introduction *string           `json:"introduction"`
	Notification *string           `json:"notification"`
	Face         *string           `json:"face"`
	Join         *string           `json:"join"`
	MaxMembers   *int              `json:"maxMembers"`
	MuteAll      *bool             `json:"muteAll"`
	Fields       map[string]string `json:"fields"`
}

func (m *Methods) modify(ctx context.Context, s Session, in modifying) (any, error) {
	return nil, m.o.Rooms.Modify(ctx, s.Actor(), in.Room, rooms.Change{
		Name: in.Name, Introduction: in.Introduction, Notification: in.Notification, Face: in.Face, Join: in.Join,
		MaxMembers: in.MaxMembers, MuteAll: in.MuteAll, Fields: pairs(in.Fields),
	})
}

func (m *Methods) setOwner(ctx context.Context, s Session, in aUser) (any, error) {
	return nil, m.o.Rooms.SetOwner(ctx, s.Actor(), in.Room, in.User)
}

func (m *Methods) setStatus(ctx context.Context, s Session, in struct {
	Room   string `json:"room"`
	Status string `json:"status"`
},
) (any, error) {
	return nil, m.o.Rooms.SetStatus(ctx, s.Actor(), in.Room, in.Status)
}

func (m *Methods) destroy(ctx context.Context, s Session, in aRoom) (any, error) {
	return nil, m.o.Rooms.Destroy(ctx, s.Actor(), in.Room)
}

// someUsers are accounts in a room, and what many calls have beside.
type someUsers struct {
	Room    string   `json:"room"`
	Users   []string `json:"users"`
	Seconds uint32   `json:"seconds"`
	Silent  bool     `json:"silent"`
}

func (m *Methods) addMembers(ctx context.Context, s Session, in someUsers) (any, error) {
	added, err := m.o.Rooms.AddMembers(ctx, s.Actor(), in.Room, in.Users, in.Silent)
	if err != nil {
		return nil, err
	}
	results := make(map[string]rooms.Result, len(added))
	for _, x := range added {
		results[x.Account] = x.Result
	}
	return map[string]any{"results": results}, nil
}

func (m *Methods) removeMembers(ctx context.Context, s Session, in someUsers) (any, error) {
	return nil, m.o.Rooms.RemoveMembers(ctx, s.Actor(), in.Room, in.Users, in.Silent)
}

func (m *Methods) modifyMember(ctx context.Context, s Session, in struct {
	Room     string            `json:"room"`
	User     string            `json:"user"`
	Role     *string           `json:"role"`
	NameCard *string           `json:"nameCard"`
	Fields   map[string]string `json:"fields"`
},
) (any, error) {
	return nil, m.o.Rooms.ModifyMember(ctx, s.Actor(), in.Room, in.User,
		rooms.MemberChange{Role: in.Role, NameCard: in.NameCard, Fields: pairs(in.Fields)})
}

func (m *Methods) mute(ctx context.Context, s Session, in someUsers) (any, error) {
	return nil, m.o.Rooms.Mute(ctx, s.Actor(), in.Room, in.Users, in.Seconds)
}

func (m *Methods) ban(ctx context.Context, s Session, in someUsers) (any, error) {
	return nil, m.o.Rooms.Ban(ctx, s.Actor(), in.Room, in.Users, in.Seconds)
}

func (m *Methods) unban(ctx context.Context, s Session, in someUsers) (any, error) {
	return nil, m.o.Rooms.Unban(ctx, s.Actor(), in.Room, in.Users)
}

func (m *Methods) mutes(ctx context.Context, s Session, in aRoom) (any, error) {
	list, err := m.o.Rooms.Mutes(ctx, s.Actor(), in.Room)
	return map[string]any{"users": untils(list)}, err
}

// maxBans is how many bans one answer has.
const maxBans = 100

func (m *Methods) bans(ctx context.Context, s Session, in struct {
	Room   string `json:"room"`
	Limit  int    `json:"limit"`
	Offset int    `json:"offset"`
},
) (any, error) {
	limit, err := limited(in.Limit, maxBans)
	if err != nil {
		return nil, err
	}
	if in.Offset < 0 {
		return nil, im.ErrBadParameter.With("offset is not negative")
	}
	list, total, err := m.o.Rooms.Bans(ctx, s.Actor(), in.Room, limit, in.Offset)
	return map[string]any{"users": untils(list), "total": total}, err
}

type untilView struct {
	Account string `json:"user"`
	Until   int64  `json:"until"`
}

func untils(list []store.Until) []untilView {
	out := make([]untilView, len(list))
	for i, x := range list {
		out[i] = untilView{x.Account, x.Until}
	}
	return out
}

func (m *Methods) attributes(ctx context.Context, s Session, in aRoom) (any, error) {
	got, err := m.o.Rooms.Attributes(ctx, s.Actor(), in.Room)
	if err != nil {
		return nil, err
	}
	if got.Values == nil {
		got.Values = map[string]string{}
	}
	return map[string]any{"attributes": got.Values, "seq": got.Seq}, nil
}

func (m *Methods) setAttributes(ctx context.Context, s Session, in struct {
	Room    string            `json:"room"`
	Set     map[string]string `json:"set"`
	Delete  []string          `json:"delete"`
	Replace bool              `json:"replace"`
	Seq     *uint64           `json:"seq"`
},
) (any, error) {
	seq, err := m.o.Rooms.SetAttributes(ctx, s.Actor(), in.Room,
		rooms.AttributeChange{Set: in.Set, Delete: in.Delete, Replace: in.Replace, Seq: in.Seq})
	return map[string]uint64{"seq": seq}, err
}

func (m *Methods) counters(ctx context.Context, s Session, in aRoom) (any, error) {
	return counted(m.o.Rooms.Counters(ctx, s.Actor(), in.Room))
}

func (m *Methods) updateCounters(ctx context.Context, s Session, in struct {
	Room   string           `json:"room"`
	Mode   string           `json:"mode"`
	Values map[string]int64 `json:"values"`
},
) (any, error) {
	return counted(m.o.Rooms.Count(ctx, s.Actor(), in.Room, rooms.CountMode(in.Mode), in.Values))
}

func counted(values map[string]int64, err error) (any, error) {
	if values == nil {
		values = map[string]int64{}
	}
	return map[string]map[string]int64{"counters": values}, err
}

func (m *Methods) like(ctx context.Context, s Session, in struct {
	Room string `json:"room"`
	Key  string `json:"key"`
	N    int64  `json:"n"`
},
) (any, error) {
	if !s.InRoom(in.Room) {
		return nil, im.ErrNotMember
	}
	if in.Key == "" {
		in.Key = rooms.LikesKey
	}
	if in.N == 0 {
		in.N = 1
	}
	return nil, m.o.Rooms.Like(ctx, s.Actor(), in.Room, in.Key, in.N)
}
