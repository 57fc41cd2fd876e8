package origin

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"weir/room/audience"
	"weir/room/auth"
)

const (
	defaultApp = 1400000000
	otherApp   = 1400000001
	secret     = "a secret that a CDN sends"
	signingKey = "a key that a CDN signs with"
)

var now = time.Unix(1_800_000_000, 0)

// seen is what a door gets to see of a request.
type seen struct {
	asked   string // the query that is handed on to addresses of a playlist
	pull    *audience.Pull
	query   string
	header  http.Header
	granted int // the app of the grant of a proven pull; 0: the door's own gate is asked
}

// door answers with "media" and keeps what it sees.
type door struct{ seen }

func (d *door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	grant, err := NewGate(closed{}).Authorize(r.Context(), auth.RequestOf(r, auth.ActionPlay, "r", "s"))
	if err != nil {
		grant.App = 0
	}
	d.seen = seen{AsAsked(r).URL.RawQuery, audience.PullOf(r.Context()), r.URL.RawQuery, r.Header, grant.App}
	_, _ = io.WriteString(w, "media")
}

// closed is an authorizer that grants nothing.
type closed struct{}

func (closed) Authorize(context.Context, auth.Request) (auth.Grant, error) {
	return auth.Grant{}, auth.ErrNoToken
}

func network(text string) []netip.Prefix { return []netip.Prefix{netip.MustParsePrefix(text)} }

// serve makes the URL space of streams behind an Origin.
func serve(t *testing.T, o Options, d http.Handler) (*Origin, http.Handler) {
	t.Helper()
	o.DefaultApp, o.Now = defaultApp, func() time.Time { return now }
	o.Host = func(r *http.Request) string { return r.Host }
	o.Peer = func(r *http.Request) netip.Addr { return netip.MustParseAddrPort(r.RemoteAddr).Addr() }
	o.Problem = func(w http.ResponseWriter, _ *http.Request, status int, code, _ string) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, code)
	}
	g, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	for _, pattern := range []string{"/live/{file}", "/live/{room}/{file}", "/live/{room}/{stream}/{file}"} {
		mux.Handle("GET "+pattern, g.Streams(d))
	}
	mux.Handle("GET "+HealthPath, d)
	mux.Handle("GET /studio", d)
	return g, g.Domains(mux)
}

// sign signs a stream for playing as a CDN's own key does.
func sign(t *testing.T, key auth.Secret, d auth.Dialect, p auth.Pass, path string) string {
	t.Helper()
	by, err := auth.New(auth.Options{
		App: auth.App{ID: defaultApp, Key: "the key of the app itself, of 32 bytes", Keys: auth.Keys{Play: auth.KeyPair{Primary: key}}},
		Now: func() time.Time { return now },
	})
	if err != nil {
		t.Fatal(err)
	}
	if p.Expires.IsZero() {
		p.Expires = now.Add(time.Hour)
	}
	p.Action = auth.ActionPlay
	query, err := by.SignQuery(d, p, path)
	if err != nil {
		t.Fatal(err)
	}
	return query
}

// TestPullers: who is a pull, and what proves it.
func TestPullers(t *testing.T) {
	stream := auth.Pass{Room: "r", Stream: "s"}
	tencent := sign(t, signingKey, auth.DialectTencent, stream, "")
	for _, c := range []struct {
		name   string
		puller Puller
		path   string
		header map[string]string
		want   claim
	}{
		{"a secret", Puller{Secret: secret}, "/live/r/s.flv", map[string]string{secretHeader: secret}, proven},
		{"another secret", Puller{Secret: secret}, "/live/r/s.flv", map[string]string{secretHeader: secret + "x"}, none},
		{"no secret", Puller{Secret: secret}, "/live/r/s.flv", nil, none},
		{"an empty secret where none is set", Puller{Networks: network("192.0.2.0/24")}, "/live/r/s.flv", map[string]string{secretHeader: ""}, passed},
		{"a secret of another app's puller", Puller{Secret: secret, App: otherApp}, "/live/r/s.flv", map[string]string{secretHeader: secret}, none},
		{"a secret for the app that is named", Puller{Secret: secret, App: otherApp}, "/live/r/s.flv?sdkappid=1400000001", map[string]string{secretHeader: secret}, proven},
		{"a secret from elsewhere", Puller{Secret: secret, Networks: network("10.0.0.0/8")}, "/live/r/s.flv", map[string]string{secretHeader: secret}, none},
		{"a network", Puller{Networks: network("192.0.2.0/24")}, "/live/r/s.flv", nil, passed},
		{"a trusted network", Puller{Networks: network("192.0.2.0/24"), Trusted: true}, "/live/r/s.flv", nil, proven},
		{"another network", Puller{Networks: network("10.0.0.0/8"), Trusted: true}, "/live/r/s.flv", nil, none},
		{"txSecret", Puller{Dialect: auth.DialectTencent}, "/live/r/s.flv?" + tencent, nil, proven},
		{"txSecret for HLS", Puller{Dialect: auth.DialectTencent}, "/live/r/s/main.m3u8?" + tencent, nil, proven},
		{"txSecret of another stream", Puller{Dialect: auth.DialectTencent}, "/live/r/s2.flv?" + tencent, nil, none},
		{"txSecret for one who signs otherwise", Puller{Dialect: auth.DialectWeir}, "/live/r/s.flv?" + tencent, nil, none},
		{"auth_key", Puller{Dialect: auth.DialectAlibaba}, "/live/r/s.flv?" + sign(t, signingKey, auth.DialectAlibaba, stream, "/live/r/s.flv"), nil, proven},
		{"auth_key of another path", Puller{Dialect: auth.DialectAlibaba}, "/live/r/s.m3u8?" + sign(t, signingKey, auth.DialectAlibaba, stream, "/live/r/s.flv"), nil, none},
		{"sign", Puller{Dialect: auth.DialectWeir}, "/live/r/s.flv?" + sign(t, signingKey, auth.DialectWeir, stream, ""), nil, proven},
		{"sign of a stream id", Puller{Dialect: auth.DialectWeir}, "/live/id.flv?" + sign(t, signingKey, auth.DialectWeir, auth.Pass{ID: "id"}, ""), nil, proven},
		{"the app's own signature", Puller{Dialect: auth.DialectTencent}, "/live/r/s.flv?" + sign(t, "another key for playing", auth.DialectTencent, stream, ""), nil, none},
		{"expired", Puller{Dialect: auth.DialectTencent}, "/live/r/s.flv?" + sign(t, signingKey, auth.DialectTencent, auth.Pass{Room: "r", Stream: "s", Expires: now.Add(-time.Second)}, ""), nil, none},
		{"no signature", Puller{Dialect: auth.DialectTencent}, "/live/r/s.flv", nil, none},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.puller.Name, c.puller.MaxPulls = "cdn", 1
			if c.puller.Secret == "" && len(c.puller.Networks) == 0 {
				c.puller.Keys = auth.KeyPair{Primary: "not this one but the one before", Backup: signingKey}
			}
			d := new(door)
			_, h := serve(t, Options{Pullers: []Puller{c.puller}}, d)
			r := httptest.NewRequest("GET", c.path, nil) // from 192.0.2.1
			r.Header.Set("Authorization", "Bearer x")
			for name, value := range c.header {
				r.Header.Set(name, value)
			}
			h.ServeHTTP(httptest.NewRecorder(), r)
			got := none
			switch {
			case d.pull.IsShared():
				got = proven
			case d.pull != nil:
				got = passed
			}
			if got != c.want {
				t.Fatalf("claim %d, want %d", got, c.want)
			}
			if granted := d.granted != 0; granted != (got == proven) {
				t.Errorf("granted %v", granted)
			}
			// What proves a puller is not handed on to its viewers; what proves a viewer is.
			kept := d.header.Get("Authorization") != "" && d.query == r.URL.RawQuery
			if kept == (got == proven) || got == proven && (auth.Signed(d.query) || d.header.Get(secretHeader) != "") {
				t.Errorf("the door sees the query %q and the header %v", d.query, d.header)
			}
		})
	}
}

// TestDomains: a domain says whose streams are asked for, and one of a puller is for nobody else.
func TestDomains(t *testing.T) {
	o := Options{
		Domains: []Domain{{Host: "shop.example"}, {Host: "other.example", App: otherApp}, {Host: "origin.example", App: otherApp, Puller: "cdn"}},
		Pullers: []Puller{{Name: "cdn", App: otherApp, Secret: secret, MaxPulls: 1}},
	}
	for _, c := range []struct {
		host, path, secret string
		status             int
		query              string // that the door sees
	}{
		{"weir.example", "/live/r/s.flv", "", 200, ""},
		{"weir.example", "/live/r/s.flv?sdkappid=1400000001", "", 200, "sdkappid=1400000001"},
		{"shop.example", "/live/r/s.flv", "", 200, "sdkappid=1400000000"},
		{"shop.example", "/live/r/s.flv?sdkappid=1400000001", "", 404, ""},
		{"other.example", "/live/r/s.flv?x=1", "", 200, "sdkappid=1400000001&x=1"},
		{"OTHER.example.:8080", "/live/r/s.flv", "", 200, "sdkappid=1400000001"},
		{"other.example", "/live/r/s.flv?sdkappid=1400000001", "", 200, "sdkappid=1400000001"},
		{"other.example", "/live/r/s.flv?sdkappid=1400000000", "", 404, ""},
		{"other.example", "/live/r/s.flv?sdkappid=x", "", 404, ""},
		{"other.example", "/studio", "", 200, "sdkappid=1400000001"},
		{"origin.example", "/live/r/s.flv", "", 403, ""},
		{"origin.example", "/live/r/s.flv", "wrong", 403, ""},
		{"origin.example", "/live/r/s.flv", secret, 200, "sdkappid=1400000001"},
		{"origin.example", "/live/id.flv", secret, 200, "sdkappid=1400000001"},
		{"origin.example", "/health", "", 200, "sdkappid=1400000001"},
		{"origin.example", "/studio", secret, 404, ""},
	} {
		d := new(door)
		_, h := serve(t, o, d)
		r := httptest.NewRequest("GET", c.path, nil)
		r.Host = c.host
		r.Header.Set(secretHeader, c.secret)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if _, asked, _ := strings.Cut(c.path, "?"); w.Code == 200 && d.asked != asked {
			t.Errorf("%s%s hands on %q", c.host, c.path, d.asked)
		}
		if w.Code != c.status || d.query != c.query {
			t.Errorf("%s%s: %d %s, query %q; want %d, %q", c.host, c.path, w.Code, w.Body, d.query, c.status, c.query)
		}
	}
}

// TestMaxPulls: a CDN has so many pulls at once and no more, those that go on without their handler among them.
func TestMaxPulls(t *testing.T) {
	var end []func()
	g, h := serve(t, Options{Pullers: []Puller{{Name: "cdn", Secret: secret, MaxPulls: 2}}},
		http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, ".flv") {
				end = append(end, audience.PullOf(r.Context()).Keep())
				audience.PullOf(r.Context()).Sent(1000)
			}
			_, _ = io.WriteString(w, "media")
		}))
	ask := func(path string) *httptest.ResponseRecorder {
		r := httptest.NewRequest("GET", path, nil)
		r.Header.Set(secretHeader, secret)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w
	}
	for range 2 {
		if w := ask("/live/r/s.flv"); w.Code != 200 {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		if w := ask("/live/r/s.m3u8"); len(end) == 1 && w.Code != 200 {
			t.Errorf("HLS beside one pull of FLV: %d", w.Code)
		}
	}
	if w := ask("/live/r/s.flv"); w.Code != 503 || w.Header().Get("Retry-After") == "" || w.Body.String() != "pulls_full" {
		t.Errorf("one too many: %d %v %s", w.Code, w.Header(), w.Body)
	}
	end[0]()
	if w := ask("/live/r/s/main.m3u8"); w.Code != 200 {
		t.Errorf("after one has ended: %d", w.Code)
	}
	const want = `
# HELP weir_origin_requests_total Requests of a CDN, by what became of them: served, full, refused.
# TYPE weir_origin_requests_total counter
weir_origin_requests_total{outcome="full",puller="cdn"} 2
weir_origin_requests_total{outcome="refused",puller="cdn"} 0
weir_origin_requests_total{outcome="served",puller="cdn"} 4
# HELP weir_origin_sent_bytes_total Bytes of media and playlists sent to a CDN.
# TYPE weir_origin_sent_bytes_total counter
weir_origin_sent_bytes_total{puller="cdn"} 2010
# HELP weir_origin_pulls Requests of a CDN that are under way.
# TYPE weir_origin_pulls gauge
weir_origin_pulls{puller="cdn"} 1
`
	if err := testutil.CollectAndCompare(g, strings.NewReader(want)); err != nil {
		t.Error(err)
	}
}

func TestNewRefuses(t *testing.T) {
	for name, o := range map[string]Options{
		"no such puller": {Domains: []Domain{{Host: "a.example", Puller: "cdn"}}},
		"another app":    {Domains: []Domain{{Host: "a.example", Puller: "cdn"}}, Pullers: []Puller{{Name: "cdn", App: otherApp}}},
	} {
		o.DefaultApp = defaultApp
		if _, err := New(o); err == nil {
			t.Error(name)
		}
	}
}
