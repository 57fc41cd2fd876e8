package push

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"weir/room/auth"
	"weir/room/live"
)

// gate lets one administrator in.
type gate struct{}

func (gate) Authorize(_ context.Context, r auth.Request) (auth.Grant, error) {
	if r.Action != auth.ActionAdmin || r.Token != "boss" {
		return auth.Grant{}, auth.ErrForbidden
	}
	return auth.Grant{App: max(r.App, 1), User: "boss"}, nil
}

// call sends a request to the REST calls, mounted as cmd does.
func call(t *testing.T, m *Manager, token, method, path, body string) (int, map[string]any) {
	t.Helper()
	rest := &REST{Manager: m, Auth: gate{}, Problem: func(w http.ResponseWriter, _ *http.Request, status int, code, detail string) {
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(map[string]string{"code": code, "detail": detail})
	}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/v1/relays", rest.List)
	mux.HandleFunc("POST /api/v1/relays", rest.Create)
	mux.HandleFunc("GET /api/v1/relays/{id}", rest.Get)
	mux.HandleFunc("DELETE /api/v1/relays/{id}", rest.Delete)
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+token)
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, r)
	if location := w.Header().Get("Location"); (w.Code == http.StatusCreated) != (location != "") {
		t.Errorf("%d with Location %q", w.Code, location)
	}
	if strings.Contains(w.Body.String(), "hunter2") {
		t.Errorf("a secret shows: %s", w.Body)
	}
	out := map[string]any{}
	if w.Body.Len() > 0 {
		if err := json.Unmarshal(w.Body.Bytes(), &out); err != nil {
			t.Fatalf("%s: %v", w.Body, err)
		}
	}
	return w.Code, out
}

// TestREST: administrators make, see and delete relays of their app, and see no secret.
func TestREST(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := testOptions()
		o.Rules = []Task{{Room: "*", Stream: "*", To: "rtmp://127.0.0.1/live/hunter2-{stream}"}}
		r := newRig(t, o)
		c := r.publish("demo", "cam", live.PublishOptions{})
		c.film(time.Second)
		body := `{"room": "demo", "stream": "*", "to": "rtmp://u:hunter2@cdn.example.com/live/hunter2", "token": "hunter2",
			"audio": "aac", "sign": {"dialect": "tencent", "key": "hunter2"}}`
		status, made := call(t, r.m, "boss", "POST", "/api/v1/relays", body)
		if status != http.StatusCreated || made["to"] != "rtmp://cdn.example.com/live/***" || made["signed"] != "tencent" || made["by"] != "boss" {
			t.Fatalf("made: %d %v", status, made)
		}
		begun, _ := made["destinations"].([]any)
		if len(begun) != 1 || !slices.Contains([]any{"connecting", "running"}, begun[0].(map[string]any)["state"]) ||
			begun[0].(map[string]any)["since"] != begun[0].(map[string]any)["began"] {
			t.Errorf("when it has just begun: %v", made)
		}
		c.film(time.Second)
		path := "/api/v1/relays/" + fmt.Sprint(made["id"])
		status, got := call(t, r.m, "boss", "GET", path, "")
		list, _ := got["destinations"].([]any)
		if status != http.StatusOK || len(list) != 1 || list[0].(map[string]any)["state"] != "running" {
			t.Errorf("got: %d %v", status, got)
		}
		_, all := call(t, r.m, "boss", "GET", "/api/v1/relays", "")
		if relays, _ := all["relays"].([]any); len(relays) != 2 {
			t.Errorf("listed: %v", all)
		}
		_, all = call(t, r.m, "boss", "GET", "/api/v1/relays?sdkappid=7", "") // the rule holds for every app
		if text := fmt.Sprint(all); strings.Count(text, "origin:") != 1 || strings.Contains(text, "cam") {
			t.Errorf("listed for another app: %v", all)
		}
		for _, refused := range []struct {
			token, method, path, body string
			status                    int
			code                      string
		}{
			{"", "GET", "/api/v1/relays", "", 403, "forbidden"},
			{"guest", "POST", "/api/v1/relays", body, 403, "forbidden"},
			{"guest", "GET", path, "", 403, "forbidden"},
			{"guest", "DELETE", path, "", 403, "forbidden"},
			{"boss", "GET", "/api/v1/relays/none", "", 404, "relay_not_found"},
			{"boss", "DELETE", "/api/v1/relays/none", "", 404, "relay_not_found"},
			{"boss", "DELETE", path + "?sdkappid=7", "", 404, "relay_not_found"},
			{"boss", "DELETE", "/api/v1/relays/rule-1", "", 409, "relay_fixed"},
			{"boss", "POST", "/api/v1/relays", body, 409, "relay_exists"},
			{"boss", "POST", "/api/v1/relays", "", 400, "bad_request"},
			{"boss", "POST", "/api/v1/relays", `{"room": "demo"}`, 400, "bad_request"},
			{"boss", "POST", "/api/v1/relays", `{"rooms": "demo"}`, 400, "bad_request"},
			{"boss", "POST", "/api/v1/relays", body + "{}", 400, "bad_request"},
			{"boss", "POST", "/api/v1/relays", `{"room": "demo", "stream": "*", "to": "rtmp://10.0.0.1/live/hunter2"}`, 400, "bad_request"},
			{"boss", "POST", "/api/v1/relays", `{"room": "` + strings.Repeat("x", maxBody) + `"}`, 400, "bad_request"},
		} {
			if status, got := call(t, r.m, refused.token, refused.method, refused.path, refused.body); status != refused.status || got["code"] != refused.code {
				t.Errorf("%s %s %.60s: %d %v", refused.method, refused.path, refused.body, status, got)
			}
		}
		if status, _ := call(t, r.m, "boss", "DELETE", path, ""); status != http.StatusNoContent {
			t.Errorf("deleted: %d", status)
		}
		c.pub.End(errTest)
	})
}
