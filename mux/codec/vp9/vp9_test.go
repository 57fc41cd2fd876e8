package vp9

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
	headKey   = "824983420027f016760c38241c188e10"
	headTen   = "92498342203bf821bb031c120e0c2c0c"
	head444   = "a249834200027e0166c0c70483830940"
	headInter = "86004092f1614704"
)

// Beginnings of frames made by libvpx through ffmpeg 5.1.
var casesHeader = []struct {
	name, frame   string
	want          Header
	record, codec string
}{
	{"profile 0", headKey, Header{Key: true, Width: 640, Height: 360, Depth: 8, Subsampling: 1}, "01000000" + "0015" + "82" + "020202" + "0000", "vp09.00.21.08"},
	{"profile 2, 10 bits, BT.709", headTen, Header{Key: true, Width: 1920, Height: 1080, Profile: 2, Depth: 10, Subsampling: 1, ColorSpace: 2}, "01000000" + "0228" + "a2" + "010101" + "0000", "vp09.02.40.10"},
	{"profile 1, 4:4:4", head444, Header{Key: true, Width: 320, Height: 180, Profile: 1, Depth: 8, Subsampling: 3}, "01000000" + "010b" + "86" + "020202" + "0000", "vp09.01.11.08"},
	{"no key frame", headInter, Header{}, "", ""},
	{"show_existing_frame", "88", Header{}, "", ""},
}

func TestHeader(t *testing.T) {
	for _, c := range casesHeader {
		t.Run(c.name, func(t *testing.T) {
			got, err := ParseHeader(unhex(t, c.frame))
			if err != nil || got != c.want {
				t.Fatalf("got %+v, %v, want %+v", got, err, c.want)
			}
			if !got.Key {
				return
			}
			record := AppendConfig([]byte("x"), &got)[1:]
			if want := unhex(t, c.record); !bytes.Equal(record, want) {
				t.Errorf("record %x, want %x", record, want)
			}
			if s, err := CodecString(record); s != c.codec || err != nil {
				t.Errorf("codec string %q, %v", s, err)
			}
			for _, form := range [][]byte{record, record[4:]} {
				if r, err := ParseConfig(form); err != nil || !bytes.Equal(r, record) {
					t.Errorf("%x: %x, %v", form, r, err)
				}
			}
		})
	}
}

func TestRefuses(t *testing.T) {
	for _, frame := range []string{"", "00", "c0", "82498343", "82498342", "8249834200"} {
		if h, err := ParseHeader(unhex(t, frame)); !errors.Is(err, ErrHeader) {
			t.Errorf("%s: %+v, %v", frame, h, err)
		}
	}
	for _, record := range []string{"", "01000000", "0015820202020000ff", "0400000000158202020200", "0415820202020000"} {
		if r, err := ParseConfig(unhex(t, record)); !errors.Is(err, ErrConfig) {
			t.Errorf("%s: %x, %v", record, r, err)
		}
	}
	if _, err := CodecString(make([]byte, 8)); !errors.Is(err, ErrConfig) {
		t.Errorf("codec string of 8 bytes: %v", err)
	}
}

// TestLevel has pictures at the limits of the levels.
func TestLevel(t *testing.T) {
	for _, c := range []struct {
		width, height int
		want          uint8
	}{
		{160, 90, 10}, {640, 360, 21}, {1280, 720, 31}, {1920, 1080, 40}, {3840, 2160, 50}, {7680, 4320, 60}, {65536, 65536, 62},
	} {
		if got := level(c.width, c.height); got != c.want {
			t.Errorf("%dx%d: %d, want %d", c.width, c.height, got, c.want)
		}
	}
}

func FuzzParseHeader(f *testing.F) {
	for _, c := range casesHeader {
		f.Add(unhex(f, c.frame))
	}
	f.Fuzz(func(t *testing.T, frame []byte) {
		h, err := ParseHeader(frame)
		if err != nil || !h.Key {
			return
		}
		record := AppendConfig(nil, &h)
		if _, err := ParseConfig(record); err != nil {
			t.Errorf("%+v: %v", h, err)
		}
		if _, err := CodecString(record); err != nil {
			t.Errorf("%+v: %v", h, err)
		}
	})
}
