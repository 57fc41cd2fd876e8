package manage

import (
	"context"
	"maps"
	"net/url"
	"slices"
	"time"

	"weir/room/im"
	"weir/room/im/rooms"
	"weir/room/store"
)

// roomKeeper keeps the rooms; *rooms.Rooms does.
type roomKeeper interface {
	Get(ctx context.Context, app int, id string) (*rooms.Facts, error)
	List(ctx context.Context, app int, typ string, limit int, after string) (ids []string, next string, total int, err error)
	Info(ctx context.Context, a im.Actor, id string) (rooms.Info, error)
	Create(ctx context.Context, a im.Actor, n rooms.NewRoom) (store.Room, error)
	Modify(ctx context.Context, a im.Actor, id string, c rooms.Change) error
	SetOwner(ctx context.Context, a im.Actor, id, owner string) error
	SetStatus(ctx context.Context, a im.Actor, id, status string) error
	Destroy(ctx context.Context, a im.Actor, id string) error

	AddMembers(ctx context.Context, a im.Actor, id string, accounts []string, silent bool) ([]rooms.Added, error)
	RemoveMembers(ctx context.Context, a im.Actor, id string, accounts []string, silent bool) error
	Members(ctx context.Context, a im.Actor, id string, limit, offset int) ([]store.Member, int, error)
	Mute(ctx context.Context, a im.Actor, id string, accounts []string, seconds uint32) error
	Mutes(ctx context.Context, a im.Actor, id string) ([]store.Until, error)
	Ban(ctx context.Context, a im.Actor, id string, accounts []string, seconds uint32) error
	Unban(ctx context.Context, a im.Actor, id string, accounts []string) error
	Bans(ctx context.Context, a im.Actor, id string, limit, offset int) ([]store.Until, int, error)

	SetAttributes(ctx context.Context, a im.Actor, id string, c rooms.AttributeChange) (seq uint64, err error)
	Attributes(ctx context.Context, a im.Actor, id string) (rooms.Attributes, error)
	Count(ctx context.Context, a im.Actor, id string, mode rooms.CountMode, values map[string]int64) (map[string]int64, error)
	Counters(ctx context.Context, a im.Actor, id string) (map[string]int64, error)
	DefineField(ctx context.Context, a im.Actor, f store.Field) error
	ModifyField(ctx context.Context, a im.Actor, f store.Field) error
	Fields(ctx context.Context, app int) ([]store.Field, error)

	InviteSeat(ctx context.Context, a im.Actor, id, user string) error
	RevokeSeat(ctx context.Context, a im.Actor, id, user string) error
	Seats(ctx context.Context, a im.Actor, id string) ([]store.Seat, error)
}

// roomJSON is a room as JSON shows it.
type roomJSON struct {
	ID           string            `json:"id"`
	Type         string            `json:"type"`
	Name         string            `json:"name"`
	Owner        string            `json:"owner,omitempty"`
	Introduction string            `json:"introduction,omitempty"`
	Announcement string            `json:"announcement,omitempty"`
	Avatar       string            `json:"avatar,omitempty"`
	Join         string            `json:"join"`
	MaxMembers   int               `json:"max_members,omitempty"`
	Members      int               `json:"members"` // on the list, of rooms that have one
	Online       int               `json:"online"`
	MuteAll      bool              `json:"mute_all"`
	Status       string            `json:"status"`
	Fields       map[string]string `json:"fields"`
	Created      time.Time         `json:"created"`
	Changed      time.Time         `json:"changed"`
}

func (m *Manage) roomOf(r *Request, i rooms.Info) roomJSON {
	out := roomJSON{
		ID: i.ID, Type: i.Type, Name: i.Name, Owner: i.Owner, Introduction: i.Introduction, Announcement: i.Notification, Avatar: i.Face,
		Join: i.Join, MaxMembers: i.MaxMembers, Members: i.Members, Online: m.o.Channel.Count(r.actor.App, i.ID), MuteAll: i.MuteAll,
		Status: i.Status, Fields: i.Fields, Created: i.Created.UTC(), Changed: i.LastInfo.UTC(),
	}
	if out.Fields == nil {
		out.Fields = map[string]string{}
	}
	return out
}

// roomInfo is a room as it is now.
func (m *Manage) roomInfo(r *Request, id string) (roomJSON, error) {
	info, err := m.o.Rooms.Info(r.Context(), r.actor, id)
	if err != nil {
		return roomJSON{}, err
	}
	return m.roomOf(r, info), nil
}

// listJSON is a page of rooms.
type listJSON struct {
	Rooms []roomJSON `json:"rooms"`
	Total int        `json:"total"`
	// Cursor is where the next page begins; left out at the end.
	Cursor string `json:"cursor,omitempty"`
}

// ListRooms answers GET /api/v1/rooms.
func ListRooms(m *Manage, r *Request) (any, error) {
	limit, cursor, err := r.page()
	if err != nil {
		return nil, err
	}
	ids, next, total, err := m.o.Rooms.List(r.Context(), r.actor.App, r.URL.Query().Get("type"), limit, cursor)
	if err != nil {
		return nil, err
	}
	out := listJSON{Rooms: make([]roomJSON, 0, len(ids)), Total: total, Cursor: next}
	for _, id := range ids {
		if one, err := m.roomInfo(r, id); err == nil { // else it was destroyed just now
			out.Rooms = append(out.Rooms, one)
		}
	}
	return out, nil
}

// newRoom is what is asked of a room to be made.
type newRoom struct {
	ID           string            `json:"id"`
	Type         string            `json:"type"`
	Name         string            `json:"name"`
	Owner        string            `json:"owner"`
	Introduction string            `json:"introduction"`
	Announcement string            `json:"announcement"`
	Avatar       string            `json:"avatar"`
	Join         string            `json:"join"`
	MaxMembers   int               `json:"max_members"`
	Fields       map[string]string `json:"fields"`
	Members      []string          `json:"members"`
}

// CreateRoom answers POST /api/v1/rooms.
func CreateRoom(m *Manage, r *Request) (any, error) {
	var asked newRoom
	if err := r.decode(&asked); err != nil {
		return nil, err
	}
	n := rooms.NewRoom{
		ID: asked.ID, Type: asked.Type, Name: asked.Name, Owner: asked.Owner, Introduction: asked.Introduction,
		Notification: asked.Announcement, Face: asked.Avatar, Join: asked.Join, MaxMembers: asked.MaxMembers, Fields: pairs(asked.Fields),
	}
	if n.Type == "" {
		n.Type = rooms.AVChatRoom
	}
	for _, account := range asked.Members {
		n.Members = append(n.Members, rooms.NewMember{Account: account})
	}
	made, err := m.o.Rooms.Create(r.Context(), r.actor, n)
	if err != nil {
		return nil, err
	}
	body, err := m.roomInfo(r, made.ID)
	if err != nil {
		return nil, err
	}
	return created{"/api/v1/rooms/" + url.PathEscape(made.ID), body}, nil
}

// pairs are custom fields in the order of their names.
func pairs(fields map[string]string) []im.FieldPair {
	out := make([]im.FieldPair, 0, len(fields))
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		out = append(out, im.FieldPair{Key: name, Value: fields[name]})
	}
	return out
}

// GetRoom answers GET /api/v1/rooms/{room}.
func GetRoom(m *Manage, r *Request) (any, error) { return m.roomInfo(r, r.room) }

// roomPatch is what shall be otherwise of a room; what is left out stays.
type roomPatch struct {
	Name         *string `json:"name"`
	Introduction *string `json:"introduction"`
	Announcement *string `json:"announcement"`
	Avatar       *string `json:"avatar"`
	Join         *string `json:"join"`
	MaxMembers   *int    `json:"max_members"`
	MuteAll      *bool   `json:"mute_all"`
	Owner        *string `json:"owner"`
	Status       *string `json:"status"`
	// Fields are the custom fields to set; an empty value deletes one.
	Fields map[string]string `json:"fields"`
}

// facts tells whether something is to be changed that is neither the owner nor the status.
func (p *roomPatch) facts() bool {
	return p.Name != nil || p.Introduction != nil || p.Announcement != nil || p.Avatar != nil || p.Join != nil ||
		p.MaxMembers != nil || p.MuteAll != nil || len(p.Fields) > 0
}

// PatchRoom answers PATCH /api/v1/rooms/{room}.
func PatchRoom(m *Manage, r *Request) (any, error) {
	var p roomPatch
	if err := r.decode(&p); err != nil {
		return nil, err
	}
	if _, err := m.o.Rooms.Get(r.Context(), r.actor.App, r.room); err != nil {
		return nil, err
	}
	if p.facts() {
		err := m.o.Rooms.Modify(r.Context(), r.actor, r.room, rooms.Change{
			Name: p.Name, Introduction: p.Introduction, Notification: p.Announcement, Face: p.Avatar, Join: p.Join,
			MaxMembers: p.MaxMembers, MuteAll: p.MuteAll, Fields: pairs(p.Fields),
		})
		if err != nil {
			return nil, err
		}
	}
	if p.Owner != nil {
		if err := m.o.Rooms.SetOwner(r.Context(), r.actor, r.room, *p.Owner); err != nil {
			return nil, err
		}
	}
	if p.Status != nil {
		if err := m.o.Rooms.SetStatus(r.Context(), r.actor, r.room, *p.Status); err != nil {
			return nil, err
		}
	}
	return m.roomInfo(r, r.room)
}

// DeleteRoom answers DELETE /api/v1/rooms/{room}.
func DeleteRoom(m *Manage, r *Request) (any, error) {
	return nil, m.o.Rooms.Destroy(r.Context(), r.actor, r.room)
}

// RoomStreams answers GET /api/v1/rooms/{room}/streams.
func RoomStreams(m *Manage, r *Request) (any, error) {
	return map[string]any{"streams": m.o.OnAir(r.actor.App, r.room)}, nil
}
