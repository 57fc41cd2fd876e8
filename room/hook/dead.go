package hook

import (
	"context"
	"encoding/json"
	"fmt"
	"time"
)

// Dead is an event that was given up, as administrators see it.
type Dead struct {
	ID       int64           `json:"id"`
	Event    string          `json:"event"` // its name in X-Weir-Event-Id
	Kind     string          `json:"kind"`
	Receiver string          `json:"receiver"` // its address, without what may be secret in it
	Created  time.Time       `json:"created"`
	Tries    int             `json:"tries"`
	Fault    string          `json:"fault"` // of the last try
	Body     json.RawMessage `json:"body"`
}

// Dead lists events of an app that were given up, with ids above after.
func (h *Hooks) Dead(ctx context.Context, app, limit int, after int64) ([]Dead, error) {
	list, err := h.opts.Queue.Dead(ctx, app, limit, after)
	if err != nil {
		return nil, fmt.Errorf("cannot list callbacks that were given up: %w", err)
	}
	out := make([]Dead, 0, len(list))
	for _, d := range list {
		out = append(out, Dead{
			ID: d.ID, Event: d.Header[idHeader], Kind: d.Kind, Receiver: Masked(d.URL), Created: d.Created.UTC(),
			Tries: d.Tries, Fault: d.Fault, Body: d.Body,
		})
	}
	return out, nil
}

// Replay has events tried again that were given up, without ids all of the app, and tells how many they were.
func (h *Hooks) Replay(ctx context.Context, app int, ids []int64) (int, error) {
	n, err := h.opts.Queue.Replay(ctx, app, ids)
	if err != nil {
		return 0, fmt.Errorf("cannot try callbacks again: %w", err)
	}
	poke(h.due)
	return n, nil
}
