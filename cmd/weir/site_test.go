package main

import (
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"testing"

	"weir/config"
	"weir/room/auth"
)

func TestSites(t *testing.T) {
	for _, tc := range []struct {
		name        string
		change      func(c *config.Config)
		remote      string
		secure      bool
		proto, host string // as a proxy says
		want        auth.Site
	}{
		{"as it came", nil, "192.0.2.1:5", false, "", "", auth.Site{HTTP: "http://live.example.com:8080", RTMP: "rtmp://live.example.com"}},
		{"by TLS", nil, "192.0.2.1:5", true, "", "", auth.Site{HTTP: "https://live.example.com:8080", RTMP: "rtmp://live.example.com"}},
		{
			"a stranger's headers", nil, "192.0.2.1:5", false, "https", "evil.example",
			auth.Site{HTTP: "http://live.example.com:8080", RTMP: "rtmp://live.example.com"},
		},
		{
			"a proxy's headers", func(c *config.Config) { c.HTTP.TrustedProxies = []string{"10.0.0.0/8"} }, "[::ffff:10.1.2.3]:5", false, "https, http", "w.example",
			auth.Site{HTTP: "https://w.example", RTMP: "rtmp://w.example"},
		},
		{
			"a proxy's nonsense", func(c *config.Config) { c.HTTP.TrustedProxies = []string{"10.0.0.0/8"} }, "10.1.2.3:5", false, "gopher", "",
			auth.Site{HTTP: "http://live.example.com:8080", RTMP: "rtmp://live.example.com"},
		},
		{
			"not a proxy", func(c *config.Config) { c.HTTP.TrustedProxies = []string{"10.0.0.0/8"} }, "11.1.2.3:5", false, "https", "evil.example",
			auth.Site{HTTP: "http://live.example.com:8080", RTMP: "rtmp://live.example.com"},
		},
		{
			"as configured", func(c *config.Config) { c.HTTP.PublicURL, c.RTMP.Listen = "https://w.example", "" }, "192.0.2.1:5", false, "", "",
			auth.Site{HTTP: "https://w.example"},
		},
		{
			"RTMPS at its own port", func(c *config.Config) { c.RTMP.TLSListen = ":1936" }, "192.0.2.1:5", false, "", "",
			auth.Site{HTTP: "http://live.example.com:8080", RTMP: "rtmps://live.example.com:1936"},
		},
	} {
		cfg := config.Default()
		if tc.change != nil {
			tc.change(cfg)
		}
		s, err := newSites(cfg)
		if err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Host, r.RemoteAddr = "live.example.com:8080", tc.remote
		if tc.secure {
			r.TLS = &tls.ConnectionState{}
		}
		for name, value := range map[string]string{"X-Forwarded-Proto": tc.proto, "X-Forwarded-Host": tc.host} {
			if value != "" {
				r.Header.Set(name, value)
			}
		}
		s.restore(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			if got, err := s.of(r); got != tc.want || err != nil {
				t.Errorf("%s: got %+v, %v, want %+v", tc.name, got, err, tc.want)
			}
		})).ServeHTTP(httptest.NewRecorder(), r)
	}
}
