package flv

import (
	"bytes"
	"math"
	"testing"
	"time"

	"github.com/yutopp/go-amf0"
	goflv "github.com/yutopp/go-flv"
	"github.com/yutopp/go-flv/tag"

	"weir/mux/av"
	"weir/mux/codec/h264"
)

// goTag is the tag as go-flv writes it, with the PreviousTagSize behind it.
func goTag(t *testing.T, in *tag.FlvTag) []byte {
	t.Helper()
	var b bytes.Buffer
	enc, err := goflv.NewEncoder(&b, goflv.FlagsVideo)
	if err != nil {
		t.Fatal(err)
	}
	if err := enc.Encode(in); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()[headerSize+prevSizeSize:]
}

func goVideo(typ tag.AVCPacketType, kind tag.FrameType, cts int32, data []byte) *tag.VideoData {
	return &tag.VideoData{FrameType: kind, CodecID: tag.CodecIDAVC, AVCPacketType: typ, CompositionTime: cts, Data: bytes.NewReader(data)}
}

func goAudio(typ tag.AACPacketType, data []byte) *tag.AudioData {
	return &tag.AudioData{
		SoundFormat: tag.SoundFormatAAC, SoundRate: tag.SoundRate44kHz, SoundSize: tag.SoundSize16Bit,
		SoundType: tag.SoundTypeStereo, AACPacketType: typ, Data: bytes.NewReader(data),
	}
}

var casesFrame = []struct {
	name     string
	dts, pts time.Duration
	codec    av.Codec
	key      bool
	ms       uint32
	cts      int32
}{
	{"key frame at 0", 0, 0, av.CodecH264, true, 0, 0},
	{"time is rounded down", 33333 * time.Microsecond, 33333 * time.Microsecond, av.CodecH264, false, 33, 0},
	{"time is rounded up", 66667 * time.Microsecond, 66667 * time.Microsecond, av.CodecH264, false, 67, 0},
	{"composition time", 40 * time.Millisecond, 120 * time.Millisecond, av.CodecH264, false, 40, 80},
	{"composition time rounds to the PTS", 33333 * time.Microsecond, 66666 * time.Microsecond, av.CodecH264, false, 33, 34},
	{"negative composition time", 120 * time.Millisecond, 40 * time.Millisecond, av.CodecH264, false, 120, -80},
	{"composition time -2^23", math.MaxInt32 * time.Millisecond, (math.MaxInt32 - 1<<23) * time.Millisecond, av.CodecH264, false, math.MaxInt32, -1 << 23},
	{"composition time 2^23-1", 0, (1<<23 - 1) * time.Millisecond, av.CodecH264, false, 0, 1<<23 - 1},
	{"24 bits are full", (1<<24 - 1) * time.Millisecond, (1<<24 - 1) * time.Millisecond, av.CodecH264, false, 1<<24 - 1, 0},
	{"extended timestamp", 1 << 24 * time.Millisecond, 1 << 24 * time.Millisecond, av.CodecH264, true, 1 << 24, 0},
	{"32 bits are full", (1<<32 - 1) * time.Millisecond, (1<<32 - 1) * time.Millisecond, av.CodecH264, false, 1<<32 - 1, 0},
	{"wrap after 2^32", (1<<32 + 7) * time.Millisecond, (1<<32 + 7) * time.Millisecond, av.CodecH264, false, 7, 0},
	{"sound", 21333 * time.Microsecond, 21333 * time.Microsecond, av.CodecAAC, true, 21, 0},
	{"sound, extended timestamp", 0x12345678 * time.Millisecond, 0x12345678 * time.Millisecond, av.CodecAAC, true, 0x12345678, 0},
}

func TestAppendFrameIsGoFLV(t *testing.T) {
	data := bytes.Repeat([]byte{0, 0, 0, 2, 0x41, 0x9a}, 100)
	for _, c := range casesFrame {
		t.Run(c.name, func(t *testing.T) {
			in := &tag.FlvTag{TagType: tag.TagTypeAudio, Timestamp: c.ms, Data: goAudio(tag.AACPacketTypeRaw, data)}
			if c.codec == av.CodecH264 {
				kind := tag.FrameTypeInterFrame
				if c.key {
					kind = tag.FrameTypeKeyFrame
				}
				in.TagType, in.Data = tag.TagTypeVideo, goVideo(tag.AVCPacketTypeNALU, kind, c.cts, data)
			}
			got, err := AppendFrame([]byte("x"), &av.Frame{Codec: c.codec, Key: c.key, DTS: c.dts, PTS: c.pts, Data: data})
			if err != nil {
				t.Fatal(err)
			}
			if want := goTag(t, in); !bytes.Equal(got[1:], want) || got[0] != 'x' {
				t.Errorf("got  %x\nwant %x", got[:40], want[:40])
			}
		})
	}
}

func TestAppendSequenceHeaderIsGoFLV(t *testing.T) {
	const at = 1<<24 + 5
	config := []byte{1, 0x42, 0xc0, 0x1f, 0xff}
	for _, c := range []struct {
		name  string
		codec av.Codec
		in    *tag.FlvTag
	}{
		{"H.264", av.CodecH264, &tag.FlvTag{
			TagType: tag.TagTypeVideo, Timestamp: at,
			Data: goVideo(tag.AVCPacketTypeSequenceHeader, tag.FrameTypeKeyFrame, 0, config),
		}},
		{"AAC", av.CodecAAC, &tag.FlvTag{
			TagType: tag.TagTypeAudio, Timestamp: at,
			Data: goAudio(tag.AACPacketTypeSequenceHeader, config),
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := AppendSequenceHeader(nil, &av.Track{Codec: c.codec, Config: config}, at*time.Millisecond)
			if err != nil {
				t.Fatal(err)
			}
			if want := goTag(t, c.in); !bytes.Equal(got, want) {
				t.Errorf("got  %x\nwant %x", got, want)
			}
		})
	}
}

func TestAppendHeaderIsGoFLV(t *testing.T) {
	for _, c := range []struct {
		name         string
		video, audio bool
		flags        goflv.Flags
	}{
		{"video", true, false, goflv.FlagsVideo},
		{"audio", false, true, goflv.FlagsAudio},
		{"both", true, true, goflv.FlagsVideo | goflv.FlagsAudio},
		{"none", false, false, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			var want bytes.Buffer
			if _, err := goflv.NewEncoder(&want, c.flags); err != nil {
				t.Fatal(err)
			}
			want.Write([]byte{0, 0, 0, 0}) // PreviousTagSize0 comes with go-flv's first tag
			if got := AppendHeader(nil, c.video, c.audio); !bytes.Equal(got, want.Bytes()) {
				t.Errorf("got %x, want %x", got, want.Bytes())
			}
		})
	}
}

// readMetadata reads a script tag with go-amf0.
func readMetadata(t *testing.T, body []byte) amf0.ECMAArray {
	t.Helper()
	dec := amf0.NewDecoder(bytes.NewReader(body))
	var name string
	if err := dec.Decode(&name); err != nil || name != "onMetaData" {
		t.Fatalf("name %q, %v", name, err)
	}
	var props amf0.ECMAArray
	if err := dec.Decode(&props); err != nil {
		t.Fatal(err)
	}
	return props
}

// testEncoder is the maker's name in the metadata of tests.
const testEncoder = "weir"

// spsAt25 is 640x360 at 25 pictures a second, by x264.
var spsAt25 = []byte("\x67\x42\xc0\x1e\xd9\x00\xa0\x2f\xf9\x70\x11\x00\x00\x03\x00\x01\x00\x00\x03\x00\x32\x0f\x16\x2e\x48")

var casesMetadata = []struct {
	name   string
	tracks av.Tracks
	want   map[string]any
}{
	{"H.264 and AAC", av.Tracks{
		{ID: 1, Codec: av.CodecH264, Config: []byte{1}, Width: 1280, Height: 720},
		{ID: 2, Codec: av.CodecAAC, ClockRate: 1, Config: []byte{0x11, 0x90}, Channels: 2},
	}, map[string]any{
		"width": 1280.0, "height": 720.0, "videocodecid": 7.0,
		"audiocodecid": 10.0, "audiosamplerate": 48000.0, "stereo": true, "encoder": "weir",
	}},
	{"H.265 and Opus", av.Tracks{
		{ID: 1, Codec: av.CodecH265, Config: []byte{1}, Width: 320, Height: 180},
		{ID: 2, Codec: av.CodecOpus, ClockRate: 48000, Config: []byte{1}, Channels: 1},
	}, map[string]any{
		"width": 320.0, "height": 180.0, "videocodecid": float64(0x68766331),
		"audiocodecid": float64(0x4f707573), "audiosamplerate": 48000.0, "stereo": false, "encoder": "weir",
	}},
	{
		"only sound",
		av.Tracks{{ID: 2, Codec: av.CodecAAC, ClockRate: 44100, Config: []byte{0}, Channels: 1}},
		map[string]any{"audiocodecid": 10.0, "audiosamplerate": 44100.0, "stereo": false, "encoder": "weir"},
	},
	{
		"only a picture",
		av.Tracks{{ID: 1, Codec: av.CodecAV1, Config: []byte{1}, Width: 2, Height: 4}},
		map[string]any{"width": 2.0, "height": 4.0, "videocodecid": float64(0x61763031), "encoder": "weir"},
	},
	{"H.264 that says its rate", av.Tracks{
		{ID: 1, Codec: av.CodecH264, Config: h264.AppendConfig(nil, [][]byte{spsAt25}, nil), Width: 640, Height: 360},
	}, map[string]any{"width": 640.0, "height": 360.0, "videocodecid": 7.0, "framerate": 25.0, "encoder": "weir"}},
	{"no track yet", av.Tracks{{ID: 1, Codec: av.CodecH264}}, map[string]any{"encoder": "weir"}},
}

func TestMetadata(t *testing.T) {
	for _, c := range casesMetadata {
		t.Run(c.name, func(t *testing.T) {
			b := AppendMetadata(nil, c.tracks, testEncoder)
			if again := AppendMetadata(nil, c.tracks, testEncoder); !bytes.Equal(b, again) {
				t.Error("the order is not fixed")
			}
			got := readMetadata(t, rawTags(t, b)[0].body)
			if len(got) != len(c.want) {
				t.Errorf("%d properties, want %d: %v", len(got), len(c.want), got)
			}
			for k, v := range c.want {
				if got[k] != v {
					t.Errorf("%s is %v, want %v", k, got[k], v)
				}
			}
		})
	}
}

// One property has only one order, so go-amf0's own encoding can be compared byte for byte.
func TestMetadataIsGoAMF0(t *testing.T) {
	want := goTag(t, &tag.FlvTag{TagType: tag.TagTypeScriptData, Data: &tag.ScriptData{
		Objects: map[string]amf0.ECMAArray{"onMetaData": {"encoder": "weir"}},
	}})
	if got := AppendMetadata(nil, nil, testEncoder); !bytes.Equal(got, want) {
		t.Errorf("got  %x\nwant %x", got, want)
	}
}
