package h265

import (
	"bytes"
	"encoding/hex"
	"errors"
	"os"
	"slices"
	"testing"

	"weir/testdata"
)

// sets are the parameter sets of a sample.
func sets(t testing.TB, name string) Sets {
	t.Helper()
	raw, err := os.ReadFile(testdata.Path(name))
	if err != nil {
		t.Fatal(err)
	}
	var s Sets
	for nal := range bytes.SplitSeq(raw, []byte{0, 0, 1}) {
		nal = bytes.TrimRight(nal, "\x00")
		if len(nal) < HeaderSize {
			continue
		}
		if !IsParameterSet(NALType(nal[0])) {
			break
		}
		s.add(NALType(nal[0]), nal)
	}
	return s
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestParseSPS(t *testing.T) {
	for name, c := range map[string]struct {
		nal  []byte
		want SPS
	}{
		"main": {sets(t, "bars-360p.h265").SPS[0], SPS{
			Width: 640, Height: 360, Profile: [12]byte{1, 0x60, 0, 0, 0, 0x90, 0, 0, 0, 0, 0, 63},
			ChromaFormat: 1, SubLayers: 1, Nested: true,
		}},
		"with B-pictures": {sets(t, "bars-360p-open.h265").SPS[0], SPS{
			Width: 640, Height: 360, Profile: [12]byte{1, 0x60, 0, 0, 0, 0x90, 0, 0, 0, 0, 0, 63},
			ChromaFormat: 1, SubLayers: 1, Nested: true, MayReorder: true,
		}},
	} {
		t.Run(name, func(t *testing.T) {
			if got, err := ParseSPS(c.nal); err != nil || got != c.want {
				t.Errorf("got %+v, %v, want %+v", got, err, c.want)
			}
		})
	}
}

func TestParseSPSRefuses(t *testing.T) {
	good := sets(t, "bars-360p.h265").SPS[0]
	for name, nal := range map[string][]byte{
		"nothing":      nil,
		"header only":  good[:2],
		"cut short":    good[:18],
		"another type": append([]byte{NALPPS << 1}, good[1:]...),
		"too long":     append(bytes.Clone(good), make([]byte, maxSPSSize)...),
	} {
		t.Run(name, func(t *testing.T) {
			if s, err := ParseSPS(nal); !errors.Is(err, ErrSPS) {
				t.Errorf("%+v, %v", s, err)
			}
		})
	}
}

func TestConfig(t *testing.T) {
	s := sets(t, "bars-360p.h265")
	record := AppendConfig([]byte("x"), s)[1:]
	// ISO/IEC 14496-15 8.3.3.1.2
	head := unhex(t, "01"+"01600000009000000000003f"+"f000"+"fc"+"fd"+"f8"+"f8"+"0000"+"0f"+"03")
	if !bytes.HasPrefix(record, head) {
		t.Errorf("got %x\nwant %x …", record[:len(head)], head)
	}
	if want := append([]byte{0x80 | NALVPS, 0, 1, 0, byte(len(s.VPS[0]))}, s.VPS[0]...); !bytes.HasPrefix(record[len(head):], want) {
		t.Errorf("the first array is %x, want %x", record[len(head):], want)
	}
	got, err := ParseConfig(record)
	if err != nil || !equal(got, s) {
		t.Errorf("parsed: %x, %v", got, err)
	}
	if c, err := CodecString(record); c != "hvc1.1.6.L63.90" || err != nil {
		t.Errorf("codec string %q, %v", c, err)
	}
	if got := AppendConfig([]byte("x"), Sets{PPS: s.PPS}); string(got) != "x" {
		t.Errorf("a record without an SPS: %x", got)
	}
	many := s
	for range 100 {
		many.PPS = append(many.PPS, nil, make([]byte, 1<<16), s.PPS[0])
	}
	if got, err := ParseConfig(AppendConfig(nil, many)); err != nil || len(got.PPS) != maxSets {
		t.Errorf("%d PPS, %v", len(got.PPS), err)
	}
}

func equal(a, b Sets) bool {
	return slices.EqualFunc(a.VPS, b.VPS, bytes.Equal) && slices.EqualFunc(a.SPS, b.SPS, bytes.Equal) && slices.EqualFunc(a.PPS, b.PPS, bytes.Equal)
}

// TestCodecString has the forms of ISO/IEC 14496-15 E.3.
func TestCodecString(t *testing.T) {
	for want, profile := range map[string]string{
		"hvc1.1.6.L93.B0":       "01" + "01" + "60000000" + "b00000000000" + "5d",
		"hvc1.2.4.H120.90.0.8":  "01" + "22" + "20000000" + "900008000000" + "78",
		"hvc1.A3.e.L30":         "01" + "43" + "70000000" + "000000000000" + "1e",
		"hvc1.C4.10.H255.0.0.1": "01" + "e4" + "08000000" + "000001000000" + "ff",
	} {
		record := append(unhex(t, profile), make([]byte, recordHead)...)
		if got, err := CodecString(record); got != want || err != nil {
			t.Errorf("got %q, %v, want %q", got, err, want)
		}
	}
	if _, err := CodecString([]byte{1, 2, 3}); !errors.Is(err, ErrConfig) {
		t.Errorf("codec string of 3 bytes: %v", err)
	}
}

func TestParseConfigRefuses(t *testing.T) {
	good := AppendConfig(nil, sets(t, "bars-360p.h265"))
	change := func(i int, b byte) []byte {
		bad := bytes.Clone(good)
		bad[i] = b
		return bad
	}
	for name, hvcC := range map[string][]byte{
		"nothing":           nil,
		"version 2":         change(0, 2),
		"NAL length of 2":   change(21, 0x0d),
		"no arrays":         change(22, 0),
		"an array too many": change(22, 4),
		"no VPS":            change(recordHead, 0x80|39),
		"size too long":     change(recordHead+3, 1<<7),
		"size 1":            change(recordHead+4, 1),
		"cut short":         good[:len(good)-1],
		"cut in a size":     good[:recordHead+4],
	} {
		t.Run(name, func(t *testing.T) {
			if s, err := ParseConfig(hvcC); !errors.Is(err, ErrConfig) {
				t.Errorf("%x, %v", s, err)
			}
		})
	}
}

func FuzzParseConfig(f *testing.F) {
	f.Add(AppendConfig(nil, sets(f, "bars-360p.h265")))
	f.Add(AppendConfig(nil, sets(f, "bars-360p-open.h265")))
	f.Fuzz(func(t *testing.T, hvcC []byte) {
		s, err := ParseConfig(hvcC)
		if err != nil {
			return
		}
		if _, err := CodecString(hvcC); err != nil {
			t.Errorf("no codec string: %v", err)
		}
		again := AppendConfig(nil, s)
		if len(again) == 0 || len(s.VPS) > maxSets || len(s.SPS) > maxSets || len(s.PPS) > maxSets {
			return // the SPS cannot be read, or there are too many sets to write
		}
		if s2, err := ParseConfig(again); err != nil || !equal(s, s2) {
			t.Fatalf("%x came back as %x, %v", hvcC, again, err)
		}
	})
}

func FuzzParseSPS(f *testing.F) {
	f.Add(sets(f, "bars-360p.h265").SPS[0])
	f.Add(sets(f, "bars-360p-open.h265").SPS[0])
	f.Fuzz(func(t *testing.T, nal []byte) {
		s, err := ParseSPS(nal)
		if err == nil && (s.Width < 1 || s.Height < 1 || s.Width > maxDimension || s.Height > maxDimension || s.SubLayers < 1 || s.SubLayers > 7) {
			t.Errorf("%+v", s)
		}
	})
}
