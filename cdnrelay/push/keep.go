package push

import (
	"encoding/json"
	"fmt"
	"strconv"

	"weir/room/store"
)

// way is what pushes are among the relays of the store, and in events.
const way = "push"

// facts are a task as it is stored.
type facts struct {
	Room   string     `json:"room"`
	Stream string     `json:"stream"`
	To     string     `json:"to"`
	Token  string     `json:"token,omitempty"`
	Audio  string     `json:"audio,omitempty"`
	Sign   *signFacts `json:"sign,omitempty"`
	By     string     `json:"by,omitempty"`
}

type signFacts struct {
	Dialect string `json:"dialect"`
	Key     string `json:"key"`
}

// stored is a task of the API as the store keeps it.
func (t *Task) stored() (store.Relay, error) {
	app, err := strconv.Atoi(t.App)
	if err != nil {
		return store.Relay{}, fmt.Errorf("cannot keep the relay: %w", err)
	}
	f := facts{Room: t.Room, Stream: t.Stream, To: t.To, Token: t.Token, Audio: t.Audio, By: t.By}
	if s := t.Sign; s != nil {
		f.Sign = &signFacts{s.Dialect, s.Key}
	}
	text, err := json.Marshal(f)
	if err != nil {
		return store.Relay{}, fmt.Errorf("cannot keep the relay: %w", err)
	}
	return store.Relay{Way: way, ID: t.ID, App: app, Created: t.Created, Facts: text}, nil
}

// kept is the inverse of stored.
func kept(r store.Relay) (*Task, error) {
	var f facts
	if err := json.Unmarshal(r.Facts, &f); err != nil {
		return nil, fmt.Errorf("cannot read the relay %s: %w", r.ID, err)
	}
	t := &Task{
		ID: r.ID, Origin: OriginAPI, App: strconv.Itoa(r.App), Room: f.Room, Stream: f.Stream, To: f.To, Token: f.Token,
		Audio: f.Audio, By: f.By, Created: r.Created,
	}
	if s := f.Sign; s != nil {
		t.Sign = &Signing{s.Dialect, s.Key}
	}
	return t, nil
}
