package whip

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"weir/cdnrelay/push"
)

// TestRefused lists servers that do not take the stream.
func TestRefused(t *testing.T) {
	status := func(code int) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("WWW-Authenticate", "Bearer")
			http.Error(w, "no: "+r.URL.RawQuery, code)
		}
	}
	moved := func(to string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", to)
			w.WriteHeader(http.StatusPermanentRedirect)
		}
	}
	src, o := publish(t, options{}), newOutput(t)
	for name, c := range map[string]struct {
		handler http.HandlerFunc
		want    error
	}{
		"401":                       {status(401), push.ErrRefused},
		"403":                       {status(403), push.ErrRefused},
		"404":                       {status(404), push.ErrRefused},
		"409":                       {status(409), push.ErrRefused},
		"500":                       {status(500), push.ErrRefused},
		"503":                       {status(503), push.ErrRefused},
		"302":                       {status(302), push.ErrRefused},
		"406":                       {status(406), push.ErrUnfit},
		"415":                       {status(415), push.ErrUnfit},
		"422":                       {status(422), push.ErrUnfit},
		"200":                       {status(200), push.ErrProtocol},
		"redirects without end":     {moved("/whip"), push.ErrProtocol},
		"redirect to nowhere":       {moved(""), push.ErrProtocol},
		"redirect to a file":        {moved("file:///etc/passwd"), push.ErrProtocol},
		"redirect to a host inside": {moved("http://127.0.0.2/whip"), push.ErrAddress},
		"closes at once": {func(http.ResponseWriter, *http.Request) {
			panic(http.ErrAbortHandler)
		}, push.ErrConnect},
		"headers without end": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X", strings.Repeat("x", 1<<20))
		}, push.ErrConnect},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(c.handler)
			defer server.Close()
			if _, err := open(t, o, targetAt(t, src, server.URL+"/whip?key="+secret)); !errors.Is(err, c.want) {
				t.Errorf("the error is %v, want %v", err, c.want)
			}
		})
	}
}

// TestNotReached lists targets that give no answer.
func TestNotReached(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := "http://" + listener.Addr().String()
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	quit := make(chan struct{})
	silent := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-quit }))
	t.Cleanup(silent.Close)
	half := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/sdp")
		w.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(w, "v=0\r\n")
		_ = http.NewResponseController(w).Flush()
		<-quit
	}))
	t.Cleanup(half.Close)
	t.Cleanup(func() { close(quit) })
	src, o := publish(t, options{}), newOutput(t)
	for name, c := range map[string]struct {
		address string
		within  time.Duration
		want    error
	}{
		"nobody listens":                 {closed, patience, push.ErrConnect},
		"an address that is not allowed": {"http://127.0.0.2:1", patience, push.ErrAddress},
		"never answers":                  {silent.URL, 300 * time.Millisecond, push.ErrTimeout},
		"never answers to the end":       {half.URL, 300 * time.Millisecond, push.ErrTimeout},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), c.within)
			defer cancel()
			_, err := o.Open(ctx, targetAt(t, src, c.address+"/whip?key="+secret))
			if !errors.Is(err, c.want) {
				t.Fatalf("the error is %v, want %v", err, c.want)
			}
			harmless(t, err)
		})
	}
}

// TestFollow: what began encrypted stays so (RFC 9725 4.6).
func TestFollow(t *testing.T) {
	for _, c := range []struct{ from, location, want string }{
		{"https://a.example/whip", "/session/1", "https://a.example/session/1"},
		{"https://a.example/whip", "https://b.example/1", "https://b.example/1"},
		{"http://a.example/whip", "https://b.example/1", "https://b.example/1"},
		{"http://a.example/whip", "http://b.example/1", "http://b.example/1"},
		{"https://a.example/whip", "http://a.example/1", ""},
		{"https://a.example/whip", "ftp://a.example/1", ""},
		{"https://a.example/whip", "http://%zz", ""},
		{"https://a.example/whip", "https:///1", ""},
		{"https://a.example/whip", "", ""},
	} {
		from, err := url.Parse(c.from)
		if err != nil {
			t.Fatal(err)
		}
		resp := &http.Response{Request: &http.Request{URL: from}, Header: http.Header{"Location": {c.location}}}
		got, err := follow(resp)
		switch {
		case c.want == "" && !errors.Is(err, push.ErrProtocol):
			t.Errorf("%s to %q: %v, %v", c.from, c.location, got, err)
		case c.want != "" && (err != nil || got.String() != c.want):
			t.Errorf("%s to %q: %v, %v", c.from, c.location, got, err)
		}
	}
}

func TestBasicAuth(t *testing.T) {
	seen := make(chan string, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		seen <- user + " " + password
		w.WriteHeader(http.StatusForbidden)
	}))
	defer server.Close()
	target := targetAt(t, publish(t, options{}), strings.Replace(server.URL, "://", "://user:pw@", 1)+"/whip")
	target.Token = ""
	if _, err := open(t, newOutput(t), target); !errors.Is(err, push.ErrRefused) {
		t.Error(err)
	}
	if got := <-seen; got != "user pw" {
		t.Errorf("the server was told %q", got)
	}
}
