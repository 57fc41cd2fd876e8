package main

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"weir/config"
)

func TestClientsBehindProxies(t *testing.T) {
	cfg := config.Default()
	cfg.HTTP.TrustedProxies = []string{"10.0.0.0/8", "127.0.0.1/32", "fd00::/8"}
	s, err := newSites(cfg)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, remote string
		lists        []string
		want         string
	}{
		{"nobody between", "192.0.2.1:5", nil, "192.0.2.1:5"},
		{"a stranger's header", "192.0.2.1:5", []string{"198.51.100.1"}, "192.0.2.1:5"},
		{"a proxy", "10.0.0.1:5", []string{"198.51.100.1"}, "198.51.100.1:0"},
		{"what a client says by itself", "10.0.0.1:5", []string{"203.0.113.9, 198.51.100.1"}, "198.51.100.1:0"},
		{"two proxies", "127.0.0.1:5", []string{"203.0.113.9, 198.51.100.1", "10.0.0.2"}, "198.51.100.1:0"},
		{"IPv6", "[fd00::1]:5", []string{"2001:db8::7"}, "[2001:db8::7]:0"},
		{"IPv4 as IPv6", "[::ffff:10.0.0.1]:5", []string{"::ffff:198.51.100.1"}, "198.51.100.1:0"},
		{"only proxies", "10.0.0.1:5", []string{"10.0.0.3"}, "10.0.0.1:5"},
		{"a proxy that says nothing", "10.0.0.1:5", nil, "10.0.0.1:5"},
		{"nonsense", "10.0.0.1:5", []string{"198.51.100.1, unknown"}, "10.0.0.1:5"},
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.RemoteAddr = c.remote
		r.Header["X-Forwarded-For"] = c.lists
		s.restore(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			if r.RemoteAddr != c.want {
				t.Errorf("%s: %s, want %s", c.name, r.RemoteAddr, c.want)
			}
		})).ServeHTTP(httptest.NewRecorder(), r)
	}
}
