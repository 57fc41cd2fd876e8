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
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"weir/room/im"
)

// Handshakes that RFC 6455 4.2.1 does not allow.
func TestHandshakesThatAreRefused(t *testing.T) {
	b := run(t, options(t))
	for name, head := range map[string]string{
		"wrong version": "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 8\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
		"bad key":       "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: short\r\n",
		"no key":        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n",
		"no upgrade":    "",
		"another one":   "Connection: Upgrade\r\nUpgrade: h2c\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
	} {
		conn, err := net.Dial("tcp", strings.TrimPrefix(b.url, "http://"))
		must(t, err)
		_ = conn.SetDeadline(time.Now().Add(patience))
		_, err = io.WriteString(conn, "GET /im HTTP/1.1\r\nHost: weir.test\r\n"+head+"\r\n")
		must(t, err)
		answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
		must(t, err)
		if answer.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: %s", name, answer.Status)
		}
		_ = conn.Close()
	}
	settled(t, b)
}

// settled waits until the door holds nothing of connections that came and went.
func settled(t *testing.T, b *stage) {
	t.Helper()
	until(t, "the door has forgotten all", func() bool {
		b.door.mu.Lock()
		defer b.door.mu.Unlock()
		return b.door.open == 0 && b.door.pending == 0 && len(b.door.from) == 0
	})
}

// Frames that RFC 6455 or the protocol do not allow end the connection, before the login and after it.
func TestFramesThatEndTheConnection(t *testing.T) {
	b := run(t, options(t))
	frames := map[string][]byte{
		"unmasked":                 []byte("\x81\x02{}"),                                                     // RFC 6455 5.1
		"2^63 bytes":               []byte("\x81\xff\x80\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"),       // 5.2
		"2^62 bytes":               []byte("\x81\xff\x40\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"),       // more than a message may have
		"reserved bit":             []byte("\xc1\x82\x00\x00\x00\x00{}"),                                     // 5.2
		"reserved opcode":          []byte("\x83\x82\x00\x00\x00\x00{}"),                                     // 5.2
		"fragmented ping":          []byte("\x09\x80\x00\x00\x00\x00"),                                       // 5.4
		"long ping":                append([]byte("\x89\xfe\x00\x7e\x00\x00\x00\x00"), make([]byte, 126)...), // 5.5
		"continuation of nothing":  []byte("\x80\x82\x00\x00\x00\x00{}"),                                     // 5.4
		"close of one byte":        []byte("\x88\x81\x00\x00\x00\x00\x03"),                                   // 5.5.1
		"empty":                    []byte("\x81\x80\x00\x00\x00\x00"),
		"not JSON":                 masked(`what?`),
		"a list":                   masked(`[]`),
		"invalid UTF-8":            masked("{\"id\":1,\"rpc\":\"\xff\"}"),
		"a wrong type":             masked(`{"id":"1","rpc":{}}`),
		"no id":                    masked(`{"rpc":{"method":"echo"}}`),
		"a deep list":              masked(strings.Repeat("[", 15_000)),
		"a deep object":            masked(strings.Repeat(`{"a":`, 3000)),
		"deep where nobody looks":  masked(`{"id":1,"x":` + strings.Repeat("[", 15_000)),
		"binary on a JSON channel": {0x82, 0x82, 0, 0, 0, 0, 0xff, 0xfe},
	}
	for name, frame := range frames {
		for _, loggedIn := range []bool{false, true} {
			c := dial(t, b.url)
			if loggedIn {
				c.login("", "", "")
			}
			if _, err := c.conn.Write(frame); err != nil {
				t.Fatal(err)
			}
			if !c.ends() {
				t.Errorf("%s (logged in: %v) does not end it", name, loggedIn)
			}
		}
	}
	settled(t, b)
}

// ends tells whether the server ends the connection.
func (c *client) ends() bool {
	defer func() { _ = c.conn.Close() }()
	for {
		var head [2]byte
		_, err := io.ReadFull(c.in, head[:])
		if err != nil {
			return !errors.Is(err, os.ErrDeadlineExceeded)
		}
		if head[0] == 0x88 { // a close frame: it waits for ours
			return true
		}
		if _, err := c.in.Discard(int(head[1])); err != nil || head[1] > 125 {
			return false // not one of the short answers that may come before
		}
	}
}

// masked is a text frame with a mask that changes nothing.
func masked(text string) []byte {
	head := []byte{0x81, 0x80 | byte(min(len(text), 126))}
	if len(text) >= 126 {
		head = append(head, byte(len(text)>>8), byte(len(text))) //nolint:gosec // tests send less than 64 KB
	}
	return append(append(head, 0, 0, 0, 0), text...)
}

// A message that is too long is refused with 1009 (RFC 6455 7.4.1).
func TestMessageTooLong(t *testing.T) {
	b := run(t, options(t))
	c := dial(t, b.url)
	c.login("", "", "")
	if m := c.call("echo", `"`+strings.Repeat("a", 15<<10)+`"`); m.Error != nil {
		t.Errorf("15 KB are answered with %+v", m.Error)
	}
	c.text(`{"id":9,"rpc":{"method":"echo","data":"` + strings.Repeat("a", 17<<10) + `"}}`)
	if code := c.cutBy(); code != 1009 {
		t.Errorf("cut by %d", code)
	}
}

// What a client of JSON may not do: choose a channel, publish, ask for others' presence or history.
func TestClientsChooseNothing(t *testing.T) {
	b := run(t, options(t))
	c := dial(t, b.url)
	c.login("alice", "", "")
	for i, command := range []string{
		`"subscribe":{"channel":"r:1:AV1"}`, `"unsubscribe":{"channel":"u:1:alice"}`, `"publish":{"channel":"r:1:AV1","data":{}}`,
		`"presence":{"channel":"r:1:AV1"}`, `"presence_stats":{"channel":"r:1:AV1"}`, `"history":{"channel":"r:1:AV1","limit":9}`,
		`"refresh":{"token":"x"}`, `"sub_refresh":{"channel":"r:1:AV1","token":"x"}`,
	} {
		id := 100 + i
		c.text(fmt.Sprintf(`{"id":%d,%s}`, id, command))
		if m := c.want("an answer", func(m message) bool { return m.ID == id }); m.Error == nil || m.Error.Code != 103 {
			t.Errorf("%s: %+v", command, m)
		}
	}
	if b.node.Hub().NumSubscribers("r:1:AV1") != 0 {
		t.Error("somebody subscribed")
	}
}

// Channels that a client names when it connects give it nothing that its session does not have.
func TestChannelsOfConnectCountForNothing(t *testing.T) {
	b := run(t, options(t))
	c := dial(t, b.url)
	m := c.login("alice", "", `,"subs":{"r:1:AV1":{"recover":true,"epoch":"x","offset":1},"u:1:bob":{}}`)
	if _, ok := m.Connect.Subs["u:1:alice"]; !ok || len(m.Connect.Subs) != 1 {
		t.Errorf("subscribed to %v", m.Connect.Subs)
	}
}

// Somebody else's session is nobody's to go on with.
func TestForeignSession(t *testing.T) {
	b := run(t, options(t))
	c := dial(t, b.url)
	hello := c.login("alice", "", "").Connect.Data
	c.call("enter", `"AV1"`)
	other := dial(t, b.url)
	if m := other.login("bob", hello.Session, ""); m.Connect.Data.Resumed || len(m.Connect.Data.Rooms) != 0 {
		t.Errorf("%+v", m.Connect.Data)
	}
	anonymous := dial(t, b.url)
	if m := anonymous.login("", hello.Session, ""); m.Connect.Data.Resumed {
		t.Errorf("%+v", m.Connect.Data)
	}
	if m := c.call("echo", `1`); m.Error != nil {
		t.Errorf("%+v", m.Error)
	}
}

func TestGreetingOfWrongTypes(t *testing.T) {
	b := run(t, options(t))
	for _, data := range []string{`[]`, `"x"`, `{"app":"1"}`, `{"user":1}`, `{"session":{}}`, `1`} {
		c := dial(t, b.url)
		c.text(`{"id":1,"connect":{"data":` + data + `}}`)
		if m := c.next(); m.Error == nil || m.Error.Code != 107 {
			t.Errorf("%s: %+v", data, m)
		}
	}
}

// Those who do not log in are few, and who does makes room.
func TestPendingIsBounded(t *testing.T) {
	o := options(t)
	o.MaxPendingPerAddress, o.LoginTimeout = 3, patience
	b := run(t, o)
	first := dial(t, b.url)
	dial(t, b.url)
	dial(t, b.url)
	if _, status := tryDial(t, b.url); status != http.StatusServiceUnavailable {
		t.Errorf("the fourth is answered with %d", status)
	}
	first.login("", "", "")
	dial(t, b.url)
	if _, status := tryDial(t, b.url); status != http.StatusServiceUnavailable {
		t.Errorf("the fourth beside one who is logged in is answered with %d", status)
	}
}

// One client may have a whole /64 of addresses.
func TestNetwork(t *testing.T) {
	for addr, want := range map[string]string{
		"192.0.2.1": "192.0.2.1", "::ffff:192.0.2.1": "::ffff:192.0.2.1", "2001:db8::1": "2001:db8::/64",
		"2001:db8::ffff:0:0:1": "2001:db8::/64", "2001:db8:0:1::1": "2001:db8:0:1::/64", "fe80::1%eth0": "fe80::/64", "@": "@",
	} {
		if got := network(addr); got != want {
			t.Errorf("%s counts as %s, want %s", addr, got, want)
		}
	}
}

// Who does not log in is cut in time.
func TestNoLogin(t *testing.T) {
	o := options(t)
	o.LoginTimeout = 100 * time.Millisecond
	b := run(t, o)
	if code := dial(t, b.url).cutBy(); code != 3502 {
		t.Errorf("who does not log in is cut by %d", code)
	}
	settled(t, b)
}

func TestConnectionsAreBounded(t *testing.T) {
	o := options(t)
	o.MaxConnections = 2
	b := run(t, o)
	first := dial(t, b.url)
	first.login("", "", "")
	dial(t, b.url).login("", "", "")
	if _, status := tryDial(t, b.url); status != http.StatusServiceUnavailable {
		t.Errorf("the third is answered with %d", status)
	}
	_ = first.conn.Close()
	until(t, "there is room again", func() bool {
		_, status := tryDial(t, b.url)
		return status == http.StatusSwitchingProtocols
	})
}

// Who asks too often is told so, and cut when that does not help.
func TestTooOften(t *testing.T) {
	o := options(t)
	o.CallsPerSecond = 2
	now := time.Now()
	o.Now = func() time.Time { return now }
	b := run(t, o)
	c := dial(t, b.url)
	c.login("alice", "", "")
	var codes []int
	for range 14 {
		if m := c.call("echo", `1`); m.Error != nil {
			codes = append(codes, m.Error.Code)
		}
	}
	if len(codes) != 10 || codes[0] != 10006 {
		t.Errorf("refused with %v", codes)
	}
	c.text(`{"id":99,"rpc":{"method":"echo","data":1}}`)
	if code := c.cutBy(); code != 4504 {
		t.Errorf("cut by %d", code)
	}
}

// E01: each end of a login has its own code.
func TestE01Ends(t *testing.T) {
	o := options(t)
	hello := o.Hello
	o.Hello = func(ctx context.Context, h Hello) (im.Actor, time.Time, error) {
		a, _, err := hello(ctx, h)
		if h.User == "short" {
			return a, time.Now().Add(-time.Second), err
		}
		return a, time.Time{}, err
	}
	gone := make(chan Reason, 9)
	o.Gone = func(_ *Session, r Reason) { gone <- r }
	b := run(t, o)

	short := dial(t, b.url)
	short.login("short", "", "")
	if code := short.cutBy(); code != 4502 {
		t.Errorf("an expired login is cut by %d", code)
	}
	if why := <-gone; why != ReasonExpired {
		t.Errorf("gone by %s", why)
	}
	first, second := dial(t, b.url), dial(t, b.url)
	first.login("alice", "", "")
	first.call("echo", `1`) // by now it is the login that a second one ends
	second.login("alice", "", "")
	if code, why := first.cutBy(), <-gone; code != 4501 || why != ReasonMultiple {
		t.Errorf("a second login cuts the first by %d, %s", code, why)
	}
	phone := dial(t, b.url)
	phone.text(`{"id":1,"connect":{"token":"sig:alice","data":{"user":"alice","platform":"Android"}}}`)
	phone.next()
	second.call("echo", `1`)
	phone.id = 1
	phone.call("echo", `1`) // stands beside the browser
	b.Kick(1, "alice", ReasonREST)
	if x, y := second.cutBy(), phone.cutBy(); x != 4503 || y != 4503 {
		t.Errorf("a kick cuts by %d and %d", x, y)
	}
	if x, y := <-gone, <-gone; x != ReasonREST || y != ReasonREST {
		t.Errorf("gone by %s and %s", x, y)
	}
	out := dial(t, b.url)
	out.login("alice", "", "")
	out.call("bye", `{}`)
	_ = out.conn.Close()
	if why := <-gone; why != ReasonLogout {
		t.Errorf("gone by %s", why)
	}
}

// TestB13Sessions is "all data of that SDKAppID gone" for those who are connected.
func TestB13Sessions(t *testing.T) {
	b := run(t, options(t))
	c := dial(t, b.url)
	c.login("alice", "", "")
	b.EndApp(2)
	if m := c.call("enter", `"AV1"`); m.Error != nil {
		t.Errorf("a session of another app has ended: %+v", m.Error)
	}
	b.EndApp(1)
	if code := c.cutBy(); code != 4505 {
		t.Errorf("cut by %d", code)
	}
}

// A connection that goes on with a session ends the one that had it; the session has not ended.
func TestConnectionReplaced(t *testing.T) {
	b := run(t, options(t))
	first := dial(t, b.url)
	hello := first.login("", "", "").Connect.Data
	first.call("enter", `"AV1"`)
	second := dial(t, b.url)
	if m := second.login("", hello.Session, ""); !m.Connect.Data.Resumed {
		t.Fatalf("%+v", m.Connect.Data)
	}
	if code := first.cutBy(); code != 4506 {
		t.Errorf("the first is cut by %d", code)
	}
	must(t, b.Publish(1, "AV1", []byte(`{"m":1}`)))
	if got := second.pub(); got != `{"m":1}` {
		t.Errorf("got %s", got)
	}
	until(t, "one counts", func() bool { return b.LocalCount(1, "AV1") == 1 })
}

// A token that allows less goes on with nothing that another one began.
func TestSessionIsOfOneTokensRights(t *testing.T) {
	s := &Session{actor: im.Actor{App: 1, User: "alice"}}
	if !s.belongsTo(im.Actor{App: 1, User: "alice", Addr: "another"}) {
		t.Error("the same user may not go on")
	}
	for _, a := range []im.Actor{{App: 2, User: "alice"}, {App: 1}, {App: 1, User: "alice", Only: &im.Only{Room: "r"}}} {
		if s.belongsTo(a) {
			t.Errorf("%+v may go on", a)
		}
	}
}

// After its grace a session is over, once.
func TestGrace(t *testing.T) {
	o := options(t)
	o.Grace = time.Millisecond
	gone := make(chan Reason, 9)
	o.Gone = func(_ *Session, r Reason) { gone <- r }
	b := run(t, o)
	c := dial(t, b.url)
	c.login("alice", "", "")
	c.call("enter", `"AV1"`)
	_ = c.conn.Close()
	if why := <-gone; why != ReasonGone {
		t.Errorf("gone by %s", why)
	}
	if n := b.LocalCount(1, "AV1"); n != 0 || len(b.rooms) != 0 || len(b.users) != 0 {
		t.Errorf("%d in the room, tables %v %v", n, b.rooms, b.users)
	}
}

// Who comes and goes again and again leaves no more behind than there is room for.
func TestSessionsAwayAreBounded(t *testing.T) {
	o := options(t)
	o.MaxConnections, o.Grace = 4, time.Hour
	var gone atomic.Int32
	o.Gone = func(*Session, Reason) { gone.Add(1) }
	b := run(t, o)
	for range 20 {
		c := dial(t, b.url)
		c.login("", "", "")
		_ = c.conn.Close()
		settled(t, b)
	}
	until(t, "sessions end", func() bool { return gone.Load() == 12 })
}

// journal is a log that can be read while it is written.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

// What a stranger sends is no fault of the server.
func TestStrangersFillNoLog(t *testing.T) {
	var out journal
	o := options(t)
	o.Log = slog.New(slog.NewTextHandler(&out, nil))
	b := run(t, o)
	answer, err := http.Post(b.url+"/im/emulation", "application/json", strings.NewReader(`{"session":"s","node":"n","data":"{}"}`))
	must(t, err)
	_ = answer.Body.Close()
	http.DefaultClient.CloseIdleConnections()
	if answer.StatusCode != http.StatusNotFound || strings.Contains(out.String(), "emulation") {
		t.Errorf("%s, and the log says %s", answer.Status, out.String())
	}
}

// A member that reads nothing is cut, and the others get everything.
func TestSlowMember(t *testing.T) {
	o := options(t)
	o.QueueBytes = 32 << 10
	b := run(t, o)
	slow, good := dial(t, b.url), dial(t, b.url)
	for _, c := range []*client{slow, good} {
		c.login("", "", "")
		c.call("enter", `"AV1"`)
	}
	pad := strings.Repeat("x", 8<<10)
	publish := func(i int) {
		must(t, b.Publish(1, "AV1", fmt.Appendf(nil, `{"m":%d,"pad":%q}`, i, pad)))
		var got struct{ M int }
		must(t, json.Unmarshal([]byte(good.pub()), &got))
		if got.M != i {
			t.Fatalf("the other member got %d instead of %d", got.M, i)
		}
	}
	const more = 600 // 5 MB: more than its queue and what the system holds
	for i := range more {
		publish(i)
	}
	until(t, "the slow member is out", func() bool { return b.LocalCount(1, "AV1") == 1 })
	publish(more)
	if got := figure(t, b, "weir_im_closed_total", "slow"); got != 1 {
		t.Errorf("%v were cut as slow", got)
	}
}

// The ways around a network that breaks WebSockets: the same session, commands and answers.
func TestFallbacks(t *testing.T) {
	b := run(t, options(t))
	connect := `{"id":1,"connect":{"token":"sig:alice","data":{"user":"alice","platform":"Web"}}}`
	for name, open := range map[string]func() (*http.Response, error){
		"sse": func() (*http.Response, error) {
			return http.Get(b.url + "/im/sse?cf_connect=" + url.QueryEscape(connect))
		},
		"http_stream": func() (*http.Response, error) {
			return http.Post(b.url+"/im/http_stream", "application/json", strings.NewReader(connect))
		},
	} {
		answer, err := open()
		must(t, err)
		lines := bufio.NewReader(answer.Body)
		next := func() message {
			t.Helper()
			for {
				line, err := lines.ReadBytes('\n')
				must(t, err)
				line = bytes.TrimSpace(bytes.TrimPrefix(line, []byte("data: ")))
				var m message
				if len(line) > 2 && json.Unmarshal(line, &m) == nil {
					return m
				}
			}
		}
		m := next()
		if m.Connect == nil || m.Connect.Data.User != "alice" {
			t.Fatalf("%s: %+v", name, m)
		}
		command, err := json.Marshal(`{"id":2,"rpc":{"method":"enter","data":"AV1"}}`)
		must(t, err)
		body := fmt.Sprintf(`{"session":%q,"node":%q,"data":%s}`, m.Connect.Session, m.Connect.Node, command)
		back, err := http.Post(b.url+"/im/emulation", "application/json", strings.NewReader(body))
		must(t, err)
		_ = back.Body.Close()
		for m.ID != 2 {
			m = next()
		}
		if back.StatusCode != http.StatusNoContent || m.Error != nil {
			t.Errorf("%s: %s, %+v", name, back.Status, m.Error)
		}
		must(t, b.Publish(1, "AV1", []byte(`{"m":1}`)))
		for m.Push == nil || m.Push.Pub == nil {
			m = next()
		}
		if string(m.Push.Pub.Data) != `{"m":1}` {
			t.Errorf("%s: %s", name, m.Push.Pub.Data)
		}
		_ = answer.Body.Close()
		until(t, "the connection is gone", func() bool { return b.LocalCount(1, "AV1") == 0 })
	}
	http.DefaultClient.CloseIdleConnections()
	settled(t, b)
	answer, err := http.Get(b.url + "/im/nothing")
	must(t, err)
	_ = answer.Body.Close()
	if answer.StatusCode != http.StatusNotFound {
		t.Error(answer.Status)
	}
	http.DefaultClient.CloseIdleConnections()
}

// Who comes before the bus runs, or after, is told to come again.
func TestNotRunning(t *testing.T) {
	b := run(t, options(t))
	c := dial(t, b.url)
	c.login("", "", "")
	b.setRunning(false)
	if _, status := tryDial(t, b.url); status != http.StatusServiceUnavailable {
		t.Errorf("answered with %d", status)
	}
	b.setRunning(true)
}

// A server that stops says so; clients come again.
func TestStop(t *testing.T) {
	o := options(t)
	o.Gone = func(_ *Session, r Reason) { t.Errorf("gone by %s", r) }
	b := run(t, o)
	c := dial(t, b.url)
	c.login("alice", "", "")
	go b.end()
	if code := c.cutBy(); code != 3001 {
		t.Errorf("cut by %d", code)
	}
	b.end()
}

// A client that answers no ping is cut, and counts as lost.
func TestNoPong(t *testing.T) {
	o := options(t)
	o.PingEvery, o.PongTimeout, o.Grace = time.Second, 500*time.Millisecond, time.Millisecond
	gone := make(chan Reason, 9)
	o.Gone = func(_ *Session, r Reason) { gone <- r }
	b := run(t, o)
	c := dial(t, b.url)
	c.login("alice", "", "")
	for opcode := byte(0); opcode != 8; {
		var payload []byte
		if opcode, payload = c.read(); opcode == 8 && binary.BigEndian.Uint16(payload) != 3012 {
			t.Errorf("closed with %d", binary.BigEndian.Uint16(payload))
		}
	}
	_ = c.conn.Close()
	if why := <-gone; why != ReasonLost {
		t.Errorf("gone by %s", why)
	}
}
