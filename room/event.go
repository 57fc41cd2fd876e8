package room

import (
	"encoding/json"
	"sync"
	"time"

	"weir/room/audience"
	"weir/room/live"
)

// Type is what kind of event it is, as clients see it.
type Type string

// The types.
const (
	// StreamLive: media comes, for the first time or again.
	StreamLive Type = "stream.live"
	// StreamInterrupted: the publisher went silent or away, and may come back.
	StreamInterrupted Type = "stream.interrupted"
	// StreamEnded: the stream is over.
	StreamEnded Type = "stream.ended"
	// StreamViewers: others watch, or more, or fewer.
	StreamViewers Type = "stream.viewers"
	// Over: there will be no more events, and the reason says why. It is about no stream.
	Over Type = "end"
)

// Event is something that happened in a room. It is shared by all subscribers and must not be changed.
type Event struct {
	Type   Type
	Stream live.Key
	At     time.Time
	// Reason is the short name of why a stream was interrupted or ended, or why there are no more events.
	Reason string
	// Viewers are those of StreamViewers.
	Viewers audience.Count

	once sync.Once
	json []byte
}

// JSON is the event as clients get it, made once for all of them.
func (e *Event) JSON() []byte {
	e.once.Do(func() {
		body := struct {
			Type     Type           `json:"type"`
			Room     string         `json:"room"`
			Stream   string         `json:"stream,omitempty"`
			At       time.Time      `json:"at"`
			Reason   string         `json:"reason,omitempty"`
			Viewers  map[string]int `json:"viewers,omitempty"`
			Watching *int           `json:"watching,omitempty"`
		}{Type: e.Type, Room: e.Stream.Room, Stream: e.Stream.Stream, At: e.At.UTC(), Reason: e.Reason}
		if e.Type == StreamViewers {
			body.Viewers, body.Watching = e.Viewers.Map(), &e.Viewers.Total
		}
		e.json, _ = json.Marshal(body) // texts, numbers and a time of this century always marshal
	})
	return e.json
}

// stateEvents are the events of a stream's states; a stream that waits is nobody's business yet.
var stateEvents = map[live.State]Type{
	live.StateLive: StreamLive, live.StateInterrupted: StreamInterrupted, live.StateEnded: StreamEnded,
}
