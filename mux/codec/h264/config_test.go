package h264

import (
	"bytes"
	"errors"
	"testing"
)

const ppsAny = "68ebc3cb22c0"

var casesConfig = []struct {
	name, sps string
	// high is what stands behind the last PPS.
	high, codec string
}{
	{"baseline has no high fields", spsBaseline, "", "avc1.42c01e"},
	{"main has no high fields", spsMain, "", "avc1.4d401e"},
	{"high", spsHigh1080, "fdf8f800", "avc1.640028"},
	{"4:2:2 10 bits", spsHigh422, "fefafa00", "avc1.7a000d"},
	{"4:4:4", spsHigh444, "fff8f800", "avc1.f4000d"},
	{"monochrome", spsGray, "fcf8f800", "avc1.64000d"},
}

func record(t testing.TB, sps string) []byte {
	return AppendConfig(nil, [][]byte{unhex(t, sps)}, [][]byte{unhex(t, ppsAny)})
}

func TestConfig(t *testing.T) {
	for _, c := range casesConfig {
		t.Run(c.name, func(t *testing.T) {
			sps, pps := unhex(t, c.sps), unhex(t, ppsAny)
			want := append([]byte{1, sps[1], sps[2], sps[3], 0xff, 0xe1, 0, byte(len(sps))}, sps...)
			want = append(append(want, 1, 0, byte(len(pps))), pps...)
			want = append(want, unhex(t, c.high)...)
			got := record(t, c.sps)
			if !bytes.Equal(got, want) {
				t.Fatalf("got  %x\nwant %x", got, want)
			}
			gotSPS, gotPPS, err := ParseConfig(got)
			if err != nil || len(gotSPS) != 1 || len(gotPPS) != 1 || !bytes.Equal(gotSPS[0], sps) || !bytes.Equal(gotPPS[0], pps) {
				t.Errorf("parsed: %x, %x, %v", gotSPS, gotPPS, err)
			}
			if codec, err := CodecString(got); codec != c.codec || err != nil {
				t.Errorf("codec string %q, %v, want %q", codec, err, c.codec)
			}
		})
	}
}

func TestAppendConfigKeepsWhatFits(t *testing.T) {
	sps, pps := unhex(t, spsBaseline), unhex(t, ppsAny)
	if got := AppendConfig([]byte("x"), nil, [][]byte{pps}); string(got) != "x" {
		t.Errorf("a record without an SPS: %x", got)
	}
	many := [][]byte{sps, nil, make([]byte, 1<<16)}
	for range 300 {
		many = append(many, pps)
	}
	gotSPS, gotPPS, err := ParseConfig(AppendConfig(nil, many, many))
	if err != nil || len(gotSPS) != 31 || len(gotPPS) != 255 {
		t.Fatalf("%d SPS, %d PPS, %v", len(gotSPS), len(gotPPS), err)
	}
	if !bytes.Equal(gotSPS[0], sps) || !bytes.Equal(gotSPS[1], pps) {
		t.Error("the sets are not in order")
	}
}

func TestParseConfigRefuses(t *testing.T) {
	good := record(t, spsBaseline)
	change := func(i int, b byte) []byte {
		bad := bytes.Clone(good)
		bad[i] = b
		return bad
	}
	for name, avcC := range map[string][]byte{
		"nothing":          nil,
		"Annex B":          unhex(t, "0000000167"+spsBaseline),
		"version 2":        change(0, 2),
		"NAL length of 2":  change(4, 0xfd),
		"no SPS":           change(5, 0xe0),
		"SPS of no bytes":  change(7, 0),
		"SPS too long":     change(6, 1),
		"no PPS count":     good[:8+len(spsBaseline)/2],
		"PPS cut short":    good[:len(good)-1],
		"PPS without size": good[:len(good)-7],
	} {
		t.Run(name, func(t *testing.T) {
			if sps, pps, err := ParseConfig(avcC); !errors.Is(err, ErrConfig) {
				t.Errorf("%x, %x, %v", sps, pps, err)
			}
		})
	}
	if _, err := CodecString([]byte{1, 2, 3}); !errors.Is(err, ErrConfig) {
		t.Errorf("codec string of 3 bytes: %v", err)
	}
}

func FuzzParseConfig(f *testing.F) {
	for _, c := range casesConfig {
		f.Add(record(f, c.sps))
	}
	f.Fuzz(func(t *testing.T, avcC []byte) {
		sps, pps, err := ParseConfig(avcC)
		if err != nil {
			return
		}
		again := AppendConfig(nil, sps, pps)
		if len(sps[0]) < 4 {
			return // no profile and level to write
		}
		sps2, pps2, err := ParseConfig(again)
		if err != nil {
			t.Fatalf("the record made of %x is refused: %v", avcC, err)
		}
		if !equalSets(sps, sps2) || !equalSets(pps, pps2) {
			t.Fatalf("%x came back as %x", avcC, again)
		}
	})
}

func equalSets(a, b [][]byte) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if !bytes.Equal(a[i], b[i]) {
			return false
		}
	}
	return true
}
