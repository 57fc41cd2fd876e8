package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"weir/room/auth"
	"weir/room/hook"
	"weir/room/store"
)

// administer asks as an administrator of an app; an answer that is not of a status is a fault. to may be nil.
func administer(t *testing.T, s *server, app int, key auth.Secret, method, path, body string, status int, to any) {
	t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+userSigOf(t, app, key, "administrator"))
	query := r.URL.Query()
	query.Set("sdkappid", strconv.Itoa(app))
	r.URL.RawQuery = query.Encode()
	w := httptest.NewRecorder()
	s.public.server.Handler.ServeHTTP(w, r)
	if w.Code != status {
		t.Fatalf("%s %s: %d %s, want %d", method, path, w.Code, w.Body, status)
	}
	if to == nil {
		return
	}
	if err := json.Unmarshal(w.Body.Bytes(), to); err != nil {
		t.Fatalf("%s %s: %v: %s", method, path, err, w.Body)
	}
}

// TestCallbacksAreConfigured: the configuration takes all callbacks by their names.
func TestCallbacksAreConfigured(t *testing.T) {
	cfg := local(t)
	cfg.IM.Callbacks = hook.Commands()
	if err := cfg.Validate(); err != nil {
		t.Error(err)
	}
}

// TestReceiverOfAnApp: administrators of an app that was made at run time say where its callbacks go, to public addresses alone;
// that of the default app is the configuration's.
func TestReceiverOfAnApp(t *testing.T) {
	const path = "/api/v1/hooks/receiver"
	cfg := local(t)
	cfg.IM.CallbackURL = "http://user:canary@127.0.0.1:9/cb?key=canary"
	s, _ := start(t, cfg)
	var got struct {
		URL      string `json:"callback_url"`
		Signed   bool
		Commands []string `json:"callbacks"`
	}
	administer(t, s, 1400000000, testKey, "GET", path, "", 200, &got)
	if got.URL != "http://127.0.0.1:9/cb" || got.Signed || got.Commands == nil {
		t.Errorf("%+v", got)
	}
	administer(t, s, 1400000000, testKey, "PUT", path, `{"callback_url":"https://example.com/cb"}`, 409, nil)

	var made struct {
		ID  int
		Key auth.Secret
	}
	administer(t, s, 1400000000, testKey, "POST", "/api/v1/apps", `{"name":"shop"}`, 201, &made)
	administer(t, s, made.ID, made.Key, "PUT", path, `{"callback_url":"https://example.com/cb?key=canary","callback_token":"t","callbacks":["State.StateChange"]}`, 204, nil)
	administer(t, s, made.ID, made.Key, "GET", path, "", 200, &got)
	if got.URL != "https://example.com/cb" || !got.Signed || len(got.Commands) != 1 {
		t.Errorf("%+v", got)
	}
	if !s.chat.hooks.Wants(made.ID, hook.StateChange) || s.chat.hooks.Wants(made.ID, hook.GroupAfterSend) {
		t.Error("it is not called as it was set")
	}
	for _, body := range []string{
		`{"callback_url":"http://127.0.0.1/cb"}`, `{"callback_url":"http://[::1]/cb"}`, `{"callback_url":"http://169.254.169.254/"}`,
		`{"callback_url":"file:///etc/passwd"}`, `{"callbacks":["Group.Nothing"]}`, `{"url":"https://example.com"}`, `[]`, ``,
	} {
		administer(t, s, made.ID, made.Key, "PUT", path, body, 400, nil)
	}
	administer(t, s, made.ID, made.Key, "PUT", path, `{}`, 204, nil)
	if s.chat.hooks.Wants(made.ID, hook.StateChange) {
		t.Error("it is called after it was taken away")
	}
}

// TestDeadCallbacks: what was given up is listed and tried again, each app's for its own administrators.
func TestDeadCallbacks(t *testing.T) {
	s, _ := start(t, local(t))
	var list []store.Delivery
	for range 3 {
		list = append(list, store.Delivery{
			Receiver: "weir:gone", Key: "stream/r/s", App: 1400000000, URL: "https://example.com/events", Kind: "stream.published",
			Header: map[string]string{"X-Weir-Event-Id": "e"}, Body: []byte(`{"id":"e"}`), Created: time.Now(),
		})
	}
	if err := s.store.Enqueue(t.Context(), list); err != nil {
		t.Fatal(err)
	}
	var page struct {
		Dead []hook.Dead
		Next string
	}
	// Nobody is configured to get them, so they are given up at once.
	for end := time.Now().Add(30 * time.Second); len(page.Dead) < 3; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%+v", page)
		}
		administer(t, s, 1400000000, testKey, "GET", "/api/v1/hooks/dead", "", 200, &page)
	}
	if d := page.Dead[0]; d.Event != "e" || d.Receiver != "https://example.com/events" || d.Fault == "" || string(d.Body) != `{"id":"e"}` {
		t.Errorf("%+v", d)
	}
	first := page.Dead[0].ID
	administer(t, s, 1400000000, testKey, "GET", "/api/v1/hooks/dead?limit=1", "", 200, &page)
	if len(page.Dead) != 1 || page.Next != strconv.FormatInt(first, 10) {
		t.Errorf("%+v", page)
	}
	administer(t, s, 1400000000, testKey, "GET", "/api/v1/hooks/dead?limit=2&cursor="+page.Next, "", 200, &page)
	if len(page.Dead) != 2 || page.Dead[0].ID <= first {
		t.Errorf("%+v", page)
	}
	var done struct{ Replayed int }
	administer(t, s, 1400000000, testKey, "POST", "/api/v1/hooks/replay", `{"ids":[`+strconv.FormatInt(first, 10)+`,999]}`, 200, &done)
	if done.Replayed != 1 {
		t.Errorf("%d were tried again", done.Replayed)
	}
	for _, body := range []string{`{}`, `{"ids":[]}`, `{"ids":[1],"all":true}`, `{"ids":["1"]}`, `{"ids":[` + strings.Repeat("1,", 1000) + `1]}`} {
		administer(t, s, 1400000000, testKey, "POST", "/api/v1/hooks/replay", body, 400, nil)
	}
	for _, query := range []string{"limit=0", "limit=1001", "cursor=x", "cursor=-1"} {
		administer(t, s, 1400000000, testKey, "GET", "/api/v1/hooks/dead?"+query, "", 400, nil)
	}
	var made struct {
		ID  int
		Key auth.Secret
	}
	administer(t, s, 1400000000, testKey, "POST", "/api/v1/apps", `{"name":"shop"}`, 201, &made)
	administer(t, s, made.ID, made.Key, "GET", "/api/v1/hooks/dead", "", 200, &page)
	administer(t, s, made.ID, made.Key, "POST", "/api/v1/hooks/replay", `{"all":true}`, 200, &done)
	if len(page.Dead) != 0 || done.Replayed != 0 {
		t.Errorf("another app's: %+v, %d", page, done.Replayed)
	}
	r := httptest.NewRequest(http.MethodGet, "/api/v1/hooks/dead", nil)
	w := httptest.NewRecorder()
	if s.public.server.Handler.ServeHTTP(w, r); w.Code != http.StatusUnauthorized {
		t.Errorf("without a token: %d", w.Code)
	}
}
