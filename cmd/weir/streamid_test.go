package main

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"weir/config"
	"weir/room/auth"
	"weir/room/live"
)

// TestStreamIDsAreClosed: while a stream is live, its id opens to whoever may watch it and to nobody else. TestRoutesAreClosed
// asks the same of an id that nobody has.
func TestStreamIDsAreClosed(t *testing.T) {
	cfg := local(t)
	cfg.Auth.Play, cfg.Playback.Wait = playSigned, time.Millisecond
	cfg.Auth.Apps = config.Apps{{ID: otherApp, Key: otherKey, Admins: []string{"boss"}}}
	s, _ := start(t, cfg)
	const id, otherID = "concert", "1400000001_r_ann_main"
	for app, name := range map[string]string{"1400000000": id, auth.AppName(otherApp): otherID} {
		if _, err := s.namer.Publish(live.Key{App: app, Room: "r", Stream: "s"}, live.PublishOptions{User: "ann", ID: name}); err != nil {
			t.Fatal(err)
		}
	}
	by, err := newAuthorizer(cfg, appsOfTest(t, cfg, testKey), nil)
	if err != nil {
		t.Fatal(err)
	}
	sign := func(d auth.Dialect, p auth.Pass, path string) string {
		p.Expires = time.Now().Add(time.Hour)
		query, err := by.SignQuery(d, p, path)
		if err != nil {
			t.Fatal(err)
		}
		return query
	}
	for _, file := range []string{".flv", ".m3u8"} {
		path, otherPath := "/live/"+id+file, "/live/"+otherID+file
		r := httptest.NewRequest(http.MethodHead, path, nil) // which does not wait for media
		toOther := httptest.NewRequest(http.MethodHead, otherPath, nil)
		open := func(r *http.Request, what, token, query string) {
			if w := with(s, r, token, query); refused(w) || w.Code == http.StatusConflict {
				t.Errorf("%s, %s: got %d %s", r.URL.Path, what, w.Code, w.Body)
			}
		}
		for _, d := range []auth.Dialect{auth.DialectWeir, auth.DialectTencent, auth.DialectAlibaba} {
			mine, others := auth.Pass{Action: auth.ActionPlay, ID: id}, auth.Pass{App: otherApp, Action: auth.ActionPlay, ID: otherID}
			open(r, d.String(), "", sign(d, mine, path))
			open(toOther, d.String()+" of the other app, by the id", "", sign(d, others, otherPath))
			open(toOther, d.String()+" of the other app", "", "sdkappid=1400000001&"+sign(d, others, otherPath))
			closedTo(t, s, r, d.String()+", the stream's", "", sign(d, auth.Pass{Action: auth.ActionPlay, Room: "r", Stream: "s"}, "/live/r/s"+file), "signature_invalid")
			closedTo(t, s, r, d.String()+", to publish", "", sign(d, auth.Pass{Action: auth.ActionPublish, ID: id}, path), "signature_invalid")
			closedTo(t, s, r, d.String()+", another id's", "", sign(d, auth.Pass{Action: auth.ActionPlay, ID: "other"}, "/live/other"+file), "signature_invalid")
			closedTo(t, s, toOther, d.String()+", by another app", "", sign(d, auth.Pass{Action: auth.ActionPlay, ID: otherID}, otherPath), "signature_invalid")
		}
		open(r, "a token of the room", limited(t, "r", 255), "")
		open(r, "an administrator", userSig(t, "administrator"), "")
		closedTo(t, s, r, "nobody", "", "", "token_missing")
		closedTo(t, s, r, "a token of another room", limited(t, "r2", 255), "", "forbidden")
		closedTo(t, s, toOther, "a token of the default app", userSig(t, "administrator"), "", "token_wrong_app")
	}
}

// TestStreamIDsAreChecked: what is no stream id has no place in an address.
func TestStreamIDsAreChecked(t *testing.T) {
	cfg := local(t)
	cfg.Playback.Wait = 0
	s, _ := start(t, cfg)
	for path, want := range map[string]string{
		"/live/concert.flv": "stream_not_found", "/live/concert.m3u8": "stream_not_found", "/live/concert.mp4": "not_found",
		"/live/.x.flv": "bad_id", "/live/a%20b.flv": "bad_id", "/live/x.flv.flv": "bad_id", "/live/x.flv?sdkappid=9": "app_not_found",
	} {
		if w := ask(s.public.server.Handler, http.MethodGet, path); codeOf(t, w) != want {
			t.Errorf("%s: got %d %s, want %s", path, w.Code, w.Body, want)
		}
	}
}
