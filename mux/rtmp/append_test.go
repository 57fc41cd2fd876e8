package rtmp

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"reflect"
	"testing"
)

var casesMessages = []struct {
	name string // with the clause of Adobe's RTMP specification
	m    Message
	wire []byte // in chunks of 128 bytes
}{
	{
		"5.3.1.2.1 one chunk",
		Message{Type: TypeAudio, Stream: 1, Time: 7, Body: []byte("abc")},
		cat([]byte{4, 0, 0, 7, 0, 0, 3, 8, 1, 0, 0, 0}, []byte("abc")),
	},
	{
		"5.3.1.2.4 two chunks",
		Message{Type: TypeVideo, Stream: 1, Time: 0x010203, Body: fill(130, 'v')},
		cat([]byte{6, 1, 2, 3, 0, 0, 130, 9, 1, 0, 0, 0}, fill(128, 'v'), []byte{0xc6}, fill(2, 'v')),
	},
	{
		"5.3.1.3 the extended timestamp is in every chunk",
		Message{Type: TypeVideo, Stream: 1, Time: 1 << 24, Body: fill(129, 'v')},
		cat([]byte{6, 0xff, 0xff, 0xff, 0, 0, 129, 9, 1, 0, 0, 0, 1, 0, 0, 0}, fill(128, 'v'), []byte{0xc6, 1, 0, 0, 0}, fill(1, 'v')),
	},
	{
		"5.3.1.3 timestamp of exactly 16777215",
		Message{Type: TypeVideo, Stream: 1, Time: noTime, Body: []byte("v")},
		cat([]byte{6, 0xff, 0xff, 0xff, 0, 0, 1, 9, 1, 0, 0, 0, 0, 0xff, 0xff, 0xff}, []byte("v")),
	},
	{
		"5.3.1.2.1 little-endian stream id",
		Message{Type: TypeCommand, Stream: 0x01020304, Body: []byte{5}},
		[]byte{3, 0, 0, 0, 0, 0, 1, 20, 4, 3, 2, 1, 5},
	},
	{"a whole number of chunks", Message{Type: TypeData, Body: fill(128, 'd')}, cat([]byte{5, 0, 0, 0, 0, 0, 128, 18, 0, 0, 0, 0}, fill(128, 'd'))},
	{"5.4.4 window", Number(TypeWindow, 2500000), []byte{2, 0, 0, 0, 0, 0, 4, 5, 0, 0, 0, 0, 0, 0x26, 0x25, 0xa0}},
	{"5.4.5 peer bandwidth", Number(TypeBandwidth, 1, 2), []byte{2, 0, 0, 0, 0, 0, 5, 6, 0, 0, 0, 0, 0, 0, 0, 1, 2}},
	{"7.1.7 ping", Control(EventPing, 1, 2, 3, 4), []byte{2, 0, 0, 0, 0, 0, 6, 4, 0, 0, 0, 0, 0, 6, 1, 2, 3, 4}},
	{"empty", Message{Type: TypeAudio, Stream: 1, Time: 1}, []byte{4, 0, 0, 1, 0, 0, 0, 8, 1, 0, 0, 0}},
}

func TestAppendMessage(t *testing.T) {
	var all []byte
	for _, tc := range casesMessages {
		got := AppendMessage(nil, tc.m, DefaultChunk)
		if !bytes.Equal(got, tc.wire) {
			t.Errorf("%s: got %x, want %x", tc.name, got, tc.wire)
		}
		all = append(all, got...)
	}
	r := NewReader(bufio.NewReader(bytes.NewReader(all)), testLimit)
	for _, tc := range casesMessages {
		got, err := r.Next()
		if err != nil {
			t.Fatalf("%s: %v", tc.name, err)
		}
		if len(tc.m.Body) == 0 {
			got.Body = nil
		}
		if !reflect.DeepEqual(got, tc.m) {
			t.Errorf("%s: read as %+v, want %+v", tc.name, got, tc.m)
		}
	}
	if _, err := r.Next(); !errors.Is(err, io.EOF) {
		t.Errorf("behind them: %v", err)
	}
}

// TestPacker: a packer writes what AppendMessage does, and the bodies where they lie.
func TestPacker(t *testing.T) {
	var p Packer
	for range 3 { // what is used again
		var want []byte
		for range 50 { // more headers than there is room for at first
			for _, tc := range casesMessages {
				p.Add(tc.m, DefaultChunk)
				want = append(want, tc.wire...)
			}
		}
		if got := cat(p.Pieces()...); !bytes.Equal(got, want) || p.Size() != len(want) {
			t.Fatalf("got %d bytes, said to be %d, want %d", len(got), p.Size(), len(want))
		}
		p.Reset()
	}
	m := Message{Type: TypeVideo, Body: fill(100, 'v')}
	p.Add(m, DefaultChunk)
	if body := p.Pieces()[1]; &body[0] != &m.Body[0] {
		t.Error("the body was copied")
	}
	p.Reset()
	for _, piece := range p.pieces[:cap(p.pieces)] {
		if piece != nil {
			t.Fatal("a body is held")
		}
	}
}

func TestPackingAllocatesNothing(t *testing.T) {
	var p Packer
	m := Message{Type: TypeVideo, Stream: 1, Body: make([]byte, 200_000)}
	pack := func() {
		for range 60 {
			p.Add(m, 60_000)
		}
		p.Reset()
	}
	for range 3 {
		pack()
	}
	if n := testing.AllocsPerRun(100, pack); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkPacker(b *testing.B) {
	var p Packer
	m := Message{Type: TypeVideo, Stream: 1, Body: make([]byte, 10_000)}
	b.ReportAllocs()
	for b.Loop() {
		p.Add(m, 60_000)
		p.Reset()
	}
}
