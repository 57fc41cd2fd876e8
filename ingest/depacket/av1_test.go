package depacket

import (
	"bytes"
	"testing"

	"weir/mux/av"
	"weir/mux/codec/av1"
)

// Frames of which only the first byte of the payload makes sense (AV1 5.9.2), as OBU elements without size.
var (
	av1Sequence = mustSequence()
	av1Key      = []byte{av1.OBUFrame << 3, 0x10, 1, 2, 3}
	av1Inter    = []byte{av1.OBUFrame << 3, 0x30, 4, 5, 6}
	av1Delim    = []byte{av1.OBUTemporalDelimiter << 3}
)

// mustSequence is the sequence header of bars-360p-av1.ivf, as an OBU element without size.
func mustSequence() []byte {
	unit := ivfFrames("bars-360p-av1.ivf")[0]
	for len(unit) > 0 {
		o, rest, ok := av1.ParseOBU(unit)
		if ok && o.Type == av1.OBUSequenceHeader {
			return append([]byte{o.Type << 3}, o.Payload...)
		}
		unit = rest
	}
	panic("the sample has no sequence header")
}

// elements is a payload of OBU elements with the flags Z, Y and N. With sized, every one has its size (W 0).
func elements(flags byte, sized bool, list ...[]byte) []byte {
	out := []byte{flags}
	if !sized {
		out[0] |= byte(len(list)) << 4
	}
	for i, e := range list {
		if sized || i < len(list)-1 {
			out = av1.AppendLEB128(out, len(e))
		}
		out = append(out, e...)
	}
	return out
}

// obus is a temporal unit of OBU elements, each with its size.
func obus(list ...[]byte) []byte {
	var out []byte
	for _, e := range list {
		out = av1.AppendLEB128(append(out, e[0]|2), len(e)-1)
		out = append(out, e[1:]...)
	}
	return out
}

func (f *videoFeed) av1Key() { f.send(elements(av1Begins, false, av1Sequence, av1Key)) }

// TestAV1Clauses begins behind a whole key frame. The clauses are those of AV1 over RTP.
func TestAV1Clauses(t *testing.T) {
	long := append([]byte{av1.OBUFrame << 3, 0x30}, bytes.Repeat([]byte{7}, 300)...)
	first, middle, last := elements(av1Open, false, long[:100]), elements(av1Open|av1Continues, false, long[100:200]), elements(av1Continues, false, long[200:])
	inter := obus(av1Inter)
	for _, c := range []struct {
		name   string
		send   func(f *videoFeed)
		units  [][]byte // behind the first key frame
		broken bool
	}{
		{"4.4 one element", func(f *videoFeed) { f.send(elements(0, false, av1Inter)) }, [][]byte{inter}, false},
		{"4.4 three elements", func(f *videoFeed) { f.send(elements(0, false, av1Inter, av1Inter, av1Inter)) }, [][]byte{obus(av1Inter, av1Inter, av1Inter)}, false},
		{"4.4 W 0: every element has its size", func(f *videoFeed) { f.send(elements(0, true, av1Inter, av1Inter)) }, [][]byte{obus(av1Inter, av1Inter)}, false},
		{"4.4 W says three, there are two", func(f *videoFeed) { f.send(append([]byte{0x30}, elements(0, true, av1Inter, av1Inter)[1:]...)) }, nil, true},
		{"4.4 a size past the end", func(f *videoFeed) { f.send([]byte{0x20, 99, 0x30, 1}) }, nil, true},
		{"4.4 a size without end", func(f *videoFeed) { f.send([]byte{0, 0x80, 0x80}) }, nil, true},
		{"4.4 no element", func(f *videoFeed) { f.send([]byte{0x10}) }, nil, true},
		{"4.4 more elements than anybody needs", func(f *videoFeed) { f.send(append([]byte{0}, bytes.Repeat([]byte{1, 0x30}, maxElements+1)...)) }, nil, true},
		{"4.4 fragments", func(f *videoFeed) { f.send(first, middle, last) }, [][]byte{obus(long)}, false},
		{"4.4 fragments among others", func(f *videoFeed) {
			f.send(elements(av1Open, false, av1Inter, long[:100]), elements(av1Continues, true, long[100:], av1Inter))
		}, [][]byte{obus(av1Inter, long, av1Inter)}, false},
		{"4.4 Z without a beginning", func(f *videoFeed) { f.send(middle, last) }, nil, true},
		{"4.4 Y without an end", func(f *videoFeed) { f.send(first, elements(0, false, av1Inter)) }, nil, true},
		{"4.4 Y in the last packet", func(f *videoFeed) { f.send(first, middle) }, nil, true},
		{"4.4 N and Z", func(f *videoFeed) { f.send(first, elements(av1Continues|av1Begins, false, long[100:])) }, nil, true},
		{"4.4 the middle is lost", func(f *videoFeed) {
			f.push(false, first)
			f.lose()
			f.push(true, last)
		}, nil, true},
		{"5 delimiters are ignored", func(f *videoFeed) { f.send(elements(0, false, av1Delim, av1Inter)) }, [][]byte{inter}, false},
		{"5 tile lists and padding are ignored", func(f *videoFeed) {
			f.send(elements(0, false, []byte{av1.OBUTileList << 3, 1}, []byte{av1.OBUPadding << 3, 1}, av1Inter))
		}, [][]byte{inter}, false},
		{"4.5 OBUs with a size of their own", func(f *videoFeed) { f.send(elements(0, false, inter)) }, [][]byte{inter}, false},
		{"4.5 the size of an OBU is not the element's", func(f *videoFeed) { f.send(elements(0, false, append(bytes.Clone(inter), 0))) }, nil, true},
		{"AV1 5.3.2 the forbidden bit", func(f *videoFeed) { f.send(elements(0, false, []byte{0xb0, 1})) }, nil, true},
		{"AV1 5.3.3 layers stay together", func(f *videoFeed) {
			f.send(elements(0, false, []byte{av1Inter[0] | 4, 0x20, 0x30}, []byte{av1Inter[0] | 4, 0x28, 0x30}))
		}, [][]byte{{av1Inter[0] | 6, 0x20, 1, 0x30, av1Inter[0] | 6, 0x28, 1, 0x30}}, false},
		{"a whole unit is lost: what follows depends on it", func(f *videoFeed) {
			f.lose()
			f.send(elements(0, false, av1Inter))
			f.send(elements(0, false, av1Inter))
		}, nil, true},
		{"loss right before a whole key frame", func(f *videoFeed) {
			f.lose()
			f.av1Key()
		}, [][]byte{obus(av1Sequence, av1Key)}, false},
		{"loss right before a key frame, its sequence header with it", func(f *videoFeed) {
			f.lose()
			f.send(elements(0, false, av1Key))
		}, nil, true},
		{"a key frame without a sequence header of its own", func(f *videoFeed) { f.send(elements(0, false, av1Key)) }, [][]byte{obus(av1Key)}, false},
		{"AV1 5.9.2 a key frame that is not shown is none", func(f *videoFeed) { f.send(elements(0, false, []byte{av1Key[0], 0})) }, [][]byte{{av1Key[0] | 2, 1, 0}}, false},
		{"a sequence header that cannot be read", func(f *videoFeed) { f.send(elements(av1Begins, false, av1Sequence[:4], av1Key)) }, nil, true},
		{"another sequence header without a key frame", func(f *videoFeed) {
			other := bytes.Clone(av1Sequence)
			other[4] ^= 0x10 // the level
			f.send(elements(0, false, other, av1Inter))
		}, nil, true},
		{"a unit larger than the bound", func(f *videoFeed) {
			f.push(false, elements(av1Open, false, make([]byte, 1000)))
			for range maxUnitSize/1000 + 1 {
				f.push(false, elements(av1Open|av1Continues, false, make([]byte, 1000)))
			}
			f.push(true, last)
		}, nil, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newVideoFeed(av.CodecAV1)
			f.av1Key()
			c.send(f)
			f.settle()
			f.compare(t, c.units, c.broken)
			f.tick()
			n := len(f.got.units)
			f.av1Key() // whatever came before, a key frame mends it
			if len(f.got.units) != n+1 || !f.got.units[n].Key {
				t.Error("a key frame does not mend it")
			}
		})
	}
}

// FuzzAV1 pushes arbitrary payloads: nothing panics, and what comes out is OBUs that have a size.
func FuzzAV1(f *testing.F) {
	f.Add(uint8(0), elements(av1Begins, false, av1Sequence, av1Key))
	f.Add(uint8(1), elements(av1Open, true, av1Inter, av1Inter))
	f.Add(uint8(2), elements(av1Continues, false, av1Inter))
	f.Add(uint8(3), []byte{0x20, 0x80, 0x80, 1})
	f.Fuzz(func(t *testing.T, flags uint8, b []byte) {
		feed := newVideoFeed(av.CodecAV1)
		feed.av1Key()
		feed.scatter(flags, b)
		for _, u := range feed.got.units {
			for d := u.Data; len(d) > 0; {
				o, rest, ok := av1.ParseOBU(d)
				if !ok || o.Header[0]&2 == 0 || o.Type == av1.OBUTemporalDelimiter {
					t.Fatalf("%x in %x", d, u.Data)
				}
				d = rest
			}
		}
	})
}
