package bus

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"weir/room/im"
)

// patience is how long a test waits for what has to come. Nothing depends on how long it really takes.
const patience = 30 * time.Second

// options are a bus whose users may be anybody: the token of "alice" is "sig:alice".
func options(t *testing.T) Options {
	t.Helper()
	return Options{
		Hello: func(_ context.Context, h Hello) (im.Actor, time.Time, error) {
			if h.User != "" && h.Token != "sig:"+h.User {
				return im.Actor{}, time.Time{}, &im.Error{Number: 70009, Code: "bad_signature", Info: "the signature is wrong"}
			}
			return im.Actor{App: 1, User: h.User, Platform: h.Platform, Addr: h.Addr}, time.Time{}, nil
		},
		Call: func(_ context.Context, s *Session, method string, params []byte) (any, error) {
			switch method {
			case "enter":
				return nil, s.bus.Join(s, string(bytes.Trim(params, `"`)), 0)
			case "echo":
				return json.RawMessage(params), nil
			case "no":
				return nil, im.ErrMuted
			case "bye":
				s.Leave()
				return nil, nil
			default:
				return nil, errors.New("a fault with a secret")
			}
		},
		PingEvery: time.Hour, // so that a client that waits in vain hears nothing
	}
}

// stage is a running bus behind an HTTP server.
type stage struct {
	*Bus
	url string
	end func()
}

func run(t *testing.T, o Options) *stage {
	t.Helper()
	b, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return runBus(t, b)
}

func runBus(t *testing.T, b *Bus) *stage {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- b.Run(ctx) }()
	select {
	case <-b.Ready():
	case err := <-done:
		t.Fatal(err)
	}
	server := httptest.NewServer(b.Handler())
	end := sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		server.Close()
	})
	t.Cleanup(end)
	return &stage{b, server.URL, end}
}

// client is a WebSocket client with the engine's JSON protocol, just enough for tests.
type client struct {
	t    *testing.T
	conn net.Conn
	in   *bufio.Reader
	id   int
	// replies and pushes of a frame that were not asked for yet
	lines []message
}

// message is what the server sends: one line of a frame.
type message struct {
	ID    int `json:"id"`
	Error *struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
	} `json:"error"`
	Connect *struct {
		Session string                `json:"session"`
		Node    string                `json:"node"`
		Data    welcome               `json:"data"`
		Subs    map[string]subscribed `json:"subs"`
	} `json:"connect"`
	RPC *struct {
		Data json.RawMessage `json:"data"`
	} `json:"rpc"`
	Push *struct {
		Channel string `json:"channel"`
		Pub     *struct {
			Data   json.RawMessage `json:"data"`
			Offset uint64          `json:"offset"`
		} `json:"pub"`
		Subscribe   *subscribed `json:"subscribe"`
		Unsubscribe *struct {
			Code int `json:"code"`
		} `json:"unsubscribe"`
		Disconnect *struct {
			Code   int    `json:"code"`
			Reason string `json:"reason"`
		} `json:"disconnect"`
	} `json:"push"`
	closed int // not a message: the close code
}

type subscribed struct {
	Recoverable  bool   `json:"recoverable"`
	Recovered    bool   `json:"recovered"`
	Epoch        string `json:"epoch"`
	Offset       uint64 `json:"offset"`
	Publications []struct {
		Data   json.RawMessage `json:"data"`
		Offset uint64          `json:"offset"`
	} `json:"publications"`
}

// dial opens a WebSocket.
func dial(t *testing.T, url string, header ...string) *client {
	t.Helper()
	c, status := tryDial(t, url, header...)
	if status != http.StatusSwitchingProtocols {
		t.Fatalf("the handshake is answered with %d", status)
	}
	return c
}

func tryDial(t *testing.T, url string, header ...string) (*client, int) {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(patience))
	head := append([]string{
		"GET /im HTTP/1.1", "Host: weir.test", "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13",
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
	}, header...)
	if _, err := io.WriteString(conn, strings.Join(head, "\r\n")+"\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	in := bufio.NewReader(conn)
	answer, err := http.ReadResponse(in, nil)
	if err != nil {
		t.Fatal(err)
	}
	return &client{t: t, conn: conn, in: in}, answer.StatusCode
}

// frame sends one masked frame.
func (c *client) frame(first byte, payload []byte) {
	c.t.Helper()
	head := []byte{first, 0x80 | byte(min(len(payload), 126))}
	if len(payload) >= 126 {
		head = binary.BigEndian.AppendUint16(head, uint16(len(payload))) //nolint:gosec // tests send less
	}
	head = append(head, 0, 0, 0, 0) // a mask that changes nothing
	if _, err := c.conn.Write(append(head, payload...)); err != nil {
		c.t.Fatal(err)
	}
}

func (c *client) text(payload string) { c.t.Helper(); c.frame(0x81, []byte(payload)) }

// next is the next line that the server sends; pings are answered.
func (c *client) next() message {
	c.t.Helper()
	for len(c.lines) == 0 {
		opcode, payload := c.read()
		if opcode == 8 {
			_ = c.conn.Close() // the server waits for that
			code := 1005
			if len(payload) >= 2 {
				code = int(binary.BigEndian.Uint16(payload))
			}
			return message{closed: code}
		}
		for line := range bytes.Lines(payload) {
			if line = bytes.TrimSpace(line); string(line) == "{}" {
				c.text("{}")
				continue
			}
			var m message
			if err := json.Unmarshal(line, &m); err != nil {
				c.t.Fatalf("%s: %v", line, err)
			}
			c.lines = append(c.lines, m)
		}
	}
	m := c.lines[0]
	c.lines = c.lines[1:]
	return m
}

func (c *client) read() (opcode byte, payload []byte) {
	c.t.Helper()
	_ = c.conn.SetDeadline(time.Now().Add(patience))
	var head [2]byte
	if _, err := io.ReadFull(c.in, head[:]); err != nil {
		c.t.Fatal(err)
	}
	size := int(head[1] & 0x7f)
	switch size {
	case 126:
		var b [2]byte
		_, _ = io.ReadFull(c.in, b[:])
		size = int(binary.BigEndian.Uint16(b[:]))
	case 127:
		var b [8]byte
		_, _ = io.ReadFull(c.in, b[:])
		size = int(binary.BigEndian.Uint64(b[:])) //nolint:gosec // our own server
	}
	payload = make([]byte, size)
	if _, err := io.ReadFull(c.in, payload); err != nil {
		c.t.Fatal(err)
	}
	return head[0] & 0x0f, payload
}

// want reads until a message is what the test waits for.
func (c *client) want(what string, is func(message) bool) message {
	c.t.Helper()
	for {
		m := c.next()
		if is(m) {
			return m
		}
		if m.closed != 0 {
			c.t.Fatalf("closed with %d instead of: %s", m.closed, what)
		}
	}
}

// login connects as a user; more is appended to the connect command.
func (c *client) login(user, session, more string) message {
	c.t.Helper()
	token := ""
	if user != "" {
		token = "sig:" + user
	}
	c.id++
	c.text(fmt.Sprintf(`{"id":%d,"connect":{"token":%q,"data":{"user":%q,"platform":"Web","session":%q}%s}}`, c.id, token, user, session, more))
	return c.want("the answer to connect", func(m message) bool { return m.ID == c.id })
}

// call calls a method and returns its answer.
func (c *client) call(method, params string) message {
	c.t.Helper()
	c.id++
	c.text(fmt.Sprintf(`{"id":%d,"rpc":{"method":%q,"data":%s}}`, c.id, method, params))
	id := c.id
	return c.want("the answer to "+method, func(m message) bool { return m.ID == id })
}

// pub is the next publication.
func (c *client) pub() string {
	c.t.Helper()
	m := c.want("a publication", func(m message) bool { return m.Push != nil && m.Push.Pub != nil })
	return string(m.Push.Pub.Data)
}

// cutBy is the code that the connection is closed with.
func (c *client) cutBy() int {
	c.t.Helper()
	for {
		if m := c.next(); m.closed != 0 {
			return m.closed
		}
	}
}

// figure is what a counter of the bus says.
func figure(t *testing.T, b *stage, name, reason string) float64 {
	t.Helper()
	registry := prometheus.NewRegistry()
	registry.MustRegister(b.Stats())
	families, err := registry.Gather()
	must(t, err)
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() == name && (reason == "" || m.GetLabel()[0].GetValue() == reason) {
				return m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	return 0
}
