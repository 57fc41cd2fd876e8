package main

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

// TestFLVOrigins: a page may play FLV by either way if http.origins has it, and reads why it may not play.
func TestFLVOrigins(t *testing.T) {
	cfg := local(t)
	cfg.Playback.Wait = 0
	cfg.HTTP.Origins = []string{"https://good.example"}
	s, _ := start(t, cfg)
	for _, tc := range []struct {
		name, method, origin, upgrade string
		status                        int
		allowed                       string
	}{
		{"preflight of a page", "OPTIONS", "https://good.example", "", 204, "https://good.example"},
		{"preflight of another page", "OPTIONS", "https://bad.example", "", 403, ""},
		{"page", "GET", "https://good.example", "", 404, "https://good.example"},
		{"another page", "GET", "https://bad.example", "", 403, ""},
		{"no page", "GET", "", "", 404, ""},
		{"WebSocket of a page", "GET", "https://good.example", "websocket", 404, "https://good.example"},
		{"WebSocket of another page", "GET", "https://bad.example", "websocket", 403, ""}, // RFC 6455 10.2
	} {
		r := httptest.NewRequest(tc.method, "/live/r/s.flv", nil)
		if tc.origin != "" {
			r.Header.Set("Origin", tc.origin)
		}
		if tc.method == http.MethodOptions {
			r.Header.Set("Access-Control-Request-Method", "GET")
		}
		if tc.upgrade != "" {
			r.Header.Set("Upgrade", tc.upgrade)
			r.Header.Set("Connection", "Upgrade")
			r.Header.Set("Sec-WebSocket-Version", "13")
			r.Header.Set("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
		}
		w := httptest.NewRecorder()
		s.public.server.Handler.ServeHTTP(w, r)
		h := w.Header()
		if w.Code != tc.status || h.Get("Access-Control-Allow-Origin") != tc.allowed {
			t.Errorf("%s: %d %v", tc.name, w.Code, h)
		}
		if tc.status == 404 && h.Get("Retry-After") == "" {
			t.Errorf("%s: no Retry-After", tc.name)
		}
	}
}
