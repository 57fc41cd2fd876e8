package hook

import (
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"time"
)

const (
	// maxDead is how many are listed at once, and may be named to be tried again.
	maxDead = 1000
	// maxReplay bounds a request to try again, in bytes.
	maxReplay = 64 << 10
)

// dead is an event that was given up, as administrators see it.
type dead struct {
	ID       int64           `json:"id"`
	Event    string          `json:"event"`
	Kind     string          `json:"kind"`
	Receiver string          `json:"receiver"`
	Created  time.Time       `json:"created"`
	Tries    int             `json:"tries"`
	Fault    string          `json:"fault"`
	Body     json.RawMessage `json:"body"`
}

// ListDead answers GET /api/v1/hooks/dead with the events of an app that were given up: ?limit= of them, with ids above
// ?after=. Whoever mounts it has made sure that an administrator of the app asks.
func (h *Hooks) ListDead(w http.ResponseWriter, r *http.Request, app int) {
	limit, okLimit := number(r.URL.Query().Get("limit"), 100)
	after, okAfter := number(r.URL.Query().Get("after"), 0)
	if !okLimit || !okAfter || limit < 1 || limit > maxDead || after < 0 {
		h.problem(w, r, http.StatusBadRequest, "bad_request", "limit is 1 to 1000, after an id")
		return
	}
	list, err := h.opts.Queue.Dead(r.Context(), app, int(limit), after)
	if err != nil {
		h.internal(w, r, err)
		return
	}
	out := struct {
		Dead []dead `json:"dead"`
	}{make([]dead, 0, len(list))}
	for _, d := range list {
		out.Dead = append(out.Dead, dead{
			ID: d.ID, Event: d.Header[idHeader], Kind: d.Kind, Receiver: masked(d.URL), Created: d.Created.UTC(),
			Tries: d.Tries, Fault: d.Fault, Body: d.Body,
		})
	}
	h.answer(w, r, out)
}

// Replay answers POST /api/v1/hooks/replay: the events that {"ids": […]} names, or with {"all": true} all of the app that
// were given up, are tried again. Whoever mounts it has made sure that an administrator of the app asks.
func (h *Hooks) Replay(w http.ResponseWriter, r *http.Request, app int) {
	var ask struct {
		IDs []int64 `json:"ids"`
		All bool    `json:"all"`
	}
	text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxReplay))
	if err == nil {
		err = json.Unmarshal(text, &ask)
	}
	if err != nil || ask.All == (len(ask.IDs) > 0) || len(ask.IDs) > maxDead {
		h.problem(w, r, http.StatusBadRequest, "bad_request", `the body is {"ids": [1 to 1000 of them]} or {"all": true}`)
		return
	}
	n, err := h.opts.Queue.Replay(r.Context(), app, ask.IDs)
	if err != nil {
		h.internal(w, r, err)
		return
	}
	poke(h.due)
	h.answer(w, r, struct {
		Replayed int `json:"replayed"`
	}{n})
}

func number(text string, absent int64) (int64, bool) {
	if text == "" {
		return absent, true
	}
	n, err := strconv.ParseInt(text, 10, 64)
	return n, err == nil
}

func (h *Hooks) internal(w http.ResponseWriter, r *http.Request, err error) {
	h.log.Error("callbacks queue unread", "error", err)
	h.problem(w, r, http.StatusInternalServerError, "internal", "internal error")
}

func (h *Hooks) problem(w http.ResponseWriter, r *http.Request, status int, code, detail string) {
	h.opts.Problem(w, r, status, code, detail)
}

func (h *Hooks) answer(w http.ResponseWriter, r *http.Request, v any) {
	text, err := json.Marshal(v)
	if err != nil { // a body in the queue that is not ours
		h.internal(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	// The client may be gone; there is nobody left to tell.
	_, _ = w.Write(append(text, '\n'))
}
