//go:build linux

package floor

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"weir/bench/publish"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// appendTag appends an FLV tag with a body of a few bytes.
func appendTag(b []byte, kind byte, ms uint32, body ...byte) []byte {
	b = append(b, kind, 0, 0, byte(len(body)), byte(ms>>16), byte(ms>>8), byte(ms), byte(ms>>24), 0, 0, 0)
	b = append(b, body...)
	return binary.BigEndian.AppendUint32(b, uint32(tagHeadSize+len(body)))
}

// recording has a sequence header, two groups of two pictures with sound, and the beginning of a third.
func recording() []byte {
	b := append([]byte("FLV\x01\x05"), 0, 0, 0, 9, 0, 0, 0, 0)
	b = appendTag(b, videoTag, 1000, 0x17, 0, 0, 0, 0, 1)
	for ms := uint32(1000); ms < 1100; ms += 20 {
		kind := byte(0x27)
		if (ms-1000)%40 == 0 {
			kind = 0x17
		}
		b = appendTag(b, videoTag, ms, kind, 1, 0, 0, 0, 0, 0, 0, 1, byte(ms))
		b = appendTag(b, 8, ms+1, 0xaf, 1, byte(ms))
	}
	return b
}

func TestRead(t *testing.T) {
	rec, err := Read(bytes.NewReader(recording()))
	if err != nil {
		t.Fatal(err)
	}
	if rec.Length != 80*time.Millisecond || len(rec.Tags) != 8 || len(rec.Preamble) != headSize+tagHeadSize+6+prevSize {
		t.Errorf("%v, %d tags, %d bytes before them", rec.Length, len(rec.Tags), len(rec.Preamble))
	}
	ok, key := rec.Tags[0].Picture()
	if !ok || !key || !bytes.Equal(rec.Tags[0].Video(), []byte{0, 0, 0, 1, byte(1000 & 0xff)}) {
		t.Errorf("the first tag is %x", rec.Tags[0].Data)
	}
	if got := rec.Tags[3].DTS; got != 21*time.Millisecond {
		t.Errorf("the second sound is at %v", got)
	}
	if _, err := Read(bytes.NewReader(recording()[:100])); !errors.Is(err, ErrShort) {
		t.Errorf("of a short one: %v", err)
	}
	if _, err := Read(strings.NewReader("FLV")); err == nil {
		t.Error("a head alone was taken")
	}
}

func TestBatches(t *testing.T) {
	rec, err := Read(bytes.NewReader(recording()))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		join  time.Duration
		count int
	}{{0, 5}, {40 * time.Millisecond, 2}, {time.Second, 1}} {
		var all []byte
		got := rec.batches(c.join)
		for _, b := range got {
			all = append(all, b.data...)
		}
		if len(got) != c.count {
			t.Errorf("joined %v there are %d batches, want %d", c.join, len(got), c.count)
		}
		var want []byte
		for _, tag := range rec.Tags {
			want = append(want, tag.Data...)
		}
		if !bytes.Equal(all, want) {
			t.Errorf("joined %v the bytes are others", c.join)
		}
	}
}

func TestForms(t *testing.T) {
	rec, err := Read(bytes.NewReader(recording()))
	if err != nil {
		t.Fatal(err)
	}
	for name, serve := range map[string]func(context.Context, *net.TCPListener) error{
		"goroutines": func(ctx context.Context, l *net.TCPListener) error {
			return Goroutines(ctx, l, rec, 40*time.Millisecond, time.Now())
		},
		"poll": func(ctx context.Context, l *net.TCPListener) error {
			return Poll(ctx, l, rec, 40*time.Millisecond, time.Now())
		},
	} {
		t.Run(name, func(t *testing.T) {
			l, err := net.ListenTCP("tcp4", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan error, 1)
			go func() { done <- serve(ctx, l) }()
			watch(t, l.Addr().String(), rec, 3*len(rec.Tags))
			watch(t, l.Addr().String(), rec, 1) // leaves early
			watch(t, l.Addr().String(), rec, 2*len(rec.Tags))
			cancel()
			if err := <-done; err != nil {
				t.Error(err)
			}
		})
	}
}

// watch reads the response up to so many tags, which must be those of the recording.
func watch(t *testing.T, addr string, rec *Recording, n int) {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if err := conn.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	head := make([]byte, len(responseHead)+len(rec.Preamble))
	if _, err := io.ReadFull(conn, head); err != nil || string(head) != responseHead+string(rec.Preamble) {
		t.Fatalf("got %q, %v", head, err)
	}
	known := make(map[string]bool)
	for _, tag := range rec.Tags {
		known[string(tag.Data)] = true
	}
	for range n {
		tag, err := next(conn)
		if err != nil || !known[string(tag.Data)] {
			t.Fatalf("got tag %x, %v", tag.Data, err)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add(recording())
	f.Add([]byte("FLV\x01\x05"))
	f.Fuzz(func(t *testing.T, b []byte) {
		rec, err := Read(bytes.NewReader(b))
		if err != nil {
			return
		}
		for _, tag := range rec.Tags {
			if ok, _ := tag.Picture(); ok {
				_ = tag.Video()
			}
		}
		if rec.Length <= 0 || len(rec.batches(time.Second)) == 0 {
			t.Error("there is nothing to send")
		}
	})
}

func TestUDP(t *testing.T) {
	unit := publish.AccessUnit{NALs: [][]byte{bytes.Repeat([]byte{0x65}, 3000)}}
	for name, form := range map[string]UDPForm{"sendto": {}, "segments": {Segments: true}, "srtp": {Segments: true, Seal: true}} {
		t.Run(name, func(t *testing.T) {
			conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
			if err != nil {
				t.Fatal(err)
			}
			viewer, err := net.DialUDP("udp4", nil, conn.LocalAddr().(*net.UDPAddr))
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = viewer.Close() }()
			if _, err := viewer.Write([]byte("hello")); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan error, 1)
			go func() { done <- UDP(ctx, conn, form, Cut([]publish.AccessUnit{unit, unit}, 30), time.Now()) }()
			if err := viewer.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
				t.Fatal(err)
			}
			tag := 0
			if form.Seal {
				tag = 16
			}
			var sizes []int
			for len(sizes) < 6 { // two pictures: two full packets and the rest of each
				var buf [2000]byte
				n, err := viewer.Read(buf[:])
				if err != nil {
					t.Fatal(err)
				}
				if buf[1]&0x7f == pictures {
					sizes = append(sizes, n)
				} else if n != rtpHead+soundSize+tag {
					t.Errorf("sound in a packet of %d bytes", n)
				}
			}
			full, rest := packetMax+tag, rtpHead+3000-2*(packetMax-rtpHead)+tag
			if want := []int{full, full, rest, full, full, rest}; !slices.Equal(sizes, want) {
				t.Errorf("packets of %v, want %v", sizes, want)
			}
			cancel()
			if err := <-done; err != nil {
				t.Error(err)
			}
		})
	}
}
