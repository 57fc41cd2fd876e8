package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"weir/room/auth"
)

const whipOffer = `v=0
o=- 1 1 IN IP4 0.0.0.0
s=-
t=0 0
a=group:BUNDLE 0
a=ice-ufrag:abcdef
a=ice-pwd:abcdefghijklmnopqrstuvwx
a=fingerprint:sha-256 DB:94:53:1D:BC:21:8E:F4:13:AC:8C:A7:47:43:8A:8B:97:6B:62:84:60:19:D9:AB:3C:62:5B:1A:5D:1E:93:E4
a=setup:actpass
m=audio 9 UDP/TLS/RTP/SAVPF 111
c=IN IP4 0.0.0.0
a=mid:0
a=sendonly
a=rtcp-mux
a=rtpmap:111 opus/48000/2
`

// TestWHIPAcrossOrigins is WH-21 to WH-23 of RFC 9725's checklist with all that stands before the door: a page of
// another origin publishes, and may read what it needs of every answer.
func TestWHIPAcrossOrigins(t *testing.T) {
	const page = "https://page.example"
	cfg := local(t)
	cfg.HTTP.Origins = []string{page}
	s, _ := start(t, cfg)
	sig, err := auth.Sign(newApp(cfg, testKey), "host", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	ask := func(method, path, body string, pairs ...string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(method, path, strings.NewReader(strings.ReplaceAll(body, "\n", "\r\n")))
		for i := 0; i < len(pairs); i += 2 {
			r.Header.Set(pairs[i], pairs[i+1])
		}
		w := httptest.NewRecorder()
		s.public.server.Handler.ServeHTTP(w, r)
		return w
	}
	has := func(w *httptest.ResponseRecorder, status int, name string, parts ...string) {
		t.Helper()
		got := w.Header().Get(name)
		for _, part := range parts {
			if w.Code != status || !strings.Contains(got, part) {
				t.Errorf("%d with %s %q, want %d with %q: %s", w.Code, name, got, status, part, w.Body)
			}
		}
	}
	const endpoint = "/whip/room/cam"
	bearer := "Bearer " + sig

	pre := ask("OPTIONS", endpoint, "", "Origin", page, "Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "authorization,content-type")
	has(pre, 200, "Access-Control-Allow-Origin", page)
	has(pre, 200, "Access-Control-Allow-Methods", "POST", "PATCH", "DELETE")
	has(pre, 200, "Access-Control-Allow-Headers", "Authorization", "Content-Type", "If-Match")
	has(pre, 200, "Accept-Post", "application/sdp")
	has(ask("OPTIONS", endpoint, ""), 200, "Accept-Post", "application/sdp")
	has(ask("OPTIONS", endpoint, "", "Origin", "https://evil.test", "Access-Control-Request-Method", "POST"), 403, "Vary", "Origin")

	post := ask("POST", endpoint, whipOffer, "Origin", page, "Authorization", bearer, "Content-Type", "application/sdp")
	has(post, 201, "Access-Control-Allow-Origin", page)
	has(post, 201, "Access-Control-Expose-Headers", "Location", "ETag", "Link", "Retry-After", "WWW-Authenticate", "Accept-Patch")
	has(post, 201, "ETag", `"`)
	session := post.Header().Get("Location")
	pre = ask("OPTIONS", session, "", "Origin", page, "Access-Control-Request-Method", "PATCH")
	has(pre, 200, "Accept-Patch", "application/trickle-ice-sdpfrag")
	has(pre, 200, "Access-Control-Allow-Origin", page)

	patch := []string{"Origin", page, "Content-Type", "application/trickle-ice-sdpfrag", "If-Match", post.Header().Get("ETag")}
	has(ask("PATCH", session, "a=end-of-candidates\n", patch...), 401, "WWW-Authenticate", "Bearer")
	has(ask("PATCH", session, "a=end-of-candidates\n", append(patch, "Authorization", bearer)...), 204, "Access-Control-Allow-Origin", page)
	has(ask("DELETE", session, "", "Origin", page), 401, "WWW-Authenticate", "Bearer")
	has(ask("POST", endpoint, whipOffer, "Content-Type", "application/sdp"), 401, "WWW-Authenticate", "Bearer")
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPut} {
		has(ask(method, endpoint, "", "Authorization", bearer), 405, "Allow", "POST", "OPTIONS")
		has(ask(method, session, "", "Authorization", bearer), 405, "Allow", "PATCH", "DELETE", "OPTIONS")
	}
	has(ask("DELETE", session, "", "Origin", page, "Authorization", bearer), 200, "Access-Control-Allow-Origin", page)
	has(ask("DELETE", session, "", "Authorization", bearer), 404, "Content-Type", "application/problem+json")
}
