package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"weir/config"
	"weir/mux/av"
	"weir/room/auth"
	"weir/room/hook"
	"weir/room/im"
	"weir/room/im/people"
	"weir/room/live"
)

// do sends a request with a token and a body, and reads the answer into to, if that is not nil.
func do(t *testing.T, s *server, token, method, path, body string, to any) (status int, code string) {
	t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	w := httptest.NewRecorder()
	s.public.server.Handler.ServeHTTP(w, r)
	if w.Code >= http.StatusBadRequest {
		return w.Code, codeOf(t, w)
	}
	if to != nil {
		if err := json.Unmarshal(w.Body.Bytes(), to); err != nil {
			t.Fatalf("%s %s: %v in %s", method, path, err, w.Body)
		}
	}
	return w.Code, ""
}

// must expects a call to succeed.
func must(t *testing.T, s *server, token, method, path, body string, to any) {
	t.Helper()
	if status, code := do(t, s, token, method, path, body, to); status >= http.StatusBadRequest {
		t.Fatalf("%s %s: %d %s", method, path, status, code)
	}
}

// imported makes accounts of the default app known.
func imported(t *testing.T, s *server, ids ...string) {
	t.Helper()
	for _, id := range ids {
		if err := s.chat.people.Import(t.Context(), 1400000000, people.Newcomer{ID: id}); err != nil {
			t.Fatal(err)
		}
	}
}

// TestB12B13 is an app's life by REST: it is made and its id, name, status and time are shown, its key once; it is deleted
// after a confirmation, and all that was its own is gone: tokens, rooms, streams. It outlives a restart in between.
func TestB12B13(t *testing.T) {
	cfg := local(t)
	s, stop := start(t, cfg)
	root := userSig(t, "administrator")
	var made struct {
		ID      int       `json:"id"`
		Name    string    `json:"name"`
		Status  string    `json:"status"`
		Key     string    `json:"key"`
		Created time.Time `json:"created"`
	}
	must(t, s, root, "POST", "/api/v1/apps", `{"name":"shop","admins":["boss"]}`, &made)
	if made.ID < 1400000000 || made.Name != "shop" || made.Status != "enabled" || len(made.Key) != 64 || time.Since(made.Created) > time.Hour {
		t.Fatalf("made %+v", made)
	}
	path, query := "/api/v1/apps/"+strconv.Itoa(made.ID), "?sdkappid="+strconv.Itoa(made.ID)
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	s, _ = start(t, cfg)
	var shown map[string]any
	must(t, s, root, "GET", path, "", &shown)
	if shown["key"] != nil || shown["name"] != "shop" {
		t.Errorf("shown as %v", shown)
	}
	boss := userSigOf(t, made.ID, auth.Secret(made.Key), "boss")
	must(t, s, boss, "POST", "/api/v1/rooms"+query, `{"id":"r","name":"Room"}`, nil)
	if status, code := do(t, s, root, "GET", "/api/v1/rooms/r", "", nil); status != 404 || code != "no_such_room" {
		t.Errorf("the default app has the room, too: %d %s", status, code)
	}
	must(t, s, boss, "PUT", "/api/v1/hooks/receiver"+query, `{"callback_url":"https://192.0.2.1/cb"}`, nil)
	if !s.chat.hooks.Wants(made.ID, hook.StateChange) {
		t.Error("its receiver is not told")
	}
	p := publishInto(t, s, live.Key{App: strconv.Itoa(made.ID), Room: "r", Stream: "s"}, "boss")

	for query, want := range map[string]string{"": "bad_request", "?confirm=Shop": "bad_request"} {
		if status, code := do(t, s, root, "DELETE", path+query, "", nil); status != 400 || code != want {
			t.Errorf("deleted with %q: %d %s", query, status, code)
		}
	}
	if status, code := do(t, s, root, "DELETE", "/api/v1/apps/1400000000?confirm=", "", nil); status != 409 || code != "app_configured" {
		t.Errorf("the default app: %d %s", status, code)
	}
	must(t, s, root, "DELETE", path+"?confirm=shop", "", nil)
	select {
	case <-p.Done():
		if live.Reason(p.Err()) != "app_deleted" {
			t.Errorf("its stream ended with %v", p.Err())
		}
	case <-time.After(patience):
		t.Error("its stream goes on")
	}
	if status, code := do(t, s, boss, "GET", "/api/v1/rooms/r"+query, "", nil); status != 404 || code != "app_not_found" {
		t.Errorf("its administrator gets %d %s", status, code)
	}
	if s.chat.hooks.Wants(made.ID, hook.StateChange) {
		t.Error("its receiver is told of what comes after")
	}
	if _, err := s.store.Room(t.Context(), made.ID, "r"); err == nil {
		t.Error("its room is kept")
	}
}

const patience = 30 * time.Second

// publishInto begins a stream of sound.
func publishInto(t *testing.T, s *server, k live.Key, user string) *live.Publisher {
	t.Helper()
	p, err := s.hub.Publish(k, live.PublishOptions{User: user, Tracks: 1})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Write(&av.Frame{Track: 1, Kind: av.KindConfig, Codec: av.CodecOpus, Config: &av.Track{ID: 1, Codec: av.CodecOpus}}); err != nil {
		t.Fatal(err)
	}
	return p
}

// TestB12Bound: of a hundred apps no further one is made; an app's own administrators make none.
func TestB12Bound(t *testing.T) {
	cfg := local(t)
	for i := range 99 {
		key := config.Secret(strings.Repeat("k", 32) + strconv.Itoa(i))
		cfg.Auth.Apps = append(cfg.Auth.Apps, config.App{ID: i + 1, Key: key, Admins: []string{"boss"}})
	}
	s, _ := start(t, cfg)
	if status, code := do(t, s, userSig(t, "administrator"), "POST", "/api/v1/apps", `{"name":"one too many"}`, nil); status != 409 || code != "too_many_apps" {
		t.Errorf("got %d %s", status, code)
	}
	boss := userSigOf(t, 1, auth.Secret(cfg.Auth.Apps[0].Key), "boss")
	if status, code := do(t, s, boss, "GET", "/api/v1/apps?sdkappid=1", "", nil); status != 403 || code != "forbidden" {
		t.Errorf("another app's administrator gets %d %s", status, code)
	}
}

// TestA34A25 is "userSig computed on the server by an app-facing endpoint" and "the same userSig works for push, play and
// chat".
func TestA34A25(t *testing.T) {
	cfg := local(t)
	cfg.Auth.Play, cfg.Playback.Wait = playSigned, time.Millisecond
	s, _ := start(t, cfg)
	root := userSig(t, "administrator")
	var got struct {
		UserSig string    `json:"usersig"`
		App     int       `json:"app"`
		User    string    `json:"user"`
		Expires time.Time `json:"expires"`
	}
	must(t, s, root, "POST", "/api/v1/usersig", `{"user":"ann","ttl":"1h"}`, &got)
	if got.App != 1400000000 || got.User != "ann" || time.Until(got.Expires) > time.Hour || time.Until(got.Expires) < 50*time.Minute {
		t.Errorf("got %+v", got)
	}
	for _, action := range []auth.Action{auth.ActionPublish, auth.ActionPlay} {
		g, err := s.gate.Authorize(t.Context(), auth.Request{Action: action, Room: "r", Stream: "s", Token: got.UserSig})
		if err != nil || g.User != "ann" {
			t.Errorf("action %d: %+v, %v", action, g, err)
		}
	}
	who := visitors{auth: s.chat.authorizer(t, cfg), apps: s.apps}
	if _, err := who.renew(t.Context(), im.Actor{App: 1400000000, User: "ann"}, got.UserSig); err != nil {
		t.Errorf("the channel: %v", err)
	}
	must(t, s, root, "POST", "/api/v1/usersig", `{"user":"ann","room":"r","privileges":42}`, &got)
	// A session that may do everything does not live on with a token for little, nor the other way round.
	for only, may := range map[*im.Only]bool{nil: false, {Room: "r", Enter: true}: true, {Room: "r", Enter: true, Create: true}: false, {Room: "q", Enter: true}: false} {
		_, err := who.renew(t.Context(), im.Actor{App: 1400000000, User: "ann", Only: only}, got.UserSig)
		if (err == nil) != may {
			t.Errorf("a session of %+v goes on: %v", only, err)
		}
	}
	if _, err := s.gate.Authorize(t.Context(), auth.Request{Action: auth.ActionPublish, Room: "r", Stream: "s", Token: got.UserSig}); err == nil {
		t.Error("a viewer's token publishes")
	}
	for body, want := range map[string]string{
		`{"user":"ann","ttl":"1s"}`:                  "",
		`{"user":"ann","ttl":"4321h"}`:               "bad_request",
		`{"user":"ann","ttl":"0s"}`:                  "bad_request",
		`{"user":"a b"}`:                             "bad_id",
		`{}`:                                         "bad_id",
		`{"user":"ann","room":"a/b"}`:                "bad_id",
		`{"user":"ann","privileges":1}`:              "bad_request",
		`{"user":"ann","room":"r","privileges":256}`: "bad_request",
		`{"user":"ann","privileges":-1}`:             "bad_request",
		`{"user":"administrator"}`:                   "forbidden",
		`{"user":"ann","who":"x"}`:                   "bad_request",
		`{"user":"ann"} {}`:                          "bad_request",
		`[]`:                                         "bad_request",
		``:                                           "bad_request",
		`{"user":"` + strings.Repeat("a", 70000) + `"}`: "bad_request",
	} {
		if _, code := do(t, s, root, "POST", "/api/v1/usersig", body, nil); code != want {
			t.Errorf("%.60s: got %q, want %q", body, code, want)
		}
	}
	if _, code := do(t, s, userSig(t, "ann"), "POST", "/api/v1/usersig", `{"user":"bob"}`, nil); code != "forbidden" {
		t.Errorf("a user makes tokens: %q", code)
	}
}

// authorizer is one like the server's.
func (c *chat) authorizer(t *testing.T, cfg *config.Config) *auth.Authorizer {
	t.Helper()
	by, err := newAuthorizer(cfg, appsOfTest(t, cfg, testKey), nil)
	if err != nil {
		t.Fatal(err)
	}
	return by
}

// TestB09Server is "live room status control: push refused when closed" through a whole server: who publishes is put out,
// nobody else comes in, and both may when it is open again.
func TestB09Server(t *testing.T) {
	s, _ := start(t, local(t))
	root := userSig(t, "administrator")
	imported(t, s, "host", "guest")
	must(t, s, root, "POST", "/api/v1/rooms", `{"id":"r","name":"Room","owner":"host"}`, nil)
	whip := func(user string) string {
		_, code := do(t, s, userSig(t, user), "POST", "/whip/r/s", "", nil)
		return code
	}
	const letIn = "not_sdp" // there is nothing in the offer
	for user, want := range map[string]string{"host": letIn, "administrator": letIn, "guest": "no_permission"} {
		if code := whip(user); code != want {
			t.Errorf("%s: got %s, want %s", user, code, want)
		}
	}
	p := publishInto(t, s, live.Key{App: "1400000000", Room: "r", Stream: "s"}, "host")
	for _, status := range []string{"closed", "forbidden"} {
		must(t, s, root, "PATCH", "/api/v1/rooms/r", `{"status":"`+status+`"}`, nil)
		for _, user := range []string{"host", "administrator", "guest"} {
			if code := whip(user); code != "room_closed" {
				t.Errorf("%s in a room that is %s: got %s", user, status, code)
			}
		}
	}
	select {
	case <-p.Done():
	case <-time.After(patience):
		t.Fatal("the stream goes on")
	}
	if live.Reason(p.Err()) != "room_closed" {
		t.Errorf("it ended with %v", p.Err())
	}
	must(t, s, root, "PATCH", "/api/v1/rooms/r", `{"status":"open"}`, nil)
	if code := whip("host"); code != letIn {
		t.Errorf("open again: got %s", code)
	}
}

// TestRoomsREST goes through the calls for rooms, each with what it shows and what it refuses.
func TestRoomsREST(t *testing.T) {
	s, _ := start(t, local(t))
	root := userSig(t, "administrator")
	imported(t, s, "host", "ann", "bob")
	for _, c := range []struct{ method, path, body, want string }{
		{"POST", "/api/v1/rooms", `{"id":"r","name":"Room","owner":"host","announcement":"hello"}`, `"status":"open"`},
		{"POST", "/api/v1/rooms", `{"id":"r","name":"Room","owner":"host"}`, "409 room_id_yours"},
		{"POST", "/api/v1/rooms", `{"id":"r","name":"Room","owner":"ann"}`, "409 room_id_taken"},
		{"POST", "/api/v1/rooms", `{"id":"q","name":"Room","owner":"nobody"}`, "404 no_such_account"},
		{"POST", "/api/v1/rooms", `{"id":"q","name":"Room","type":"x"}`, "400 bad_parameter"},
		{"POST", "/api/v1/rooms", `{"id":"q","name":"Room","nick":"x"}`, "400 bad_request"},
		{"GET", "/api/v1/rooms/q", "", "404 no_such_room"},
		{"GET", "/api/v1/rooms/.r", "", "400 bad_id"},
		{"GET", "/api/v1/rooms/r", "", `"announcement":"hello"`},
		{"PATCH", "/api/v1/rooms/r", `{"announcement":"sold out","mute_all":true}`, `"mute_all":true`},
		{"PATCH", "/api/v1/rooms/r", `{"status":"x"}`, "400 bad_parameter"},
		{"PATCH", "/api/v1/rooms/q", `{}`, "404 no_such_room"},
		{"GET", "/api/v1/rooms?limit=1", "", `"total":1`},
		{"GET", "/api/v1/rooms?limit=0", "", "400 bad_request"},
		{"GET", "/api/v1/rooms/r/online", "", `{"count":0,"users":[]}`},
		{"GET", "/api/v1/rooms/r/streams", "", `{"streams":[]}`},
		{"PUT", "/api/v1/rooms/r/mutes/ann", `{"seconds":60}`, ""},
		{"GET", "/api/v1/rooms/r/mutes", "", `"user":"ann","until":"`},
		{"PUT", "/api/v1/rooms/r/mutes/ann", `{}`, ""},
		{"GET", "/api/v1/rooms/r/mutes", "", `{"mutes":[{"user":"ann"}]}`},
		{"DELETE", "/api/v1/rooms/r/mutes/ann", "", ""},
		{"DELETE", "/api/v1/rooms/r/mutes/ann", "", ""},
		{"GET", "/api/v1/rooms/r/mutes", "", `{"mutes":[]}`},
		{"PUT", "/api/v1/rooms/r/bans/ann", `{"seconds":0}`, "400 bad_request"},
		{"PUT", "/api/v1/rooms/r/bans/ann", `{"seconds":60}`, ""},
		{"GET", "/api/v1/rooms/r/bans", "", `"total":1`},
		{"DELETE", "/api/v1/rooms/r/bans/ann", "", ""},
		{"PATCH", "/api/v1/rooms/r/attributes", `{"attributes":{"a":"1","b":"2"}}`, `{"attributes":{"a":"1","b":"2"}`},
		{"PATCH", "/api/v1/rooms/r/attributes", `{"attributes":{"a":null}}`, `{"attributes":{"b":"2"}`},
		{"PATCH", "/api/v1/rooms/r/attributes", `{"attributes":{"a":"3"},"seq":99}`, "409 attribute_conflict"},
		{"PATCH", "/api/v1/rooms/r/counters", `{"mode":"increase","counters":{"likes":5}}`, `{"counters":{"likes":5}}`},
		{"PATCH", "/api/v1/rooms/r/counters", `{"mode":"Increase","counters":{"likes":5}}`, "400 bad_request"},
		{"GET", "/api/v1/rooms/r/counters", "", `{"counters":{"likes":5}}`},
		{"PUT", "/api/v1/rooms/r/seats/ann", "", ""},
		{"GET", "/api/v1/rooms/r/seats", "", `"user":"ann","state":"invited"`},
		{"DELETE", "/api/v1/rooms/r/seats/ann", "", ""},
		{"GET", "/api/v1/rooms/r/seats", "", `{"seats":[]}`},
		{"POST", "/api/v1/rooms/r/messages", `{"text":"hi","from":"host","priority":"High"}`, `"seq":`},
		{"POST", "/api/v1/rooms/r/messages", `{"text":"hi","priority":"Highest"}`, "400 bad_request"},
		{"POST", "/api/v1/rooms/r/messages", `{}`, "400 bad_request"},
		{"DELETE", "/api/v1/rooms/r/members/ann", "", ""},
		{"PUT", "/api/v1/fields/level", `{"read":"anyone","write":"admin"}`, ""},
		{"PUT", "/api/v1/fields/level", `{"read":"anyone","write":"owner"}`, ""},
		{"GET", "/api/v1/fields", "", `{"fields":[{"name":"level","of":"room","read":"anyone","write":"owner"}]}`},
		{"PUT", "/api/v1/fields/9level", `{}`, "400 bad_parameter"},
		{"PATCH", "/api/v1/rooms/r", `{"fields":{"level":"9"}}`, `"fields":{"level":"9"}`},
		{"POST", "/api/v1/words", `{"words":["frobnicate"]}`, ""},
		{"GET", "/api/v1/words", "", `{"words":["frobnicate"]}`},
		{"POST", "/api/v1/rooms/r/messages", `{"text":"frobnicate","from":"host"}`, "400 sensitive_text"},
		{"DELETE", "/api/v1/words", `{"words":["frobnicate"]}`, ""},
		{"POST", "/api/v1/words", `{"words":[]}`, "400 bad_request"},

		{"POST", "/api/v1/rooms", `{"id":"group","name":"Group","type":"Public","members":["bob"]}`, `"members":1`},
		{"PUT", "/api/v1/rooms/group/members/ann", "", ""},
		{"GET", "/api/v1/rooms/group/members?limit=1", "", `"total":2,"cursor":"1"`},
		{"GET", "/api/v1/rooms/group/members?limit=1&cursor=1", "", `"total":2}`},
		{"GET", "/api/v1/rooms/group/members?cursor=x", "", "400 bad_request"},
		{"DELETE", "/api/v1/rooms/group/members/ann", "", ""},
		{"POST", "/api/v1/rooms/group/messages", `{"text":"hi","from":"bob","random":7}`, `"seq":1`},
		{"GET", "/api/v1/rooms/group/messages", "", `"q":1,`},
		{"GET", "/api/v1/rooms/group/messages?after=1", "", `{"messages":[]}`},
		{"DELETE", "/api/v1/rooms/group", "", ""},
		{"DELETE", "/api/v1/rooms/r", "", ""},
		{"DELETE", "/api/v1/rooms/r", "", "404 no_such_room"},
	} {
		var body json.RawMessage
		to := &body
		if c.want == "" {
			to = nil
		}
		status, code := do(t, s, root, c.method, c.path, c.body, deref(to))
		got := string(body)
		if code != "" {
			got = strconv.Itoa(status) + " " + code
		}
		if code != "" && got != c.want || code == "" && !strings.Contains(got, c.want) || c.want == "" && status != http.StatusNoContent {
			t.Errorf("%s %s %s: got %d %s %s, want %s", c.method, c.path, c.body, status, code, got, c.want)
		}
	}
}

// deref is to as do takes it.
func deref(to *json.RawMessage) any {
	if to == nil {
		return nil
	}
	return to
}

// TestUserSigOfStoredApp: the command signs for an app that was made at run time, while the server runs.
func TestUserSigOfStoredApp(t *testing.T) {
	cfg := local(t)
	s, _ := start(t, cfg)
	var made struct {
		ID int `json:"id"`
	}
	must(t, s, userSig(t, "administrator"), "POST", "/api/v1/apps", `{"name":"shop"}`, &made)
	known, err := appsOf(rootCommand(), cfg, made.ID)
	if err != nil {
		t.Fatal(err)
	}
	app, err := appOf(known, made.ID)
	if err != nil {
		t.Fatal(err)
	}
	token, err := auth.Sign(app, "administrator", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	must(t, s, token, "GET", "/api/v1/rooms?sdkappid="+strconv.Itoa(made.ID), "", nil)
	if _, err := appOf(known, 7); err == nil {
		t.Error("it signs for an app that is not there")
	}
}
