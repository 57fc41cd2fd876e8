package publish

import (
	"bytes"
	"os"
	"slices"
	"testing"

	"weir/testdata"
)

// annexB joins NAL units with start codes of 3 and 4 bytes in turn.
func annexB(nals ...[]byte) []byte {
	var out []byte
	for i, nal := range nals {
		out = append(out, []byte{0, 0, 0, 1}[i%2:]...)
		out = append(out, nal...)
	}
	return out
}

var (
	sps    = []byte{0x67, 0x42, 0xc0, 0x1e}
	pps    = []byte{0x68, 0xce, 0x3c, 0x80}
	aud    = []byte{0x09, 0xf0}
	sei    = []byte{0x06, 5, 1, 7, 0x80}
	idr    = []byte{0x65, 0x88, 1, 2}
	idrEnd = []byte{0x65, 0x08, 3} // a second slice: first_mb_in_slice is not 0
	slice  = []byte{0x41, 0x9a, 4}
)

func TestSplitAccessUnits(t *testing.T) {
	type unit struct {
		nals int
		key  bool
	}
	for _, c := range []struct {
		name   string
		stream []byte
		want   []unit
	}{
		{"nothing", nil, nil},
		{"no start code", []byte{0x65, 0x88, 1}, nil},
		{"parameter sets alone", annexB(sps, pps), nil},
		{"one IDR picture", annexB(sps, pps, idr), []unit{{3, true}}},
		{"pictures of one slice", annexB(sps, pps, idr, slice, slice), []unit{{3, true}, {1, false}, {1, false}}},
		{"pictures of two slices", annexB(idr, idrEnd, slice), []unit{{2, true}, {1, false}}},
		{"7.4.1.2.3 delimiters begin units", annexB(aud, sps, pps, idr, aud, slice), []unit{{4, true}, {2, false}}},
		{"7.4.1.2.3 SEI begins units", annexB(idr, sei, slice), []unit{{1, true}, {2, false}}},
		{"7.4.1.2.3 parameter sets begin units", annexB(slice, sps, pps, idr), []unit{{1, false}, {3, true}}},
		{"B.1 zeros between NAL units", append(append(annexB(idr), 0, 0, 0), annexB(slice)...), []unit{{1, true}, {1, false}}},
		{"B.1 zeros at the end", append(annexB(idr), 0, 0, 0), []unit{{1, true}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got []unit
			for _, u := range SplitAccessUnits(c.stream) {
				got = append(got, unit{len(u.NALs), u.Key})
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("units %v, want %v", got, c.want)
			}
		})
	}
}

func TestSplitSample(t *testing.T) {
	stream, err := os.ReadFile(testdata.Path("bars-360p.h264"))
	if err != nil {
		t.Fatal(err)
	}
	units := SplitAccessUnits(stream)
	if len(units) != 600 {
		t.Fatalf("%d pictures, want 600", len(units))
	}
	for i, u := range units {
		if u.Key != (i%60 == 0) {
			t.Errorf("picture %d: key is %v", i, u.Key)
		}
		if want := map[bool]int{true: 3, false: 1}[u.Key]; len(u.NALs) != want {
			t.Errorf("picture %d has %d NAL units, want %d", i, len(u.NALs), want)
		}
	}
}

// FuzzSplitNALs: NAL units are never empty, hold no start code and none of their bytes is lost.
func FuzzSplitNALs(f *testing.F) {
	f.Add(annexB(sps, pps, idr, slice))
	f.Add([]byte{0, 0, 1, 0, 0, 1, 0, 0, 0, 1, 5, 0, 0})
	f.Fuzz(func(t *testing.T, stream []byte) {
		var joined []byte
		for _, nal := range SplitNALs(stream) {
			if len(nal) == 0 || nal[len(nal)-1] == 0 || bytes.Contains(nal, []byte{0, 0, 1}) {
				t.Fatalf("NAL unit % x", nal)
			}
			joined = append(append(joined, 0, 0, 1), nal...)
		}
		if again := SplitNALs(joined); !slices.EqualFunc(again, SplitNALs(stream), bytes.Equal) {
			t.Fatalf("% x splits differently once joined again", stream)
		}
		for _, u := range SplitAccessUnits(stream) {
			if len(u.NALs) == 0 {
				t.Fatal("an access unit of nothing")
			}
		}
	})
}
