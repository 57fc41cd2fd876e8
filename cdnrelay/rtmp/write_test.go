package rtmp

import (
	"io"
	"testing"

	"weir/mux/rtmp"
)

// discarding is a connection to a server that reads all and says nothing.
func discarding(t testing.TB) *Conn {
	t.Helper()
	s := serve(t, nil, func(p *peer) {
		if p.published() == nil {
			_, _ = io.Copy(io.Discard, p)
		}
	})
	c, err := publish(within(t), s.options())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.conn.Close() })
	return c
}

// TestWritingAllocatesNothing: what a further destination costs is a system call.
func TestWritingAllocatesNothing(t *testing.T) {
	c := discarding(t)
	batch := []rtmp.Message{
		{Type: rtmp.TypeVideo, Body: make([]byte, 100_000)},
		{Type: rtmp.TypeAudio, Body: make([]byte, 300)},
		{Type: rtmp.TypeVideo, Body: make([]byte, 8_000)},
		{Type: rtmp.TypeAudio, Body: make([]byte, 300)},
	}
	write := func() {
		if _, err := c.Write(batch...); err != nil {
			t.Fatal(err)
		}
	}
	for range 10 {
		write()
	}
	if n := testing.AllocsPerRun(200, write); n >= 1 {
		t.Errorf("%v allocations a batch", n)
	}
}

// BenchmarkWrite is a picture of a stream of 2.5 Mbit/s and its sound.
func BenchmarkWrite(b *testing.B) {
	c := discarding(b)
	batch := []rtmp.Message{{Type: rtmp.TypeVideo, Body: make([]byte, 10_000)}, {Type: rtmp.TypeAudio, Body: make([]byte, 300)}}
	b.ReportAllocs()
	b.SetBytes(10_300)
	for b.Loop() {
		if _, err := c.Write(batch...); err != nil {
			b.Fatal(err)
		}
	}
}
