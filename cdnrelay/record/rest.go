package record

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"weir/cdnrelay/admin"
	"weir/room/auth"
	"weir/room/live"
	"weir/room/store"
)

const (
	// maxBody is how long the body of a request may be.
	maxBody = 4 << 10
	// usualLimit is how many recordings a list has if nothing is said, maxLimit how many at most.
	usualLimit, maxLimit = 50, 500
)

// view is a recording as JSON shows it.
type view struct {
	ID       string     `json:"id"`
	Room     string     `json:"room"`
	Stream   string     `json:"stream"`
	Format   string     `json:"format"`
	State    string     `json:"state"`
	Reason   string     `json:"reason,omitempty"`
	User     string     `json:"user,omitempty"`
	By       string     `json:"by,omitempty"`
	Begun    time.Time  `json:"begun"`
	Ended    *time.Time `json:"ended,omitempty"`
	Lags     int        `json:"lags,omitempty"`
	Duration int64      `json:"duration_ms"`
	Bytes    int64      `json:"bytes"`
	HLS      string     `json:"hls,omitempty"`
	Poster   string     `json:"poster,omitempty"`
	Files    []viewFile `json:"files"`
}

type viewFile struct {
	Name     string    `json:"name"`
	Complete bool      `json:"complete"`
	Begin    time.Time `json:"begin"`
	Duration int64     `json:"duration_ms"`
	Bytes    int64     `json:"bytes"`
	URL      string    `json:"url,omitempty"`
}

// show is a recording for who reaches this server at base.
func show(rec *store.Recording, base string) view {
	d, size := kept(rec)
	v := view{
		ID: rec.ID, Room: rec.Room, Stream: rec.Stream, Format: rec.Format, State: rec.State, Reason: rec.Reason,
		User: rec.User, By: rec.By, Begun: rec.Begun.UTC(), Lags: rec.Lags, Duration: d.Milliseconds(), Bytes: size, Files: []viewFile{},
	}
	if !rec.Ended.IsZero() {
		at := rec.Ended.UTC()
		v.Ended = &at
	}
	for i := range rec.Files {
		f := &rec.Files[i]
		file := viewFile{f.Name, f.Complete, f.Begin.UTC(), f.Duration.Milliseconds(), f.Size, ""}
		if f.Complete {
			file.URL = base + fileAddress(rec, f.Name)
		}
		v.Files = append(v.Files, file)
	}
	if size > 0 && rec.Format == FormatMP4 {
		v.HLS = base + playlistAddress(rec)
	}
	if len(rec.Files) > 0 {
		v.Poster = base + fileAddress(rec, posterName)
	}
	return v
}

// admin lets a request pass that an administrator of an app sends, and answers with what the call came to; nil is an answer
// without a body.
func (r *Recorder) admin(do func(req *http.Request, grant auth.Grant) (status int, result any, err error)) http.HandlerFunc {
	return func(w http.ResponseWriter, req *http.Request) {
		grant, err := r.opts.Auth.Authorize(req.Context(), auth.RequestOf(req, auth.ActionAdmin, "", ""))
		if err != nil {
			r.refuse(w, req, err)
			return
		}
		req.Body = http.MaxBytesReader(w, req.Body, maxBody)
		status, result, err := do(req, grant)
		if err != nil {
			r.refuse(w, req, err)
			return
		}
		w.Header().Set("Cache-Control", "no-store")
		if result == nil {
			w.WriteHeader(status)
			return
		}
		body, err := json.Marshal(result)
		if err != nil {
			r.refuse(w, req, err)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = w.Write(append(body, '\n')) // the client may be gone; nobody is left to tell
	}
}

// request is the body of a POST.
type request struct {
	Room       string `json:"room"`
	Stream     string `json:"stream"`
	Format     string `json:"format"`
	Audio      string `json:"audio"`
	Split      string `json:"split"`
	SplitBytes int64  `json:"split_bytes"`
}

// read reads what is to be recorded.
func (q *request) read(req *http.Request) (Spec, error) {
	if err := admin.Decode(req.Body, q); err != nil {
		return Spec{}, err
	}
	if err := errors.Join(auth.CheckRoom(q.Room), auth.CheckStream(q.Stream)); err != nil {
		return Spec{}, err
	}
	spec := Spec{Format: q.Format, Audio: q.Audio, SplitBytes: q.SplitBytes}
	if q.Split == "" {
		return spec, nil
	}
	split, err := time.ParseDuration(q.Split)
	if err != nil {
		return Spec{}, fmt.Errorf("%w: split is a time such as 10m", ErrSpec)
	}
	spec.Split = split
	return spec, nil
}

// Create is POST /api/v1/recordings: it records a stream that is live.
func (r *Recorder) Create(w http.ResponseWriter, req *http.Request) {
	r.admin(func(req *http.Request, grant auth.Grant) (int, any, error) {
		var q request
		spec, err := q.read(req)
		if err != nil {
			return 0, nil, err
		}
		rec, err := r.Start(req.Context(), live.Key{App: auth.AppName(grant.App), Room: q.Room, Stream: q.Stream}, spec, grant.User)
		if err != nil {
			return 0, nil, err
		}
		w.Header().Set("Location", "/api/v1/recordings/"+rec.ID)
		return http.StatusCreated, show(&rec, r.opts.Base(req)), nil
	})(w, req)
}

// List is GET /api/v1/recordings: the newest first, ?room= and ?stream= of some only, ?limit= so many, ?cursor= those behind
// the ones before, as their next says.
func (r *Recorder) List(w http.ResponseWriter, req *http.Request) {
	r.admin(func(req *http.Request, grant auth.Grant) (int, any, error) {
		q := req.URL.Query()
		limit := usualLimit
		if text := q.Get("limit"); text != "" {
			n, err := strconv.Atoi(text)
			if err != nil || n < 1 || n > maxLimit {
				return 0, nil, fmt.Errorf("%w: limit is a number up to %d", ErrSpec, maxLimit)
			}
			limit = n
		}
		all, err := r.opts.Index.Recordings(req.Context(), grant.App, store.RecordingQuery{
			Room: q.Get("room"), Stream: q.Get("stream"), Before: q.Get("cursor"), Limit: limit + 1,
		})
		if err != nil {
			return 0, nil, err
		}
		list := struct {
			Recordings []view `json:"recordings"`
			Next       string `json:"next,omitempty"`
		}{Recordings: []view{}}
		if len(all) > limit {
			all = all[:limit]
			list.Next = all[limit-1].ID
		}
		base := r.opts.Base(req)
		for i := range all {
			if s := r.session(all[i].App, all[i].ID); s != nil {
				all[i] = s.recording()
			}
			list.Recordings = append(list.Recordings, show(&all[i], base))
		}
		return http.StatusOK, list, nil
	})(w, req)
}

// Show is GET /api/v1/recordings/{id}.
func (r *Recorder) Show(w http.ResponseWriter, req *http.Request) {
	r.admin(func(req *http.Request, grant auth.Grant) (int, any, error) {
		rec, err := r.Get(req.Context(), grant.App, req.PathValue("id"))
		if err != nil {
			return 0, nil, err
		}
		return http.StatusOK, show(&rec, r.opts.Base(req)), nil
	})(w, req)
}

// Finish is POST /api/v1/recordings/{id}/stop: it ends a recording, and answers when its files are complete.
func (r *Recorder) Finish(w http.ResponseWriter, req *http.Request) {
	r.admin(func(req *http.Request, grant auth.Grant) (int, any, error) {
		rec, err := r.Stop(req.Context(), grant.App, req.PathValue("id"))
		if err == nil && rec.Running {
			err = ErrElsewhere
		}
		if err != nil {
			return 0, nil, err
		}
		return http.StatusOK, show(&rec, r.opts.Base(req)), nil
	})(w, req)
}

// Remove is DELETE /api/v1/recordings/{id}: it ends a recording that goes on, and deletes it with its files.
func (r *Recorder) Remove(w http.ResponseWriter, req *http.Request) {
	r.admin(func(req *http.Request, grant auth.Grant) (int, any, error) {
		return http.StatusNoContent, nil, r.Delete(req.Context(), grant.App, req.PathValue("id"))
	})(w, req)
}
