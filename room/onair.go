package room

import (
	"slices"
	"strings"
	"time"

	"weir/room/live"
)

// OnAir is a stream of a room that is live, or may go on soon.
type OnAir struct {
	Stream string    `json:"stream"`
	State  string    `json:"state"`          // live or interrupted
	User   string    `json:"user,omitempty"` // who publishes it
	Since  time.Time `json:"since"`          // when it began
	// Watching is how many watch it, each counted once.
	Watching int `json:"watching"`
}

// OnAir lists the streams of a room that are live or interrupted, by their names.
func (b *Bridge) OnAir(app int, in string) []OnAir {
	b.mu.Lock()
	defer b.mu.Unlock()
	streams := b.air[place{app, in}]
	out := make([]OnAir, 0, len(streams))
	for name, s := range streams {
		state := live.StateInterrupted
		if s.live {
			state = live.StateLive
		}
		out = append(out, OnAir{Stream: name, State: state.String(), User: s.event.User, Since: s.event.Since.UTC(), Watching: s.viewers.Total})
	}
	slices.SortFunc(out, func(x, y OnAir) int { return strings.Compare(x.Stream, y.Stream) })
	return out
}
