package api

import (
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/tencentyun/tls-sig-api-v2-golang/tencentyun"

	"weir/room/auth"
	"weir/room/live"
)

// urlAPI is an API in front of whose addresses stands an Authorizer.
func urlAPI(t *testing.T, change func(o *auth.Options)) (*API, *auth.Authorizer) {
	t.Helper()
	o := auth.Options{
		App: auth.App{ID: 1, Key: key, Admins: []string{"root"}}, PlaySigned: true,
		Dialects: []auth.Dialect{auth.DialectTencent, auth.DialectAlibaba},
	}
	if change != nil {
		change(&o)
	}
	by, err := auth.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return New(Options{
		Lister: streams, Auth: by, URLs: by, Log: slog.New(slog.DiscardHandler), Hub: live.NewRegistry(live.Options{MaxStreams: 1}),
		Site: func(r *http.Request) (auth.Site, error) {
			if r.Host == "bad" {
				return auth.Site{}, errors.New("no host")
			}
			return auth.Site{HTTP: "https://" + r.Host, RTMP: "rtmp://" + r.Host}, nil
		},
	}), by
}

// askURLs asks for the addresses of demo/cam.
func askURLs(a *API, token, query string) (*httptest.ResponseRecorder, urlsJSON) {
	r := httptest.NewRequest(http.MethodGet, "/api/v1/streams/demo/cam/urls?"+query, nil)
	r.Host = "live.example.com"
	if strings.Contains(query, "host=bad") {
		r.Host = "bad"
	}
	r.SetPathValue("room", "demo")
	r.SetPathValue("stream", "cam")
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	w := httptest.NewRecorder()
	a.URLs(w, r)
	var out urlsJSON
	_ = json.Unmarshal(w.Body.Bytes(), &out) // a problem has other fields
	return w, out
}

// opens tells what an address opens.
func opens(t *testing.T, by *auth.Authorizer, action auth.Action, address string) (auth.Grant, error) {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, strings.NewReplacer("wss:", "https:", "rtmp:", "https:", "#", "?").Replace(address), nil)
	return by.Authorize(t.Context(), auth.RequestOf(r, action, "demo", "cam"))
}

func TestURLs(t *testing.T) {
	viewer, err := tencentyun.GenPrivateMapKeyWithStringRoomID(1, string(key), "ann", 3600, "demo", 42)
	if err != nil {
		t.Fatal(err)
	}
	sender, err := tencentyun.GenPrivateMapKeyWithStringRoomID(1, string(key), "host", 3600, "demo", uint32(auth.RightSendAudio|auth.RightSendVideo))
	if err != nil {
		t.Fatal(err)
	}
	a, by := urlAPI(t, nil)
	for _, tc := range []struct {
		name, token, query string
		play, publish      bool
		viewer, publisher  string
		most               time.Duration // that they may live
	}{
		{"a user", sign(t, "ann"), "", true, true, "", "ann", time.Hour},
		{"an administrator", sign(t, "root"), "ttl=48h", true, true, "", "root", 48 * time.Hour},
		{"an administrator for somebody", sign(t, "root"), "viewer=bob", true, true, "bob", "bob", 24 * time.Hour},
		{"who may receive only", viewer, "ttl=48h", true, false, "ann", "", time.Hour},
		{"who may send only", sender, "ttl=1m", false, true, "", "host", time.Minute},
		{"in Tencent's dialect", sign(t, "root"), "dialect=tencent", true, true, "", "", 24 * time.Hour},
		{"a user in Tencent's, which has no names", sign(t, "ann"), "dialect=tencent", true, false, "", "", time.Hour},
		{"a user in Alibaba's, which has them", sign(t, "ann"), "dialect=alibaba", true, true, "", "ann", time.Hour},
		{"a user whose name it cannot write", sign(t, "ann-a"), "dialect=alibaba", true, false, "", "", time.Hour},
		{"in Alibaba's", sign(t, "root"), "dialect=alibaba&viewer=bob", true, true, "bob", "bob", 24 * time.Hour},
	} {
		w, got := askURLs(a, tc.token, tc.query)
		if w.Code != http.StatusOK || (got.Play != nil) != tc.play || (got.Publish != nil) != tc.publish || w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d %s", tc.name, w.Code, w.Body)
			continue
		}
		if strings.Contains(w.Body.String(), `\u0026`) {
			t.Errorf("%s: its addresses cannot be copied as they are: %s", tc.name, w.Body)
		}
		if left := time.Until(got.Expires); left > tc.most || left < tc.most-time.Minute {
			t.Errorf("%s: they live %v", tc.name, left)
		}
		if tc.play {
			for _, address := range []string{got.Play.FLV, got.Play.HLS, got.Play.WSFLV, got.Play.WebRTC} {
				if g, err := opens(t, by, auth.ActionPlay, address); err != nil || g.User != tc.viewer || !g.Expires.Equal(got.Expires) {
					t.Errorf("%s: %s opens as %+v, %v", tc.name, address, g, err)
				}
			}
			if g, err := opens(t, by, auth.ActionPlay, got.Play.Watch); err != nil || g.User != tc.viewer {
				t.Errorf("%s: %s opens as %+v, %v", tc.name, got.Play.Watch, g, err)
			}
		}
		if tc.publish {
			for _, address := range []string{got.Publish.WHIP, got.Publish.RTMP} {
				if g, err := opens(t, by, auth.ActionPublish, address); err != nil || g.User != tc.publisher {
					t.Errorf("%s: %s opens as %+v, %v", tc.name, address, g, err)
				}
			}
		}
	}
}

func TestURLsPromise(t *testing.T) {
	viewer, err := tencentyun.GenPrivateMapKeyWithStringRoomID(1, string(key), "ann", 3600, "demo", 42)
	if err != nil {
		t.Fatal(err)
	}
	a, by := urlAPI(t, nil)
	_, got := askURLs(a, viewer, "end=1&ttl=10m")
	g, err := opens(t, by, auth.ActionPlay, got.Play.FLV)
	if err != nil || !g.Ends.Equal(got.Expires) {
		t.Errorf("got %+v, %v", g, err)
	}
	// What was made with an address cannot be more than that.
	_, query, _ := strings.Cut(got.Play.FLV, "?")
	w, again := askURLs(a, "", query+"&ttl=5h")
	if w.Code != http.StatusOK || again.Publish != nil || again.Expires.After(got.Expires) {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	if g, err := opens(t, by, auth.ActionPlay, again.Play.HLS); err != nil || g.Ends.IsZero() || g.User != "ann" {
		t.Errorf("got %+v, %v", g, err)
	}
	// Nor can it lose the name of its viewer.
	_, got = askURLs(a, viewer, "ttl=10m")
	_, query, _ = strings.Cut(got.Play.FLV, "?")
	if w, _ := askURLs(a, "", query+"&dialect=tencent"); w.Code != http.StatusBadRequest {
		t.Errorf("in a dialect without names: %d %s", w.Code, w.Body)
	}
	_, again = askURLs(a, "", query+"&dialect=alibaba")
	if g, err := opens(t, by, auth.ActionPlay, again.Play.FLV); err != nil || g.User != "ann" {
		t.Errorf("in a dialect with names: %+v, %v", g, err)
	}
	// Without a memory of uses nothing that is for one use opens.
	_, once := askURLs(a, sign(t, "ann"), "once=1")
	if _, err := opens(t, by, auth.ActionPublish, once.Publish.WHIP); !errors.Is(err, auth.ErrUsed) {
		t.Error(err)
	}
}

func TestURLsRefuse(t *testing.T) {
	a, _ := urlAPI(t, nil)
	ann, root := sign(t, "ann"), sign(t, "root")
	elsewhere, err := tencentyun.GenPrivateMapKeyWithStringRoomID(1, string(key), "ann", 3600, "other", 255)
	if err != nil {
		t.Fatal(err)
	}
	silent, err := tencentyun.GenPrivateMapKeyWithStringRoomID(1, string(key), "ann", 3600, "demo", uint32(auth.RightSendVideo))
	if err != nil {
		t.Fatal(err)
	}
	sender, err := tencentyun.GenPrivateMapKeyWithStringRoomID(1, string(key), "host", 3600, "demo", uint32(auth.RightSendAudio|auth.RightSendVideo))
	if err != nil {
		t.Fatal(err)
	}
	deaf, err := tencentyun.GenPrivateMapKeyWithStringRoomID(1, string(key), "ann", 3600, "demo", uint32(auth.RightEnterRoom|auth.RightReceiveVideo))
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name, token, query string
		status             int
		code               string
	}{
		{"who may receive pictures only", deaf, "", 403, "forbidden"}, // an address would allow sound, too
		{"who may send pictures only", silent, "", 403, "forbidden"},  // an address would allow sound, too
		{"nobody", "", "", 401, "token_missing"},
		{"a forger", "x", "", 401, "token_invalid"},
		{"a forged address", "", "sign=x", 403, "signature_invalid"},
		{"of another room", elsewhere, "", 403, "forbidden"},
		{"for somebody else", ann, "viewer=bob", 403, "forbidden"},
		{"a time that is none", ann, "ttl=soon", 400, "bad_request"},
		{"no time", ann, "ttl=0s", 400, "bad_request"},
		{"too long", ann, "ttl=1000000h", 400, "bad_request"},
		{"a viewer that is none", root, "viewer=a.b", 400, "bad_request"},
		{"a promise that is none", ann, "end=maybe", 400, "bad_request"},
		{"an unknown dialect", ann, "dialect=klingon", 400, "bad_dialect"},
		{"what the dialect cannot say", ann, "dialect=tencent&end=1", 400, "bad_dialect"},
		{"an address that names nobody", sender, "dialect=tencent", 400, "bad_dialect"}, // it would outlive a seat
		{"a host that is none", ann, "host=bad", 400, "bad_request"},
	} {
		w, _ := askURLs(a, tc.token, tc.query)
		var body problem
		if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil || w.Code != tc.status || body.Code != tc.code {
			t.Errorf("%s: got %d %s", tc.name, w.Code, w.Body)
		}
	}
}

// Where playing is open its addresses hold no secret, and still are told to nobody.
func TestURLsWherePlayingIsOpen(t *testing.T) {
	a, _ := urlAPI(t, func(o *auth.Options) { o.PlaySigned = false })
	if w, _ := askURLs(a, "", ""); w.Code != http.StatusUnauthorized {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
	if _, got := askURLs(a, sign(t, "ann"), ""); got.Play.FLV != "https://live.example.com/live/demo/cam.flv" {
		t.Errorf("got %+v", got.Play)
	}
}

// TestURLsByStreamID: a stream that is live is told with the addresses by its id. Only administrators get those of an id that
// the stream does not have: it may be another room's stream that has it later.
func TestURLsByStreamID(t *testing.T) {
	a, by := urlAPI(t, nil)
	admin, host := sign(t, "root"), sign(t, "host")
	if w, got := askURLs(a, host, ""); w.Code != http.StatusOK || got.Play.ByID != nil {
		t.Errorf("no id: got %d, %+v", w.Code, got.Play)
	}
	if w, _ := askURLs(a, host, "streamid=concert"); w.Code != http.StatusForbidden {
		t.Errorf("another's id: got %d %s", w.Code, w.Body)
	}
	if w, _ := askURLs(a, admin, "streamid=a/b"); w.Code != http.StatusBadRequest {
		t.Errorf("no id at all: got %d %s", w.Code, w.Body)
	}
	if w, got := askURLs(a, admin, "streamid=concert"); w.Code != http.StatusOK || got.Play.ByID == nil || got.Play.ByID.ID != "concert" {
		t.Errorf("an administrator: got %d %+v", w.Code, got.Play)
	}
	hub := a.hub.(*live.Registry)
	if _, err := hub.Publish(live.Key{App: "1", Room: "demo", Stream: "cam"}, live.PublishOptions{User: "host", ID: "1_demo_host_main"}); err != nil {
		t.Fatal(err)
	}
	w, got := askURLs(a, host, "")
	if w.Code != http.StatusOK || got.Play.ByID == nil {
		t.Fatalf("while it is live: got %d %s", w.Code, w.Body)
	}
	path, query, _ := strings.Cut(strings.TrimPrefix(got.Play.ByID.HLS, "https://live.example.com"), "?")
	r := auth.Request{Action: auth.ActionPlay, ID: "1_demo_host_main", Room: "demo", Stream: "cam", Path: path, Query: query}
	if _, err := by.Authorize(t.Context(), r); err != nil {
		t.Errorf("%s: %v", got.Play.ByID.HLS, err)
	}
}
