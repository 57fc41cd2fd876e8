package hook

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"weir/room/dial"
	"weir/room/im"
)

// nameserver answers each question for an IPv4 address by a function, over UDP on loopback.
func nameserver(t *testing.T, address func() [4]byte) *net.Resolver {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	t.Cleanup(func() { _ = conn.Close(); <-done })
	go func() {
		defer close(done)
		buf := make([]byte, 1500)
		for {
			n, from, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			var m dnsmessage.Message
			if m.Unpack(buf[:n]) != nil || len(m.Questions) != 1 {
				continue
			}
			q := m.Questions[0]
			m.Response, m.RecursionAvailable = true, true
			m.Additionals = nil
			if q.Type == dnsmessage.TypeA {
				m.Answers = []dnsmessage.Resource{{
					Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class}, // a life of 0 s
					Body:   &dnsmessage.AResource{A: address()},
				}}
			}
			if out, err := m.Pack(); err == nil {
				_, _ = conn.WriteTo(out, from)
			}
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", conn.LocalAddr().String())
	}}
}

// TestRebinding: a name that leads to a public address when it is checked and to this machine when it is called is caught, since
// it is the address that is dialed that counts.
func TestRebinding(t *testing.T) {
	inside := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		t.Error("a service inside was called")
		_, _ = io.WriteString(w, `{"ErrorCode":1}`)
	}))
	defer inside.Close()
	_, port, _ := net.SplitHostPort(inside.Listener.Addr().String())
	var asked atomic.Int32
	resolver := nameserver(t, func() [4]byte {
		if asked.Add(1) == 1 {
			return [4]byte{203, 0, 113, 1} // public; the test looks it up itself
		}
		return [4]byte{127, 0, 0, 1}
	})
	checked, err := resolver.LookupNetIP(t.Context(), "ip4", "rebinding.example.com.")
	if err != nil || !dial.Public(checked[0]) {
		t.Fatal(checked, err)
	}
	c := newClient(nil)
	defer c.close()
	dialer := &net.Dialer{Resolver: resolver, Control: (*dial.Guard)(nil).Control}
	c.http.Transport.(*http.Transport).DialContext = dialer.DialContext
	_, _, err = c.post(t.Context(), "http://rebinding.example.com.:"+port+"/", nil, nil)
	if reasonOf(err) != reasonAddress {
		t.Errorf("got %v", err)
	}
	if asked.Load() < 2 {
		t.Error("the name was not looked up again")
	}
}

// TestGuardedClient: an address that came in by API leads to nothing on this machine, under whatever name.
func TestGuardedClient(t *testing.T) {
	inside := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("it was called") }))
	defer inside.Close()
	_, port, _ := net.SplitHostPort(inside.Listener.Addr().String())
	for _, host := range []string{"127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "169.254.169.254", "[fe80::1%25lo]"} {
		h := newHooks(t, Options{Apps: settingsOf(Receiver{URL: "http://" + host + ":" + port + "/cb"})}, nil)
		cmd, _ := commandOf(GroupBeforeSend)
		_, err := h.ask(t.Context(), cmd, h.receivers.of(t.Context(), other), Call{App: other, Command: GroupBeforeSend, Body: message})
		if why := reasonOf(err); why != reasonAddress && host != "localhost" { // the machine may not know the name
			t.Errorf("%s: %v", host, err)
		}
		h.guarded.close()
	}
}

// TestTrustedClient: what the operator configured may be on this machine. Connections are kept.
func TestTrustedClient(t *testing.T) {
	var conns atomic.Int32
	receiver := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		if r.URL.Path != "/cb" || user != "weir" || password != "secret" || r.Header.Get("Content-Type") != "application/json" {
			t.Errorf("got %s %v", r.URL, r.Header)
		}
		_, _ = io.WriteString(w, `{"ActionStatus":"OK","ErrorInfo":"muted","ErrorCode":1}`)
	}))
	receiver.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			conns.Add(1)
		}
	}
	receiver.Start()
	defer receiver.Close()
	h := newHooks(t, Options{IM: Receiver{URL: strings.Replace(receiver.URL, "http://", "http://weir:secret@", 1) + "/cb"}}, nil)
	defer h.trusted.close()
	for range 5 {
		if v := h.Ask(t.Context(), Call{App: app, Command: GroupBeforeSend, Actor: im.Actor{}, Body: message}); v.Code != 1 {
			t.Errorf("got %+v", v)
		}
	}
	if n := conns.Load(); n != 1 {
		t.Errorf("%d connections", n)
	}
}

// TestRedirects: a redirect is not followed, wherever it leads.
func TestRedirects(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("it was followed") }))
	defer elsewhere.Close()
	receiver := httptest.NewServer(http.RedirectHandler(elsewhere.URL, http.StatusTemporaryRedirect))
	defer receiver.Close()
	c := newClient(dial.Trusted)
	defer c.close()
	if status, _, err := c.post(t.Context(), receiver.URL, nil, nil); status != http.StatusTemporaryRedirect || err != nil {
		t.Error(status, err)
	}
}

// TestEndlessAnswer: an answer that does not end is cut, by size and by time.
func TestEndlessAnswer(t *testing.T) {
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			w.WriteHeader(http.StatusOK)
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
			return
		}
		for {
			if _, err := w.Write(make([]byte, 4096)); err != nil {
				return
			}
		}
	}))
	defer receiver.Close()
	c := newClient(dial.Trusted)
	defer c.close()
	if _, _, err := c.post(t.Context(), receiver.URL, nil, nil); reasonOf(err) != reasonAnswer {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, _, err := c.post(ctx, receiver.URL+"/slow", nil, nil); reasonOf(err) != reasonTimeout {
		t.Errorf("got %v", err)
	}
}

// TestFailuresShowNoAddress: errors of the network hold no address with its secrets.
func TestFailuresShowNoAddress(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := listener.Addr().String()
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	c := newClient(dial.Trusted)
	defer c.close()
	for _, to := range []string{"http://user:secret@" + addr + "/?key=secret", "http://secret host/", "other://x", "http://secret.invalid:99999/?secret"} {
		_, _, err := c.post(t.Context(), to, nil, nil)
		if err == nil || strings.Contains(strings.ReplaceAll(err.Error(), "secret.invalid", ""), "secret") {
			t.Errorf("%s: %v", to, err)
		}
		if why := reasonOf(err); why != reasonConnect && why != reasonAddress {
			t.Errorf("%s: %q", to, why)
		}
	}
	if !errors.Is(&failure{err: io.EOF}, io.EOF) {
		t.Error("the cause is lost")
	}
}
