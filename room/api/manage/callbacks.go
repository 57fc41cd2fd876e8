package manage

import (
	"context"
	"errors"
	"strconv"

	"weir/room/hook"
)

// caller calls other programs back; *hook.Hooks does.
type caller interface {
	Receiver(ctx context.Context, app int) hook.Receiver
	SetReceiver(ctx context.Context, app int, r hook.Receiver) error
	Dead(ctx context.Context, app, limit int, after int64) ([]hook.Dead, error)
	Replay(ctx context.Context, app int, ids []int64) (int, error)
}

// receiverJSON is where the callbacks of an app go. The token is never shown.
type receiverJSON struct {
	URL      string   `json:"callback_url"`
	Signed   bool     `json:"signed"`
	Commands []string `json:"callbacks"`
}

// GetReceiver answers GET /api/v1/hooks/receiver.
func GetReceiver(m *Manage, r *Request) (any, error) {
	to := m.o.Hooks.Receiver(r.Context(), r.actor.App)
	return receiverJSON{hook.Masked(to.URL), to.Token != "", append([]string{}, to.Commands...)}, nil
}

// PutReceiver answers PUT /api/v1/hooks/receiver.
func PutReceiver(m *Manage, r *Request) (any, error) {
	var asked hook.Receiver
	if err := r.decode(&asked); err != nil {
		return nil, err
	}
	err := m.o.Hooks.SetReceiver(r.Context(), r.actor.App, asked)
	if errors.Is(err, hook.ErrReceiver) {
		return nil, bad("%v", err)
	}
	return nil, err
}

// ListDead answers GET /api/v1/hooks/dead: events that were given up.
func ListDead(m *Manage, r *Request) (any, error) {
	limit, after, err := r.offset()
	if err != nil {
		return nil, err
	}
	list, err := m.o.Hooks.Dead(r.Context(), r.actor.App, limit, int64(after))
	if err != nil {
		return nil, err
	}
	next := ""
	if len(list) == limit {
		next = strconv.FormatInt(list[len(list)-1].ID, 10)
	}
	return struct {
		Dead []hook.Dead `json:"dead"`
		Next string      `json:"next,omitempty"`
	}{list, next}, nil
}

// ReplayDead answers POST /api/v1/hooks/replay: events that were given up are tried again.
func ReplayDead(m *Manage, r *Request) (any, error) {
	var asked struct {
		IDs []int64 `json:"ids"`
		All bool    `json:"all"`
	}
	if err := r.decode(&asked); err != nil {
		return nil, err
	}
	if asked.All == (len(asked.IDs) > 0) || len(asked.IDs) > maxPage {
		return nil, bad("the body must be {\"ids\": [1 to %d of them]} or {\"all\": true}", maxPage)
	}
	n, err := m.o.Hooks.Replay(r.Context(), r.actor.App, asked.IDs)
	return map[string]int{"replayed": n}, err
}
