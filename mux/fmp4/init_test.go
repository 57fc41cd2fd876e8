package fmp4

import (
	"bytes"
	"encoding/hex"
	"errors"
	"testing"

	"github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/mp4/codecs"

	"weir/mux/av"
	"weir/mux/codec/aac"
	"weir/mux/codec/av1"
	"weir/mux/codec/h264"
	"weir/mux/codec/h265"
	"weir/mux/codec/opus"
	"weir/mux/codec/vp9"
)

func unhex(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return b
}

// The parameter sets of testdata/bars-360p.h264.
var (
	sps360 = unhex("6742c01eda0280bfe5c044000003000400000300f23c58ba80")
	pps    = unhex("68ce3c80")
)

func videoTrack(id av.TrackID, pps ...[]byte) av.Track {
	return av.Track{
		ID: id, Codec: av.CodecH264, ClockRate: 90000, Width: 640, Height: 360,
		Config: h264.AppendConfig(nil, [][]byte{sps360}, pps),
	}
}

func opusTrack(id av.TrackID) av.Track {
	return av.Track{ID: id, Codec: av.CodecOpus, ClockRate: 48000, Channels: 2, Config: opus.AppendHead(nil, 2, 312)}
}

func aacTrack(id av.TrackID) av.Track {
	return av.Track{ID: id, Codec: av.CodecAAC, ClockRate: 48000, Channels: 2, Config: aac.AppendConfig(nil, 48000, 2)}
}

func TestInit(t *testing.T) {
	cases := []struct {
		name   string
		tracks av.Tracks
	}{
		{"H.264 and Opus", av.Tracks{videoTrack(0, pps), opusTrack(1)}},
		{"H.264 and AAC, audio first", av.Tracks{aacTrack(0), videoTrack(1, pps)}},
		{"H.264 alone", av.Tracks{videoTrack(7, pps)}},
		{"Opus alone", av.Tracks{opusTrack(1)}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			b, err := Init(c.tracks)
			if err != nil {
				t.Fatal(err)
			}
			checkInit(t, b, c.tracks)
		})
	}
}

// checkInit reads an init section with mediacommon and compares it with the tracks it was made of.
func checkInit(t *testing.T, b []byte, want av.Tracks) {
	t.Helper()
	var in fmp4.Init
	if err := in.Unmarshal(bytes.NewReader(b)); err != nil {
		t.Fatal(err)
	}
	if len(in.Tracks) != len(want) {
		t.Fatalf("%d tracks, want %d", len(in.Tracks), len(want))
	}
	for i, got := range in.Tracks {
		w := want[i]
		if got.ID != int(w.ID)+1 || got.TimeScale != TimeScale(w.Codec) {
			t.Errorf("track %d: ID %d, time scale %d", i, got.ID, got.TimeScale)
		}
		switch c := got.Codec.(type) {
		case *codecs.H264:
			if !bytes.Equal(c.SPS, sps360) || !bytes.Equal(c.PPS, pps) {
				t.Errorf("parameter sets %x, %x", c.SPS, c.PPS)
			}
		case *codecs.Opus:
			if c.ChannelCount != w.Channels {
				t.Errorf("%d channels", c.ChannelCount)
			}
		case *codecs.MPEG4Audio:
			if c.Config.SampleRate != 48000 || c.Config.ChannelConfig != 2 {
				t.Errorf("AAC config %+v", c.Config)
			}
		default:
			t.Errorf("codec %T", c)
		}
	}
}

// A stream may use several picture parameter sets; mediacommon reads and writes only one.
func TestInitKeepsAllParameterSets(t *testing.T) {
	video := videoTrack(1, pps, []byte{0x68, 0x5b, 0x8f, 0x20}, []byte{0x68, 0x73, 0x8f, 0x20})
	b, err := Init(av.Tracks{opusTrack(0), video})
	if err != nil {
		t.Fatal(err)
	}
	path := []step{
		{kind: "moov"},
		{kind: "trak", nth: 1},
		{kind: "mdia"},
		{kind: "minf"},
		{kind: "stbl"},
		{kind: "stsd", head: 8},
		{kind: "avc1", head: visualSampleEntry},
		{kind: "avcC"},
	}
	one, ok := replaceBox(b, path, h264.AppendConfig(nil, [][]byte{sps360}, [][]byte{pps}))
	if !ok || bytes.Count(b, append([]byte("avcC"), video.Config...)) != 1 {
		t.Fatal("the track's record does not stand in the init section")
	}
	// With the longer record taken out again all sizes must be right.
	checkInit(t, one, av.Tracks{opusTrack(0), videoTrack(1, pps)})
}

func TestInitErrors(t *testing.T) {
	cases := []struct {
		name  string
		track av.Track
		want  error
	}{
		{"codec without a row", av.Track{Codec: av.CodecNone}, ErrCodec},
		{"avcC cut short", av.Track{Codec: av.CodecH264, Config: []byte{1, 2}}, h264.ErrConfig},
		{"avcC without picture parameter sets", videoTrack(0), h264.ErrConfig},
		{"no hvcC", av.Track{Codec: av.CodecH265}, h265.ErrConfig},
		{"no av1C", av.Track{Codec: av.CodecAV1}, av1.ErrConfig},
		{"no vpcC", av.Track{Codec: av.CodecVP9}, vp9.ErrConfig},
		{"no OpusHead", av.Track{Codec: av.CodecOpus}, opus.ErrHead},
		{"no AudioSpecificConfig", av.Track{Codec: av.CodecAAC}, nil},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := Init(av.Tracks{c.track})
			if err == nil || c.want != nil && !errors.Is(err, c.want) {
				t.Fatalf("error %v, want %v", err, c.want)
			}
		})
	}
}

func TestCarries(t *testing.T) {
	for c, want := range map[av.Codec]bool{av.CodecH264: true, av.CodecH265: true, av.CodecAV1: true, av.CodecVP9: true, av.CodecOpus: true, av.CodecAAC: true, av.CodecNone: false} {
		if Carries(c) != want {
			t.Errorf("Carries(%v) = %v", c, !want)
		}
	}
}
