package rtmp

import (
	"bytes"
	"errors"
	"io"
	"net"
	"testing"
)

// TestHandshake: 5.2, both sides of this package with each other.
func TestHandshake(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	done := make(chan error, 1)
	go func() {
		c, err := l.Accept()
		if err == nil {
			err = Accept(c, &Random{1})
			err = errors.Join(err, c.Close())
		}
		done <- err
	}()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	if err := Greet(c, &Random{2}); err != nil {
		t.Error(err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// script reads from one side and writes to nowhere.
type script struct {
	io.Reader
	bytes.Buffer
}

func (s *script) Read(b []byte) (int, error) { return s.Reader.Read(b) }

func TestHandshakeOfStrangers(t *testing.T) {
	for name, tc := range map[string]struct {
		bytes []byte
		want  error
	}{
		"nothing":          {nil, io.EOF},
		"5.2.2 version 6":  {append([]byte{6}, make([]byte, 2*greeting)...), ErrProtocol},
		"HTTP":             {append([]byte("HTTP/1.1 400"), make([]byte, 2*greeting)...), ErrProtocol},
		"5.2.3 cut short":  {append([]byte{3}, make([]byte, 100)...), io.ErrUnexpectedEOF},
		"5.2.4 without S2": {append([]byte{3}, make([]byte, greeting)...), io.EOF},
	} {
		if err := Greet(&script{Reader: bytes.NewReader(tc.bytes)}, new(Random)); !errors.Is(err, tc.want) {
			t.Errorf("%s: client got %v, want %v", name, err, tc.want)
		}
		if err := Accept(&script{Reader: bytes.NewReader(tc.bytes)}, new(Random)); !errors.Is(err, tc.want) {
			t.Errorf("%s: server got %v, want %v", name, err, tc.want)
		}
	}
}
