package av1

import (
	"bytes"
	"encoding/hex"
	"errors"
	"testing"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

const (
	sequenceAOM = "0000000cc4ff6736be4010"
	sequenceSVT = "00000042abbfc373efe501"
)

// Payloads of sequence headers. The first two were made by libaom and SVT-AV1 through ffmpeg 5.1.
var casesSequence = []struct {
	name, payload string
	want          Sequence
	codec, flags  string
}{
	{"main, 640x360", sequenceAOM, Sequence{Width: 640, Height: 360, Level: 1, Depth: 8, SubsamplingX: true, SubsamplingY: true}, "av01.0.01M.08", "0c"},
	{"main, 10 bits, 1920x1080", sequenceSVT, Sequence{Width: 1920, Height: 1080, Level: 8, Depth: 10, SubsamplingX: true, SubsamplingY: true}, "av01.0.08M.10", "4c"},
}

func TestSequence(t *testing.T) {
	for _, c := range casesSequence {
		t.Run(c.name, func(t *testing.T) {
			payload := unhex(t, c.payload)
			got, err := ParseSequence(payload)
			if err != nil || got != c.want {
				t.Errorf("got %+v, %v, want %+v", got, err, c.want)
			}
			record := AppendConfig([]byte("x"), payload)[1:]
			want := append([]byte{0x81, c.want.Level, unhex(t, c.flags)[0], 0, OBUSequenceHeader<<3 | 2, byte(len(payload))}, payload...)
			if !bytes.Equal(record, want) {
				t.Errorf("record %x, want %x", record, want)
			}
			if p, err := ParseConfig(record); err != nil || !bytes.Equal(p, payload) {
				t.Errorf("%x, %v", p, err)
			}
			if s, err := CodecString(record); s != c.codec || err != nil {
				t.Errorf("codec string %q, %v", s, err)
			}
		})
	}
}

func TestRefuses(t *testing.T) {
	payload := unhex(t, sequenceAOM)
	for _, bad := range [][]byte{nil, payload[:4], make([]byte, maxSequence+1), append([]byte{0xe0}, payload[1:]...)} {
		if s, err := ParseSequence(bad); !errors.Is(err, ErrSequence) {
			t.Errorf("%x: %+v, %v", bad, s, err)
		}
		if got := AppendConfig([]byte("x"), bad); string(got) != "x" {
			t.Errorf("%x: record %x", bad, got)
		}
	}
	good := AppendConfig(nil, payload)
	for name, record := range map[string][]byte{
		"nothing":     nil,
		"version 2":   append([]byte{0x82}, good[1:]...),
		"no OBU":      good[:4],
		"cut short":   good[:len(good)-1],
		"another OBU": append(bytes.Clone(good[:4]), OBUMetadata<<3|2, 0),
	} {
		if p, err := ParseConfig(record); !errors.Is(err, ErrConfig) {
			t.Errorf("%s: %x, %v", name, p, err)
		}
	}
	if _, err := CodecString([]byte{0x81}); !errors.Is(err, ErrConfig) {
		t.Errorf("codec string of a byte: %v", err)
	}
	if s, _ := CodecString([]byte{0x81, 0x48, 0xe0, 0}); s != "av01.2.08H.12" {
		t.Errorf("codec string %q", s)
	}
}

// TestParseOBU has the headers of AV1 5.3.
func TestParseOBU(t *testing.T) {
	for _, c := range []struct {
		name, in, header, payload, rest string
		ok                              bool
	}{
		{"no size", "30aabb", "30", "aabb", "", true},
		{"size", "3201aabb", "32", "aa", "bb", true},
		{"a size longer than need be", "328100aabb", "32", "aa", "bb", true},
		{"extension", "3428aabb", "3428", "aabb", "", true},
		{"extension and size", "361001aabb", "3610", "aa", "bb", true},
		{"empty", "1200", "12", "", "", true},
		{"nothing", "", "", "", "", false},
		{"forbidden bit", "b000", "", "", "", false},
		{"size too long", "3203aabb", "", "", "", false},
		{"size cut short", "3280", "", "", "", false},
		{"a size of 9 bytes", "32808080808080808000", "", "", "", false},
		{"size past 31 bits", "328080808010aa", "", "", "", false},
		{"extension cut short", "34", "", "", "", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			o, rest, ok := ParseOBU(unhex(t, c.in))
			if ok != c.ok {
				t.Fatalf("ok %v", ok)
			}
			if !ok {
				return
			}
			if hex.EncodeToString(o.Header) != c.header || hex.EncodeToString(o.Payload) != c.payload ||
				hex.EncodeToString(rest) != c.rest {
				t.Errorf("%+v, rest %x", o, rest)
			}
		})
	}
}

func TestLEB128(t *testing.T) {
	for v, want := range map[int]string{0: "00", 127: "7f", 128: "8001", 1 << 14: "808001", 1<<31 - 1: "ffffffff07"} {
		b := AppendLEB128(nil, v)
		if hex.EncodeToString(b) != want {
			t.Errorf("%d: %x", v, b)
		}
		if got, n, ok := LEB128(b); got != v || n != len(b) || !ok {
			t.Errorf("%d came back as %d of %d bytes, %v", v, got, n, ok)
		}
	}
}

// TestShownKeyFrame goes by AV1 5.9.2.
func TestShownKeyFrame(t *testing.T) {
	for payload, want := range map[string]bool{
		"": false, "10": true, "1f": true, "00": false, "30": false, "50": false, "90": false,
	} {
		if got := ShownKeyFrame(unhex(t, payload)); got != want {
			t.Errorf("%s: %v", payload, got)
		}
	}
}

func FuzzParseConfig(f *testing.F) {
	for _, c := range casesSequence {
		f.Add(AppendConfig(nil, unhex(f, c.payload)))
	}
	f.Fuzz(func(t *testing.T, record []byte) {
		payload, err := ParseConfig(record)
		if err != nil {
			return
		}
		if _, err := CodecString(record); err != nil {
			t.Errorf("no codec string: %v", err)
		}
		if again := AppendConfig(nil, payload); len(again) > 0 {
			if p, err := ParseConfig(again); err != nil || !bytes.Equal(p, payload) {
				t.Fatalf("%x came back as %x, %v", payload, p, err)
			}
		}
	})
}

func FuzzParseOBU(f *testing.F) {
	f.Add([]byte{0x32, 1, 0xaa, 0xbb})
	f.Add([]byte{0x36, 0x10, 0x80, 0x01})
	f.Fuzz(func(t *testing.T, b []byte) {
		o, rest, ok := ParseOBU(b)
		if !ok {
			return
		}
		again := append(o.AppendHeader(nil), o.Payload...)
		o2, rest2, ok := ParseOBU(append(again, rest...))
		if !ok || !bytes.Equal(o2.Payload, o.Payload) || !bytes.Equal(rest2, rest) || o2.Type != o.Type {
			t.Fatalf("%x came back as %+v", b, o2)
		}
	})
}
