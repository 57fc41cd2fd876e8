package depacket

import (
	"bytes"
	"encoding/binary"
	"os"
	"testing"
	"time"

	"weir/mux/av"
	"weir/mux/codec/h265"
	"weir/testdata"
)

// The parameter sets of bars-360p.h265, and slices of which only the first three bytes make sense: the highest bit of
// the third is first_slice_segment_in_pic_flag.
var (
	hevcVPS    = mustHEVC(h265.NALVPS)
	hevcSPS    = mustHEVC(h265.NALSPS)
	hevcPPS    = mustHEVC(h265.NALPPS)
	hevcIDR    = []byte{0x28, 1, 0xaf, 1, 2, 3, 4, 5}
	hevcCRA    = []byte{0x2a, 1, 0xaf, 1, 2, 3, 4, 6}
	hevcSlice  = []byte{0x02, 1, 0xd0, 9, 8, 7, 6}
	hevcSecond = []byte{0x02, 1, 0x10, 9, 8, 7, 5}
	hevcRASL   = []byte{0x12, 1, 0xd0, 9, 8, 7, 4}
	hevcSEI    = []byte{0x4e, 1, 0x05, 0x01, 0x42, 0x80}
)

func mustHEVC(typ byte) []byte {
	raw, err := os.ReadFile(testdata.Path("bars-360p.h265"))
	if err != nil {
		panic(err)
	}
	for nal := range bytes.SplitSeq(raw, []byte{0, 0, 1}) {
		nal = bytes.TrimRight(nal, "\x00")
		if len(nal) > 0 && h265.NALType(nal[0]) == typ {
			return nal
		}
	}
	panic("the sample has no such NAL unit")
}

// ap is an aggregation packet (RFC 7798 4.4.2).
func ap(nals ...[]byte) []byte {
	out := []byte{typeAP << 1, 1}
	for _, n := range nals {
		out = binary.BigEndian.AppendUint16(out, uint16(len(n)))
		out = append(out, n...)
	}
	return out
}

// fu cuts a NAL unit into fragments of n bytes (RFC 7798 4.4.3).
func fu(nal []byte, n int) [][]byte {
	var out [][]byte
	body := nal[2:]
	for first := true; len(body) > 0; first = false {
		k := min(n, len(body))
		header := nal[0] >> 1 & 0x3f
		if first {
			header |= 0x80
		}
		if k == len(body) {
			header |= 0x40
		}
		out = append(out, append([]byte{nal[0]&0x81 | typeFU<<1, nal[1], header}, body[:k]...))
		body = body[k:]
	}
	return out
}

func (f *videoFeed) hevcKey() { f.send(hevcVPS, hevcSPS, hevcPPS, hevcIDR) }

// TestH265Clauses begins behind a whole key frame.
func TestH265Clauses(t *testing.T) {
	long := append([]byte{0x02, 1, 0xd0}, bytes.Repeat([]byte{7}, 100)...)
	parts := fu(long, 40)
	for _, c := range []struct {
		name   string
		send   func(f *videoFeed)
		units  [][]byte // behind the first key frame
		broken bool     // and waiting for a key frame in the end
	}{
		{"4.4.1 single NAL units", func(f *videoFeed) { f.send(hevcSEI, hevcSlice, hevcSecond) }, [][]byte{prefixed(hevcSEI, hevcSlice, hevcSecond)}, false},
		{"4.4.1 one byte", func(f *videoFeed) { f.send([]byte{2}) }, nil, true},
		{"4.4.2 aggregation", func(f *videoFeed) { f.send(ap(hevcSEI, hevcSlice)) }, [][]byte{prefixed(hevcSEI, hevcSlice)}, false},
		{"4.4.2 aggregation, end of sequence", func(f *videoFeed) { f.send(ap(hevcSlice, []byte{0x48, 1})) }, [][]byte{prefixed(hevcSlice, []byte{0x48, 1})}, false},
		{"4.4.2 aggregation, size 0", func(f *videoFeed) { f.send(append(ap(hevcSlice), 0, 0)) }, nil, true},
		{"4.4.2 aggregation, size past the end", func(f *videoFeed) { f.send(append(ap(hevcSlice), 0, 9, 2, 1)) }, nil, true},
		{"4.4.2 aggregation, one byte of a size", func(f *videoFeed) { f.send(append(ap(hevcSlice), 0)) }, nil, true},
		{"4.4.2 aggregation within aggregation", func(f *videoFeed) { f.send(ap(ap(hevcSlice))) }, nil, true},
		{"4.4.3 fragments", func(f *videoFeed) { f.send(parts...) }, [][]byte{prefixed(long)}, false},
		{"4.4.3 the start is missing", func(f *videoFeed) { f.send(parts[1:]...) }, nil, true},
		{"4.4.3 the middle is lost", func(f *videoFeed) {
			f.push(false, parts[0])
			f.lose()
			f.push(true, parts[2])
		}, nil, true},
		{"4.4.3 the end is left out", func(f *videoFeed) { f.send(parts[0], parts[1], hevcSlice) }, nil, true},
		{"4.4.3 a second start", func(f *videoFeed) { f.send(append(parts[:1:1], parts...)...) }, nil, true},
		{"4.4.3 start and end in one", func(f *videoFeed) { f.send([]byte{typeFU << 1, 1, 0xc1, 0xd0, 1}) }, nil, true},
		{"4.4.3 a fragment of a packet type", func(f *videoFeed) { f.send([]byte{typeFU << 1, 1, 0x80 | typeAP, 1}) }, nil, true},
		{"4.4.3 another type in the middle", func(f *videoFeed) { f.send(parts[0], []byte{typeFU << 1, 1, 0x13, 1}, parts[2]) }, nil, true},
		{"4.4.3 no payload", func(f *videoFeed) { f.send([]byte{typeFU << 1, 1, 0x81}) }, nil, true},
		{"4.4.4 PACI is ignored", func(f *videoFeed) { f.send([]byte{50 << 1, 1, 2, 3}, hevcSlice) }, [][]byte{prefixed(hevcSlice)}, false},
		{"1.1.4 F", func(f *videoFeed) { f.send(append([]byte{0x82}, hevcSlice[1:]...)) }, nil, true},
		{"H.265 7.4.2.2: a layer above", func(f *videoFeed) { f.send(hevcSlice, []byte{0x02, 9, 0xd0, 1}) }, [][]byte{prefixed(hevcSlice)}, false},
		{"delimiter and filler are left out", func(f *videoFeed) { f.send([]byte{0x46, 1, 0x50}, hevcSlice, []byte{0x4c, 1, 0xff}) }, [][]byte{prefixed(hevcSlice)}, false},
		{"4.1 no marker: the timestamp ends the unit", func(f *videoFeed) {
			f.push(false, hevcSlice)
			f.tick()
			f.send(hevcSlice)
		}, [][]byte{prefixed(hevcSlice), prefixed(hevcSlice)}, false},
		{"the first slice is lost", func(f *videoFeed) {
			f.lose()
			f.send(hevcSecond)
		}, nil, true},
		{"the first slice of a key frame is lost", func(f *videoFeed) {
			f.lose()
			f.send(hevcVPS, hevcSPS, hevcPPS, []byte{0x28, 1, 0x2f, 1})
		}, nil, true},
		{"a whole picture is lost: what follows depends on it", func(f *videoFeed) {
			f.lose()
			f.tick()
			f.send(hevcSlice)
			f.send(hevcSlice)
		}, nil, true},
		{"loss right before a whole key frame", func(f *videoFeed) {
			f.lose()
			f.hevcKey()
		}, [][]byte{prefixed(hevcIDR)}, false},
		{"loss right before a key frame, its sets with it", func(f *videoFeed) {
			f.lose()
			f.send(hevcIDR)
		}, nil, true},
		{"a sender need not repeat its sets", func(f *videoFeed) { f.send(hevcIDR) }, [][]byte{prefixed(hevcIDR)}, false},
		{"sets in packets of their own timestamp", func(f *videoFeed) {
			f.send(hevcVPS, hevcSPS, hevcPPS)
			f.send(hevcIDR)
		}, [][]byte{prefixed(hevcIDR)}, false},
		{"3.134: pictures skipped behind an open group's key frame", func(f *videoFeed) {
			f.send(hevcCRA)
			f.send(hevcRASL)
			f.send(hevcSlice)
		}, [][]byte{prefixed(hevcCRA), prefixed(hevcSlice)}, false},
		{"fragments without end", func(f *videoFeed) {
			f.push(false, parts[0])
			for range 5000 {
				f.push(false, append([]byte{typeFU << 1, 1, 1}, make([]byte, 1000)...))
			}
			f.push(true, parts[2])
		}, nil, true},
		{"padding alone opens no gap", func(f *videoFeed) { f.send(nil, hevcSlice) }, [][]byte{prefixed(hevcSlice)}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newVideoFeed(av.CodecH265)
			f.hevcKey()
			c.send(f)
			f.settle()
			f.compare(t, c.units, c.broken)
			f.tick()
			n := len(f.got.units)
			f.hevcKey() // whatever came before, a key frame mends it
			if len(f.got.units) != n+1 {
				t.Error("a key frame does not mend it")
			}
		})
	}
}

// compare looks at the units behind the first, a key frame.
func (f *videoFeed) compare(t *testing.T, want [][]byte, broken bool) {
	t.Helper()
	if len(f.got.units) == 0 || !f.got.units[0].Key {
		t.Fatalf("the key frame before is missing: %+v", f.vid.Stats())
	}
	got := f.got.units[1:]
	if len(got) != len(want) {
		t.Fatalf("%d units, want %d (%+v)", len(got), len(want), f.vid.Stats())
	}
	for i := range got {
		if !bytes.Equal(got[i].Data, want[i]) {
			t.Errorf("unit %d is %x, want %x", i, got[i].Data, want[i])
		}
	}
	if (f.got.broken > 0) != broken {
		t.Errorf("broken: told %d times, want %v", f.got.broken, broken)
	}
}

// TestH265NoParameterSets: a key frame without one of its sets cannot be decoded, unless it came with the SDP.
func TestH265NoParameterSets(t *testing.T) {
	for name, payloads := range map[string][][]byte{
		"none": {hevcIDR}, "no VPS": {hevcSPS, hevcPPS, hevcIDR}, "no SPS": {hevcVPS, hevcPPS, hevcIDR},
		"no PPS": {hevcVPS, hevcSPS, hevcIDR}, "damaged SPS": {hevcVPS, hevcSPS[:12], hevcPPS, hevcIDR},
	} {
		f := newVideoFeed(av.CodecH265)
		f.send(payloads...)
		if len(f.got.units) != 0 || f.got.broken != 1 {
			t.Errorf("%s: %d units, asked %d times", name, len(f.got.units), f.got.broken)
		}
		f = newVideoFeed(av.CodecH265)
		f.vid.Announce([][]byte{hevcVPS, hevcSPS, hevcPPS, hevcSlice, {1}})
		f.send(hevcIDR)
		if len(f.got.units) != 1 || f.got.units[0].Config == nil {
			t.Errorf("announced sets: %d units", len(f.got.units))
		}
	}
}

// TestH265Configuration: a repeated set changes nothing; another one does, from the next key frame on.
func TestH265Configuration(t *testing.T) {
	f := newVideoFeed(av.CodecH265)
	f.hevcKey()
	f.hevcKey()
	other := append(bytes.Clone(hevcPPS), 0x80)
	f.send(hevcVPS, hevcSPS, other, hevcIDR)
	f.send(hevcVPS, hevcSPS, other, hevcSlice)
	f.send(hevcVPS, hevcSPS, hevcPPS, hevcSlice) // new sets without a key frame
	if len(f.got.units) != 4 || f.got.broken != 1 {
		t.Fatalf("%d units, broken %d times", len(f.got.units), f.got.broken)
	}
	for i, want := range []bool{true, false, true, false} {
		if got := f.got.units[i].Config != nil; got != want {
			t.Errorf("unit %d: configuration %v", i, got)
		}
	}
	sets, err := h265.ParseConfig(f.got.units[2].Config.Config)
	if err != nil || len(sets.PPS) != 1 || !bytes.Equal(sets.PPS[0], other) {
		t.Errorf("%x, %v", sets.PPS, err)
	}
}

// TestDTSOfReorderedH265 feeds an open group with B-pictures: DTS rises and is never behind PTS.
func TestDTSOfReorderedH265(t *testing.T) {
	f := newVideoFeed(av.CodecH265)
	pay := packetizeH265()
	in, _ := hevcUnits("bars-360p-open.h265")
	for _, unit := range in {
		f.send(pay(unit)...)
	}
	order := shownOrder(f.got.units)
	var d DTS
	last, reordered := -time.Hour, 0
	for i := range f.got.units {
		u := &f.got.units[i]
		pts := time.Duration(order[i]) * time.Second / 30
		at, err := d.At(u, pts)
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

// shownOrder reads the place of each picture from its slice's order count, of which this sample has 8 bits
// (ITU-T H.265 7.3.6.1); the group's second key frame does not begin anew.
func shownOrder(units []Unit) []int {
	out := make([]int, len(units))
	last := 0
	for i, u := range units {
		nal := u.Data[lengthPrefix:]
		if t := h265.NALType(nal[0]); t == h265.NALIDR || t == h265.NALIDRN {
			continue
		}
		at := 1 // first_slice_segment_in_pic_flag
		if h265.IsIRAP(h265.NALType(nal[0])) {
			at++ // no_output_of_prior_pics_flag
		}
		bit := func() (b int) {
			b = int(nal[2+at/8]>>(7-at%8)) & 1
			at++
			return b
		}
		for range 2 { // slice_pic_parameter_set_id, slice_type: ue(v)
			zeros := 0
			for bit() == 0 {
				zeros++
			}
			at += zeros
		}
		lsb := 0
		for range 8 {
			lsb = lsb<<1 | bit()
		}
		for lsb < last-128 {
			lsb += 256
		}
		out[i], last = lsb, lsb
	}
	return out
}

// FuzzH265 pushes arbitrary payloads: nothing panics, and what comes out is length-prefixed NAL units.
func FuzzH265(f *testing.F) {
	f.Add(uint8(0), ap(hevcVPS, hevcSPS, hevcPPS, hevcIDR))
	f.Add(uint8(1), fu(hevcIDR, 3)[0])
	f.Add(uint8(2), []byte{typeFU << 1, 1, 0x41, 1})
	f.Add(uint8(3), append(ap(hevcSlice), 0, 9))
	f.Fuzz(func(t *testing.T, flags uint8, b []byte) {
		feed := newVideoFeed(av.CodecH265)
		feed.hevcKey()
		feed.scatter(flags, b)
		for _, u := range feed.got.units {
			for d := u.Data; len(d) > 0; {
				if len(d) < lengthPrefix+h265.HeaderSize {
					t.Fatalf("%d bytes left", len(d))
				}
				n := int64(binary.BigEndian.Uint32(d))
				if n < h265.HeaderSize || n > int64(len(d)-lengthPrefix) {
					t.Fatalf("a NAL unit of %d in %d bytes", n, len(d)-lengthPrefix)
				}
				d = d[lengthPrefix+n:]
			}
		}
	})
}

// scatter sends pieces of b as payloads, with losses and ticks as the flags say.
func (f *videoFeed) scatter(flags uint8, b []byte) {
	for i, cut := 0, len(b); i < 8; i++ {
		if flags>>i&1 != 0 {
			f.lose()
		}
		n := min(cut, len(b))
		f.push(i%2 == 0, b[:n], b[len(b)-n:])
		cut /= 2
		if flags>>(7-i)&1 != 0 {
			f.tick()
		}
	}
	f.settle()
}

// The sets that a sender may make weir keep are bounded by their ids (ITU-T H.265 7.4.3.3).
func TestH265SetsAreBounded(t *testing.T) {
	for id := range uint32(1000) {
		var sets h265Sets
		sets.put(append([]byte{h265.NALPPS << 1, 1}, append(golombOf(id), 0x80)...))
		if got, want := len(sets.kinds[kindPPS]), id <= maxHEVCPPS; got == 1 != want {
			t.Fatalf("id %d: %d sets are kept", id, got)
		}
	}
}

// golombOf is ue(v) (9.2), filled up with ones.
func golombOf(v uint32) []byte {
	n := 0
	for (v+1)>>(n+1) > 0 {
		n++
	}
	all := uint64(v+1)<<(64-2*n-1) | (1<<(64-2*n-1) - 1)
	return binary.BigEndian.AppendUint64(nil, all)
}
