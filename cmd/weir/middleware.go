package main

import (
	"bufio"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"weir/room/api"
)

// bodyTimeout is how long a request's body may take to come: an offer or a call is a few kilobytes.
const bodyTimeout = 10 * time.Second

// answerTimeout is how long a client may take to take an answer: a segment of 4 MB at half a megabit a second. What
// lasts longer by its nature (HTTP-FLV) sets deadlines of its own.
const answerTimeout = time.Minute

// publicHandler is what every request to the main listener passes on its way to the mux.
func publicHandler(next http.Handler, origins []string, log *slog.Logger) http.Handler {
	return observe(harden(limitTime(allowOrigins(next, origins))), log)
}

// response is a ResponseWriter that knows what became of it.
type response struct {
	http.ResponseWriter
	status int
	bytes  int64
}

// Unwrap lets http.ResponseController reach what this writer does not have.
func (w *response) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *response) WriteHeader(status int) {
	if w.status == 0 && status >= http.StatusOK { // an informational answer is not the answer
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *response) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	n, err := w.ResponseWriter.Write(b)
	w.bytes += int64(n)
	return n, err
}

// FlushError sends what is buffered, which sends the header as well.
func (w *response) FlushError() error {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return http.NewResponseController(w.ResponseWriter).Flush()
}

// Hijack hands the connection over: what is answered then is out of sight, and nothing may be written here.
func (w *response) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, buf, err := http.NewResponseController(w.ResponseWriter).Hijack()
	if err == nil && w.status == 0 {
		w.status = http.StatusSwitchingProtocols
	}
	return conn, buf, err
}

// observe logs every request at debug, without its secrets, and turns a panic into a 500 that shows nothing.
func observe(next http.Handler, log *slog.Logger) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start, answer := time.Now(), &response{ResponseWriter: w}
		defer func() {
			fault := recover()
			if log.Enabled(r.Context(), slog.LevelDebug) { // what it says costs more than a small answer
				logRequest(log, r, answer, time.Since(start))
			}
			switch fault {
			case nil:
				return
			case http.ErrAbortHandler: // a wanted cut, which net/http knows by this very value
				panic(fault)
			}
			log.Error("panic in a handler", "method", r.Method, "path", r.URL.Path, "panic", fault,
				"stack", string(debug.Stack()))
			if answer.status != 0 {
				panic(http.ErrAbortHandler) // too late for another answer: cut this one
			}
			api.Problem(answer, r, http.StatusInternalServerError, api.CodeInternal, "")
		}()
		next.ServeHTTP(answer, r)
		if answer.status == 0 && r.Context().Err() != nil {
			// The client was given up. It may have closed its sending half alone, and must not read the 200 that net/http
			// makes of no answer.
			panic(http.ErrAbortHandler)
		}
	})
}

func logRequest(log *slog.Logger, r *http.Request, answer *response, took time.Duration) {
	log.Debug("request", "method", r.Method, "path", redactPath(r.URL.Path), "query", redactQuery(r.URL.RawQuery),
		"status", answer.status, "bytes", answer.bytes, "took", took, "remote", r.RemoteAddr)
}

// redactPath cuts the session off a path of WHIP or WHEP: who knows it may, together with a token, end the session.
func redactPath(path string) string {
	for _, door := range []string{"/whip/", "/whep/"} {
		rest, ok := strings.CutPrefix(path, door)
		if parts := strings.SplitN(rest, "/", 3); ok && len(parts) == 3 {
			return door + parts[0] + "/" + parts[1] + "/[session]"
		}
	}
	return path
}

// redactQuery masks every value that is a token, holds one or signs an address.
func redactQuery(raw string) string {
	if raw == "" {
		return ""
	}
	query, err := url.ParseQuery(raw)
	if err != nil {
		return "[unreadable]"
	}
	for name, values := range query {
		switch strings.ToLower(name) {
		case "usersig", "token", "access_token", "sign", "signature", "txsecret", "auth_key", "privatemapkey",
			"cf_connect": // the first command of /im/sse, token and all
			for i := range values {
				values[i] = "[redacted]"
			}
		}
	}
	return query.Encode()
}

// harden sets the headers that keep a browser from guessing and from telling others where it was.
func harden(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Referrer-Policy", "no-referrer")
		next.ServeHTTP(w, r)
	})
}

// limitTime gives a request's body and its answer their time. The server's own ReadTimeout is no means for that: it would also
// end a long answer. How large a body may be is known to who reads it.
func limitTime(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		control := http.NewResponseController(w) // writers without deadlines exist in tests only
		if r.ContentLength != 0 {
			_ = control.SetReadDeadline(time.Now().Add(bodyTimeout))
		}
		_ = control.SetWriteDeadline(time.Now().Add(answerTimeout))
		next.ServeHTTP(w, r)
	})
}

// The headers of preflight and exposure. Authorization has to be named: a * does not cover it.
const (
	corsMethods = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"
	corsHeaders = "Authorization, Content-Type, If-Match, If-None-Match, Range"
	corsExposed = "Accept-Patch, Accept-Post, ETag, Link, Location, Retry-After, WWW-Authenticate"
)

// allowOrigins lets pages of the given origins use the server, of all when there are none. It never allows
// credentials: weir has no cookies. Requests without an Origin come from no page and pass.
func allowOrigins(next http.Handler, origins []string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		origin, h := r.Header.Get("Origin"), w.Header()
		switch {
		case len(origins) == 0:
			h.Set("Access-Control-Allow-Origin", "*")
		case slices.Contains(origins, origin):
			h.Set("Access-Control-Allow-Origin", origin)
			fallthrough
		case origin == "" || isOwn(origin, r.Host):
			h.Add("Vary", "Origin") // a cache must not give this answer to another origin
		default:
			h.Add("Vary", "Origin")
			api.Problem(w, r, http.StatusForbidden, api.CodeOriginForbidden, "pages of this origin may not use this server")
			return
		}
		if isPreflight(r) {
			h.Set("Access-Control-Allow-Methods", corsMethods)
			h.Set("Access-Control-Allow-Headers", corsHeaders)
			h.Set("Access-Control-Max-Age", "86400")
		}
		h.Set("Access-Control-Expose-Headers", corsExposed)
		next.ServeHTTP(w, r)
	})
}

// isPreflight tells whether a browser asks what a page may ask. A route answers it; see newMux.
func isPreflight(r *http.Request) bool {
	return r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != ""
}

// isOwn tells whether a page of the origin was served under the host that it asks now. The scheme is left
// out: behind a proxy that ends TLS it differs.
func isOwn(origin, host string) bool {
	u, err := url.Parse(origin)
	return err == nil && u.Host != "" && strings.EqualFold(u.Host, host)
}
