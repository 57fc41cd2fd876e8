package store

import (
	"context"
	"time"
)

// Room is what lasts of a room.
type Room struct {
	ID           string
	Type         string // AVChatRoom, or Public, Private, ChatRoom, Community for rooms with a list of members
	Name         string
	Owner        string // an account, or empty
	Introduction string
	Notification string
	Face         string // address of its picture
	Join         string // FreeAccess, NeedPermission or DisableApply
	MaxMembers   int
	MuteAll      bool
	Status       string            // open, paused, closed or forbidden
	Fields       map[string]string // custom fields by name
	Created      time.Time
	InfoSeq      uint64 // grows with each change
	LastInfo     time.Time
}

// roomFacts are what no query asks for, as they are stored.
type roomFacts struct {
	Name         string            `json:"name,omitempty"`
	Introduction string            `json:"introduction,omitempty"`
	Notification string            `json:"notification,omitempty"`
	Face         string            `json:"face,omitempty"`
	Join         string            `json:"join,omitempty"`
	MaxMembers   int               `json:"max_members,omitempty"`
	MuteAll      bool              `json:"mute_all,omitempty"`
	Status       string            `json:"status,omitempty"`
	Fields       map[string]string `json:"fields,omitempty"`
}

// CreateRoom adds a room with its first members, or returns ErrExists.
func (s *Store) CreateRoom(ctx context.Context, app int, room Room, members []Member) error {
	return s.write(ctx, "create a room", func(a access) error {
		facts, err := room.facts()
		if err != nil {
			return err
		}
		_, err = a.exec("INSERT INTO rooms (app, id, type, owner, created, info_seq, last_info, seq, facts) VALUES ($1, $2, $3, $4, $5, $6, $7, 0, $8)",
			app, room.ID, room.Type, room.Owner, millis(room.Created), room.InfoSeq, millis(room.LastInfo), facts)
		if err != nil {
			return err
		}
		return putMembers(a, app, room.ID, members)
	})
}

// Room is the room with an id, or ErrNotFound.
func (s *Store) Room(ctx context.Context, app int, id string) (room Room, err error) {
	err = s.read(ctx, "read a room", func(a access) error {
		room, err = one(a, scanRoom, selectRooms, app, id)
		return err
	})
	return room, err
}

// ModifyRoom changes what change changes, in one transaction, and returns the room as it is then, with another InfoSeq
// and LastInfo. Its id, its type and when it was created stay. An error of change leaves it as it was. change must not
// call the store; it may be called twice, in another caller's goroutine.
func (s *Store) ModifyRoom(ctx context.Context, app int, id string, change func(*Room) error) (room Room, err error) {
	err = s.write(ctx, "modify a room", func(a access) error {
		if room, err = one(a, scanRoom, selectRooms, app, id); err != nil {
			return err
		}
		before := room
		if err := change(&room); err != nil {
			return refusal{err}
		}
		room.ID, room.Type, room.Created = before.ID, before.Type, before.Created
		room.InfoSeq, room.LastInfo = before.InfoSeq+1, fromMillis(millis(s.opts.Now()))
		facts, err := room.facts()
		if err != nil {
			return err
		}
		_, err = a.exec("UPDATE rooms SET owner = $3, info_seq = $4, last_info = $5, facts = $6 WHERE app = $1 AND id = $2",
			app, id, room.Owner, room.InfoSeq, millis(room.LastInfo), facts)
		return err
	})
	return room, err
}

// DeleteRoom deletes a room with everything that belongs to it.
func (s *Store) DeleteRoom(ctx context.Context, app int, id string) error {
	return s.write(ctx, "delete a room", func(a access) error {
		n, err := a.exec("DELETE FROM rooms WHERE app = $1 AND id = $2", app, id)
		if err == nil && n == 0 {
			err = ErrNotFound
		}
		return err
	})
}

// Rooms are the ids of an app's rooms behind one of them, in order, of one type or of all. next is where to go on, empty
// at the end; total counts them all.
func (s *Store) Rooms(ctx context.Context, app int, typ string, limit int, after string) (ids []string, next string, total int, err error) {
	const where = " FROM rooms WHERE app = $1 AND (type = $2 OR $2 = '')"
	err = s.read(ctx, "list rooms", func(a access) error {
		if total, err = one(a, single[int], "SELECT COUNT(*)"+where, app, typ); err != nil {
			return err
		}
		ids, err = list(a, single[string], "SELECT id"+where+" AND id > $3 ORDER BY id LIMIT $4", app, typ, after, limit+1)
		return err
	})
	if limit > 0 && len(ids) > limit {
		ids = ids[:limit]
		next = ids[limit-1]
	}
	return ids, next, total, err
}

// RoomsOf are the ids of the rooms that an account is a member of, or owns.
func (s *Store) RoomsOf(ctx context.Context, app int, account string) (ids []string, err error) {
	err = s.read(ctx, "list an account's rooms", func(a access) error {
		ids, err = list(a, single[string], `SELECT room FROM members WHERE app = $1 AND account = $2
			UNION SELECT id FROM rooms WHERE app = $1 AND owner = $2 ORDER BY room`, app, account)
		return err
	})
	return ids, err
}

// RoomsOwned is how many rooms of a type an account owns.
func (s *Store) RoomsOwned(ctx context.Context, app int, account, typ string) (n int, err error) {
	err = s.read(ctx, "count an account's rooms", func(a access) error {
		n, err = one(a, single[int], "SELECT COUNT(*) FROM rooms WHERE app = $1 AND owner = $2 AND type = $3", app, account, typ)
		return err
	})
	return n, err
}

// ReserveSeq takes n numbers for messages of a room, from first on. Nobody else ever gets them.
func (s *Store) ReserveSeq(ctx context.Context, app int, room string, n int) (first uint64, err error) {
	err = s.write(ctx, "reserve numbers of messages", func(a access) error {
		last, err := one(a, single[uint64], "UPDATE rooms SET seq = seq + $3 WHERE app = $1 AND id = $2 RETURNING seq", app, room, n)
		first = last - uint64(n) + 1
		return err
	})
	return first, err
}

const selectRooms = "SELECT id, type, owner, created, info_seq, last_info, facts FROM rooms WHERE app = $1 AND id = $2"

func scanRoom(scan scanner) (Room, error) {
	var room Room
	var created, lastInfo int64
	var text []byte
	if err := scan(&room.ID, &room.Type, &room.Owner, &created, &room.InfoSeq, &lastInfo, &text); err != nil {
		return room, err
	}
	room.Created, room.LastInfo = fromMillis(created), fromMillis(lastInfo)
	var f roomFacts
	err := unpack(text, &f)
	room.Name, room.Introduction, room.Notification, room.Face = f.Name, f.Introduction, f.Notification, f.Face
	room.Join, room.MaxMembers, room.MuteAll, room.Status, room.Fields = f.Join, f.MaxMembers, f.MuteAll, f.Status, f.Fields
	return room, err
}

func (r *Room) facts() ([]byte, error) {
	return pack(roomFacts{r.Name, r.Introduction, r.Notification, r.Face, r.Join, r.MaxMembers, r.MuteAll, r.Status, r.Fields})
}
