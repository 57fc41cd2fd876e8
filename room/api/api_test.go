package api

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"weir/mux/av"
	"weir/room/auth"
)

const key = auth.Secret("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef")

// fixed is a Lister of one list.
type fixed []StreamInfo

func (f fixed) Streams(int) []StreamInfo { return append([]StreamInfo(nil), f...) }

func (f fixed) Room(app int, room string) []StreamInfo {
	return slices.DeleteFunc(f.Streams(app), func(s StreamInfo) bool { return s.Room != room })
}

func newAPI(t *testing.T, l Lister) *API {
	t.Helper()
	a, err := auth.New(auth.Options{App: auth.App{ID: 1, Key: key, Admins: []string{"root"}}})
	if err != nil {
		t.Fatal(err)
	}
	return New(Options{Lister: l, Auth: a, Log: slog.New(slog.DiscardHandler)})
}

func sign(t *testing.T, user string) string {
	t.Helper()
	token, err := auth.Sign(auth.App{ID: 1, Key: key}, user, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func ask(h http.HandlerFunc, token string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	w := httptest.NewRecorder()
	h(w, r)
	return w
}

var streams = fixed{
	{
		Room: "b", Stream: "cam", State: StateInterrupted, Reason: "silent", User: "host",
		Started: time.Date(2026, 1, 2, 3, 4, 5, 0, time.FixedZone("", 3600)),
		Since:   time.Date(2026, 1, 2, 3, 4, 6, 0, time.UTC),
		Viewers: map[string]int{"flv": 2}, Watching: 1,
		Counters: map[string]uint64{"frames": 7},
		Tracks: av.Tracks{
			{ID: 1, Codec: av.CodecH264, Width: 1280, Height: 720},
			{ID: 2, Codec: av.CodecOpus, Channels: 2},
		},
	},
	{Room: "a", Stream: "z", State: StateLive},
	{Room: "a", Stream: "new", State: StateWaiting},
	{Room: "a", Stream: "c", State: StateLive},
}

func TestLive(t *testing.T) {
	w := ask(newAPI(t, streams).Live, "")
	const want = `{"streams":[` +
		`{"room":"a","stream":"c","state":"live","since":"0001-01-01T00:00:00Z","tracks":[],"viewers":{},"watching":0},` +
		`{"room":"a","stream":"z","state":"live","since":"0001-01-01T00:00:00Z","tracks":[],"viewers":{},"watching":0},` +
		`{"room":"b","stream":"cam","state":"interrupted","since":"2026-01-02T02:04:05Z",` +
		`"tracks":[{"kind":"video","codec":"h264","width":1280,"height":720},{"kind":"audio","codec":"opus","channels":2}],` +
		`"viewers":{"flv":2},"watching":1}]}` + "\n"
	if w.Code != http.StatusOK || w.Body.String() != want {
		t.Errorf("got %d %s\nwant %s", w.Code, w.Body, want)
	}
	if h := w.Header(); h.Get("Content-Type") != "application/json" || h.Get("Cache-Control") != "no-store" {
		t.Errorf("headers: %v", h)
	}
}

func TestLiveOfNothingIsAnEmptyList(t *testing.T) {
	if w := ask(newAPI(t, fixed(nil)).Live, ""); w.Body.String() != `{"streams":[]}`+"\n" {
		t.Errorf("got %s", w.Body)
	}
}

func TestStreamsIsForAdministrators(t *testing.T) {
	a := newAPI(t, streams)
	for _, tc := range []struct {
		name, token string
		status      int
		code        string
	}{
		{"nobody", "", http.StatusUnauthorized, "token_missing"},
		{"a forger", "x", http.StatusUnauthorized, "token_invalid"},
		{"a user", sign(t, "host"), http.StatusForbidden, "forbidden"},
	} {
		w := ask(a.Streams, tc.token)
		var body problem
		if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil {
			t.Fatalf("%s: %v in %s", tc.name, err, w.Body)
		}
		if w.Code != tc.status || body.Code != tc.code || strings.Contains(w.Body.String(), "cam") {
			t.Errorf("%s: got %d %s", tc.name, w.Code, w.Body)
		}
	}
	w := ask(a.Streams, sign(t, "root"))
	if !strings.Contains(w.Body.String(), `"stream":"new","state":"waiting"`) {
		t.Errorf("a stream without media is missing in %s", w.Body)
	}
	const want = `"user":"host","state_since":"2026-01-02T03:04:06Z","reason":"silent","counters":{"frames":7}}]}`
	if w.Code != http.StatusOK || !strings.HasSuffix(w.Body.String(), want+"\n") {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
}

func TestProblem(t *testing.T) {
	for _, tc := range []struct {
		status    int
		challenge string
	}{{http.StatusUnauthorized, `Bearer realm="weir"`}, {http.StatusNotFound, ""}} {
		w := httptest.NewRecorder()
		Problem(w, nil, tc.status, "some_code", `a "detail"`)
		var got map[string]any
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
			t.Fatal(err)
		}
		if w.Code != tc.status || got["status"] != float64(tc.status) || got["code"] != "some_code" ||
			got["title"] != http.StatusText(tc.status) || got["detail"] != `a "detail"` || len(got) != 4 {
			t.Errorf("got %d %v", w.Code, got)
		}
		h := w.Header()
		if h.Get("Content-Type") != "application/problem+json" || h.Get("Cache-Control") != "no-store" ||
			h.Get("WWW-Authenticate") != tc.challenge {
			t.Errorf("headers: %v", h)
		}
	}
}
