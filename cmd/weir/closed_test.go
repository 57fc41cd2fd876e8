package main

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tencentyun/tls-sig-api-v2-golang/tencentyun"

	"weir/cdnrelay/admin"
	"weir/config"
	"weir/room/apps"
	"weir/room/auth"
)

// Why the pages are open.
const (
	aPage     = "a page holds nothing: its script has to prove what it asks for"
	pageParts = "what the pages are made of"
	ownWords  = "it proves its clients itself and refuses them in words of its own"
)

// open are the routes that need no authority, each with the reason. A route that is not here and does not refuse is a
// fault, so a new one is closed until somebody decides.
var open = map[string]string{
	"GET /{$}":                                  aPage,
	"GET /studio":                               aPage,
	"GET /address":                              aPage,
	"GET /watch/{room}/{stream}":                aPage,
	"GET /assets/":                              pageParts,
	"GET /images/{app}/{name}":                  "messages with pictures are read by everybody in a room; no name can be guessed",
	channelPattern:                              ownWords,
	channelPattern + "/":                        ownWords,
	restPattern:                                 ownWords,
	"GET /health":                               "CDNs probe it, and it says no more than whether the server is well",
	"GET /api/openapi.yaml":                     "it says nothing that the source does not",
	"OPTIONS /whip/{room}/{stream}":             "browsers ask it before they may send a token; TURN credentials need one",
	"OPTIONS /whip/{room}/{stream}/{session}":   "browsers ask it before they may send a token",
	"OPTIONS /whep/{room}/{stream}":             "browsers ask it before they may send a token; TURN credentials need one",
	"OPTIONS /whep/{room}/{stream}/{session}":   "browsers ask it before they may send a token",
	"GET /edge/{app}/{room}/{stream}":           ownWords,
	"GET /edge/{app}/{streamid}":                ownWords,
	"GET /edge/{app}/{room}/{stream}/{file}":    ownWords,
	"POST /edge/{app}/{room}/{stream}/keyframe": ownWords,
}

// openToPlay are the routes that everybody may use where auth.play is open.
var openToPlay = map[string]bool{
	"GET /api/v1/rooms/{room}/events": true, "POST /api/v1/beacon": true,
	"GET /live": true, "GET /live/{file}": true, "GET /live/{room}/{file}": true, "GET /live/{room}/{stream}/{file}": true,
	"GET /recordings/{room}/{stream}/{file}": true, "GET /recordings/{room}/{stream}/{id}/{file}": true, "GET /live/{room}/{stream}/poster.mp4": true,
	"POST /whep/{room}/{stream}": true, "PATCH /whep/{room}/{stream}/{session}": true, "DELETE /whep/{room}/{stream}/{session}": true,
}

// administrators are the routes that no signed address opens.
var administrators = func() map[string]bool {
	m := map[string]bool{"POST /api/v1/images": true, "GET /api/v1/streams": true, "GET /api/v1/doctor": true, "GET /live": true}
	for _, r := range slices.Concat(managed(nil), recordings(doors{}), relays(nil), pulls(nil, admin.Calls{}), addressRoutes(doors{})) {
		m[r.pattern] = strings.Contains(r.pattern, " /api/")
	}
	return m
}()

// overApps are the routes for administrators of the default app alone.
func overApps(pattern string) bool { return strings.Contains(pattern, " /api/v1/apps") }

// requests are what is asked of a route, for the stream s of the room r.
func requests(pattern string) (out []*http.Request) {
	method, path, named := strings.Cut(pattern, " ")
	if !named {
		method, path = http.MethodGet, pattern
	}
	files := []string{""}
	switch {
	case strings.HasSuffix(path, "{stream}/{file}"):
		files = []string{"main.m3u8", "layer-q.m3u8", "1.m4s", "init.mp4", "none"}
	case strings.HasSuffix(path, "{file}"):
		files = []string{"s.flv", "s.m3u8"}
	}
	for _, file := range files {
		r := httptest.NewRequest(method, strings.NewReplacer("{room}", "r", "{stream}", "s", "{session}", "1", "{file}", file, "{user}", "u", "{app}", "7", "{name}", "n", "{id}", "n", "{service}", "openim", "{command}", "sendmsg").Replace(path), nil)
		if strings.HasSuffix(path, "/events") {
			over, stop := context.WithCancel(r.Context())
			stop() // it would go on for ever
			r = r.WithContext(over)
		}
		if method == http.MethodPost {
			r.Header.Set("Content-Type", "application/sdp")
		}
		out = append(out, r)
	}
	return out
}

// actionOf is what a route needs a signature for.
func actionOf(pattern string) auth.Action {
	if strings.Contains(pattern, " /whip/") {
		return auth.ActionPublish
	}
	return auth.ActionPlay
}

// signedPath is the path that an address signs which leads to a request: of a session that which began it.
func signedPath(r *http.Request) string { return strings.TrimSuffix(r.URL.EscapedPath(), "/1") }

// byIDPattern is the route that has a stream id in the place of room and stream.
const byIDPattern = "GET /live/{file}"

// namesStream tells whether a request's path names the stream.
func namesStream(r *http.Request) bool {
	return strings.Contains(r.URL.Path, "/r/s") || strings.HasPrefix(r.URL.Path, "/live/s.")
}

// authority is a request's, made for the stream s of the room r or for something else.
type authority struct {
	name  string
	token string
	query func(p auth.Pass, d auth.Dialect, path string) string
	code  string // of the refusal
}

func TestRoutesAreClosed(t *testing.T) {
	cfg := local(t)
	cfg.Auth.Play, cfg.Playback.Wait = playSigned, time.Millisecond
	cfg.Auth.Apps = config.Apps{{ID: otherApp, Key: otherKey, Admins: []string{"boss"}}}
	s, _ := start(t, cfg)
	by, err := newAuthorizer(cfg, appsOfTest(t, cfg, testKey), nil)
	if err != nil {
		t.Fatal(err)
	}
	foreign, err := newAuthorizer(cfg, appsOfTest(t, cfg, "another key of an app that is not this one"), nil)
	if err != nil {
		t.Fatal(err)
	}
	sign := func(a *auth.Authorizer, p auth.Pass, d auth.Dialect, path string) string {
		query, err := a.SignQuery(d, p, path)
		if err != nil {
			t.Fatal(err)
		}
		return query
	}
	change := func(alter func(p *auth.Pass), also func(query string) string) func(auth.Pass, auth.Dialect, string) string {
		return func(p auth.Pass, d auth.Dialect, path string) string {
			alter(&p)
			name := p.Room + "/" + p.Stream
			if p.ID != "" {
				name = p.ID
			}
			path = strings.Replace(path, "/r/s", "/"+name, 1)
			return also(sign(by, p, d, strings.Replace(path, "/live/s.", "/live/"+name+".", 1)))
		}
	}
	inOther := func(p auth.Pass, d auth.Dialect, path string) string { p.App = otherApp; return sign(by, p, d, path) }
	const toOther = "sdkappid=1400000001"
	as := func(*auth.Pass) {}
	is := func(query string) string { return query }
	names := func(f func(string) string) func(string) string {
		return func(query string) string {
			pairs := strings.Split(query, "&")
			for i, pair := range pairs {
				name, value, _ := strings.Cut(pair, "=")
				pairs[i] = f(name) + "=" + value
			}
			return strings.Join(pairs, "&")
		}
	}
	const bad = "signature_invalid"
	ofStream := func(room, stream string) func(p *auth.Pass) {
		return func(p *auth.Pass) {
			switch {
			case p.ID == "":
				p.Room, p.Stream = room, stream
			case room == "r":
				p.ID = stream
			default: // of a room and stream, not of an id
				p.ID, p.Room, p.Stream = "", "s", "s"
			}
		}
	}
	wrong := []authority{
		{"another stream's", "", change(ofStream("r", "s2"), is), bad},
		{"another room's", "", change(ofStream("r2", "s"), is), bad},
		{"another action's", "", change(func(p *auth.Pass) { p.Action = auth.ActionPlay + auth.ActionPublish - p.Action }, is), bad},
		{"doubled", "", change(as, func(q string) string { return q + "&" + q }), bad},
		{"one doubled", "", change(as, func(q string) string { return q[:strings.IndexByte(q+"&", '&')] + "&" + q }), bad},
		{"in capitals", "", change(as, names(strings.ToUpper)), bad},
		{"empty", "", change(as, func(q string) string { return q[:strings.IndexByte(q, '=')+1] }), bad},
		{"values in the other case", "", change(as, swapCase), bad},
		{"swapped", "", change(as, swap), bad},
		{"over-long", "", change(as, func(q string) string { return "x=" + strings.Repeat("x", 9000) + "&" + q }), bad},
		{"of another key", "", func(p auth.Pass, d auth.Dialect, path string) string { return sign(foreign, p, d, path) }, bad},
		{"of another app", "", inOther, bad},
		{"sent to another app", "", change(as, func(q string) string { return toOther + "&" + q }), bad},
		{"of another app, sent to this one by number", "", func(p auth.Pass, d auth.Dialect, path string) string {
			return "sdkappid=1400000000&" + inOther(p, d, path)
		}, bad},
		{"expired", "", change(func(p *auth.Pass) { p.Expires = time.Now().Add(-2 * time.Second) }, is), "signature_expired"},
	}
	for _, route := range routes(doors{}) {
		if open[route.pattern] != "" {
			continue
		}
		for _, r := range requests(route.pattern) {
			pass := auth.Pass{Action: actionOf(route.pattern), Room: "r", Stream: "s", Expires: time.Now().Add(time.Hour)}
			if route.pattern == byIDPattern {
				pass.Room, pass.Stream, pass.ID = "", "", "s"
			}
			closedTo(t, s, r, "nobody", "", "", "token_missing")
			closedTo(t, s, r, "a forger", "x", "", "token_invalid")
			if route.pattern != "POST /api/v1/images" { // a picture is in no room
				closedTo(t, s, r, "a token of another room", limited(t, "other", 255), "", "")
			}
			closedTo(t, s, r, "a token without rights", limited(t, "r", 1), "", "")
			closedTo(t, s, r, "a token of another app", userSigOf(t, otherApp, otherKey, "boss"), "", "token_wrong_app")
			closedTo(t, s, r, "a token of another app with its name", userSigOf(t, otherApp, otherKey, "administrator"), "sdkappid=1400000000", "token_wrong_app")
			closedTo(t, s, r, "a token sent to another app", userSig(t, "administrator"), toOther, "token_wrong_app")
			closedTo(t, s, r, "a token of another app by our key", userSigOf(t, otherApp, testKey, "boss"), toOther, "token_invalid")
			if w := with(s, r, userSig(t, "administrator"), "sdkappid=7"); w.Code != http.StatusNotFound || codeOf(t, w) != "app_not_found" {
				t.Errorf("%s %s of no app: got %d %s", r.Method, r.URL.Path, w.Code, w.Body)
			}
			if w := with(s, r, userSigOf(t, otherApp, otherKey, "boss"), toOther); refused(w) != overApps(route.pattern) {
				t.Errorf("%s %s refuses the other app's administrator: %s", r.Method, r.URL.Path, w.Body)
			}
			for _, d := range []auth.Dialect{auth.DialectWeir, auth.DialectTencent, auth.DialectAlibaba} {
				for _, a := range wrong {
					code := a.code
					if r.Method == http.MethodPatch || r.Method == http.MethodDelete {
						if a.name == "expired" { // the session's secret id tells; see below
							continue
						}
					}
					if administrators[route.pattern] || !namesStream(r) { // Alibaba's signs a path
						code = ""
					}
					closedTo(t, s, r, d.String()+", "+a.name, "", a.query(pass, d, signedPath(r)), code)
				}
				query := sign(by, pass, d, signedPath(r))
				if administrators[route.pattern] {
					closedTo(t, s, r, d.String(), "", query, "token_missing")
					continue
				}
				if d == auth.DialectAlibaba && !namesStream(r) {
					closedTo(t, s, r, "a signed path that names no stream", "", query, bad)
					continue
				}
				if w := with(s, r, "", toOther+"&"+inOther(pass, d, signedPath(r))); w.Code == http.StatusUnauthorized || w.Code == http.StatusForbidden {
					t.Errorf("%s %s refuses a good address of another app in the dialect %v: %s", r.Method, r.URL.Path, d, w.Body)
				}
				if w := with(s, r, "", query); w.Code == http.StatusUnauthorized || w.Code == http.StatusForbidden {
					t.Errorf("%s %s refuses a good address in the dialect %v: %s", r.Method, r.URL.Path, d, w.Body)
				}
			}
			if w := with(s, r, userSig(t, "administrator"), ""); w.Code == http.StatusUnauthorized || w.Code == http.StatusForbidden {
				t.Errorf("%s %s refuses an administrator: %s", r.Method, r.URL.Path, w.Body)
			}
		}
	}
}

func refused(w *httptest.ResponseRecorder) bool {
	return w.Code == http.StatusUnauthorized || w.Code == http.StatusForbidden
}

// swap exchanges the last two fields of a signature.
func swap(query string) string {
	cut := "."
	switch {
	case strings.HasPrefix(query, "auth_key"):
		cut = "-"
	case strings.HasPrefix(query, "txSecret"):
		first, second, _ := strings.Cut(query, "&")
		return second + "&" + first
	}
	name, value, _ := strings.Cut(query, "=")
	fields := strings.Split(value, cut)
	n := len(fields)
	fields[n-1], fields[0] = fields[0], fields[n-1]
	return name + "=" + strings.Join(fields, cut)
}

// swapCase changes the case of what is signed: of the time in Tencent's dialect, of the rest in weir's. Alibaba's has
// nothing but digits and a hash whose case does not matter, and gets a digit more.
func swapCase(query string) string {
	other := func(c rune) rune {
		switch {
		case c >= 'a' && c <= 'z':
			return c - 'a' + 'A'
		case c >= 'A' && c <= 'Z':
			return c - 'A' + 'a'
		default:
			return c
		}
	}
	switch name, value, _ := strings.Cut(query, "="); name {
	case "sign":
		return name + "=" + strings.Map(other, value)
	case "txSecret":
		hash, at, _ := strings.Cut(query, "&txTime=")
		if changed := strings.Map(other, at); changed != at {
			return hash + "&txTime=" + changed
		}
		return hash + "&txTime=" + at + "0"
	default:
		return query + "0"
	}
}

// The app beside the default one.
const (
	otherApp = 1400000001
	otherKey = "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210"
)

func userSig(t *testing.T, user string) string { return userSigOf(t, 1400000000, testKey, user) }

func userSigOf(t *testing.T, app int, key auth.Secret, user string) string {
	t.Helper()
	token, err := auth.Sign(auth.App{ID: app, Key: key}, user, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func limited(t *testing.T, room string, rights uint32) string {
	t.Helper()
	token, err := tencentyun.GenPrivateMapKeyWithStringRoomID(1400000000, testKey, "ann", 3600, room, rights)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// with sends a request with a token and a query.
func with(s *server, r *http.Request, token, query string) *httptest.ResponseRecorder {
	r = r.Clone(r.Context())
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	r.URL.RawQuery = query
	if strings.HasSuffix(r.URL.Path, "/events") {
		r.URL.RawQuery = "stream=s&" + query
	}
	if strings.HasSuffix(r.URL.Path, "/beacon") {
		r.Body = io.NopCloser(strings.NewReader(`{"room":"r","stream":"s","viewer":"12345678","form":"hls"}`))
	}
	w := httptest.NewRecorder()
	s.public.server.Handler.ServeHTTP(w, r)
	return w
}

// closedTo expects that a request is refused, with the code if it is not empty.
func closedTo(t *testing.T, s *server, r *http.Request, who, token, query, code string) {
	t.Helper()
	w := with(s, r, token, query)
	if w.Code != http.StatusUnauthorized && w.Code != http.StatusForbidden || code != "" && codeOf(t, w) != code {
		t.Errorf("%s %s, %s (%s): got %d %s, want %s", r.Method, r.URL.Path, who, query, w.Code, w.Body, code)
	}
}

// TestRoutesThatAreOpen: a route that somebody opened is there, and refuses nobody.
func TestRoutesThatAreOpen(t *testing.T) {
	cfg := local(t)
	cfg.Playback.Wait = time.Millisecond
	s, _ := start(t, cfg)
	var patterns []string
	for _, route := range routes(doors{}) {
		patterns = append(patterns, route.pattern)
		isOpen := open[route.pattern] != "" || openToPlay[route.pattern]
		for _, r := range requests(route.pattern) {
			w := with(s, r, "", "")
			if refused := w.Code == http.StatusUnauthorized || w.Code == http.StatusForbidden; refused == isOpen {
				t.Errorf("%s answers %d to nobody where playing is open, and stands as open: %v", route.pattern, w.Code, isOpen)
			}
		}
	}
	for pattern := range open {
		if !slices.Contains(patterns, pattern) {
			t.Errorf("%s is opened and is not there", pattern)
		}
	}
	for pattern := range openToPlay {
		if !slices.Contains(patterns, pattern) {
			t.Errorf("%s is opened to play and is not there", pattern)
		}
	}
}

// TestOneUse: an address for one use is used once, in a race too, and after a restart.
func TestOneUse(t *testing.T) {
	cfg := local(t)
	by, err := newAuthorizer(cfg, appsOfTest(t, cfg, testKey), nil)
	if err != nil {
		t.Fatal(err)
	}
	query, err := by.SignQuery(auth.DialectWeir, auth.Pass{
		Action: auth.ActionPublish, Room: "r", Stream: "s", Once: "n", Expires: time.Now().Add(time.Hour),
	}, "/whip/r/s")
	if err != nil {
		t.Fatal(err)
	}
	post := requests("POST /whip/{room}/{stream}")[0]
	s, stop := start(t, cfg)
	codes := make(chan string, 8)
	for range cap(codes) {
		go func() {
			w := with(s, post, "", query)
			codes <- codeOf(t, w)
		}()
	}
	used := 0
	for range cap(codes) {
		if code := <-codes; code == "address_used" {
			used++
		} else if code != "bad_offer" { // it was let in, with nothing to offer
			t.Errorf("got %s", code)
		}
	}
	if used != cap(codes)-1 {
		t.Errorf("%d of %d were refused", used, cap(codes))
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	again, _ := start(t, cfg)
	closedTo(t, again, post, "after a restart", "", query, "address_used")
}

// appsOfTest are the configured apps, the default one with a key.
func appsOfTest(t *testing.T, cfg *config.Config, key auth.Secret) *apps.Apps {
	t.Helper()
	known, err := loadApps(cfg, key, nil, nil, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return known
}
