package httpflv

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"weir/mux/av"
)

// wsClient is a WebSocket client, by hand.
type wsClient struct {
	t    *testing.T
	conn net.Conn
	in   *bufio.Reader
	resp *http.Response
}

// dialWS asks for a WebSocket; headers replace those of a good handshake.
func (r *rig) dialWS(query string, headers map[string]string) *wsClient {
	r.t.Helper()
	u, err := url.Parse(r.url + query)
	if err != nil {
		r.t.Fatal(err)
	}
	var conn net.Conn
	if u.Scheme == "https" {
		conn, err = tls.Dial("tcp", u.Host, &tls.Config{InsecureSkipVerify: true})
	} else {
		conn, err = net.Dial("tcp", u.Host)
	}
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		r.t.Fatal(err)
	}
	all := map[string]string{
		"Host": u.Host, "Upgrade": "WebSocket", "Connection": "keep-alive, Upgrade",
		"Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", // RFC 6455 1.3
	}
	maps.Copy(all, headers)
	var req strings.Builder
	req.WriteString("GET " + u.RequestURI() + " HTTP/1.1\r\n")
	for name, value := range all {
		if value != "" {
			req.WriteString(name + ": " + value + "\r\n")
		}
	}
	if _, err := io.WriteString(conn, req.String()+"\r\n"); err != nil {
		r.t.Fatal(err)
	}
	c := &wsClient{t: r.t, conn: conn, in: bufio.NewReader(conn)}
	if c.resp, err = http.ReadResponse(c.in, nil); err != nil {
		r.t.Fatal(err)
	}
	return c
}

// frame reads one frame.
func (c *wsClient) frame() (opcode byte, payload []byte, err error) {
	var head [2]byte
	if _, err := io.ReadFull(c.in, head[:]); err != nil {
		return 0, nil, err
	}
	if head[0]&0xf0 != finalFrame || head[1]&maskedBit != 0 {
		c.t.Errorf("a frame begins with %x", head)
	}
	n := uint64(head[1])
	switch n {
	case 126:
		var b [2]byte
		_, err = io.ReadFull(c.in, b[:])
		n = uint64(binary.BigEndian.Uint16(b[:]))
	case 127:
		var b [8]byte
		_, err = io.ReadFull(c.in, b[:])
		n = binary.BigEndian.Uint64(b[:])
	}
	if err != nil {
		return 0, nil, err
	}
	payload = make([]byte, n)
	_, err = io.ReadFull(c.in, payload)
	return head[0] & 0x0f, payload, err
}

// Read gives the bytes of binary messages, as a player takes them.
func (c *wsClient) Read(b []byte) (int, error) {
	for {
		opcode, payload, err := c.frame()
		switch {
		case err != nil:
			return 0, err
		case opcode == opClose:
			return 0, io.EOF
		case opcode == opBinary && len(payload) > len(b):
			c.t.Fatalf("a message of %d bytes", len(payload))
		case opcode == opBinary:
			return copy(b, payload), nil
		}
	}
}

// until skips to the next frame with the opcode.
func (c *wsClient) until(want byte) []byte {
	c.t.Helper()
	for {
		opcode, payload, err := c.frame()
		if err != nil {
			c.t.Fatalf("no frame of type %d: %v", want, err)
		}
		if opcode == want {
			return payload
		}
	}
}

// send writes a frame, masked as clients must.
func (c *wsClient) send(first byte, payload string) {
	c.t.Helper()
	if _, err := c.conn.Write(masked(first, payload)); err != nil {
		c.t.Fatal(err)
	}
}

func masked(first byte, payload string) []byte {
	b := appendFrameHead(nil, 0, len(payload))
	b[0], b[1] = first, b[1]|maskedBit
	mask := []byte{1, 2, 3, 4}
	b = append(b, mask...)
	for i := range len(payload) {
		b = append(b, payload[i]^mask[i%4])
	}
	return b
}

// TestWebSocket: the messages are the bytes of FLV, the first one from the header on, and the end is a close frame.
func TestWebSocket(t *testing.T) {
	for name, configure := range map[string]func(*httptest.Server){"ws": nil, "wss": (*httptest.Server).StartTLS} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, testOptions(), configure)
			r.publish(true, false)
			r.pictures(3)
			c := r.dialWS("", nil)
			if h := c.resp.Header; c.resp.StatusCode != 101 || h.Get("Sec-WebSocket-Accept") != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" ||
				!strings.EqualFold(h.Get("Upgrade"), "websocket") || h.Get("Transfer-Encoding") != "" {
				t.Fatalf("%d %v", c.resp.StatusCode, h)
			}
			_, first, err := c.frame()
			if err != nil || !bytes.HasPrefix(first, []byte("FLV\x01\x01\x00\x00\x00\x09")) {
				t.Fatalf("the first message is %q, %v", first[:min(len(first), 13)], err)
			}
			p := play(t, io.MultiReader(bytes.NewReader(first), bufio.NewReaderSize(c, 1<<20)))
			for range 3 {
				p.media(1)
			}
			r.pictures(60) // larger messages than 64 KiB, too
			for range 60 {
				p.media(1)
			}
			wantAudience(t, r, 1, 1)
			r.pub.End(errTest)
			if got := c.until(opClose); string(got) != "\x03\xe8stream_ended" {
				t.Errorf("the close frame has %q", got)
			}
			c.send(finalFrame|opClose, "\x03\xe8")
			if _, _, err := c.frame(); !errors.Is(err, io.EOF) {
				t.Errorf("then %v", err)
			}
			wantClosed(t, r, "stream_ended", 1)
		})
	}
}

// TestWebSocketHandshake is RFC 6455 4.2.1 and 4.4: a handshake that is none is refused over HTTP.
func TestWebSocketHandshake(t *testing.T) {
	r := newRig(t, testOptions(), nil)
	r.publish(true, false)
	r.pictures(1)
	for _, c := range []struct {
		name    string
		headers map[string]string
		status  int
	}{
		{"good", nil, 101},
		{"good, in other case and in a list", map[string]string{"Upgrade": "h2c, WEBSOCKET", "Connection": "UPGRADE"}, 101},
		{"no upgrade is no handshake", map[string]string{"Upgrade": ""}, 200},
		{"not for this connection", map[string]string{"Connection": "keep-alive"}, 400},
		{"no key", map[string]string{"Sec-WebSocket-Key": ""}, 400},
		{"short key", map[string]string{"Sec-WebSocket-Key": "c2hvcnQ="}, 400},
		{"no version", map[string]string{"Sec-WebSocket-Version": ""}, 426},
		{"old version", map[string]string{"Sec-WebSocket-Version": "8"}, 426},
	} {
		got := r.dialWS("", c.headers)
		if got.resp.StatusCode != c.status {
			t.Errorf("%s: %d, want %d", c.name, got.resp.StatusCode, c.status)
		}
		if c.status == 426 && got.resp.Header.Get("Sec-WebSocket-Version") != "13" {
			t.Errorf("%s: the version is not named", c.name)
		}
		_ = got.conn.Close()
	}
	if c := r.dialWS("?audio=mp3", nil); c.resp.StatusCode != 400 {
		t.Errorf("a bad query: %d", c.resp.StatusCode)
	}
}

func TestWebSocketPing(t *testing.T) {
	r := newRig(t, testOptions(), nil)
	r.publish(true, false)
	r.pictures(1)
	c := r.dialWS("", nil)
	c.send(finalFrame|opText, "hello")
	c.send(finalFrame|opPong, "nobody asked")
	c.send(finalFrame|opPing, "are you there")
	pong := make(chan string, 1)
	go func() {
		for {
			opcode, payload, err := c.frame()
			if err != nil || opcode == opPong {
				pong <- string(payload)
				return
			}
		}
	}()
	for { // a ping that comes while a batch is on its way is answered with the next one
		r.pictures(1)
		select {
		case got := <-pong:
			if got != "are you there" {
				t.Errorf("the answer is %q", got)
			}
			r.pictures(1)
			c.until(opBinary)
			return
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// TestWebSocketStaysWhole: pongs stand between messages, also where the connection takes messages in parts, and no
// picture is missing behind one.
func TestWebSocketStaysWhole(t *testing.T) {
	for name, size := range map[string]int{"small pictures": 1 << 10, "large pictures": 3 << 16} {
		t.Run(name, func(t *testing.T) { testStaysWhole(t, size) })
	}
}

func testStaysWhole(t *testing.T, size int) {
	o := testOptions()
	o.MaxLags = 1 << 20 // the ring holds no more than twenty large ones
	r := newRig(t, o, nil)
	r.publish(true, false)
	r.pictures(1)
	c := r.dialWS("", nil)
	const pictures, pings = 100, 3
	answered, written := make(chan struct{}), make(chan int, 1)
	data := binary.BigEndian.AppendUint32(nil, uint32(size))
	data = append(append(data, 0x65), make([]byte, size-1)...)
	go func() {
		n := 0
		for all := false; n < pictures || !all; n++ {
			select {
			case <-answered:
				all = true
			case <-time.After(time.Millisecond): // the pace of a source, not a wait
			}
			at := picture + time.Duration(n)*time.Millisecond
			r.write(&av.Frame{Track: 1, Codec: av.CodecH264, Key: true, DTS: at, PTS: at, Data: data})
		}
		written <- n + 1
		r.pub.End(errTest)
	}()
	seen, pongs := 0, 0
	for n := 0; ; n++ {
		opcode, payload, err := c.frame() // which fails on whatever is no frame
		if err != nil {
			t.Fatal(err)
		}
		switch opcode {
		case opBinary:
			if n == 0 {
				payload = payload[13:] // the header of the file
			}
			seen += tagsOf(t, payload)
		case opPong:
			if pongs++; pongs == pings {
				close(answered)
			}
		case opClose:
			const headers = 2                                            // metadata and sequence header
			if want := <-written; size < 1<<16 && seen != want+headers { // viewers of large ones may lag
				t.Errorf("%d tags came of %d pictures", seen-headers, want)
			}
			return
		}
		if n == 0 || opcode == opPong && pongs < pings {
			c.send(finalFrame|opPing, "still there")
		}
	}
}

// tagsOf counts the tags in b, which must be whole.
func tagsOf(t *testing.T, b []byte) (tags int) {
	t.Helper()
	for ; len(b) > 0; tags++ {
		if len(b) < 15 {
			t.Fatalf("%d bytes are no tag", len(b))
		}
		n := 11 + int(b[1])<<16 + int(b[2])<<8 + int(b[3])
		if len(b) < n+4 || int(binary.BigEndian.Uint32(b[n:])) != n {
			t.Fatalf("a tag of %d bytes does not end where it says", n)
		}
		b = b[n+4:]
	}
	return tags
}

// TestWebSocketEnds: the client closes, vanishes, or breaks the protocol.
func TestWebSocketEnds(t *testing.T) {
	for _, c := range []struct {
		name string
		send []byte
		want string // payload of the close frame; empty: none
	}{
		{"it closes", masked(finalFrame|opClose, "\x03\xe9bye"), "\x03\xe9"},
		{"it closes without a status", masked(finalFrame|opClose, ""), "\x03\xe8"},
		{"it closes with a status that none may send", masked(finalFrame|opClose, "\x03\xed"), "\x03\xe8"},
		{"not masked", append(appendFrameHead(nil, opPing, 2), "ab"...), "\x03\xeanot masked"},
		{"data without end", append(appendFrameHead(nil, opBinary, 1<<20)[:1], maskedBit|127, 0, 0, 0, 0, 0, 16, 0, 0), "\x03\xf1nothing is expected"},
		{"a large ping", masked(finalFrame|opPing, strings.Repeat("x", 126)), "\x03\xeacontrol frame"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t, testOptions(), nil)
			r.publish(true, false)
			r.pictures(1)
			ws := r.dialWS("", nil)
			ws.until(opBinary)
			if _, err := ws.conn.Write(c.send); err != nil {
				t.Fatal(err)
			}
			if got := string(ws.until(opClose)); got != c.want {
				t.Errorf("the close frame has %q, want %q", got, c.want)
			}
			if _, _, err := ws.frame(); !errors.Is(err, io.EOF) { // a reset could take the close frame with it
				t.Errorf("then %v", err)
			}
			wantClosed(t, r, "client_gone", 1)
		})
	}
	t.Run("it vanishes", func(t *testing.T) {
		r := newRig(t, testOptions(), nil)
		r.publish(true, false)
		r.pictures(1)
		ws := r.dialWS("", nil)
		ws.until(opBinary)
		_ = ws.conn.Close()
		wantClosed(t, r, "client_gone", 1) // without a picture to write
	})
}

// TestSlowWebSocket: one who takes nothing is cut for that, pings or no pings.
func TestSlowWebSocket(t *testing.T) {
	o := testOptions()
	o.WriteTimeout = 500 * time.Millisecond
	r := newRig(t, o, nil)
	r.publish(true, false)
	r.pictures(1)
	ws := r.dialWS("", nil)
	deadline := time.After(patience)
	for r.door.Total() > 0 {
		r.large()
		select {
		case <-deadline:
			t.Fatal("it is not cut")
		case <-time.After(time.Millisecond): // the pace of a source, not a wait
		}
	}
	wantClosed(t, r, "slow", 1)
	_ = ws.conn.Close()
}

func TestFrameHead(t *testing.T) {
	for n, want := range map[int]string{
		0: "8200", 125: "827d", 126: "827e007e", 65535: "827effff", 65536: "827f0000000000010000",
	} {
		if got := fmt.Sprintf("%x", appendFrameHead(nil, opBinary, n)); got != want {
			t.Errorf("%d bytes: %s, want %s", n, got, want)
		}
	}
}

// casesInput are what clients may send, and the frames or the fault that it is.
var casesInput = []struct {
	name string
	sent []byte
	want string
}{
	{"ping, then close", append(masked(finalFrame|opPing, "a"), masked(finalFrame|opClose, "")...), `9"a" 8"" EOF`},
	{"data in fragments around a ping", bytes.Join([][]byte{
		masked(opText, "a"), masked(finalFrame|opPing, "b"), masked(opContinuation, "c"), masked(finalFrame|opContinuation, "d"),
	}, nil), `9"b" EOF`},
	{"fragment of nothing", masked(finalFrame|opContinuation, "a"), "1002"},
	{"message in a message", append(masked(opText, "a"), masked(finalFrame|opText, "b")...), "1002"},
	{"reserved bit", masked(finalFrame|0x40|opText, "a"), "1002"},
	{"reserved data", masked(finalFrame|0x3, "a"), "1002"},
	{"reserved control", masked(finalFrame|0xb, "a"), "1002"},
	{"ping in fragments", masked(opPing, "a"), "1002"},
	{"as much as may be", masked(finalFrame|opBinary, strings.Repeat("x", maxData)), "EOF"},
	{"more", masked(finalFrame|opBinary, strings.Repeat("x", maxData+1)), "1009"},
	{"a negative length", append([]byte{finalFrame | opBinary, maskedBit | 127}, bytes.Repeat([]byte{0xff}, 8)...), "1009"},
	{"cut short", masked(finalFrame|opPing, "abc")[:8], "unexpected EOF"},
}

func TestWebSocketInput(t *testing.T) {
	for _, c := range casesInput {
		t.Run(c.name, func(t *testing.T) {
			if got := readInput(c.sent); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

// readInput reads to the end and describes what came.
func readInput(sent []byte) string {
	in := wsInput{from: bytes.NewReader(sent)}
	var got []string
	for {
		opcode, payload, err := in.next()
		var fault *wsError
		switch {
		case errors.As(err, &fault):
			return strings.Join(append(got, fmt.Sprint(fault.status)), " ")
		case err != nil:
			return strings.Join(append(got, err.Error()), " ")
		}
		got = append(got, fmt.Sprintf("%d%q", opcode, payload))
	}
}

func FuzzWebSocketInput(f *testing.F) {
	for _, c := range casesInput {
		f.Add(c.sent)
	}
	f.Fuzz(func(t *testing.T, sent []byte) {
		in := wsInput{from: bytes.NewReader(sent)}
		for {
			opcode, payload, err := in.next()
			if err != nil {
				return
			}
			if opcode != opPing && opcode != opClose || len(payload) > maxControl {
				t.Fatalf("frame %d of %d bytes", opcode, len(payload))
			}
		}
	})
}
