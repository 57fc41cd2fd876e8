package rest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"weir/cdnrelay/admin"
	"weir/room/auth"
)

const appKey = "0123456789abcdef0123456789abcdef"

// rig is a generator in front of whose addresses stands an Authorizer.
func rig(t *testing.T) (*auth.Authorizer, func(body string) (int, string)) {
	t.Helper()
	by, err := auth.New(auth.Options{
		App: auth.App{ID: 1400000000, Key: appKey, Admins: []string{"root"}}, PlaySigned: true,
		Dialects: []auth.Dialect{auth.DialectTencent, auth.DialectAlibaba},
	})
	if err != nil {
		t.Fatal(err)
	}
	token, err := auth.Sign(auth.App{ID: 1400000000, Key: appKey}, "root", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	g := &Generator{Builder: by, Now: time.Now, Site: func(r *http.Request) (auth.Site, error) {
		return auth.Site{HTTP: "https://" + r.Host, RTMP: "rtmp://" + r.Host}, nil
	}}
	h := admin.Calls{Auth: by, Problem: func(w http.ResponseWriter, _ *http.Request, status int, code, detail string) {
		w.WriteHeader(status)
		_, _ = fmt.Fprint(w, code, detail)
	}}.To(g.Create)
	return by, func(body string) (int, string) {
		r := httptest.NewRequest(http.MethodPost, "/api/v1/addresses", strings.NewReader(body))
		r.Host = "live.example.com"
		r.Header.Set("Authorization", "Bearer "+token)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w.Code, w.Body.String()
	}
}

// B31: what is generated for this server opens it, and altered does not.
func TestB31(t *testing.T) {
	by, ask := rig(t)
	const id = "1400000000_demo_host_main"
	for _, dialect := range []string{"weir", "tencent", "alibaba"} {
		for what, body := range map[string]string{
			"a room and stream": `{"room":"demo","stream":"cam","dialect":"%s"}`,
			"a stream id":       `{"streamid":"` + id + `","dialect":"%s","ttl":"90s"}`,
		} {
			status, text := ask(fmt.Sprintf(body, dialect))
			var got struct {
				Room, Stream string
				Expires      time.Time
				Push         struct{ RTMP, Server, Key, WHIP string }
				Play         auth.PlayURLs
			}
			if err := json.Unmarshal([]byte(text), &got); err != nil || status != http.StatusOK {
				t.Fatalf("%s, %s: %d %s", dialect, what, status, text)
			}
			r := auth.Request{Action: auth.ActionPublish, Room: got.Room, Stream: got.Stream}
			if what == "a stream id" {
				r.ID = id
				if left := time.Until(got.Expires); got.Room != "demo" || got.Stream != "host" || left > 90*time.Second {
					t.Errorf("%s: %s", dialect, text)
				}
			}
			u, err := url.Parse(got.Push.RTMP)
			if err != nil || got.Push.Server+"/"+got.Push.Key != got.Push.RTMP || got.Push.Server != "rtmp://live.example.com/live" {
				t.Fatalf("%s, %s: %+v", dialect, what, got.Push)
			}
			r.Path, r.Query = u.EscapedPath(), u.RawQuery
			if _, err := by.Authorize(t.Context(), r); err != nil {
				t.Errorf("%s, %s: %v", dialect, what, err)
			}
			altered := r
			altered.Path += "2"
			if altered.Stream += "2"; altered.ID != "" {
				altered.ID += "2"
			}
			if _, err := by.Authorize(t.Context(), altered); err == nil {
				t.Errorf("%s, %s: another stream is open, too", dialect, what)
			}
			if got.Push.WHIP == "" || got.Play.FLV == "" || got.Play.HLS == "" {
				t.Errorf("%s, %s: %s", dialect, what, text)
			}
		}
	}
}

func TestCDN(t *testing.T) {
	_, ask := rig(t)
	status, text := ask(`{"push_host":"push.example.com","play_host":"play.example.com","stream":"cam","dialect":"tencent","push_key":"k"}`)
	if status != http.StatusOK || !strings.Contains(text, `"rtmp":"rtmp://push.example.com/live/cam?txSecret=`) ||
		!strings.Contains(text, `"flv":"https://play.example.com/live/cam.flv"`) || strings.Contains(text, `"room"`) {
		t.Errorf("%d %s", status, text)
	}
	if status, text := ask(`{"push_host":"push.example.com","streamid":"id","dialect":"plain"}`); status != http.StatusOK ||
		!strings.Contains(text, `"rtmp":"rtmp://push.example.com/live/id"`) {
		t.Errorf("%d %s", status, text)
	}
}

// TestAnotherWeir: of all that signs, weir's own dialect needs the app there.
func TestAnotherWeir(t *testing.T) {
	_, ask := rig(t)
	const body = `{"push_host":"push.example.com","play_host":"play.example.com","stream":"cam","push_key":"k","dialect":`
	if status, text := ask(body + `"weir","sdkappid":7}`); status != http.StatusOK ||
		!strings.Contains(text, `"rtmp":"rtmp://push.example.com/live/cam?sdkappid=7&sign=w1.`) || !strings.Contains(text, `"flv":"https://play.example.com/live/cam.flv?sdkappid=7"`) {
		t.Errorf("%d %s", status, text)
	}
	for _, more := range []string{`"weir"}`, `"tencent","sdkappid":7}`, `"weir","sdkappid":-7}`, `"weir","sdkappid":"7"}`} {
		if status, text := ask(body + more); status != http.StatusBadRequest {
			t.Errorf("%s: %d %s", more, status, text)
		}
	}
	if status, text := ask(`{"room":"r","stream":"s","sdkappid":7}`); status != http.StatusBadRequest {
		t.Errorf("of a stream here: %d %s", status, text)
	}
}

func TestRefuses(t *testing.T) {
	_, ask := rig(t)
	for name, body := range map[string]string{
		"nothing":                `{}`,
		"no stream":              `{"room":"r"}`,
		"a bad room":             `{"room":"a/b","stream":"s"}`,
		"a bad id":               `{"streamid":"a/b"}`,
		"a bad id beside a room": `{"room":"r","stream":"s","streamid":"a/b"}`,
		"a bad time":             `{"room":"r","stream":"s","ttl":"soon"}`,
		"no time":                `{"room":"r","stream":"s","ttl":"0s"}`,
		"for ever":               `{"room":"r","stream":"s","ttl":"999999h"}`,
		"no dialect of ours":     `{"room":"r","stream":"s","dialect":"plain"}`,
		"a user in tencent's":    `{"room":"r","stream":"s","dialect":"tencent","user":"ann"}`,
		"a key of ours":          `{"room":"r","stream":"s","push_key":"k"}`,
		"a room of a CDN":        `{"push_host":"h","room":"r","stream":"s","dialect":"plain"}`,
		"two names at a CDN":     `{"push_host":"h","streamid":"r","stream":"s","dialect":"plain"}`,
		"no dialect of a CDN":    `{"push_host":"h","stream":"s"}`,
		"no key of a CDN":        `{"push_host":"h","stream":"s","dialect":"tencent"}`,
		"an unknown dialect":     `{"push_host":"h","stream":"s","dialect":"x","push_key":"k"}`,
		"a host with a path":     `{"push_host":"h/x","stream":"s","dialect":"plain"}`,
		"a long key":             `{"push_host":"h","stream":"s","dialect":"tencent","push_key":"` + strings.Repeat("k", 300) + `"}`,
	} {
		if status, text := ask(body); status != http.StatusBadRequest || strings.Contains(text, "kkk") {
			t.Errorf("%s: got %d %s", name, status, text)
		}
	}
}
