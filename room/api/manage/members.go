package manage

import (
	"time"

	"weir/room/auth"
	"weir/room/im"
	"weir/room/im/rooms"
	"weir/room/store"
)

// onlineJSON is who is in a room now.
type onlineJSON struct {
	// Count has anonymous viewers in it, Users has not.
	Count int       `json:"count"`
	Users []Present `json:"users"`
}

// RoomOnline answers GET /api/v1/rooms/{room}/online.
func RoomOnline(m *Manage, r *Request) (any, error) {
	limit, _, err := r.page()
	if err != nil {
		return nil, err
	}
	if _, err := m.o.Rooms.Get(r.Context(), r.actor.App, r.room); err != nil {
		return nil, err
	}
	out := onlineJSON{Count: m.o.Channel.Count(r.actor.App, r.room), Users: m.o.Present(r.actor.App, r.room, limit)}
	if out.Users == nil {
		out.Users = []Present{}
	}
	return out, nil
}

// memberJSON is somebody on a room's list.
type memberJSON struct {
	User     string            `json:"user"`
	Role     string            `json:"role"`
	NameCard string            `json:"name_card,omitempty"`
	Joined   time.Time         `json:"joined"`
	Fields   map[string]string `json:"fields,omitempty"`
}

// membersJSON is a page of a room's list.
type membersJSON struct {
	Members []memberJSON `json:"members"`
	Total   int          `json:"total"`
	Cursor  string       `json:"cursor,omitempty"`
}

// RoomMembers answers GET /api/v1/rooms/{room}/members.
func RoomMembers(m *Manage, r *Request) (any, error) {
	limit, offset, err := r.offset()
	if err != nil {
		return nil, err
	}
	list, total, err := m.o.Rooms.Members(r.Context(), r.actor, r.room, limit, offset)
	if err != nil {
		return nil, err
	}
	out := membersJSON{Members: make([]memberJSON, 0, len(list)), Total: total, Cursor: nextOffset(offset, len(list), total)}
	for _, one := range list {
		out.Members = append(out.Members, memberJSON{
			User: one.Account, Role: one.Role, NameCard: one.NameCard, Joined: one.Joined.UTC(), Fields: one.Fields,
		})
	}
	return out, nil
}

// PutMember answers PUT /api/v1/rooms/{room}/members/{user}: the user is on the list.
func PutMember(m *Manage, r *Request) (any, error) {
	added, err := m.o.Rooms.AddMembers(r.Context(), r.actor, r.room, []string{r.PathValue("user")}, false)
	if err != nil {
		return nil, err
	}
	if len(added) == 1 && added[0].Result == rooms.AddFailed {
		return nil, im.ErrNoAccount.With("the account does not exist, or the room has no place for it")
	}
	return nil, nil
}

// DeleteMember answers DELETE /api/v1/rooms/{room}/members/{user}: the user is put out, and off the list of a room that
// has one. It may come in again where everybody may; see PutBan.
func DeleteMember(m *Manage, r *Request) (any, error) {
	f, err := m.o.Rooms.Get(r.Context(), r.actor.App, r.room)
	if err != nil {
		return nil, err
	}
	users := []string{r.PathValue("user")}
	if f.Listed() {
		return nil, m.o.Rooms.RemoveMembers(r.Context(), r.actor, r.room, users, false)
	}
	m.o.Channel.PutOut(r.actor.App, r.room, users, im.NoticeKicked)
	return nil, nil
}

// untilJSON is until when something holds for an account.
type untilJSON struct {
	User string `json:"user"`
	// Until is left out of what holds for good.
	Until *time.Time `json:"until,omitempty"`
}

func untilOf(list []store.Until) []untilJSON {
	out := make([]untilJSON, 0, len(list))
	for _, u := range list {
		one := untilJSON{User: u.Account}
		if u.Until < rooms.Forever {
			at := time.Unix(u.Until, 0).UTC()
			one.Until = &at
		}
		out = append(out, one)
	}
	return out
}

// held is for how long something shall hold.
type held struct {
	Seconds *uint32 `json:"seconds"`
}

// seconds reads for how long; without it is for good.
func (r *Request) seconds() (uint32, error) {
	var h held
	if err := r.decode(&h); err != nil {
		return 0, err
	}
	switch {
	case h.Seconds == nil:
		return rooms.Forever, nil
	case *h.Seconds == 0:
		return 0, bad("seconds must be 1 or more, or left out for good; DELETE ends it")
	default:
		return *h.Seconds, nil
	}
}

// user is the account that the path names.
func (r *Request) user() (string, error) {
	user := r.PathValue("user")
	return user, auth.CheckUser(user)
}

// RoomMutes answers GET /api/v1/rooms/{room}/mutes.
func RoomMutes(m *Manage, r *Request) (any, error) {
	list, err := m.o.Rooms.Mutes(r.Context(), r.actor, r.room)
	if err != nil {
		return nil, err
	}
	return map[string]any{"mutes": untilOf(list)}, nil
}

// PutMute answers PUT /api/v1/rooms/{room}/mutes/{user}.
func PutMute(m *Manage, r *Request) (any, error) {
	seconds, err := r.seconds()
	if err != nil {
		return nil, err
	}
	return m.mute(r, seconds)
}

// DeleteMute answers DELETE /api/v1/rooms/{room}/mutes/{user}.
func DeleteMute(m *Manage, r *Request) (any, error) { return m.mute(r, 0) }

func (m *Manage) mute(r *Request, seconds uint32) (any, error) {
	user, err := r.user()
	if err != nil {
		return nil, err
	}
	return nil, m.o.Rooms.Mute(r.Context(), r.actor, r.room, []string{user}, seconds)
}

// RoomBans answers GET /api/v1/rooms/{room}/bans.
func RoomBans(m *Manage, r *Request) (any, error) {
	limit, offset, err := r.offset()
	if err != nil {
		return nil, err
	}
	list, total, err := m.o.Rooms.Bans(r.Context(), r.actor, r.room, limit, offset)
	if err != nil {
		return nil, err
	}
	out := map[string]any{"bans": untilOf(list), "total": total}
	if next := nextOffset(offset, len(list), total); next != "" {
		out["cursor"] = next
	}
	return out, nil
}

// PutBan answers PUT /api/v1/rooms/{room}/bans/{user}.
func PutBan(m *Manage, r *Request) (any, error) {
	seconds, err := r.seconds()
	if err != nil {
		return nil, err
	}
	user, err := r.user()
	if err != nil {
		return nil, err
	}
	return nil, m.o.Rooms.Ban(r.Context(), r.actor, r.room, []string{user}, seconds)
}

// DeleteBan answers DELETE /api/v1/rooms/{room}/bans/{user}.
func DeleteBan(m *Manage, r *Request) (any, error) {
	user, err := r.user()
	if err != nil {
		return nil, err
	}
	return nil, m.o.Rooms.Unban(r.Context(), r.actor, r.room, []string{user})
}
