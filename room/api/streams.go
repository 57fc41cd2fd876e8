package api

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"weir/mux/av"
	"weir/room/auth"
	"weir/room/live"
)

// State is what a stream does.
type State string

// The states of a stream that is here at all. One that waits for its first media is for administrators only:
// nobody can watch it yet.
const (
	StateWaiting     State = "waiting"
	StateLive        State = "live"
	StateInterrupted State = "interrupted"
)

// StreamInfo describes one stream.
type StreamInfo struct {
	Room, Stream string
	State        State
	// Started is when the stream began, Since when its state did.
	Started, Since time.Time
	Tracks         av.Tracks
	// Viewers counts the viewers by form, such as flv; Watching counts each of them once.
	Viewers  map[string]int
	Watching int

	// What follows is for administrators only.

	// ID is the stream's id beside room and stream; empty: none.
	ID string
	// User is who publishes; empty when nobody in particular does.
	User string
	// Reason is why the stream is interrupted; empty when it is not.
	Reason string
	// Counters are figures since the stream began, by name.
	Counters map[string]uint64
	// Ingest is how the publisher's media comes in; nil when nobody can tell.
	Ingest *live.Ingest
}

// Lister knows the streams.
type Lister interface {
	// Streams lists all streams of an app in any order. The caller may keep and sort the list.
	Streams(app int) []StreamInfo
	// Room lists those of one room, at a cost that does not depend on the others.
	Room(app int, room string) []StreamInfo
}

// hub knows the streams by their keys; *live.Registry does.
type hub interface {
	Stream(k live.Key) (s *live.Stream, ok bool)
}

// authorizer decides on requests; *auth.Authorizer is one.
type authorizer interface {
	Authorize(ctx context.Context, r auth.Request) (auth.Grant, error)
}

// Options is what the API needs. All fields but Now must be set.
type Options struct {
	Lister Lister
	Doctor Doctor
	Auth   authorizer
	URLs   Addresser
	// Site is where whoever sent a request reaches this server.
	Site func(r *http.Request) (auth.Site, error)
	// Now tells the time; time.Now when nil.
	Now      func() time.Time
	Log      *slog.Logger
	Hub      hub
	Audience watchers
	Events   subscriber
}

// API has a handler for every call.
type API struct {
	lister Lister
	doctor Doctor
	auth   authorizer
	urlsBy Addresser
	site   func(r *http.Request) (auth.Site, error)
	now    func() time.Time
	log    *slog.Logger

	hub      hub
	audience watchers
	events   subscriber
	beacons  *rate
}

// New returns an API.
func New(o Options) *API {
	if o.Now == nil {
		o.Now = time.Now
	}
	return &API{
		lister: o.Lister, doctor: o.Doctor, auth: o.Auth, urlsBy: o.URLs, site: o.Site, now: o.Now, log: o.Log,
		hub: o.Hub, audience: o.Audience, events: o.Events, beacons: newRate(beaconsPerSecond),
	}
}

// trackJSON is a track as JSON shows it.
type trackJSON struct {
	Kind     string `json:"kind"`
	Codec    string `json:"codec"`
	Width    int    `json:"width,omitempty"`
	Height   int    `json:"height,omitempty"`
	Channels int    `json:"channels,omitempty"`
	Layer    string `json:"layer,omitempty"`
}

// streamJSON is what everyone may know of a stream.
type streamJSON struct {
	Room    string         `json:"room"`
	Stream  string         `json:"stream"`
	State   State          `json:"state"`
	Since   time.Time      `json:"since"`
	Tracks  []trackJSON    `json:"tracks"`
	Viewers map[string]int `json:"viewers"`
	// Watching is not their sum: who plays by two forms is one.
	Watching int `json:"watching"`
}

// adminStreamJSON is what administrators see beside it.
type adminStreamJSON struct {
	streamJSON
	ID         string            `json:"streamid,omitempty"`
	User       string            `json:"user,omitempty"`
	StateSince time.Time         `json:"state_since"`
	Reason     string            `json:"reason,omitempty"`
	Counters   map[string]uint64 `json:"counters"`
	Ingest     *ingestJSON       `json:"ingest,omitempty"`
}

// Live answers GET /live: what can be watched now. ?room= leaves the other rooms out; with ?stream= beside it the answer is
// about that stream alone, for whoever may play it.
func (a *API) Live(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	room, stream := q.Get("room"), q.Get("stream")
	var err error
	if room != "" {
		err = auth.CheckRoom(room)
	}
	action := auth.ActionList
	if stream != "" {
		action, err = auth.ActionPlay, errors.Join(err, auth.CheckRoom(room), auth.CheckStream(stream))
	}
	if err != nil {
		status, code := auth.Status(err)
		Problem(w, r, status, code, err.Error())
		return
	}
	grant, ok := a.allow(w, r, auth.RequestOf(r, action, room, stream))
	if !ok {
		return
	}
	all := a.lister.Room
	if room == "" {
		all = func(app int, _ string) []StreamInfo { return a.lister.Streams(app) }
	}
	a.write(w, r, list(slices.DeleteFunc(all(grant.App, room), func(s StreamInfo) bool {
		return s.State == StateWaiting || stream != "" && s.Stream != stream
	}), streamOf))
}

// Streams answers GET /api/v1/streams: everything about every stream, for administrators.
func (a *API) Streams(w http.ResponseWriter, r *http.Request) {
	if grant, ok := a.allow(w, r, auth.RequestOf(r, auth.ActionAdmin, "", "")); ok {
		a.write(w, r, list(a.lister.Streams(grant.App), adminStreamOf))
	}
}

// allow is what is granted of what is asked for. It answers with a problem when nothing is.
func (a *API) allow(w http.ResponseWriter, r *http.Request, asked auth.Request) (auth.Grant, bool) {
	grant, err := a.auth.Authorize(r.Context(), asked)
	if err != nil {
		status, code := auth.Status(err)
		Problem(w, r, status, code, err.Error())
	}
	return grant, err == nil
}

// write answers with v as JSON. A list of what is live is old at once, so nobody may keep it.
func (a *API) write(w http.ResponseWriter, r *http.Request, v any) {
	var body bytes.Buffer
	out := json.NewEncoder(&body)
	out.SetEscapeHTML(false) // an address is to be copied out of the answer as it is
	if err := out.Encode(v); err != nil {
		a.log.Error("cannot encode an answer", "path", r.URL.Path, "error", err)
		Problem(w, r, http.StatusInternalServerError, CodeInternal, "the answer cannot be encoded")
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	if _, err := w.Write(body.Bytes()); err != nil {
		a.log.Debug("cannot send an answer", "path", r.URL.Path, "error", err)
	}
}

// list is the streams in the order of room and stream, each as show shows it.
func list[T any](infos []StreamInfo, show func(*StreamInfo) T) map[string][]T {
	slices.SortFunc(infos, func(x, y StreamInfo) int {
		return cmp.Or(cmp.Compare(x.Room, y.Room), cmp.Compare(x.Stream, y.Stream))
	})
	shown := make([]T, 0, len(infos)) // an empty list is [], never null
	for i := range infos {
		shown = append(shown, show(&infos[i]))
	}
	return map[string][]T{"streams": shown}
}

func streamOf(s *StreamInfo) streamJSON {
	out := streamJSON{
		Room: s.Room, Stream: s.Stream, State: s.State, Since: s.Started.UTC(),
		Tracks: make([]trackJSON, 0, len(s.Tracks)), Viewers: s.Viewers, Watching: s.Watching,
	}
	if out.Viewers == nil {
		out.Viewers = map[string]int{}
	}
	for i := range s.Tracks {
		out.Tracks = append(out.Tracks, trackOf(&s.Tracks[i]))
	}
	return out
}

func adminStreamOf(s *StreamInfo) adminStreamJSON {
	out := adminStreamJSON{
		streamJSON: streamOf(s), ID: s.ID, User: s.User, StateSince: s.Since.UTC(), Reason: s.Reason, Counters: s.Counters,
		Ingest: ingestOf(s.Ingest, s.Tracks),
	}
	if out.Counters == nil {
		out.Counters = map[string]uint64{}
	}
	return out
}

func trackOf(t *av.Track) trackJSON {
	out := trackJSON{
		Kind: "audio", Codec: t.Codec.String(), Width: t.Width, Height: t.Height, Channels: t.Channels, Layer: t.Layer,
	}
	if t.Codec.IsVideo() {
		out.Kind = "video"
	}
	return out
}
