package manage

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"strconv"
	"time"

	"weir/room/im"
	"weir/room/im/channel"
)

// talker is what goes on in rooms now; *channel.Channel is one.
type talker interface {
	Count(app int, room string) int
	Send(ctx context.Context, a im.Actor, m channel.Send) (channel.Sent, error)
	Recent(ctx context.Context, a im.Actor, room string, after uint64, limit int) ([]im.Message, error)
	PutOut(app int, room string, users []string, why im.NoticeOp)
}

// newMessage is a message to be sent into a room: a text, or elements as the channel has them.
type newMessage struct {
	From     string       `json:"from"`
	Text     string       `json:"text"`
	Elements []im.Element `json:"elements"`
	Priority im.Priority  `json:"priority"`
	Cloud    string       `json:"cloud"`
	// Random makes sending it again harmless: the same number of the same sender within five minutes is the same message.
	Random *uint32 `json:"random"`
	// Media is where in the room's streams it belongs, in Unix milliseconds of the capture clock; now when left out.
	Media int64 `json:"media_time"`
}

// sentJSON is what became of a message.
type sentJSON struct {
	Seq  uint64    `json:"seq"`
	Time time.Time `json:"time"`
}

// SendMessage answers POST /api/v1/rooms/{room}/messages.
func SendMessage(m *Manage, r *Request) (any, error) {
	var asked newMessage
	if err := r.decode(&asked); err != nil {
		return nil, err
	}
	body := asked.Elements
	switch {
	case asked.Text != "" && len(body) > 0 || asked.Text == "" && len(body) == 0:
		return nil, bad("a message has a text or elements")
	case asked.Text != "":
		content, err := json.Marshal(map[string]string{"Text": asked.Text})
		if err != nil {
			return nil, err
		}
		body = []im.Element{{Type: im.ElemText, Content: content}}
	}
	random := rand.Uint32() //nolint:gosec // it tells messages apart and keeps no secret
	if asked.Random != nil {
		random = *asked.Random
	}
	sent, err := m.o.Channel.Send(r.Context(), r.actor, channel.Send{
		Room: r.room, From: asked.From, Random: random, Body: body, Priority: asked.Priority, Cloud: asked.Cloud, Media: asked.Media,
	})
	if err != nil {
		return nil, err
	}
	return sentJSON{Seq: sent.Seq, Time: time.Unix(sent.Time, 0).UTC()}, nil
}

// messagesJSON are messages as clients of the channel get them, the oldest first.
type messagesJSON struct {
	Messages []json.RawMessage `json:"messages"`
}

// RoomMessages answers GET /api/v1/rooms/{room}/messages: of a room with a list of members those that are kept behind
// ?after=, of any other room the last that were sent.
func RoomMessages(m *Manage, r *Request) (any, error) {
	limit, _, err := r.page()
	if err != nil {
		return nil, err
	}
	var after uint64
	if text := r.URL.Query().Get("after"); text != "" {
		if after, err = strconv.ParseUint(text, 10, 64); err != nil {
			return nil, bad("?after= must be the number of a message")
		}
	}
	f, err := m.o.Rooms.Get(r.Context(), r.actor.App, r.room)
	if err != nil {
		return nil, err
	}
	if f.Listed() {
		return m.keptMessages(r, after, limit)
	}
	return m.lastMessages(r, after, limit)
}

func (m *Manage) keptMessages(r *Request, after uint64, limit int) (any, error) {
	kept, err := m.o.Channel.Recent(r.Context(), r.actor, r.room, after, limit)
	if err != nil {
		return nil, err
	}
	out := messagesJSON{Messages: make([]json.RawMessage, 0, len(kept))}
	for i := range kept {
		out.Messages = append(out.Messages, im.AppendMessage(nil, &kept[i]))
	}
	return out, nil
}

func (m *Manage) lastMessages(r *Request, after uint64, limit int) (any, error) {
	published, err := m.o.Recent(r.actor.App, r.room, limit)
	if err != nil {
		return nil, err
	}
	out := messagesJSON{Messages: []json.RawMessage{}}
	for _, p := range published {
		var batch struct {
			Messages []json.RawMessage `json:"m"`
		}
		if err := json.Unmarshal(p, &batch); err != nil {
			return nil, err
		}
		for _, one := range batch.Messages {
			var head struct {
				Seq uint64 `json:"q"`
			}
			if json.Unmarshal(one, &head) == nil && head.Seq > after {
				out.Messages = append(out.Messages, one)
			}
		}
	}
	out.Messages = out.Messages[max(0, len(out.Messages)-limit):]
	return out, nil
}
