package srt

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"net"
	"net/url"
	"strings"
	"testing"
	"time"

	"weir/cdnrelay/push"
)

func TestAddress(t *testing.T) {
	for text, ok := range map[string]bool{
		"srt://h:9000": true,
		"srt://h:9000?streamid=%23!::r=live/a,m=publish": true,
		"srt://[::1]:9000?latency=200&mode=caller":       true,
		"srt://h:9000?passphrase=0123456789&pbkeylen=32": true,
		"srt://h":                       false,
		"srt://:9000":                   false,
		"srt://h:9000?mode=listener":    false,
		"srt://h:9000?mode=rendezvous":  false,
		"srt://h:9000?passphrase=short": false,
		"srt://h:9000?passphrase=" + strings.Repeat("x", 80): false,
		"srt://h:9000?pbkeylen=20":                           false,
		"srt://h:9000?latency=-1":                            false,
		"srt://h:9000?latency=99999999999999999999":          false,
		"srt://h:9000?latency=60000":                         false,
		"srt://h:9000?streamid=" + strings.Repeat("x", 513):  false,
		"srt://h:9000?streamid=a%00b":                        false,
		"srt://h:9000?streamid=%zz":                          false,
	} {
		u, err := url.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := parse(u); (err == nil) != ok || err != nil && !errors.Is(err, push.ErrAddress) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// TestWrap is the example of RFC 3394 4.1 and 4.6.
func TestWrap(t *testing.T) {
	for _, c := range []struct{ with, key, want string }{
		{"000102030405060708090A0B0C0D0E0F", "00112233445566778899AABBCCDDEEFF", "1FA68B0A8112B447AEF34BD8FB5A7B829D3E862371D2CFE5"},
		{
			"000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F", "00112233445566778899AABBCCDDEEFF000102030405060708090A0B0C0D0E0F",
			"28C9F404C4B810F4CBCCB35CFB87F8263F5786E2D80ED326CBC7F0E71A99F43BFB988B9B7A02DD21",
		},
	} {
		with, err1 := hex.DecodeString(c.with)
		key, err2 := hex.DecodeString(c.key)
		got, err3 := wrap(with, key)
		if err := errors.Join(err1, err2, err3); err != nil {
			t.Fatal(err)
		}
		if want := strings.ToLower(c.want); hex.EncodeToString(got) != want {
			t.Errorf("got %x, want %s", got, want)
		}
	}
}

// TestTurned: draft 3.2.1.3, the words of a stream id are turned round.
func TestTurned(t *testing.T) {
	if got := turned([]byte("abcdef")); !bytes.Equal(got, []byte("dcba\x00\x00fe")) {
		t.Errorf("got %q", got)
	}
}

// TestMessageNumber: draft 3.1, 26 bits, of which 0 is no message's.
func TestMessageNumber(t *testing.T) {
	for n, want := range map[uint32]uint32{1: 1, 2: 2, 1<<26 - 1: 1<<26 - 1, 1 << 26: 1, 1<<26 + 1: 2, 1<<27 - 2: 1<<26 - 1, 1<<27 - 1: 1} {
		if got := messageNumber(n); got != want {
			t.Errorf("packet %d is message %d, want %d", n, got, want)
		}
	}
}

func TestWindow(t *testing.T) {
	const start = sequenceMask - 2 // numbers begin again behind it
	w := window{next: start, oldest: start}
	for i := range uint32(10) {
		w.add([]byte{byte(i)}, i, 0, time.Time{})
	}
	if p := w.find(2); p == nil || p.payload[0] != 5 {
		t.Errorf("packet 2 is %v", p)
	}
	for _, wrong := range []uint32{start - 1, start, 8, 1 << 29} {
		if w.acknowledged(wrong); w.oldest != start || w.find(start) == nil {
			t.Errorf("%d was never sent, and counts", wrong)
		}
	}
	w.acknowledged(1)
	if w.find(0) != nil || w.find(start) != nil || w.find(1) == nil || w.oldest != 1 {
		t.Errorf("the oldest is %d", w.oldest)
	}
	for range 2 * flowWindow {
		w.add([]byte{1}, 0, 0, time.Time{})
	}
	if w.find(1) != nil {
		t.Error("a packet outlives the window")
	}
	w.acknowledged(w.next)
	if w.oldest != w.next {
		t.Errorf("the oldest is %d of %d", w.oldest, w.next)
	}
}

// sink is a connection that takes everything and counts.
type sink struct {
	net.Conn
	n int
}

func (s *sink) Write(b []byte) (int, error) { s.n++; return len(b), nil }

// TestManyRanges: what one packet may have the session look for is the size of the window, however often it is named.
func TestManyRanges(t *testing.T) {
	out := new(sink)
	s := &session{conn: out, began: time.Now(), repairs: 4}
	s.window.add([]byte{1}, 0, 0, time.Time{})
	const nobody = controlFlag | 1<<20
	content := binary.BigEndian.AppendUint32(nil, nobody)
	content = binary.BigEndian.AppendUint32(content, 1<<20+flowWindow-1)
	content = append(content, 0, 0, 0, 0) // the one that there is
	if err := s.take(&control{kind: typeNAK, content: content[8:]}); err != nil || out.n != 1 {
		t.Errorf("%d packets were sent again: %v", out.n, err)
	}
	s.window.slot(0).at = time.Time{}
	if err := s.take(&control{kind: typeNAK, content: content}); err != nil || out.n != 1 {
		t.Errorf("it looked on: %d packets, %v", out.n, err)
	}
}

// FuzzControl has a session act on what a listener may send: nothing panics, and nothing is answered by a flood.
func FuzzControl(f *testing.F) {
	f.Add(appendControl(nil, &control{kind: typeACK, information: 1, to: 1, content: []byte{0, 0, 0, 5}}, 0))
	f.Add(appendControl(nil, &control{kind: typeNAK, to: 1, content: []byte{0x80, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 3}}, 0))
	f.Add(appendControl(nil, &control{kind: typeShutdown, to: 1}, 0))
	h := handshake{version: 5, kind: conclusion, hello: helloOf(120), key: make([]byte, 4), sid: "x"}
	f.Add(appendControl(nil, &control{to: 1, content: appendHandshake(nil, &h)}, 0))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, ok := parseControl(b)
		if !ok {
			return
		}
		if h, err := parseHandshake(c.content); err == nil {
			_, _ = h.checkInduction(), h.checkConclusion(true)
		}
		out := new(sink)
		s := &session{conn: out, began: time.Now(), repairs: 4}
		for range 10 {
			s.window.add([]byte{1}, 0, 0, time.Time{})
		}
		_ = s.take(&c)
		if out.n > 5 {
			t.Errorf("%d packets answer one", out.n)
		}
	})
}

// TestNothingIsAllocated for a packet that is sent in the clear.
func TestNothingIsAllocated(t *testing.T) {
	s := &session{conn: new(sink), began: time.Now(), buf: make([]byte, 0, maxPacket)}
	payload := make([]byte, payloadSize)
	if n := testing.AllocsPerRun(1000, func() { _ = s.data(payload) }); n > 0 {
		t.Errorf("%v allocations a packet", n)
	}
}
