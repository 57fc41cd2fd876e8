package srt

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"weir/cdnrelay/push"
	"weir/mux/av"
	"weir/room/live"
	"weir/testdata/samples"
)

// listener is a UDP socket that answers as a test wants.
type listener struct {
	net.PacketConn
	address string
}

// listen answers each packet with those that answer returns.
func listen(t *testing.T, answer func(packet []byte) [][]byte) *listener {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		var buf [1 << 16]byte
		for {
			n, from, err := conn.ReadFrom(buf[:])
			if err != nil {
				return
			}
			for _, b := range answer(buf[:n]) {
				_, _ = conn.WriteTo(b, from)
			}
		}
	}()
	t.Cleanup(func() { _ = conn.Close(); <-done })
	return &listener{conn, fmt.Sprintf("srt://%s?streamid=%s", conn.LocalAddr(), secretID)}
}

// peerSocket is that of the test's listeners.
const peerSocket = 77

// answers makes handshakes as a listener does; change, unless nil, alters them.
func answers(change func(h *handshake)) func(packet []byte) [][]byte {
	return func(packet []byte) [][]byte {
		c, ok := parseControl(packet)
		if !ok || c.kind != typeHandshake {
			return nil
		}
		asked, err := parseHandshake(c.content)
		if err != nil {
			return nil
		}
		h := handshake{version: 5, fields: magic, mtu: 1500, window: flowWindow, kind: induction, socket: peerSocket, cookie: 99}
		if asked.kind == conclusion {
			h.kind, h.fields, h.hello = conclusion, flagHS, helloOf(120)
		}
		if change != nil {
			change(&h)
		}
		content := appendHandshake(nil, &h)
		if len(content) > handshakeSize {
			content[handshakeSize+1] = extensionHSRsp
		}
		return [][]byte{appendControl(nil, &control{kind: typeHandshake, to: asked.socket, content: content}, 0)}
	}
}

func at(kind uint32, change func(h *handshake)) func(h *handshake) {
	return func(h *handshake) {
		if h.kind == kind {
			change(h)
		}
	}
}

// TestBadListeners lists listeners that no session comes about with.
func TestBadListeners(t *testing.T) {
	p := publish(t, samples.H264)
	const short = 700 * time.Millisecond
	for name, c := range map[string]struct {
		answer func(packet []byte) [][]byte
		query  string
		within time.Duration
		want   error
	}{
		"never answers":      {func([]byte) [][]byte { return nil }, "", short, push.ErrTimeout},
		"answers no SRT":     {func([]byte) [][]byte { return [][]byte{[]byte("HTTP/1.1 400 Bad Request\r\n\r\n")} }, "", short, push.ErrTimeout},
		"says what was said": {func(b []byte) [][]byte { return [][]byte{b} }, "", short, push.ErrTimeout},
		"handshake is cut": {func(b []byte) [][]byte {
			return [][]byte{appendControl(nil, &control{to: socketOf(b), content: []byte{1}}, 0)}
		}, "", patience, push.ErrProtocol},
		"handshake is endless": {func(b []byte) [][]byte {
			return [][]byte{appendControl(nil, &control{to: socketOf(b), content: make([]byte, 1440)}, 0)}
		}, "", patience, push.ErrProtocol},
		"version 4":           {answers(at(induction, func(h *handshake) { h.version, h.fields = 4, 2 })), "", patience, push.ErrProtocol},
		"another kind":        {answers(at(induction, func(h *handshake) { h.kind = 0 })), "", patience, push.ErrProtocol},
		"no hello":            {answers(at(conclusion, func(h *handshake) { h.hello = nil })), "", patience, push.ErrProtocol},
		"hello is cut":        {answers(at(conclusion, func(h *handshake) { h.hello = h.hello[:8] })), "", patience, push.ErrProtocol},
		"wants a byte stream": {answers(at(conclusion, func(h *handshake) { h.hello[7] |= flagStream })), "", patience, push.ErrProtocol},
		"rejects at once":     {answers(at(induction, func(h *handshake) { h.kind = 1005 })), "", patience, push.ErrRefused},
		"403":                 {answers(at(conclusion, func(h *handshake) { h.kind = 1403 })), "", patience, push.ErrRefused},
		"409":                 {answers(at(conclusion, func(h *handshake) { h.kind = 1409 })), "", patience, push.ErrRefused},
		"no key back":         {answers(nil), "&passphrase=" + passphrase, patience, push.ErrRefused},
	} {
		t.Run(name, func(t *testing.T) {
			l := listen(t, c.answer)
			if _, err := open(t, target(t, p, l.address+c.query), c.within); !errors.Is(err, c.want) {
				t.Errorf("the error is %v, want %v", err, c.want)
			}
		})
	}
	if _, err := open(t, target(t, p, fmt.Sprintf("srt://127.0.0.1:%d", freePort(t))), patience); !errors.Is(err, push.ErrConnect) {
		t.Errorf("nobody listens: %v", err)
	}
	if _, err := open(t, target(t, p, "srt://127.0.0.2:9000"), patience); !errors.Is(err, push.ErrAddress) {
		t.Errorf("an address that is not allowed: %v", err)
	}
}

// socketOf is the caller's socket in its handshake.
func socketOf(packet []byte) uint32 { return binary.BigEndian.Uint32(packet[headerSize+24:]) }

// TestEnds lists why sending ends. Sizes that a listener names (MTU, window) change nothing.
func TestEnds(t *testing.T) {
	t.Parallel()
	greedy := func(h *handshake) { h.mtu, h.window = 1, 1<<32-1 }
	for name, c := range map[string]struct {
		// data are the answers to a packet of data.
		data func(p *published, l *listener, to uint32) [][]byte
		want error
	}{
		"the listener says goodbye": {func(_ *published, _ *listener, to uint32) [][]byte {
			return [][]byte{appendControl(nil, &control{kind: typeShutdown, to: to, content: make([]byte, 4)}, 0)}
		}, push.ErrClosed},
		"the listener is gone": {func(_ *published, l *listener, _ uint32) [][]byte {
			_ = l.Close()
			return nil
		}, push.ErrClosed},
		"the listener falls silent": {func(*published, *listener, uint32) [][]byte { return nil }, push.ErrTimeout},
		"the stream is over": {func(p *published, _ *listener, to uint32) [][]byte {
			p.pub.End(errors.New("the test ends it"))
			return [][]byte{appendControl(nil, &control{kind: typeKeepAlive, to: to}, 0)}
		}, live.ErrEnded},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := publish(t, samples.H264)
			var caller atomic.Uint32
			var self atomic.Pointer[listener]
			shake := answers(greedy)
			l := listen(t, func(b []byte) [][]byte {
				if _, ok := parseControl(b); ok {
					if out := shake(b); out != nil {
						caller.Store(socketOf(b))
						return out
					}
					return nil
				}
				return c.data(p, self.Load(), caller.Load())
			})
			self.Store(l)
			to := target(t, p, l.address)
			if errors.Is(c.want, push.ErrTimeout) {
				to.WriteTimeout = time.Second
			}
			s, err := open(t, to, patience)
			if err != nil {
				t.Fatal(err)
			}
			if err := send(t, s).wait(t); !errors.Is(err, c.want) {
				t.Errorf("the end is %v, want %v", err, c.want)
			}
		})
	}
}

// TestGoodbyeComesBehind: a listener drops what it still holds when it is told of the end, so it is told when the latency that
// it named has passed since the last packet, by the times that stand in the packets, also when Close may take no time.
func TestGoodbyeComesBehind(t *testing.T) {
	const latency = 300 // ms, more than the caller asks for
	p := publish(t, samples.H264)
	shake := answers(at(conclusion, func(h *handshake) { h.hello = helloOf(latency) }))
	var caller, newest atomic.Uint32
	packets, goodbye := 0, make(chan uint32, 1)
	l := listen(t, func(b []byte) [][]byte {
		stamp := binary.BigEndian.Uint32(b[8:]) // µs
		c, isControl := parseControl(b)
		switch {
		case !isControl:
			newest.Store(stamp)
			if packets++; packets == 50 {
				p.pub.End(errors.New("the test ends it"))
			}
			return [][]byte{appendControl(nil, &control{kind: typeKeepAlive, to: caller.Load()}, 0)}
		case c.kind == typeHandshake:
			caller.Store(socketOf(b))
		case c.kind == typeShutdown:
			goodbye <- stamp
		}
		return shake(b)
	})
	s, err := open(t, target(t, p, l.address), patience)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Send(t.Context(), push.NewProgress()); !errors.Is(err, live.ErrEnded) {
		t.Errorf("the end is %v", err)
	}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	s.Close(over)
	select {
	case stamp := <-goodbye:
		if behind := stamp - newest.Load(); behind < latency*1000 {
			t.Errorf("the goodbye left %d µs behind the newest packet", behind)
		}
	case <-time.After(patience):
		t.Error("there is no goodbye")
	}
}

// TestRepairs loses packets and asks for them with each one that comes: they come again, marked so, once in a while.
func TestRepairs(t *testing.T) {
	p := publish(t, samples.H264)
	var caller, first, repaired, sent atomic.Uint32
	var pending atomic.Bool
	var asked sync.Map
	enough := make(chan struct{})
	shake := answers(nil)
	l := listen(t, func(b []byte) [][]byte {
		if _, ok := parseControl(b); ok {
			out := shake(b)
			if out != nil {
				caller.Store(socketOf(b))
			}
			return out
		}
		sequence, second := binary.BigEndian.Uint32(b), binary.BigEndian.Uint32(b[4:])
		if b[headerSize] != 0x47 || (len(b)-headerSize)%188 != 0 {
			t.Errorf("a packet begins with % x", b[:20])
		}
		if second&again != 0 {
			if _, ok := asked.Load(sequence); !ok {
				t.Errorf("%d came again, which nobody asked for", sequence)
			}
			if !pending.CompareAndSwap(true, false) {
				return nil // it was asked for once more on its way
			}
			if repaired.Add(1) == 20 {
				close(enough)
			}
			return nil
		}
		if n := sent.Add(1); n%5 == 0 && pending.CompareAndSwap(false, true) {
			first.Store(sequence)
			asked.Store(sequence, true)
		}
		if !pending.Load() {
			return nil
		}
		loss := binary.BigEndian.AppendUint32(nil, first.Load())
		nak := appendControl(nil, &control{kind: typeNAK, to: caller.Load(), content: loss}, 0)
		all := binary.BigEndian.AppendUint32(nil, sequence-1<<20|controlFlag) // far more than there are
		all = binary.BigEndian.AppendUint32(all, sequence)
		flood := appendControl(nil, &control{kind: typeNAK, to: caller.Load(), content: all}, 0)
		half := appendControl(nil, &control{kind: typeNAK, to: caller.Load(), content: all[:4]}, 0)
		return [][]byte{flood, half, nak, nak}
	})
	s, err := open(t, target(t, p, l.address), patience)
	if err != nil {
		t.Fatal(err)
	}
	send(t, s)
	select {
	case <-enough:
	case <-time.After(patience):
		t.Fatalf("%d packets came again", repaired.Load())
	}
	if repaired.Load() > sent.Load() {
		t.Errorf("%d packets came again for %d that were sent", repaired.Load(), sent.Load())
	}
}

// TestUnfit: what a transport stream has no place for is refused before anybody is asked.
func TestUnfit(t *testing.T) {
	p := publish(t, samples.VP9)
	if _, err := open(t, target(t, p, "srt://127.0.0.1:1"), patience); !errors.Is(err, push.ErrUnfit) {
		t.Errorf("VP9: %v", err)
	}
}

// TestChangeToUnfit: pictures become such as a transport stream has no place for.
func TestChangeToUnfit(t *testing.T) {
	p := publish(t, samples.H264)
	var caller atomic.Uint32
	var once atomic.Bool
	shake := answers(nil)
	vp9, pictures := samples.VP9(t)
	l := listen(t, func(b []byte) [][]byte {
		if _, ok := parseControl(b); ok {
			out := shake(b)
			if out != nil {
				caller.Store(socketOf(b))
			}
			return out
		}
		if once.CompareAndSwap(false, true) {
			now := p.pub.Stream().Now()
			config := &av.Frame{Track: vp9.ID, Kind: av.KindConfig, Codec: vp9.Codec, DTS: now, Config: &vp9}
			picture := *pictures[0]
			picture.DTS, picture.PTS = now+time.Second, now+time.Second
			sound := &av.Frame{ // a value behind the change, whatever else comes
				Track: samples.AudioID, Codec: av.CodecAAC, Key: true, DTS: now + time.Second, PTS: now + time.Second, Data: []byte{0x21},
			}
			if err := errors.Join(p.pub.Write(config), p.pub.Write(&picture), p.pub.Write(sound)); err != nil {
				t.Error(err)
			}
		}
		return [][]byte{appendControl(nil, &control{kind: typeKeepAlive, to: caller.Load()}, 0)}
	})
	s, err := open(t, target(t, p, l.address), patience)
	if err != nil {
		t.Fatal(err)
	}
	if err := send(t, s).wait(t); !errors.Is(err, push.ErrUnfit) {
		t.Errorf("the end is %v", err)
	}
}
