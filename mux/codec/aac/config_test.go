package aac

import (
	"bytes"
	"errors"
	"testing"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"
)

var casesConfig = []struct {
	name           string
	rate, channels int
	bin            []byte
}{
	{"48 kHz stereo", 48000, 2, []byte{0x11, 0x90}},
	{"44.1 kHz stereo", 44100, 2, []byte{0x12, 0x10}},
	{"16 kHz mono", 16000, 1, []byte{0x14, 0x08}},
	{"7.35 kHz mono", 7350, 1, []byte{0x16, 0x08}},
	{"96 kHz, 5.1", 96000, 6, []byte{0x10, 0x30}},
	{"48 kHz, 7.1", 48000, 8, []byte{0x11, 0xb8}},
	{"a rate without index", 12345, 2, []byte{0x17, 0x80, 0x18, 0x1c, 0x90}},
}

func TestConfig(t *testing.T) {
	for _, c := range casesConfig {
		t.Run(c.name, func(t *testing.T) {
			if got := AppendConfig(nil, c.rate, c.channels); !bytes.Equal(got, c.bin) {
				t.Errorf("appended %x, want %x", got, c.bin)
			}
			want := Config{ObjectType: 2, Rate: c.rate, Channels: c.channels}
			if got, err := ParseConfig(c.bin); got != want || err != nil {
				t.Errorf("parsed %+v, %v", got, err)
			}
			if got, err := CodecString(c.bin); got != "mp4a.40.2" || err != nil {
				t.Errorf("codec string %q, %v", got, err)
			}
			oracle := mpeg4audio.AudioSpecificConfig{Type: mpeg4audio.ObjectTypeAACLC, SampleRate: c.rate, ChannelCount: c.channels}
			if got, err := oracle.Marshal(); !bytes.Equal(got, c.bin) || err != nil {
				t.Errorf("mediacommon makes %x, %v", got, err)
			}
		})
	}
}

func TestAppendConfigLeavesOut(t *testing.T) {
	for _, c := range []struct{ rate, channels int }{{0, 2}, {-1, 2}, {1 << 24, 2}, {48000, 0}, {48000, 7}, {48000, 9}, {48000, -1}} {
		if got := AppendConfig([]byte("x"), c.rate, c.channels); string(got) != "x" {
			t.Errorf("%d Hz, %d channels: appended %x", c.rate, c.channels, got[1:])
		}
	}
}

func TestParseConfigHE(t *testing.T) {
	// ISO/IEC 14496-3 1.6.2.1: object type 5, 24 kHz core of an output of 48 kHz, stereo.
	he, err := mpeg4audio.AudioSpecificConfig{
		Type: mpeg4audio.ObjectTypeAACLC, SampleRate: 24000, ChannelCount: 2,
		ExtensionType: mpeg4audio.ObjectTypeSBR, ExtensionSampleRate: 48000,
	}.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	want := Config{ObjectType: 5, Rate: 24000, Channels: 2}
	if got, err := ParseConfig(he); got != want || err != nil {
		t.Errorf("%+v, %v", got, err)
	}
	if got, err := CodecString(he); got != "mp4a.40.5" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
}

func TestParseConfigRefuses(t *testing.T) {
	for name, asc := range map[string][]byte{
		"nothing":           nil,
		"one byte":          {0x11},
		"AAC Main":          {0x09, 0x90},
		"reserved rate":     {0x16, 0x90},
		"channels in a PCE": {0x11, 0x80},
		"frames of 960":     {0x11, 0x94},
		"rate 0":            {0x17, 0x80, 0x00, 0x00, 0x10},
		"rate 7349":         AppendConfig(nil, 7349, 2),
		"rate 96001":        AppendConfig(nil, 96001, 2),
		"rate 2^24-1":       AppendConfig(nil, maxRate, 2),
		"too long":          append([]byte{0x11, 0x90}, make([]byte, 63)...),
	} {
		t.Run(name, func(t *testing.T) {
			if c, err := ParseConfig(asc); !errors.Is(err, ErrConfig) {
				t.Errorf("%+v, %v", c, err)
			}
			if s, err := CodecString(asc); s != "" || !errors.Is(err, ErrConfig) {
				t.Errorf("%q, %v", s, err)
			}
		})
	}
}

func FuzzParseConfig(f *testing.F) {
	for _, c := range casesConfig {
		f.Add(c.bin)
	}
	f.Fuzz(func(t *testing.T, asc []byte) {
		c, err := ParseConfig(asc)
		if err != nil {
			return
		}
		want := Config{ObjectType: 2, Rate: c.Rate, Channels: c.Channels}
		got, err := ParseConfig(AppendConfig(nil, c.Rate, c.Channels))
		if got != want || err != nil {
			t.Fatalf("%+v came back as %+v, %v", c, got, err)
		}
	})
}
