package push

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"weir/cdnrelay/address"
	"weir/cdnrelay/admin"
	"weir/room/auth"
	"weir/room/store"
)

// authorizer decides on requests; *auth.Authorizer is one.
type authorizer interface {
	Authorize(ctx context.Context, r auth.Request) (auth.Grant, error)
}

// REST is the relays of an app over HTTP, for its administrators. Routes are the caller's.
type REST struct {
	Manager *Manager
	Auth    authorizer
	// Problem answers with an error (RFC 9457).
	Problem func(w http.ResponseWriter, r *http.Request, status int, code, detail string)
}

// maxBody is the size of a request's body in bytes.
const maxBody = 16 << 10

// relayJSON is a relay as it is shown: its address masked, its token and key left out.
type relayJSON struct {
	ID           string            `json:"id"`
	Origin       Origin            `json:"origin"`
	Room         string            `json:"room"`
	Stream       string            `json:"stream"`
	To           string            `json:"to"`
	Audio        string            `json:"audio,omitempty"`
	Signed       string            `json:"signed,omitempty"`
	Created      *time.Time        `json:"created,omitempty"`
	By           string            `json:"by,omitempty"`
	Destinations []destinationJSON `json:"destinations"`
}

type destinationJSON struct {
	Room     string     `json:"room"`
	Stream   string     `json:"stream"`
	URL      string     `json:"url"`
	State    State      `json:"state"`
	Reason   string     `json:"reason,omitempty"`
	Error    string     `json:"error,omitempty"`
	Began    time.Time  `json:"began"`
	Since    time.Time  `json:"since"`
	Retry    *time.Time `json:"retry,omitempty"`
	Tries    int        `json:"tries"`
	Restarts int        `json:"restarts"`
	Bytes    uint64     `json:"bytes"`
	Frames   uint64     `json:"frames"`
	Lags     uint64     `json:"lags"`
	Lag      int64      `json:"lag_ms"`
}

// newRelay is what a relay is made of.
type newRelay struct {
	Room   string   `json:"room"`
	Stream string   `json:"stream"`
	To     string   `json:"to"`
	Token  string   `json:"token"`
	Audio  string   `json:"audio"`
	Sign   *signing `json:"sign"`
}

type signing struct {
	Dialect string `json:"dialect"`
	Key     string `json:"key"`
}

// List answers GET with the relays of the app.
func (h *REST) List(w http.ResponseWriter, r *http.Request) {
	grant, ok := h.admin(w, r)
	if !ok {
		return
	}
	all := h.Manager.Relays(auth.AppName(grant.App))
	out := struct {
		Relays []relayJSON `json:"relays"`
	}{make([]relayJSON, len(all))}
	for i := range all {
		out.Relays[i] = jsonOf(&all[i])
	}
	h.answer(w, http.StatusOK, out)
}

// Get answers GET with the relay {id}.
func (h *REST) Get(w http.ResponseWriter, r *http.Request) {
	grant, ok := h.admin(w, r)
	if !ok {
		return
	}
	relay, err := h.Manager.Relay(auth.AppName(grant.App), r.PathValue("id"))
	if err != nil {
		h.refuse(w, r, err)
		return
	}
	h.answer(w, http.StatusOK, jsonOf(&relay))
}

// Create answers POST: it makes a relay.
func (h *REST) Create(w http.ResponseWriter, r *http.Request) {
	grant, ok := h.admin(w, r)
	if !ok {
		return
	}
	var in newRelay
	if err := admin.Decode(http.MaxBytesReader(w, r.Body, maxBody), &in); err != nil {
		h.refuse(w, r, err)
		return
	}
	task := Task{
		App: auth.AppName(grant.App), Room: in.Room, Stream: in.Stream, To: in.To, Token: in.Token, Audio: in.Audio, By: grant.User,
	}
	if s := in.Sign; s != nil {
		task.Sign = &Signing{s.Dialect, s.Key}
	}
	relay, err := h.Manager.Add(r.Context(), task)
	if err != nil {
		h.refuse(w, r, err)
		return
	}
	w.Header().Set("Location", r.URL.Path+"/"+relay.Task.ID)
	h.answer(w, http.StatusCreated, jsonOf(&relay))
}

// Delete answers DELETE: it deletes the relay {id}, and answers when nothing is pushed by it any more.
func (h *REST) Delete(w http.ResponseWriter, r *http.Request) {
	grant, ok := h.admin(w, r)
	if !ok {
		return
	}
	if err := h.Manager.Remove(r.Context(), auth.AppName(grant.App), r.PathValue("id")); err != nil {
		h.refuse(w, r, err)
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusNoContent)
}

// admin lets administrators of the app pass.
func (h *REST) admin(w http.ResponseWriter, r *http.Request) (auth.Grant, bool) {
	grant, err := h.Auth.Authorize(r.Context(), auth.RequestOf(r, auth.ActionAdmin, "", ""))
	if err != nil {
		h.refuse(w, r, err)
	}
	return grant, err == nil
}

// outcomes are the errors as HTTP shows them. The codes are stable.
var outcomes = []struct {
	err    error
	status int
	code   string
}{
	{ErrTask, http.StatusBadRequest, "bad_request"},
	{ErrNotFound, http.StatusNotFound, "relay_not_found"},
	{ErrFixed, http.StatusConflict, "relay_fixed"},
	{ErrDuplicate, http.StatusConflict, "relay_exists"},
	{ErrTooMany, http.StatusConflict, "too_many_relays"},
	{ErrAppFull, http.StatusConflict, "too_many_destinations"},
}

func (h *REST) refuse(w http.ResponseWriter, r *http.Request, err error) {
	var no *admin.Error
	if errors.As(err, &no) {
		h.Problem(w, r, no.Status, no.Code, no.Detail)
		return
	}
	for _, o := range outcomes {
		if errors.Is(err, o.err) {
			h.Problem(w, r, o.status, o.code, err.Error())
			return
		}
	}
	status, code := auth.Status(err)
	detail := err.Error()
	if status == http.StatusInternalServerError {
		detail = "the server could not do it"
		if errors.Is(err, store.ErrNoSpace) {
			status, code, detail = http.StatusInsufficientStorage, "no_space", store.ErrNoSpace.Error()
		}
		if r.Context().Err() == nil {
			h.Manager.log.Error("call failed", "method", r.Method, "path", r.URL.Path, "error", err)
		}
	}
	h.Problem(w, r, status, code, detail)
}

func (h *REST) answer(w http.ResponseWriter, status int, value any) {
	body, err := json.Marshal(value)
	if err != nil {
		panic(err) // texts, numbers and times of this century always marshal
	}
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n')) // the client may be gone; nobody is left to tell
}

func jsonOf(r *Relay) relayJSON {
	t := &r.Task
	out := relayJSON{
		ID: t.ID, Origin: t.Origin, Room: t.Room, Stream: t.Stream, To: address.Masked(t.To), Audio: t.Audio,
		Created: instant(t.Created), By: t.By, Destinations: make([]destinationJSON, len(r.Destinations)),
	}
	if t.Sign != nil {
		out.Signed = t.Sign.Dialect
	}
	for i, s := range r.Destinations {
		out.Destinations[i] = destinationJSON{
			Room: s.Key.Room, Stream: s.Key.Stream, URL: s.URL, State: s.State, Reason: s.Reason, Error: s.Error,
			Began: s.Began.UTC(), Since: s.Since.UTC(), Retry: instant(s.Retry), Tries: s.Tries, Restarts: s.Restarts,
			Bytes: s.Bytes, Frames: s.Frames, Lags: s.Lags, Lag: s.Lag.Milliseconds(),
		}
	}
	return out
}

// instant is a time that may not be there.
func instant(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}
