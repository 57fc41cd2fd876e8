// Package double stands in for WeChat in tests: access tokens and the customer-service interface, over HTTP on loopback.
package double

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
)

// Text is what a customer was sent.
type Text struct{ To, Content string }

// WeChat is a server that behaves like WeChat's. It must be closed.
type WeChat struct {
	URL string

	id, secret string
	server     *httptest.Server
	hang       chan struct{} // closed by Close

	mu      sync.Mutex // guards the fields below
	sent    []Text
	refused int
	more    chan struct{} // closed with the next text, sent or refused
	tokens  int
	good    string // the token that is taken
	refuse  int
	hanging bool
	closed  bool
}

// New starts one for a subscription account.
func New(id, secret string) *WeChat {
	w := &WeChat{id: id, secret: secret, hang: make(chan struct{}), more: make(chan struct{})}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /cgi-bin/token", w.token)
	mux.HandleFunc("POST /cgi-bin/message/custom/send", w.send)
	w.server = httptest.NewServer(mux)
	w.URL = w.server.URL
	return w
}

// Close ends it. It may be called more than once.
func (w *WeChat) Close() {
	w.mu.Lock()
	first := !w.closed
	w.closed = true
	w.mu.Unlock()
	if first {
		close(w.hang)
		w.server.Close()
	}
}

// Sent is what customers were sent.
func (w *WeChat) Sent() []Text {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.sent)
}

// Refused is how many texts were refused.
func (w *WeChat) Refused() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.refused
}

// More is closed when a customer is sent something more, or that is refused.
func (w *WeChat) More() <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.more
}

// Tokens is how many access tokens were given out.
func (w *WeChat) Tokens() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.tokens
}

// Revoke ends the access token.
func (w *WeChat) Revoke() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.good = ""
}

// Refuse answers all texts by an error; 0: no longer.
func (w *WeChat) Refuse(code int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.refuse = code
}

// Hang answers nothing from now on.
func (w *WeChat) Hang() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.hanging = true
}

// wait waits, if it hangs, until whoever asked gives up.
func (w *WeChat) wait(r *http.Request) {
	w.mu.Lock()
	hanging := w.hanging
	w.mu.Unlock()
	if hanging {
		select {
		case <-r.Context().Done():
		case <-w.hang:
		}
	}
}

func (w *WeChat) token(out http.ResponseWriter, r *http.Request) {
	w.wait(r)
	q := r.URL.Query()
	if q.Get("grant_type") != "client_credential" || q.Get("appid") != w.id || q.Get("secret") != w.secret {
		fault(out, 40001, "invalid credential")
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.tokens++
	w.good = fmt.Sprint("token-", w.tokens)
	_ = json.NewEncoder(out).Encode(map[string]any{"access_token": w.good, "expires_in": 7200})
}

func (w *WeChat) send(out http.ResponseWriter, r *http.Request) {
	w.wait(r)
	var m struct {
		To   string `json:"touser"`
		Type string `json:"msgtype"`
		Text struct {
			Content string `json:"content"`
		} `json:"text"`
	}
	if err := json.NewDecoder(http.MaxBytesReader(out, r.Body, 1<<20)).Decode(&m); err != nil || m.To == "" || m.Type != "text" || m.Text.Content == "" {
		fault(out, 47001, "data format error")
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.good == "" || r.URL.Query().Get("access_token") != w.good:
		fault(out, 40001, "invalid credential, access_token is invalid or not latest")
	case w.refuse != 0:
		w.refused++
		w.toldLocked()
		fault(out, w.refuse, "refused")
	case len(m.Text.Content) > 2048:
		fault(out, 45002, "content size out of limit")
	default:
		w.sent = append(w.sent, Text{m.To, m.Text.Content})
		w.toldLocked()
		fault(out, 0, "ok")
	}
}

// toldLocked says that there was another text.
func (w *WeChat) toldLocked() {
	close(w.more)
	w.more = make(chan struct{})
}

func fault(out http.ResponseWriter, code int, info string) {
	_ = json.NewEncoder(out).Encode(map[string]any{"errcode": code, "errmsg": info})
}
