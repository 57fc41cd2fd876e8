package depacket

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/pion/rtp/codecs"

	"weir/mux/av"
	avc "weir/mux/codec/h264"
	"weir/testdata"
)

// collector keeps what a depacketizer hands on.
type collector struct {
	units  []Unit
	broken int
}

func (c *collector) Unit(u Unit) { c.units = append(c.units, u) }
func (c *collector) Broken()     { c.broken++ }

// The parameter sets of bars-360p.h264, and slices of which only the first two bytes make sense: the second has
// first_mb_in_slice 0 when its highest bit is set.
var (
	sps    = mustNAL(7)
	pps    = mustNAL(8)
	idr    = []byte{0x65, 0x88, 1, 2, 3, 4, 5, 6, 7, 8}
	slice  = []byte{0x41, 0x9a, 9, 8, 7, 6, 5, 4, 3, 2}
	second = []byte{0x41, 0x1a, 1, 1, 1, 1} // of a picture: first_mb_in_slice is not 0
	sei    = []byte{0x06, 0x05, 0x01, 0x42, 0x80}
)

// mustNAL returns the first NAL unit of a type in the sample.
func mustNAL(t byte) []byte {
	for _, au := range sampleUnits("bars-360p.h264") {
		for _, nal := range au {
			if nal[0]&0x1f == t {
				return nal
			}
		}
	}
	panic("the sample has no such NAL unit")
}

func sampleUnits(name string) [][][]byte { return splitUnits(testdata.Path(name)) }

// splitUnits splits an Annex B file into access units of one slice each.
func splitUnits(path string) [][][]byte {
	raw, err := os.ReadFile(path)
	if err != nil {
		panic(err)
	}
	var units [][][]byte
	var unit [][]byte
	for nal := range bytes.SplitSeq(raw, []byte{0, 0, 1}) {
		nal = bytes.TrimRight(nal, "\x00") // of a start code of four bytes
		if len(nal) == 0 {
			continue
		}
		unit = append(unit, nal)
		if t := nal[0] & 0x1f; t == 1 || t == 5 {
			units = append(units, unit)
			unit = nil
		}
	}
	return units
}

// feed is a depacketizer behind a reorder ring, with a packetizer's counters.
type feed struct {
	got  collector
	vid  *H264
	ring *Reorder
	seq  uint16
	ts   uint32
	now  time.Duration
}

func newFeed() *feed {
	f := &feed{seq: 65530, ts: 1<<32 - 9000}
	f.vid = NewH264(&f.got)
	f.ring = NewReorder(512, 200*time.Millisecond, f.vid)
	return f
}

// send pushes payloads as the packets of one access unit.
func (f *feed) send(marker bool, payloads ...[]byte) {
	for i, b := range payloads {
		f.ring.Push(&Packet{
			Seq: f.seq, Timestamp: f.ts, Marker: marker && i == len(payloads)-1, Payload: b, Arrival: f.now,
		})
		f.seq++
	}
}

// tick goes on to the next picture.
func (f *feed) tick() { f.ts += 3000; f.now += time.Second / 30 }

// lose leaves out a packet for good.
func (f *feed) lose() {
	f.seq++
	f.now += time.Second
}

// key sends a whole key frame and goes on.
func (f *feed) key() {
	f.send(true, sps, pps, idr)
	f.tick()
}

// settle gives up on what is missing.
func (f *feed) settle() { f.ring.Expire(f.now + time.Hour) }

func prefixed(nals ...[]byte) []byte {
	var out []byte
	for _, n := range nals {
		out = binary.BigEndian.AppendUint32(out, uint32(len(n)))
		out = append(out, n...)
	}
	return out
}

func stapA(nals ...[]byte) []byte {
	out := []byte{24}
	for _, n := range nals {
		out = binary.BigEndian.AppendUint16(out, uint16(len(n)))
		out = append(out, n...)
	}
	return out
}

// fuA cuts a NAL unit into fragments of n bytes.
func fuA(nal []byte, n int) [][]byte {
	var out [][]byte
	header, body := nal[0], nal[1:]
	for first := true; len(body) > 0; first = false {
		k := min(n, len(body))
		fu := header & 0x1f
		if first {
			fu |= 0x80
		}
		if k == len(body) {
			fu |= 0x40
		}
		out = append(out, append([]byte{header&0xe0 | 28, fu}, body[:k]...))
		body = body[k:]
	}
	return out
}

// bits packs digits into bytes; what is no digit parts fields for the eye, and what is left of a byte is 0.
func bits(digits string) []byte {
	var out []byte
	n := 0
	for _, c := range digits {
		if c != '0' && c != '1' {
			continue
		}
		if n%8 == 0 {
			out = append(out, 0)
		}
		out[n/8] |= byte(c-'0') << (7 - n%8)
		n++
	}
	return out
}

// ue writes an Exp-Golomb code (ITU-T H.264 9.1).
func ue(v uint32) string {
	code := fmt.Sprintf("%b", v+1)
	return strings.Repeat("0", len(code)-1) + code
}

// TestRealStream packetizes the samples with a foreign packetizer and compares every NAL unit.
func TestRealStream(t *testing.T) {
	for _, name := range []string{"bars-360p.h264", "bars-720p.h264"} {
		f := newFeed()
		pay := new(codecs.H264Payloader)
		var want [][]byte
		for _, au := range sampleUnits(name) {
			var payloads [][]byte
			for _, nal := range au {
				payloads = append(payloads, pay.Payload(1188, nal)...)
			}
			f.send(true, payloads...)
			f.tick()
			want = append(want, prefixed(au[len(au)-1]))
		}
		if len(f.got.units) != len(want) || len(want) < 300 {
			t.Fatalf("%s: %d units of %d", name, len(f.got.units), len(want))
		}
		for i, u := range f.got.units {
			if !bytes.Equal(u.Data, want[i]) {
				t.Fatalf("%s: unit %d differs", name, i)
			}
			if u.Key != (i%60 == 0) || (u.Config != nil) != (i == 0) || u.Reorder {
				t.Fatalf("%s: unit %d: key %v, config %v, reorder %v", name, i, u.Key, u.Config, u.Reorder)
			}
		}
		if c := f.got.units[0].Config; c.Width*9 != c.Height*16 {
			t.Errorf("%s: %dx%d", name, c.Width, c.Height)
		}
		var d DTS
		if at, err := d.At(&f.got.units[0], time.Second); at != time.Second || err != nil {
			t.Errorf("%s: DTS %v, %v", name, at, err)
		}
	}
}

// TestDTSOfReorderedPictures feeds pictures with B-pictures in decoding order: DTS rises and is never behind PTS.
func TestDTSOfReorderedPictures(t *testing.T) {
	f := newFeed()
	units := splitUnits("testdata/bframes.h264")
	shown := func(i int) int { // I P B B P B B …, decoded to shown
		switch {
		case i == 0:
			return 0
		case i%3 == 1:
			return i + 2
		default:
			return i - 1
		}
	}
	for i, au := range units {
		f.ts = uint32(shown(i) * 3600)
		f.send(true, au...)
	}
	if len(f.got.units) != 31 || len(units) != 31 {
		t.Fatalf("%d of %d units", len(f.got.units), len(units))
	}
	var d DTS
	last, reordered := -time.Hour, 0
	for i := range f.got.units {
		pts := time.Duration(shown(i)) * 40 * time.Millisecond
		at, err := d.At(&f.got.units[i], pts)
		if err != nil {
			t.Fatalf("unit %d: %v", i, err)
		}
		if at <= last || at > pts {
			t.Fatalf("unit %d: DTS %v after %v, PTS %v", i, at, last, pts)
		}
		if at < pts {
			reordered++
		}
		last = at
	}
	if reordered == 0 {
		t.Error("the sample reorders nothing")
	}
}

// TestDTSFaults has the units of which no decoding time can be told, and how far that reaches.
func TestDTSFaults(t *testing.T) {
	b := splitUnits("testdata/bframes.h264")
	// Main profile, pic_order_cnt_type 1 (ITU-T H.264 7.3.2.1.1) with an empty cycle, 64x64.
	type1 := append([]byte{0x67, 77, 0, 30}, bits("1 1 010 0 1 1 1 010 0 00100 00100 1 1 0 0 1")...)
	unit := func(key bool, sets []byte, nal []byte) *Unit {
		u := &Unit{Key: key, Reorder: true, Data: prefixed(nal)}
		if sets != nil {
			u.Config = &av.Track{Codec: av.CodecH264, Config: avc.AppendConfig(nil, [][]byte{sets}, [][]byte{pps})}
		}
		return u
	}
	last := func(au [][]byte) []byte { return au[len(au)-1] }
	key, p := unit(true, b[0][0], last(b[0])), unit(false, nil, last(b[1]))
	cut, cutKey := unit(false, nil, []byte{0x41}), unit(true, b[0][0], []byte{0x65})
	key1, p1 := unit(true, type1, idr), unit(false, nil, slice)
	broken := unit(true, nil, idr)
	broken.Config = &av.Track{Codec: av.CodecH264, Config: []byte{1}}
	type step struct {
		unit *Unit
		pts  int // in frames
		ok   bool
	}
	for _, c := range []struct {
		name  string
		steps []step
	}{
		{"before a key frame", []step{{p, 0, false}, {key, 1, true}}},
		{"a key frame without any SPS", []step{{unit(true, nil, idr), 0, true}, {p1, 1, true}}},
		{"an error lasts until the key frame", []step{
			{key, 0, true}, {p, 3, true}, {cut, 1, false}, {p, 4, false}, {p, 5, false}, {key, 6, true}, {p, 9, true},
		}},
		{"a record that is none", []step{{key, 0, true}, {broken, 1, false}, {p, 4, false}, {key, 6, true}}},
		{"7.3.2.1.1 pic_order_cnt_type 1, in order", []step{{key1, 0, true}, {p1, 1, true}, {p1, 2, true}, {key1, 3, true}, {p1, 4, true}}},
		{"7.3.2.1.1 pic_order_cnt_type 1, out of order", []step{
			{key1, 0, true}, {p1, 3, true}, {p1, 1, false}, {p1, 4, false}, {key1, 5, true}, {p1, 6, true},
		}},
		{"pic_order_cnt_type 1, shown at once", []step{{key1, 0, true}, {p1, 0, false}, {p1, 1, false}}},
		{"a key frame of which no order can be read", []step{{cutKey, 0, true}, {p, 3, true}, {p, 2, false}, {key, 4, true}}},
		{"back to an order that can be told", []step{{key1, 0, true}, {p1, 1, true}, {key, 2, true}, {p, 5, true}, {cut, 3, false}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var d DTS
			for i, s := range c.steps {
				pts := time.Duration(s.pts) * 40 * time.Millisecond
				at, err := d.At(s.unit, pts)
				if (err == nil) != s.ok {
					t.Fatalf("unit %d: %v, %v", i, at, err)
				}
				if s.ok && (at > pts || s.unit.Key && at != pts) {
					t.Errorf("unit %d: DTS %v, PTS %v", i, at, pts)
				}
			}
		})
	}
}
