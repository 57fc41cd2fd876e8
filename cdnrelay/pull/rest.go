package pull

import (
	"cmp"
	"errors"
	"net/http"
	"time"

	"weir/cdnrelay/address"
	"weir/cdnrelay/admin"
	"weir/room/auth"
)

// pullJSON is a pull as it is shown: its addresses masked.
type pullJSON struct {
	ID      string       `json:"id"`
	Origin  Origin       `json:"origin"`
	Room    string       `json:"room"`
	Stream  string       `json:"stream"`
	From    []string     `json:"from"`
	Mode    Mode         `json:"mode"`
	Created *time.Time   `json:"created,omitempty"`
	By      string       `json:"by,omitempty"`
	Streams []streamJSON `json:"streams"`
}

type streamJSON struct {
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
}

// newPull is what a pull is made of.
type newPull struct {
	Room   string   `json:"room"`
	Stream string   `json:"stream"`
	From   []string `json:"from"`
	Mode   Mode     `json:"mode"`
}

// List is the call for the pulls of an app.
func (m *Manager) List(r *admin.Request) (any, error) {
	all := m.Pulls(auth.AppName(r.Grant.App))
	out := struct {
		Pulls []pullJSON `json:"pulls"`
	}{make([]pullJSON, len(all))}
	for i := range all {
		out.Pulls[i] = jsonOf(&all[i])
	}
	return out, nil
}

// Show is the call for the pull {id}.
func (m *Manager) Show(r *admin.Request) (any, error) {
	p, err := m.Pull(auth.AppName(r.Grant.App), r.PathValue("id"))
	if err != nil {
		return nil, refusal(err)
	}
	return jsonOf(&p), nil
}

// Create is the call that makes a pull, on demand unless it says otherwise.
func (m *Manager) Create(r *admin.Request) (any, error) {
	var in newPull
	if err := r.Decode(&in); err != nil {
		return nil, err
	}
	t, err := m.Add(r.Context(), Task{
		App: auth.AppName(r.Grant.App), Room: in.Room, Stream: in.Stream, From: in.From, Mode: cmp.Or(in.Mode, OnDemand), By: r.Grant.User,
	})
	if err != nil {
		return nil, refusal(err)
	}
	p, err := m.Pull(t.App, t.ID)
	if err != nil { // deleted meanwhile
		return nil, refusal(err)
	}
	return admin.Created{Location: r.URL.Path + "/" + t.ID, Body: jsonOf(&p)}, nil
}

// Delete is the call that deletes the pull {id}, whose streams end.
func (m *Manager) Delete(r *admin.Request) (any, error) {
	return nil, refusal(m.Remove(r.Context(), auth.AppName(r.Grant.App), r.PathValue("id")))
}

// outcomes are the errors as HTTP shows them. The codes are stable.
var outcomes = []struct {
	err    error
	status int
	code   string
}{
	{ErrTask, http.StatusBadRequest, "bad_request"},
	{ErrNotFound, http.StatusNotFound, "pull_not_found"},
	{ErrFixed, http.StatusConflict, "pull_fixed"},
	{ErrDuplicate, http.StatusConflict, "pull_exists"},
	{ErrTooMany, http.StatusConflict, "too_many_pulls"},
	{ErrAppFull, http.StatusConflict, "too_many_streams"},
}

// refusal is an error as its caller sees it.
func refusal(err error) error {
	for _, o := range outcomes {
		if errors.Is(err, o.err) {
			return &admin.Error{Status: o.status, Code: o.code, Detail: err.Error()}
		}
	}
	return err
}

func jsonOf(p *Pull) pullJSON {
	t := &p.Task
	out := pullJSON{
		ID: t.ID, Origin: t.Origin, Room: t.Room, Stream: t.Stream, From: make([]string, len(t.From)), Mode: t.Mode,
		Created: instant(t.Created), By: t.By, Streams: make([]streamJSON, len(p.Streams)),
	}
	for i, from := range t.From {
		out.From[i] = address.MaskedSource(from)
	}
	for i, s := range p.Streams {
		out.Streams[i] = streamJSON{
			Room: s.Key.Room, Stream: s.Key.Stream, URL: s.URL, State: s.State, Reason: s.Reason, Error: s.Error,
			Began: s.Began.UTC(), Since: s.Since.UTC(), Retry: instant(s.Retry), Tries: s.Tries, Restarts: s.Restarts,
			Bytes: s.Bytes, Frames: s.Frames,
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
