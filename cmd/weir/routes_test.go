package main

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"weir/room/auth"
)

// echo answers with its name and the ids that it was given.
func echo(name string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got := []string{name, r.PathValue("room"), r.PathValue("stream"), r.PathValue("session")}
		w.Header().Set("X-Door", strings.TrimRight(strings.Join(got, " "), " "))
	})
}

// TestIDs shows what a door gets to see of a path, and what it does not.
func TestIDs(t *testing.T) {
	mux := newMux([]route{
		{"POST /whip/{room}/{stream}", checkIDs(echo("whip"))},
		{"DELETE /whip/{room}/{stream}/{session}", checkIDs(echo("whip"))},
		{"GET /live/{room}/{file}", byForm(echo("flv"), echo("hls"))},
		{"GET /live/{room}/{stream}/{file}", checkIDs(echo("file"))},
	})
	for _, tc := range []struct {
		method, path string
		status       int
		door, code   string
	}{
		{"POST", "/whip/r/s", 200, "whip r s", ""},
		{"DELETE", "/whip/r/s/1", 200, "whip r s 1", ""},
		{"POST", "/whip/my%20room/s", 200, "whip my room s", ""},
		{"POST", "/whip/a%23b/s", 200, "whip a#b s", ""},
		{"GET", "/whip/r/s", 405, "", "method_not_allowed"},
		{"DELETE", "/whip/r/s", 405, "", "method_not_allowed"},
		{"POST", "/whip/r", 404, "", "not_found"},
		{"POST", "/whip/a%2fb/s", 400, "", "bad_id"},
		{"POST", "/whip/a%252fb/s", 400, "", "bad_id"},
		{"POST", "/whip/%20/s", 400, "", "bad_id"},
		{"POST", "/whip/r/s.flv", 400, "", "bad_id"},
		{"POST", "/whip/r/a%20b", 400, "", "bad_id"},
		{"POST", "/whip/r/a%0ab", 400, "", "bad_id"},
		{"DELETE", "/whip/r/.s/1", 400, "", "bad_id"},

		{"GET", "/live/r/s.flv", 200, "flv r s", ""},
		{"HEAD", "/live/r/s.flv", 200, "flv r s", ""},
		{"GET", "/live/r/s.m3u8", 200, "hls r s", ""},
		{"GET", "/live/r/a.b.flv", 200, "flv r a.b", ""},
		{"GET", "/live/r/s.ts", 404, "", "not_found"},
		{"GET", "/live/r/s", 404, "", "not_found"},
		{"GET", "/live/r/.flv", 400, "", "bad_id"},
		{"GET", "/live/r/s.flv.flv", 400, "", "bad_id"},
		{"GET", "/live/%2e%2e/s.flv", 400, "", "bad_id"},
		{"POST", "/live/r/s.flv", 405, "", "method_not_allowed"},
		{"GET", "/live/r/s/init.mp4", 200, "file r s", ""},
		{"GET", "/live/r/s.flv/init.mp4", 400, "", "bad_id"},
		{"GET", "/none", 404, "", "not_found"},
		{"OPTIONS", "/live/r/s.flv", 204, "", ""},
		{"OPTIONS", "/none", 404, "", "not_found"},
	} {
		w := ask(mux, tc.method, tc.path)
		if w.Code != tc.status || w.Header().Get("X-Door") != tc.door {
			t.Errorf("%s %s: got %d by %q, want %d by %q", tc.method, tc.path, w.Code, w.Header().Get("X-Door"), tc.status, tc.door)
		}
		if tc.code != "" && codeOf(t, w) != tc.code {
			t.Errorf("%s %s: got %s, want code %s", tc.method, tc.path, w.Body, tc.code)
		}
		if tc.status == http.StatusMethodNotAllowed && w.Header().Get("Allow") == "" {
			t.Errorf("%s %s: no Allow", tc.method, tc.path)
		}
	}
}

// TestRoutes asks the whole server for what is there without a publisher.
func TestRoutes(t *testing.T) {
	s, _ := start(t, local(t))
	for _, tc := range []struct {
		method, path string
		status       int
		code         string
	}{
		{"GET", "/", 200, ""},
		{"HEAD", "/", 200, ""},
		{"GET", "/studio", 200, ""},
		{"GET", "/watch/r/s", 200, ""},
		{"GET", "/watch/..%2f/s", 400, "bad_id"},
		{"GET", "/watch/r", 404, "not_found"},
		{"GET", "/live", 200, ""},
		{"POST", "/live", 405, "method_not_allowed"},
		{"GET", "/assets/", 404, "not_found"},
		{"GET", "/assets/none.js", 404, "not_found"},
		{"GET", "/whep/r/s", 405, "method_not_allowed"},
		{"PUT", "/whep/r/s/1", 405, "method_not_allowed"},
		{"GET", "/assets/%2e%2e/index.html", 404, "not_found"},
		{"GET", "/none", 404, "not_found"},
	} {
		w := ask(s.public.server.Handler, tc.method, tc.path)
		if w.Code != tc.status || tc.code != "" && codeOf(t, w) != tc.code {
			t.Errorf("%s %s: got %d %s, want %d %s", tc.method, tc.path, w.Code, w.Body, tc.status, tc.code)
		}
	}
}

func ask(h http.Handler, method, path string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, nil)
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/sdp")
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// codeOf reads the code of a problem.
func codeOf(t *testing.T, w *httptest.ResponseRecorder) string {
	t.Helper()
	var body struct{ Code string }
	if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil {
		if w.Header().Get("Content-Type") == "application/problem+json" {
			t.Errorf("%v in %s", err, w.Body)
		}
		return ""
	}
	return body.Code
}

// strict takes nobody, and keeps what it was asked.
type strict struct{ asked []auth.Request }

func (s *strict) Authorize(_ context.Context, r auth.Request) (auth.Grant, error) {
	s.asked = append(s.asked, r)
	return auth.Grant{}, auth.ErrNoToken
}

func (s *strict) AppFor(string, string) int { return 0 }

func (s *strict) SignQuery(auth.Dialect, auth.Pass, string) (string, error) {
	return "", auth.ErrForbidden
}

// Whoever may not watch gets nothing of a stream by HLS, whose door knows streams only.
func TestHLSAsksWhoMayPlay(t *testing.T) {
	var gate strict
	mux := newMux(routes(doors{auth: &gate, im: http.NotFoundHandler(), v4: http.NotFoundHandler()}))
	for _, path := range []string{"/live/r/s.m3u8", "/live/r/s/video.m3u8", "/live/r/s/init.mp4"} {
		gate.asked = nil
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path+"?usersig=x", nil))
		if w.Code != http.StatusUnauthorized {
			t.Errorf("%s gives %d %s", path, w.Code, w.Body)
		}
		want := auth.Request{
			Action: auth.ActionPlay, Room: "r", Stream: "s", Token: "x", Query: "usersig=x", Path: path,
			Begins: path == "/live/r/s.m3u8", From: auth.Client{Addr: "192.0.2.1", Site: "http://example.com"},
		}
		if len(gate.asked) != 1 || gate.asked[0] != want {
			t.Errorf("%s asks %+v", path, gate.asked)
		}
	}
}

// HLS has sound and pictures in the same files: whoever may receive one of them alone gets neither.
func TestHLSNeedsAllRights(t *testing.T) {
	cfg := local(t)
	cfg.Auth.Play, cfg.Playback.Wait = playSigned, time.Millisecond
	s, _ := start(t, cfg)
	for _, path := range []string{"/live/r/s.m3u8", "/live/r/s/main.m3u8", "/live/r/s/init.mp4", "/live/r/s/poster.mp4"} {
		for rights, status := range map[auth.Rights]int{
			auth.RightReceiveAudio:                          http.StatusForbidden,
			auth.RightReceiveVideo:                          http.StatusForbidden,
			auth.RightReceiveAudio | auth.RightReceiveVideo: http.StatusNotFound, // nobody publishes
		} {
			w := ask(s.public.server.Handler, http.MethodGet, path+"?usersig="+limited(t, "r", uint32(auth.RightEnterRoom|rights)))
			if w.Code != status || status == http.StatusForbidden && codeOf(t, w) != "forbidden" {
				t.Errorf("%s with the rights %d gives %d %s", path, rights, w.Code, w.Body)
			}
		}
	}
}
