package rtmp

import (
	"bytes"
	"net"
	"strings"
	"testing"
	"time"

	"weir/mux/rtmp"
)

// recording is a connection to a server that says the same whatever it is asked.
type recording struct {
	net.Conn
	said *bytes.Reader
}

func (r *recording) Read(b []byte) (int, error)     { return r.said.Read(b) }
func (*recording) Write(b []byte) (int, error)      { return len(b), nil }
func (*recording) SetDeadline(time.Time) error      { return nil }
func (*recording) SetReadDeadline(time.Time) error  { return nil }
func (*recording) SetWriteDeadline(time.Time) error { return nil }
func (*recording) Close() error                     { return nil }

// FuzzServer: whatever a server says behind its handshake, the client comes to an end that tells nothing secret.
func FuzzServer(f *testing.F) {
	say := func(messages ...rtmp.Message) (b []byte) {
		for _, m := range messages {
			b = rtmp.AppendMessage(b, m, rtmp.DefaultChunk)
		}
		return b
	}
	status := func(level, code string) rtmp.Message {
		return rtmp.NewCommand(1, "onStatus", 0.0, nil, []rtmp.Property{rtmp.Prop("level", level), rtmp.Prop("code", code), rtmp.Prop("description", "secretkey")})
	}
	opened := []rtmp.Message{rtmp.NewCommand(0, "_result", 1.0, nil, nil), rtmp.NewCommand(0, "_result", 4.0, nil, 1.0)}
	f.Add(false, say(append(opened, status("status", "NetStream.Publish.Start"), status("error", "NetStream.Publish.BadName"))...))
	opened[1] = rtmp.NewCommand(0, "_result", 2.0, nil, 1.0)
	f.Add(true, say(append(opened, status("status", "NetStream.Play.Start"), rtmp.Message{Type: rtmp.TypeAggregate, Body: make([]byte, 15)}, rtmp.Control(rtmp.EventEOF, 0, 0, 0, 1))...))
	f.Add(true, say(rtmp.NewCommand(0, "_error", 1.0, nil, []rtmp.Property{rtmp.Prop("description", "authmod=adobe ?reason=needauth&salt=x")})))
	f.Fuzz(func(t *testing.T, play bool, said []byte) {
		target, err := parseTarget("rtmp://user:secretpass@host/live/secretkey?sign=secretsign")
		if err != nil {
			t.Fatal(err)
		}
		c := newConn(&recording{said: bytes.NewReader(said)}, Options{WriteTimeout: patience}, target)
		err = c.told(c.connect(""))
		switch {
		case err != nil:
		case play:
			if err = c.Play(t.Context()); err == nil {
				for err == nil {
					_, err = c.Read()
				}
			}
		default:
			if err = c.Publish(t.Context()); err == nil {
				err = c.Watch()
			}
		}
		c.Close(t.Context())
		if err == nil || strings.Contains(err.Error(), "secret") && !bytes.Contains(said, []byte("secret")) {
			t.Errorf("ended with %v", err)
		}
		log := newLogin(&target)
		for log.next(string(said)) {
		}
	})
}
