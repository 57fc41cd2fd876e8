package api

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"weir/room/auth"
)

// askLive asks what is live, and gives the ids of the answer.
func askLive(t *testing.T, a *API, token, query string) (status int, ids string) {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, "/live?"+query, nil)
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	w := httptest.NewRecorder()
	a.Live(w, r)
	for _, part := range strings.Split(w.Body.String(), `"room":"`)[1:] {
		room, rest, _ := strings.Cut(part, `"`)
		stream, _, _ := strings.Cut(strings.TrimPrefix(rest, `,"stream":"`), `"`)
		ids += room + "/" + stream + " "
	}
	return w.Code, strings.TrimSpace(ids)
}

func TestLiveOfOneRoomOrStream(t *testing.T) {
	a := newAPI(t, streams)
	for query, want := range map[string]string{
		"": "a/c a/z b/cam", "room=a": "a/c a/z", "room=a&stream=z": "a/z", "room=a&stream=new": "", "room=none": "",
	} {
		if status, got := askLive(t, a, "", query); status != http.StatusOK || got != want {
			t.Errorf("%s: got %d %q, want %q", query, status, got, want)
		}
	}
	for _, query := range []string{"room=a/b", "stream=z", "room=a&stream=.z"} {
		if status, got := askLive(t, a, "", query); status != http.StatusBadRequest || got != "" {
			t.Errorf("%s: got %d %q", query, status, got)
		}
	}
}

// Where playing needs a signature so does the list; who may play one stream is told of that one.
func TestLiveWherePlayingIsSigned(t *testing.T) {
	a, by := urlAPI(t, nil)
	urls, err := by.PlayURLs(auth.Site{HTTP: "https://h"}, auth.Address{Room: "a", Stream: "z", Expires: a.now().Add(usualTTL)})
	if err != nil {
		t.Fatal(err)
	}
	_, proof, _ := strings.Cut(urls.Watch, "#")
	for _, tc := range []struct {
		token, query string
		status       int
		ids          string
	}{
		{"", "", 401, ""},
		{"", proof, 401, ""},
		{"", "room=a&stream=z", 401, ""},
		{"", "room=a&stream=z&" + proof, 200, "a/z"},
		{"", "room=a&stream=c&" + proof, 403, ""},
		{sign(t, "ann"), "", 200, "a/c a/z b/cam"},
	} {
		if status, ids := askLive(t, a, tc.token, tc.query); status != tc.status || ids != tc.ids {
			t.Errorf("%s: got %d %q, want %d %q", tc.query, status, ids, tc.status, tc.ids)
		}
	}
}
