package e2e

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"testing"
	"time"
)

// watchWS is watch by WebSocket.
func watchWS(t *testing.T, address string) *viewer {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", u.Host)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n", u.RequestURI(), u.Host)
	in := bufio.NewReader(conn)
	res, err := http.ReadResponse(in, nil)
	if err != nil || res.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("%s: %v, %v", address, res, err)
	}
	v := &viewer{cancel: func() { _ = conn.Close() }, begin: time.Now(), done: make(chan struct{}), grown: make(chan struct{})}
	go v.read(&messages{in: in, Closer: conn})
	t.Cleanup(v.leave)
	return v
}

// messages are the bytes in binary messages of a server (RFC 6455 5.2), up to its close frame.
type messages struct {
	io.Closer
	in   *bufio.Reader
	left int
}

func (m *messages) Read(b []byte) (int, error) {
	for m.left == 0 {
		head := make([]byte, 2)
		if _, err := io.ReadFull(m.in, head); err != nil {
			return 0, err
		}
		size := int(head[1])
		switch size {
		case 126:
			var n [2]byte
			if _, err := io.ReadFull(m.in, n[:]); err != nil {
				return 0, err
			}
			size = int(binary.BigEndian.Uint16(n[:]))
		case 127:
			var n [8]byte
			if _, err := io.ReadFull(m.in, n[:]); err != nil {
				return 0, err
			}
			size = int(binary.BigEndian.Uint64(n[:]))
		}
		switch head[0] & 0x0f {
		case 0, 2:
			m.left = size
		case 8:
			return 0, io.EOF
		default:
			if _, err := m.in.Discard(size); err != nil {
				return 0, err
			}
		}
	}
	n, err := m.in.Read(b[:min(len(b), m.left)])
	m.left -= n
	return n, err
}
