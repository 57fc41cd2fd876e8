package main

import (
	"bytes"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

var discard = slog.New(slog.DiscardHandler)

func TestOrigins(t *testing.T) {
	const page = "https://www.example.com"
	for _, tc := range []struct {
		name    string
		origins []string
		method  string
		header  map[string]string
		status  int
		allowed string
		vary    string
	}{
		{"any, from a page", nil, "GET", map[string]string{"Origin": page}, 200, "*", ""},
		{"any, from no page", nil, "GET", nil, 200, "*", ""},
		{"listed", []string{page}, "GET", map[string]string{"Origin": page}, 200, page, "Origin"},
		{"listed, from no page", []string{page}, "GET", nil, 200, "", "Origin"},
		{"listed, from its own page", []string{page}, "POST", map[string]string{"Origin": "https://weir.test"}, 200, "", "Origin"},
		{"listed, from another", []string{page}, "GET", map[string]string{"Origin": "https://evil.test"}, 403, "", "Origin"},
		{"listed, from a sandbox", []string{page}, "GET", map[string]string{"Origin": "null"}, 403, "", "Origin"},
		{"listed, by a prefix of it", []string{page}, "GET", map[string]string{"Origin": page + ".evil.test"}, 403, "", "Origin"},
		{"preflight, any", nil, "OPTIONS", map[string]string{"Origin": page, "Access-Control-Request-Method": "POST"}, 200, "*", ""},
		{"preflight, listed", []string{page}, "OPTIONS", map[string]string{"Origin": page, "Access-Control-Request-Method": "DELETE"}, 200, page, "Origin"},
		{"preflight, from another", []string{page}, "OPTIONS", map[string]string{"Origin": "https://evil.test", "Access-Control-Request-Method": "POST"}, 403, "", "Origin"},
		{"OPTIONS that is no preflight", nil, "OPTIONS", nil, 200, "*", ""},
	} {
		called := false
		h := publicHandler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { called = true }), tc.origins, discard)
		r := httptest.NewRequest(tc.method, "https://weir.test/live", nil)
		for name, value := range tc.header {
			r.Header.Set(name, value)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		got := w.Header()
		if w.Code != tc.status || got.Get("Access-Control-Allow-Origin") != tc.allowed || got.Get("Vary") != tc.vary {
			t.Errorf("%s: got %d, allowed %q, vary %q", tc.name, w.Code, got.Get("Access-Control-Allow-Origin"), got.Get("Vary"))
		}
		if called != (tc.status == 200) {
			t.Errorf("%s: handler called: %v", tc.name, called)
		}
		if got.Get("Access-Control-Allow-Credentials") != "" {
			t.Errorf("%s: credentials are allowed", tc.name)
		}
		if preflight := tc.status == 200 && tc.header["Access-Control-Request-Method"] != ""; preflight && (!strings.Contains(got.Get("Access-Control-Allow-Headers"), "Authorization") ||
			!strings.Contains(got.Get("Access-Control-Allow-Methods"), "PATCH")) {
			t.Errorf("%s: got %v", tc.name, got)
		}
		if got.Get("X-Content-Type-Options") != "nosniff" || got.Get("Referrer-Policy") != "no-referrer" {
			t.Errorf("%s: got %v", tc.name, got)
		}
	}
}

func TestRequestsAreLoggedWithoutSecrets(t *testing.T) {
	const canary = "canary-0123456789"
	var out bytes.Buffer
	log := slog.New(slog.NewJSONHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))
	h := publicHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusTeapot)
		_, _ = io.WriteString(w, "short and stout")
	}), nil, log)
	for _, query := range []string{"audio=aac&usersig=" + canary, "USERSIG=" + canary, "txSecret=" + canary, "sign=" + canary, "auth_key=" + canary, "usersig=" + canary + "&%zz", "cf_connect=%7B%22connect%22:%7B%22token%22:%22" + canary + "%22%7D%7D"} {
		out.Reset()
		r := httptest.NewRequest(http.MethodGet, "/live/r/s.flv", nil)
		r.URL.RawQuery = query
		r.Header.Set("Authorization", "Bearer "+canary)
		h.ServeHTTP(httptest.NewRecorder(), r)
		if strings.Contains(out.String(), canary) {
			t.Errorf("%s: the token stands in %s", query, out.String())
		}
		for _, want := range []string{`"path":"/live/r/s.flv"`, `"status":418`, `"bytes":15`} {
			if !strings.Contains(out.String(), want) {
				t.Errorf("%s is missing in %s", want, out.String())
			}
		}
	}
}

// TestLogInjection is SEC-07: what a client sends cannot begin a line of its own.
func TestLogInjection(t *testing.T) {
	for name, handler := range map[string]func(io.Writer) slog.Handler{
		"text": func(w io.Writer) slog.Handler {
			return slog.NewTextHandler(w, &slog.HandlerOptions{Level: slog.LevelDebug})
		},
		"json": func(w io.Writer) slog.Handler {
			return slog.NewJSONHandler(w, &slog.HandlerOptions{Level: slog.LevelDebug})
		},
	} {
		var out bytes.Buffer
		r := httptest.NewRequest(http.MethodGet, "/x%0A%7B%22level%22:%22ERROR%22%7D%1B[31m", nil)
		observe(http.NotFoundHandler(), slog.New(handler(&out))).ServeHTTP(httptest.NewRecorder(), r)
		if strings.Count(out.String(), "\n") != 1 || strings.Contains(out.String(), "\x1b") {
			t.Errorf("%s: got %q", name, out.String())
		}
	}
}

// TestHalfClosed: a client that has sent its last byte is taken for gone, and is not told that all is well.
func TestHalfClosed(t *testing.T) {
	s := httptest.NewServer(publicHandler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		<-r.Context().Done()
	}), nil, discard))
	defer s.Close()
	conn, err := net.Dial("tcp", s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(conn); len(got) != 0 || err != nil {
		t.Errorf("it is told %q, %v", got, err)
	}
}

func TestPanics(t *testing.T) {
	for _, tc := range []struct {
		name    string
		handler http.HandlerFunc
		status  int // 0: the connection is cut
		logged  bool
	}{
		{"before the answer", func(http.ResponseWriter, *http.Request) { panic("the secret reason") }, 500, true},
		{"in the answer", func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, strings.Repeat("x", 1<<16))
			panic("the secret reason")
		}, 0, true},
		{"on purpose", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, 0, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var out bytes.Buffer
			s := httptest.NewServer(publicHandler(tc.handler, nil, slog.New(slog.NewTextHandler(&out, nil))))
			res, err := http.Get(s.URL)
			var body []byte
			if err == nil {
				body, err = io.ReadAll(res.Body)
				_ = res.Body.Close()
			}
			s.Close() // waits for the handler, which writes to out
			if tc.status == 0 && err == nil {
				t.Errorf("got %d and a whole body, want a cut", res.StatusCode)
			}
			if tc.status != 0 && (err != nil || res.StatusCode != tc.status || !bytes.Contains(body, []byte(`"code":"internal"`))) {
				t.Errorf("got %v, %s", err, body)
			}
			if bytes.Contains(body, []byte("secret")) {
				t.Errorf("the body says why: %s", body)
			}
			if got := strings.Contains(out.String(), "the secret reason"); got != tc.logged {
				t.Errorf("logged: %v, want %v: %s", got, tc.logged, out.String())
			}
		})
	}
}

// TestResponseKeepsControl: doors set deadlines, flush and hijack through the middleware.
func TestResponseKeepsControl(t *testing.T) {
	faults := make(chan error, 4)
	s := httptest.NewServer(publicHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		c := http.NewResponseController(w)
		_, err := io.WriteString(w, "a")
		faults <- err
		faults <- c.Flush()
		conn, _, err := c.Hijack()
		faults <- err
		if err == nil {
			faults <- conn.Close()
		}
	}), nil, discard))
	defer s.Close()
	res, err := http.Get(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, res.Body) // cut by the handler
	_ = res.Body.Close()
	for range cap(faults) {
		if err := <-faults; err != nil {
			t.Error(err)
		}
	}
}

func TestRedactPath(t *testing.T) {
	for path, want := range map[string]string{
		"/whip/demo/cam":                   "/whip/demo/cam",
		"/whip/demo/cam/7KBALVJLDP27HSG74": "/whip/demo/cam/[session]",
		"/whip/demo/cam/a/b":               "/whip/demo/cam/[session]",
		"/whep/demo/cam/7KBALVJLDP27HSG74": "/whep/demo/cam/[session]",
		"/live/demo/cam/main.m3u8":         "/live/demo/cam/main.m3u8",
	} {
		if got := redactPath(path); got != want {
			t.Errorf("%s is logged as %s, want %s", path, got, want)
		}
	}
}
