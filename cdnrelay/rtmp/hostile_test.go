package rtmp

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"runtime"
	"testing"
	"time"

	"weir/mux/rtmp"
)

// drip sends a byte now and then until the client goes.
func drip(p *peer, b byte) {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for range tick.C {
		if _, err := p.Write([]byte{b}); err != nil {
			return
		}
	}
}

// flood sends the same until the client goes.
func flood(p *peer, b []byte) {
	for {
		if _, err := p.Write(b); err != nil {
			return
		}
	}
}

// TestHostileServers: BAD-07. Whatever a server does or leaves out, publishing ends, with a reason and in bounded memory.
func TestHostileServers(t *testing.T) {
	message := func(m rtmp.Message) []byte { return rtmp.AppendMessage(nil, m, rtmp.DefaultChunk) }
	connecting := func(talk func(p *peer)) func(p *peer) {
		return func(p *peer) {
			if p.greet() == nil {
				_, _ = p.command("connect")
				talk(p)
			}
		}
	}
	for name, tc := range map[string]struct {
		talk func(p *peer)
		want error
	}{
		"never answers":               {func(p *peer) { _, _ = io.Copy(io.Discard, p) }, ErrTimeout},
		"closes at once":              {func(*peer) {}, ErrClosed},
		"speaks HTTP":                 {func(p *peer) { flood(p, []byte("HTTP/1.1 400 Bad Request\r\n\r\n")) }, ErrProtocol},
		"greets byte by byte":         {func(p *peer) { drip(p, 3) }, ErrTimeout},
		"never answers connect":       {connecting(func(p *peer) { _, _ = io.Copy(io.Discard, p) }), ErrTimeout},
		"closes behind connect":       {connecting(func(*peer) {}), ErrClosed},
		"chunk size 0":                {connecting(func(p *peer) { p.send(rtmp.Number(rtmp.TypeChunkSize, 0)) }), ErrProtocol},
		"chunk size 2^31":             {connecting(func(p *peer) { p.send(rtmp.Number(rtmp.TypeChunkSize, 1<<31)) }), ErrProtocol},
		"a message of 16 MiB":         {connecting(func(p *peer) { flood(p, []byte{3, 0, 0, 0, 0xff, 0xff, 0xff, 20, 0, 0, 0, 0}) }), ErrProtocol},
		"endless AMF":                 {connecting(func(p *peer) { flood(p, message(rtmp.Message{Type: rtmp.TypeCommand, Body: make([]byte, 60_000)})) }), ErrProtocol},
		"objects in objects":          {connecting(func(p *peer) { p.send(rtmp.Message{Type: rtmp.TypeCommand, Body: deep()}) }), ErrProtocol},
		"endless commands":            {connecting(func(p *peer) { flood(p, message(rtmp.NewCommand(0, "onBWDone", 0.0, nil))) }), ErrProtocol},
		"endless results of nothing":  {connecting(func(p *peer) { flood(p, message(rtmp.NewCommand(0, "_result", 99.0, nil))) }), ErrProtocol},
		"endless media":               {connecting(func(p *peer) { flood(p, message(rtmp.Message{Type: rtmp.TypeVideo, Body: make([]byte, 1000)})) }), ErrProtocol},
		"endless pings, nothing read": {connecting(func(p *peer) { flood(p, message(rtmp.Control(rtmp.EventPing, 1, 2, 3, 4))) }), ErrTimeout},
		"endless sizes of chunks":     {connecting(func(p *peer) { flood(p, message(rtmp.Number(rtmp.TypeChunkSize, rtmp.DefaultChunk))) }), ErrTimeout},
		"many chunk streams":          {connecting(manyStreams), ErrProtocol},
		"a window of 1 and many bytes": {connecting(func(p *peer) {
			p.send(rtmp.Number(rtmp.TypeWindow, 1))
			flood(p, message(rtmp.Number(rtmp.TypeAck, 1)))
		}), ErrTimeout},
		"a message stream of no number": {func(p *peer) { _ = p.greet(); _ = p.result("connect"); _ = p.result("createStream", "x") }, ErrProtocol},
		"a message stream of NaN":       {func(p *peer) { _ = p.greet(); _ = p.result("connect"); _ = p.result("createStream", nan()) }, ErrProtocol},
		"no start of what is published": {func(p *peer) { _ = p.connected(); _, _ = io.Copy(io.Discard, p) }, ErrTimeout},
		"endless other states": {func(p *peer) {
			_ = p.connected()
			flood(p, message(rtmp.NewCommand(1, "onStatus", 0.0, nil, []rtmp.Property{rtmp.Prop("code", "NetStream.Data.Start")})))
		}, ErrProtocol},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, nil, tc.talk)
			ctx := within(t)
			if errors.Is(tc.want, ErrTimeout) {
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, 500*time.Millisecond)
				defer cancel()
			}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := publish(ctx, s.options())
			runtime.ReadMemStats(&after)
			// Both ends and a reset that overtakes the reason are in this process.
			if !errors.Is(err, tc.want) && !(errors.Is(tc.want, ErrProtocol) && errors.Is(err, ErrClosed)) {
				t.Errorf("got %v, want %v", err, tc.want)
			}
			if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 32<<20 {
				t.Errorf("the heap grew by %d bytes", grown)
			}
			unsecret(t, err)
		})
	}
}

// deep is an object in objects.
func deep() (b []byte) {
	for range 1000 {
		b = append(b, 3, 0, 1, 'a')
	}
	return b
}

func nan() float64 {
	zero := 0.0
	return zero / zero
}

func manyStreams(p *peer) {
	for id := range byte(40) {
		_, _ = p.Write(append([]byte{id + 3, 0, 0, 0, 0, 3, 0, 20, 0, 0, 0, 0}, make([]byte, rtmp.DefaultChunk)...))
	}
	_, _ = io.Copy(io.Discard, p)
}

// TestStalledServer: a server that takes nothing more ends the writing, whether or not it still talks.
func TestStalledServer(t *testing.T) {
	for name, talk := range map[string]func(p *peer){
		"says nothing": func(p *peer) { p.wait() },
		"sends pings": func(p *peer) {
			flood(p, rtmp.AppendMessage(nil, rtmp.Control(rtmp.EventPing, 1, 2, 3, 4), rtmp.DefaultChunk))
		},
		"sends nonsense": func(p *peer) { drip(p, 0xff) },
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, nil, func(p *peer) {
				if p.published() == nil {
					talk(p)
				}
			})
			o := s.options()
			o.WriteTimeout = 300 * time.Millisecond
			c, err := publish(within(t), o)
			if err != nil {
				t.Fatal(err)
			}
			end := watch(c)
			m := rtmp.Message{Type: rtmp.TypeVideo, Body: make([]byte, 1<<20)}
			for err == nil { // ends, since what is in flight is bounded
				_, err = c.Write(m)
			}
			if !errors.Is(err, ErrTimeout) && !(name == "sends nonsense" && errors.Is(err, ErrClosed)) {
				t.Errorf("got %v, want %v", err, ErrTimeout)
			}
			if _, again := c.Write(m); again == nil {
				t.Error("it can be written to again")
			}
			c.Close(within(t))
			if end() == nil {
				t.Error("Watch has no reason")
			}
		})
	}
}

// TestCloseIsBounded: a server that neither takes a goodbye nor closes is left.
func TestCloseIsBounded(t *testing.T) {
	s := serve(t, nil, func(p *peer) {
		if p.published() == nil {
			flood(p, make([]byte, 1000))
		}
	})
	c, err := publish(within(t), s.options())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
	defer cancel()
	c.Close(ctx)
	if err := c.Watch(); err == nil {
		t.Error("it goes on")
	}
}

// sips takes a few bytes of each write, as a connection does whose deadline comes while some of it is through.
type sips struct {
	net.Conn
	got bytes.Buffer
	dry bool // takes nothing
}

func (s *sips) Write(b []byte) (int, error) {
	n, err := len(b), error(nil)
	if s.dry {
		n = 0
	} else if n > 10 {
		n = 10
	}
	if n < len(b) {
		err = os.ErrDeadlineExceeded
	}
	s.got.Write(b[:n])
	return n, err
}

func (*sips) SetWriteDeadline(time.Time) error { return nil }

// TestWriteGoesOnWithProgress: the timeout is for a server that takes nothing, not for one that takes little.
func TestWriteGoesOnWithProgress(t *testing.T) {
	conn := new(sips)
	c := newConn(conn, Options{WriteTimeout: patience}, target{})
	c.handOn(publishing)
	m := rtmp.Message{Type: rtmp.TypeVideo, Body: bytes.Repeat([]byte("picture"), 1000)}
	if n, err := c.Write(m, m); err != nil || n != conn.got.Len() {
		t.Errorf("%d bytes of %d, %v", conn.got.Len(), n, err)
	}
	conn.dry = true
	if _, err := c.Write(m); !errors.Is(err, ErrTimeout) {
		t.Errorf("got %v, want %v", err, ErrTimeout)
	}
}

// TestCloseWhileAsking: who has waited enough closes, from another goroutine.
func TestCloseWhileAsking(t *testing.T) {
	for name, ask := range map[string]func(*Conn, context.Context) error{"publish": (*Conn).Publish, "play": (*Conn).Play} {
		t.Run(name, func(t *testing.T) {
			asked := make(chan struct{})
			s := serve(t, nil, func(p *peer) {
				if p.greet() == nil && p.result("connect") == nil {
					_, _ = p.command("createStream")
					close(asked)
					p.wait()
				}
			})
			c, err := Dial(within(t), s.options())
			if err != nil {
				t.Fatal(err)
			}
			done := make(chan error, 1)
			go func() { done <- ask(c, within(t)) }()
			<-asked
			c.Close(within(t))
			if err := <-done; !errors.Is(err, ErrClosed) {
				t.Errorf("got %v, want %v", err, ErrClosed)
			}
		})
	}
}
