package main

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"weir/room/api"
	"weir/room/auth"
	"weir/room/live"
)

// awaiter has the streams and waits for those that are still to come; *live.Registry is one.
type awaiter interface {
	Stream(k live.Key) (*live.Stream, bool)
	Await(ctx context.Context, k live.Key) (*live.Stream, error)
}

// byID lets a request for /live/{streamid}.flv or .m3u8 pass as one for the stream that has the id. Nobody waits for a stream
// to come who may not play it. The door asks again, with the room and stream that are known by then.
func (d doors) byID(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id, form, ok := auth.SplitFile(r.PathValue("file"))
		switch {
		case form == auth.FormNone:
			next.ServeHTTP(w, r) // which says what is wrong with it
			return
		case !ok:
			status, code := auth.Status(auth.ErrBadID)
			api.Problem(w, r, status, code, auth.CheckStream(id).Error())
			return
		}
		r.SetPathValue("streamid", id)
		key, err := d.stream(r, id)
		if err != nil {
			refuseID(w, r, err)
			return
		}
		r.SetPathValue("room", key.Room)
		r.SetPathValue("stream", key.Stream)
		next.ServeHTTP(w, r)
	})
}

// ofApp lets a request for a stream id pass as one for the app that the id names: whoever is behind it, CDNs first, reads that from
// the query.
func (d doors) ofApp(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if id, _, ok := auth.SplitFile(r.PathValue("file")); ok {
			r = d.toApp(r, id)
		}
		next.ServeHTTP(w, r)
	})
}

// toApp is the request with the app that its id names: where a playlist leads there is no id in the address any more.
func (d doors) toApp(r *http.Request, id string) *http.Request {
	meant := d.auth.AppFor(r.URL.RawQuery, id)
	if auth.AppOf(r.URL.RawQuery) != auth.DefaultApp || meant == d.auth.AppFor("", "") {
		return r
	}
	return withQuery(r, strings.TrimSuffix("sdkappid="+auth.AppName(meant)+"&"+r.URL.RawQuery, "&"))
}

// stream is the key of the stream that has the id, once there is one. Whose it will be is known of a cloud's id only.
func (d doors) stream(r *http.Request, id string) (live.Key, error) {
	k := live.IDKey(auth.AppName(d.auth.AppFor(r.URL.RawQuery, id)), id)
	if s, ok := d.hub.Stream(k); ok {
		return s.Key(), nil
	}
	_, room, stream, _ := auth.SplitCloudID(id)
	if _, err := d.auth.Authorize(r.Context(), auth.RequestOf(r, auth.ActionPlay, room, stream)); err != nil {
		return live.Key{}, err
	}
	if r.Method == http.MethodHead {
		return live.Key{}, live.ErrNoStream
	}
	s, err := d.hub.Await(r.Context(), k)
	if err != nil {
		return live.Key{}, err
	}
	return s.Key(), nil
}

// retryAfter is when to ask again for a stream that is not there, in seconds.
const retryAfter = "2"

// refuseID answers why there is no stream to be had by an id.
func refuseID(w http.ResponseWriter, r *http.Request, err error) {
	if r.Context().Err() != nil {
		return // nobody listens
	}
	w.Header().Set("Cache-Control", "no-store")
	if errors.Is(err, live.ErrNoStream) || errors.Is(err, live.ErrStopping) {
		w.Header().Set("Retry-After", retryAfter)
		api.Problem(w, r, http.StatusNotFound, api.CodeStreamNotFound, "no stream of this id is live")
		return
	}
	status, code := auth.Status(err)
	api.Problem(w, r, status, code, err.Error())
}
