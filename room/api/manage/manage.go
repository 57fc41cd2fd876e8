package manage

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"time"

	"weir/room/api"
	"weir/room/auth"
	"weir/room/im"
)

// authorizer decides on requests; *auth.Authorizer is one.
type authorizer interface {
	Authorize(ctx context.Context, r auth.Request) (auth.Grant, error)
}

// Options is what Manage needs. All but Now and Log are required.
type Options struct {
	Auth    authorizer
	Apps    appKeeper
	Rooms   roomKeeper
	Channel talker
	Words   wordKeeper
	Hooks   caller
	// Present are accounts that are in a room now, those who came last first.
	Present func(app int, room string, limit int) []Present
	// Recent are the last publications of a room, the oldest first: objects whose member m is a list of messages.
	Recent func(app int, room string, n int) ([][]byte, error)
	// OnAir are the streams of a room, as JSON shows them.
	OnAir func(app int, room string) any
	Now   func() time.Time
	Log   *slog.Logger
}

// Present is an account that is in a room.
type Present struct {
	User  string    `json:"user"`
	Since time.Time `json:"since"`
}

// Manage has a handler for every call; see To.
type Manage struct {
	o   Options
	now func() time.Time
	log *slog.Logger
}

// New returns a Manage.
func New(o Options) *Manage {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Manage{o: o, now: o.Now, log: o.Log}
}

// Call is one call of an administrator. Its result is the answer as JSON; nil is an answer without a body.
type Call func(m *Manage, r *Request) (any, error)

// Request is a request whose sender is an administrator of the app that it names, and whose room, if its path has one, is
// the id of one.
type Request struct {
	*http.Request
	w     http.ResponseWriter
	actor im.Actor
	room  string
}

// created is the result of a call that made something, and where that is.
type created struct {
	location string
	body     any
}

// To is the handler of a call, for administrators of the app that the request names.
func (m *Manage) To(do Call) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		result, err := m.answer(w, r, do)
		if err != nil {
			m.refuse(w, r, err)
			return
		}
		m.write(w, r, result)
	})
}

func (m *Manage) answer(w http.ResponseWriter, r *http.Request, do Call) (any, error) {
	in := r.PathValue("room")
	grant, err := m.o.Auth.Authorize(r.Context(), auth.RequestOf(r, auth.ActionAdmin, in, ""))
	if err != nil {
		return nil, err
	}
	if in != "" {
		if err := auth.CheckRoom(in); err != nil {
			return nil, err
		}
	}
	return do(m, &Request{Request: r, w: w, room: in, actor: im.Actor{
		App: grant.App, User: grant.User, Admin: true, Platform: im.PlatformREST, Addr: auth.ClientOf(r).Addr,
	}})
}

// write answers with what a call came to.
func (m *Manage) write(w http.ResponseWriter, r *http.Request, result any) {
	w.Header().Set("Cache-Control", "no-store")
	if result == nil {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	status := http.StatusOK
	if c, ok := result.(created); ok {
		status, result = http.StatusCreated, c.body
		w.Header().Set("Location", c.location)
	}
	body, err := json.Marshal(result)
	if err != nil {
		m.log.Error("cannot encode an answer", "path", r.URL.Path, "error", err)
		api.Problem(w, r, http.StatusInternalServerError, api.CodeInternal, "the answer cannot be encoded")
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n')) // the client may be gone; nobody is left to tell
}
