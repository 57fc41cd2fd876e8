package record

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"weir/room/live"
	"weir/room/store"
)

// rest sends a request as an administrator; values are those of the path.
func (l *lab) rest(t *testing.T, method, target, body string) *httptest.ResponseRecorder {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/v1/recordings", l.List)
	mux.HandleFunc("POST /api/v1/recordings", l.Create)
	mux.HandleFunc("GET /api/v1/recordings/{id}", l.Show)
	mux.HandleFunc("DELETE /api/v1/recordings/{id}", l.Remove)
	mux.HandleFunc("POST /api/v1/recordings/{id}/stop", l.Finish)
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer admin")
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, r)
	return w
}

func viewOf(t *testing.T, w *httptest.ResponseRecorder, status int) (v view) {
	t.Helper()
	if w.Code != status {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	if err := json.Unmarshal(w.Body.Bytes(), &v); err != nil {
		t.Fatal(err)
	}
	return v
}

const here = "/api/v1/recordings"

func TestREST(t *testing.T) {
	l := openLab(t, Options{Base: func(*http.Request) string { return "https://h" }})
	l.repaired(t)
	p := l.publish(t)
	p.play(2 * time.Second)
	w := l.rest(t, http.MethodPost, here, `{"room":"r","stream":"s","format":"mp4","split":"10m","split_bytes":2000000,"audio":"opus"}`)
	v := viewOf(t, w, http.StatusCreated)
	if v.State != stateRecording || v.By != "boss" || v.User != "ann" || v.Ended != nil || v.HLS != "" || w.Header().Get("Location") != here+"/"+v.ID {
		t.Errorf("%+v", v)
	}
	if w := l.rest(t, http.MethodPost, here, `{"room":"r","stream":"s"}`); w.Code != http.StatusConflict || code(t, w) != "already_recorded" {
		t.Errorf("twice: %d %s", w.Code, w.Body)
	}
	other := viewOf(t, l.rest(t, http.MethodPost, here, `{"room":"r","stream":"s","format":"flv"}`), http.StatusCreated)
	l.awaitFile(t, v.ID)
	p.play(5 * time.Second)
	stopped := viewOf(t, l.rest(t, http.MethodPost, here+"/"+v.ID+"/stop", ""), http.StatusOK)
	if stopped.State != stateComplete || stopped.Reason != "asked" || stopped.Ended == nil || len(stopped.Files) != 1 || stopped.Duration == 0 ||
		stopped.Bytes == 0 || !strings.HasPrefix(stopped.HLS, "https://h/recordings/r/s/"+v.ID+".m3u8") ||
		!strings.HasPrefix(stopped.Files[0].URL, "https://h/recordings/r/s/"+v.ID+"/1.mp4") || !strings.Contains(stopped.Poster, "/poster.mp4") {
		t.Errorf("%+v", stopped)
	}
	if again := viewOf(t, l.rest(t, http.MethodPost, here+"/"+v.ID+"/stop", ""), http.StatusOK); again.State != stateComplete {
		t.Errorf("%+v", again)
	}
	if got := viewOf(t, l.rest(t, http.MethodGet, here+"/"+v.ID, ""), http.StatusOK); got.ID != v.ID || got.Bytes != stopped.Bytes {
		t.Errorf("%+v", got)
	}
	if ids := l.ids(t, here); !slices.Equal(ids, []string{other.ID, v.ID}) {
		t.Errorf("listed %v", ids)
	}
	if ids := l.ids(t, here+"?limit=1&cursor="+other.ID+"&room=r&stream=s"); !slices.Equal(ids, []string{v.ID}) {
		t.Errorf("listed %v", ids)
	}
	// One that goes on is ended and deleted.
	for _, id := range []string{v.ID, other.ID} {
		if w := l.rest(t, http.MethodDelete, here+"/"+id, ""); w.Code != http.StatusNoContent {
			t.Errorf("%d %s", w.Code, w.Body)
		}
		if _, err := os.Stat(filepath.Join(l.dir, "recordings", "1400000000", id)); !os.IsNotExist(err) {
			t.Errorf("its files are left: %v", err)
		}
	}
	if ids := l.ids(t, here); len(ids) != 0 {
		t.Errorf("listed %v", ids)
	}
}

// awaitFile waits until a recording has a file.
func (l *lab) awaitFile(t *testing.T, id string) {
	t.Helper()
	for end := time.Now().Add(waiting); ; time.Sleep(time.Millisecond) {
		if r, err := l.Get(t.Context(), 1400000000, id); err == nil && len(r.Files) > 0 {
			return
		}
		if time.Now().After(end) {
			t.Fatal("no file was begun")
		}
	}
}

// ids are those of a list, page by page.
func (l *lab) ids(t *testing.T, target string) (ids []string) {
	t.Helper()
	var list struct {
		Recordings []view
		Next       string
	}
	w := l.rest(t, http.MethodGet, target, "")
	if err := json.Unmarshal(w.Body.Bytes(), &list); err != nil || w.Code != http.StatusOK {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	for _, v := range list.Recordings {
		ids = append(ids, v.ID)
	}
	return ids
}

func TestListInPages(t *testing.T) {
	l := openLab(t, Options{})
	for _, id := range []string{"1", "2", "3"} {
		if err := l.store.PutRecording(t.Context(), &store.Recording{App: 1400000000, ID: id, Room: "r", Stream: "s"}); err != nil {
			t.Fatal(err)
		}
	}
	var all []string
	for next, pages := "", 0; pages == 0 || next != ""; pages++ {
		var list struct {
			Recordings []view
			Next       string
		}
		w := l.rest(t, http.MethodGet, here+"?limit=2&cursor="+next, "")
		if err := json.Unmarshal(w.Body.Bytes(), &list); err != nil {
			t.Fatal(err)
		}
		for _, v := range list.Recordings {
			all = append(all, v.ID)
		}
		next = list.Next
	}
	if !slices.Equal(all, []string{"3", "2", "1"}) {
		t.Errorf("%v", all)
	}
}

func TestRESTRefuses(t *testing.T) {
	l := openLab(t, Options{MaxRecordings: 1})
	l.repaired(t)
	p := l.publish(t)
	p.play(time.Second)
	for _, c := range []struct {
		method, target, body string
		status               int
		code                 string
	}{
		{http.MethodPost, here, `{`, http.StatusBadRequest, "bad_request"},
		{http.MethodPost, here, `{"room":"r","stream":"s"} x`, http.StatusBadRequest, "bad_request"},
		{http.MethodPost, here, `{"room":"r","stream":"s","what":1}`, http.StatusBadRequest, "bad_request"},
		{http.MethodPost, here, `{"room":"r","stream":"s","format":"avi"}`, http.StatusBadRequest, "bad_request"},
		{http.MethodPost, here, `{"room":"r","stream":"s","audio":"mp3"}`, http.StatusBadRequest, "bad_request"},
		{http.MethodPost, here, `{"room":"r","stream":"s","split":"1"}`, http.StatusBadRequest, "bad_request"},
		{http.MethodPost, here, `{"room":"r","stream":"s","split":"1s"}`, http.StatusBadRequest, "bad_request"},
		{http.MethodPost, here, `{"room":"r","stream":"s","split_bytes":1}`, http.StatusBadRequest, "bad_request"},
		{http.MethodPost, here, `{"room":"r/..","stream":"s"}`, http.StatusBadRequest, "bad_id"},
		{http.MethodPost, here, `{"room":"r","stream":"none"}`, http.StatusNotFound, "stream_not_found"},
		{http.MethodPost, here, `{"room":"` + strings.Repeat("r", maxBody) + `"}`, http.StatusBadRequest, "bad_request"},
		{http.MethodGet, here + "?limit=0", "", http.StatusBadRequest, "bad_request"},
		{http.MethodGet, here + "/none", "", http.StatusNotFound, "recording_not_found"},
		{http.MethodDelete, here + "/none", "", http.StatusNotFound, "recording_not_found"},
		{http.MethodPost, here + "/none/stop", "", http.StatusNotFound, "recording_not_found"},
	} {
		if w := l.rest(t, c.method, c.target, c.body); w.Code != c.status || code(t, w) != c.code {
			t.Errorf("%s %s %s: %d %s", c.method, c.target, c.body, w.Code, w.Body)
		}
	}
	viewOf(t, l.rest(t, http.MethodPost, here, `{"room":"r","stream":"s"}`), http.StatusCreated)
	if w := l.rest(t, http.MethodPost, here, `{"room":"r","stream":"s","format":"flv"}`); w.Code != http.StatusServiceUnavailable || code(t, w) != "server_full" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	for name, h := range map[string]http.HandlerFunc{"list": l.List, "create": l.Create, "show": l.Show, "stop": l.Finish, "delete": l.Remove} {
		w := httptest.NewRecorder()
		h(w, httptest.NewRequest(http.MethodGet, here, nil))
		if w.Code != http.StatusUnauthorized {
			t.Errorf("%s without a token: %d %s", name, w.Code, w.Body)
		}
	}
}

// What another server records, and has the files of, is said to be there.
func TestElsewhere(t *testing.T) {
	l := openLab(t, Options{})
	r := store.Recording{App: 1400000000, ID: "1", Room: "r", Stream: "s", Node: "other", Running: true, Format: FormatMP4}
	if err := l.store.PutRecording(t.Context(), &r); err != nil {
		t.Fatal(err)
	}
	if err := l.store.PutRecordingFile(t.Context(), r.App, r.ID, &store.RecordingFile{N: 1, Name: "1.mp4", Complete: true}); err != nil {
		t.Fatal(err)
	}
	for _, w := range []*httptest.ResponseRecorder{
		l.get(t, "/recordings/r/s/1/1.mp4"), l.rest(t, http.MethodDelete, here+"/1", ""), l.rest(t, http.MethodPost, here+"/1/stop", ""),
	} {
		if w.Code != http.StatusMisdirectedRequest || code(t, w) != "recording_elsewhere" {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	}
}

func TestRules(t *testing.T) {
	for _, c := range []struct {
		rule Rule
		want bool
	}{
		{Rule{Match: "*/*"}, true},
		{Rule{Match: "r/s"}, true},
		{Rule{Match: "r/*"}, true},
		{Rule{Match: "*/x"}, false},
		{Rule{Match: "x/*"}, false},
		{Rule{Match: "*"}, false},
		{Rule{Match: "["}, false},
		{Rule{Match: "*/*", App: 1400000000}, true},
		{Rule{Match: "*/*", App: 7}, false},
	} {
		if got := c.rule.matches(camera); got != c.want {
			t.Errorf("%+v: %v", c.rule, got)
		}
	}
	if _, err := New(Options{Dir: t.TempDir(), Rules: []Rule{{Match: "*/*", Spec: Spec{Format: "avi"}}}}); !errors.Is(err, ErrSpec) {
		t.Errorf("%v", err)
	}
	if rest := (Rule{Match: "*/*"}); !rest.matches(live.Key{App: "7", Room: "a b", Stream: "c"}) {
		t.Error("a room with a space is not meant")
	}
}

// A rule does not begin again what somebody has ended, while the stream is there.
func TestStoppedStaysStopped(t *testing.T) {
	l := openLab(t, Options{Rules: all(Spec{})})
	p := l.publish(t)
	p.play(2 * time.Second)
	l.heard(t, "begun")
	r := l.recorded(t)
	l.awaitFile(t, r.ID)
	viewOf(t, l.rest(t, http.MethodPost, here+"/"+r.ID+"/stop", ""), http.StatusOK)
	p.Interrupt(errEnd)
	p.play(2 * time.Second)
	l.keep(t.Context(), camera, map[live.Key]bool{})
	if all := l.ids(t, here); len(all) != 1 {
		t.Errorf("recordings %v", all)
	}
	// Whoever asks for it gets another one.
	viewOf(t, l.rest(t, http.MethodPost, here, `{"room":"r","stream":"s"}`), http.StatusCreated)
}

// faultyIndex is a store that can be down.
type faultyIndex struct {
	index
	down atomic.Bool
}

func (f *faultyIndex) PutRecording(ctx context.Context, r *store.Recording) error {
	if f.down.Load() {
		return store.ErrNoSpace
	}
	return f.index.PutRecording(ctx, r)
}

// What a rule could not begin, since the store does not answer, is begun later.
func TestRuleIsTriedAgain(t *testing.T) {
	down := new(faultyIndex)
	down.down.Store(true)
	l := openLab(t, Options{Rules: all(Spec{}), Retry: 10 * time.Millisecond, Index: down})
	p := l.publish(t)
	p.play(2 * time.Second)
	failed := map[live.Key]bool{}
	l.repaired(t)
	for end := time.Now().Add(waiting); !failed[camera]; l.keep(t.Context(), camera, failed) {
		if time.Now().After(end) { // the recorder itself may be at it just then, so once is not enough
			t.Fatalf("%v, %d recordings", failed, l.running())
		}
	}
	down.down.Store(false)
	l.heard(t, "begun")
}
