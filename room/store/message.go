package store

import (
	"context"
	"time"

	"weir/room/im"
)

// message is an im.Message as it is stored.
type message struct {
	App       int          `json:"app"`
	Room      string       `json:"room,omitempty"`
	To        string       `json:"to,omitempty"`
	From      string       `json:"from,omitempty"`
	Nick      string       `json:"nick,omitempty"`
	Avatar    string       `json:"avatar,omitempty"`
	Level     uint32       `json:"level,omitempty"`
	Kind      im.Kind      `json:"kind,omitempty"`
	Ref       uint32       `json:"ref,omitempty"`
	Random    uint32       `json:"random,omitempty"`
	Time      int64        `json:"time"`
	Media     int64        `json:"media,omitempty"`
	Priority  im.Priority  `json:"priority"`
	Body      []im.Element `json:"body,omitempty"`
	Cloud     string       `json:"cloud,omitempty"`
	Quiet     bool         `json:"quiet,omitempty"`
	Broadcast bool         `json:"broadcast,omitempty"`
}

func packMessage(m *im.Message) ([]byte, error) {
	return pack(message{
		m.App, m.Room, m.To, m.From, m.Nick, m.Avatar, m.Level, m.Kind, m.Ref, m.Random, m.Time, m.Media, m.Priority, m.Body, m.Cloud, m.Quiet, m.Broadcast,
	})
}

func scanMessage(scan scanner) (im.Message, error) {
	var seq uint64
	var text []byte
	if err := scan(&seq, &text); err != nil {
		return im.Message{}, err
	}
	var m message
	err := unpack(text, &m)
	return im.Message{
		App: m.App, Room: m.Room, To: m.To, From: m.From, Nick: m.Nick, Avatar: m.Avatar, Level: m.Level, Kind: m.Kind,
		Seq: seq, Ref: m.Ref, Random: m.Random, Time: m.Time, Media: m.Media, Priority: m.Priority, Body: m.Body, Cloud: m.Cloud, Quiet: m.Quiet, Broadcast: m.Broadcast,
	}, err
}

// KeepMessage keeps a message for the account that it is to, until then or MaxKeep at most, and returns when it is
// durable. seq is its number among what that account was sent, whatever the message has: they are given out here, from 1
// on, so that none appears behind a greater one. ErrNotFound: there is no such account.
func (s *Store) KeepMessage(ctx context.Context, m im.Message, until time.Time) (seq uint64, err error) {
	text, err := packMessage(&m)
	if err != nil {
		return 0, err
	}
	err = s.write(ctx, "keep a message", func(a access) error {
		seq, err = one(a, single[uint64], "UPDATE accounts SET seq = seq + 1 WHERE app = $1 AND id = $2 RETURNING seq", m.App, m.To)
		if err != nil {
			return err
		}
		_, err = a.exec("INSERT INTO kept (app, account, seq, ends, unread, message) VALUES ($1, $2, $3, $4, $5, $6)",
			m.App, m.To, seq, s.ends(until), unread(&m), text)
		if err != nil || seq <= uint64(s.opts.MaxKept) {
			return err
		}
		_, err = a.exec("DELETE FROM kept WHERE app = $1 AND account = $2 AND seq <= $3", m.App, m.To, seq-uint64(s.opts.MaxKept))
		return err
	})
	return seq, err
}

// ends is until when a message is kept, as it is stored.
func (s *Store) ends(until time.Time) int64 {
	return min(millis(until), millis(s.opts.Now().Add(MaxKeep)))
}

// KeptFor are the messages that are kept for an account, behind a number, in order.
func (s *Store) KeptFor(ctx context.Context, app int, account string, afterSeq uint64, limit int) (messages []im.Message, err error) {
	err = s.read(ctx, "read kept messages", func(a access) error {
		messages, err = list(a, scanMessage, "SELECT seq, message FROM kept WHERE app = $1 AND account = $2 AND seq > $3 AND ends > $4 ORDER BY seq LIMIT $5",
			app, account, afterSeq, millis(s.opts.Now()), limit)
		return err
	})
	return messages, err
}

// ForgetKept forgets what is kept for an account up to a number, this one included.
func (s *Store) ForgetKept(ctx context.Context, app int, account string, upTo uint64) error {
	return s.write(ctx, "forget kept messages", func(a access) error {
		_, err := a.exec("DELETE FROM kept WHERE app = $1 AND account = $2 AND seq <= $3", app, account, upTo)
		return err
	})
}

// ForgetOne forgets one message that is kept for an account.
func (s *Store) ForgetOne(ctx context.Context, app int, account string, seq uint64) error {
	return s.write(ctx, "forget a kept message", func(a access) error {
		_, err := a.exec("DELETE FROM kept WHERE app = $1 AND account = $2 AND seq = $3", app, account, seq)
		return err
	})
}

// unread is what a message counts as unread.
func unread(m *im.Message) int {
	if m.Quiet {
		return 0
	}
	return 1
}

// Kept is how many messages are kept for an account, but for quiet ones.
func (s *Store) Kept(ctx context.Context, app int, account string) (unread int, err error) {
	err = s.read(ctx, "count kept messages", func(a access) error {
		unread, err = one(a, single[int], "SELECT COALESCE(SUM(unread), 0) FROM kept WHERE app = $1 AND account = $2 AND ends > $3", app, account, millis(s.opts.Now()))
		return err
	})
	return unread, err
}

// KeepRoomMessage keeps a message of a room under its number, until then or MaxKeep at most, and returns when it is
// durable. ErrExists: the number was used; ErrNotFound: there is no such room.
func (s *Store) KeepRoomMessage(ctx context.Context, m im.Message, until time.Time) error {
	text, err := packMessage(&m)
	if err != nil {
		return err
	}
	return s.write(ctx, "keep a message of a room", func(a access) error {
		_, err := a.exec("INSERT INTO history (app, room, seq, ends, message) VALUES ($1, $2, $3, $4, $5)",
			m.App, m.Room, m.Seq, s.ends(until), text)
		if err != nil || m.Seq <= uint64(s.opts.MaxHistory) {
			return err
		}
		// There are numbers that no message has: what is to go is counted, not reckoned.
		_, err = a.exec("DELETE FROM history WHERE app = $1 AND room = $2 AND seq <= "+
			"(SELECT seq FROM history WHERE app = $1 AND room = $2 ORDER BY seq DESC LIMIT 1 OFFSET $3)", m.App, m.Room, s.opts.MaxHistory)
		return err
	})
}

// RoomMessages are the messages that are kept of a room, behind a number, in order.
func (s *Store) RoomMessages(ctx context.Context, app int, room string, afterSeq uint64, limit int) (messages []im.Message, err error) {
	err = s.read(ctx, "read messages of a room", func(a access) error {
		messages, err = list(a, scanMessage, "SELECT seq, message FROM history WHERE app = $1 AND room = $2 AND seq > $3 AND ends > $4 ORDER BY seq LIMIT $5",
			app, room, afterSeq, millis(s.opts.Now()), limit)
		return err
	})
	return messages, err
}
