package flv

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"weir/mux/av"
	"weir/mux/codec/aac"
	"weir/mux/codec/h264"
)

// setsOf are the parameter sets that a sample begins with.
func setsOf(t testing.TB, name string) (sps, pps []byte) {
	t.Helper()
	for _, nal := range annexB(sample(t, name)) {
		switch h264.NALType(nal[0]) {
		case h264.NALSPS:
			sps = nal
		case h264.NALPPS:
			return sps, nal
		}
	}
	t.Fatal("no parameter sets")
	return nil, nil
}

// avcBody is a classic video body of NAL units behind lengths of a size.
func avcBody(first byte, cts int, size int, nals ...[]byte) []byte {
	b := []byte{first, classicFrame, byte(cts >> 16), byte(cts >> 8), byte(cts)}
	for _, nal := range nals {
		b = append(b, binary.BigEndian.AppendUint32(nil, uint32(len(nal)))[4-size:]...)
		b = append(b, nal...)
	}
	return b
}

func avcHeader(t testing.TB, name string, size int) []byte {
	t.Helper()
	sps, pps := setsOf(t, name)
	record := h264.AppendConfig(nil, [][]byte{sps}, [][]byte{pps})
	record[4] = 0xfc | byte(size-1)
	return append([]byte{frameKey | videoAVC, classicConfig, 0, 0, 0}, record...)
}

var (
	idr   = []byte{0x65, 0x88, 1}
	slice = []byte{0x41, 0x9a, 2}
	aud   = []byte{9, 0xf0}
	sei   = []byte{6, 5, 1, 0, 0x80}
)

func TestBodiesTakeEveryLengthSize(t *testing.T) {
	for _, size := range []int{1, 2, 4} {
		var b Bodies
		u, err := b.Read(BodyVideo, avcHeader(t, "bars-360p.h264", size))
		if err != nil || u.Config == nil || u.Config.Config[4]&3 != 3 || u.Config.Width != 640 {
			t.Fatalf("size %d: got %+v, %v", size, u, err)
		}
		u, err = b.Read(BodyVideo, avcBody(frameKey|videoAVC, 80, size, aud, sei, idr))
		if err != nil || !u.Key || u.Composition != 80*time.Millisecond || !bytes.Equal(u.Data, lengthPrefixed(sei, idr)) {
			t.Errorf("size %d: got %+v, %v", size, u, err)
		}
		if u, err := b.Read(BodyVideo, avcHeader(t, "bars-360p.h264", size)); err != nil || u.Config != nil {
			t.Errorf("size %d: the same header again: got %+v, %v", size, u, err)
		}
	}
	var b Bodies
	if _, err := b.Read(BodyVideo, avcHeader(t, "bars-360p.h264", 3)); !errors.Is(err, ErrFormat) {
		t.Errorf("size 3: got %v", err)
	}
}

func TestBodiesGoByTheIDR(t *testing.T) {
	var b Bodies
	if _, err := b.Read(BodyVideo, avcHeader(t, "bars-360p.h264", 4)); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name string
		body []byte
		key  bool
	}{
		{"an IDR that is marked", avcBody(frameKey|videoAVC, 0, 4, idr), true},
		{"an IDR that is not marked", avcBody(frameInter|videoAVC, 0, 4, idr), true},
		{"a recovery point that is marked", avcBody(frameKey|videoAVC, 0, 4, sei, slice), false},
		{"a picture", avcBody(frameInter|videoAVC, 0, 4, slice), false},
	} {
		if u, err := b.Read(BodyVideo, tc.body); err != nil || u.Key != tc.key {
			t.Errorf("%s: got %+v, %v", tc.name, u, err)
		}
	}
	if u, err := b.Read(BodyVideo, avcBody(frameInter|videoAVC, -40&0xffffff, 4, slice)); err != nil || u.Composition != -40*time.Millisecond {
		t.Errorf("negative composition time: got %+v, %v", u, err)
	}
}

// TestBodiesSeeSetsWithinPictures: FL-10, where the encoder sends no sequence header for a change.
func TestBodiesSeeSetsWithinPictures(t *testing.T) {
	var b Bodies
	if _, err := b.Read(BodyVideo, avcHeader(t, "bars-360p.h264", 4)); err != nil {
		t.Fatal(err)
	}
	sps, pps := setsOf(t, "bars-360p.h264")
	if u, err := b.Read(BodyVideo, avcBody(frameKey|videoAVC, 0, 4, sps, pps, idr)); err != nil || u.Config != nil {
		t.Errorf("the same sets: got %+v, %v", u, err)
	}
	sps, pps = setsOf(t, "bars-720p.h264")
	u, err := b.Read(BodyVideo, avcBody(frameKey|videoAVC, 0, 4, sps, pps, idr))
	if err != nil || u.Config == nil || u.Config.Width != 1280 || !bytes.Equal(u.Data, lengthPrefixed(idr)) {
		t.Errorf("other sets: got %+v, %v", u, err)
	}
	if u, err := b.Read(BodyVideo, avcBody(frameKey|videoAVC, 0, 4, sps, pps, idr)); err != nil || u.Config != nil {
		t.Errorf("other sets again: got %+v, %v", u, err)
	}
	if got := b.Track(BodyVideo); got.Width != 1280 {
		t.Errorf("the track is %+v", got)
	}
}

// TestBodiesBehindABadHeader give nothing until there is a good one: the header of before does not tell what they are.
func TestBodiesBehindABadHeader(t *testing.T) {
	video := avcHeader(t, "bars-360p.h264", 4)
	for _, tc := range []struct {
		name                     string
		typ                      byte
		good, bad, empty, medium []byte
	}{
		{"H.264", BodyVideo, video, append(video[:5:5], "no record"...), video[:5], avcBody(frameKey|videoAVC, 0, 4, idr)},
		{"AAC", BodyAudio, []byte{0xaf, 0, 0x11, 0x90}, []byte{0xaf, 0, 0x11, 0x94}, []byte{0xaf, 0}, []byte{0xaf, 1, 1, 2, 3}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var b Bodies
			for i, step := range []struct {
				header []byte
				data   bool
			}{{tc.good, true}, {tc.bad, false}, {tc.good, true}, {tc.empty, true}} {
				if _, err := b.Read(tc.typ, slices.Clone(step.header)); err != nil && !errors.Is(err, ErrFormat) {
					t.Fatal(err)
				}
				u, err := b.Read(tc.typ, slices.Clone(tc.medium))
				if err != nil || (len(u.Data) > 0) != step.data {
					t.Errorf("behind header %d: %d bytes, %v", i, len(u.Data), err)
				}
			}
		})
	}
}

func TestBodiesRefuse(t *testing.T) {
	for _, tc := range []struct {
		name string
		typ  byte
		body []byte
		want error
		text string
	}{
		{"MP3", BodyAudio, []byte{0x2f, 0xff, 0xfb}, ErrCodec, "MP3"},
		{"Speex", BodyAudio, []byte{0xb6, 1, 2}, ErrCodec, "Speex"},
		{"G.711", BodyAudio, []byte{0x82, 1, 2}, ErrCodec, "mu-law"},
		{"AC-3", BodyAudio, []byte("\x90ac-3x"), ErrCodec, "ac-3"},
		{"FL-16 several audio tracks", BodyAudio, []byte("\x95\x00Opus"), ErrCodec, "several audio tracks"},
		{"H.263", BodyVideo, []byte{0x12, 0, 0, 0, 0}, ErrCodec, "H.263"},
		{"VP6", BodyVideo, []byte{0x14, 0, 0, 0, 0}, ErrCodec, "VP6"},
		{"number 12", BodyVideo, []byte{0x1c, 0, 0, 0, 0}, ErrCodec, "number 12"},
		{"H.266", BodyVideo, []byte("\x90vvc1"), ErrCodec, "vvc1"},
		{"FL-16 several video tracks", BodyVideo, []byte("\x96\x00avc1"), ErrCodec, "several video tracks"},
		{"an AVC record cut short", BodyVideo, []byte{0x17, 0, 0, 0, 0, 1, 66}, ErrFormat, ""},
		{"an AudioSpecificConfig of nothing", BodyAudio, []byte{0xaf, 0}, ErrFormat, ""},
	} {
		var b Bodies
		if _, err := b.Read(tc.typ, tc.body); !errors.Is(err, tc.want) || !strings.Contains(err.Error(), tc.text) {
			t.Errorf("%s: got %v", tc.name, err)
		}
	}
}

// TestBodiesPassOver: FL-14, and what comes before a sequence header.
func TestBodiesPassOver(t *testing.T) {
	var b Bodies
	for _, tc := range []struct {
		name string
		typ  byte
		body []byte
	}{
		{"nothing", BodyAudio, nil},
		{"a keep-alive", BodyAudio, []byte{0xaf}},
		{"a command frame", BodyVideo, []byte{0x57, 0}},
		{"HDR metadata", BodyVideo, []byte("\x94hvc1\x00")},
		{"a sequence end", BodyVideo, []byte("\x92avc1")},
		{"a packet type to come", BodyVideo, []byte("\x9favc1")},
		{"a sound before its header", BodyAudio, []byte{0xaf, 1, 2, 3}},
		{"a picture before its header", BodyVideo, avcBody(frameKey|videoAVC, 0, 4, idr)},
	} {
		if u, err := b.Read(tc.typ, tc.body); err != nil || u.Config != nil || len(u.Data) > 0 {
			t.Errorf("%s: got %+v, %v", tc.name, u, err)
		}
	}
	if b.Track(BodyVideo) != nil || b.Track(BodyAudio) != nil {
		t.Error("a track was announced")
	}
}

func TestBodiesDamaged(t *testing.T) {
	var b Bodies
	for _, size := range []int{2, 4} {
		if _, err := b.Read(BodyVideo, avcHeader(t, "bars-360p.h264", size)); err != nil {
			t.Fatal(err)
		}
		whole := avcBody(frameKey|videoAVC, 0, size, sei, idr)
		for n := 6; n < len(whole); n++ {
			if n == 5+size+len(sei) {
				continue // the picture is missing, and what is there is whole
			}
			if u, err := b.Read(BodyVideo, slices.Clone(whole[:n])); !errors.Is(err, ErrFormat) {
				t.Errorf("lengths of %d, %d bytes: got %+v, %v", size, n, u, err)
			}
		}
	}
}

func TestBodiesAllocateNothingForFrames(t *testing.T) {
	var b Bodies
	if _, err := b.Read(BodyVideo, avcHeader(t, "bars-360p.h264", 4)); err != nil {
		t.Fatal(err)
	}
	picture := avcBody(frameKey|videoAVC, 0, 4, sei, idr)
	if got := testing.AllocsPerRun(100, func() {
		if u, err := b.Read(BodyVideo, picture); err != nil || !u.Key {
			t.Fatal(err)
		}
	}); got > 0 {
		t.Errorf("%v allocations", got)
	}
}

func FuzzBodies(f *testing.F) {
	video := avcHeader(f, "bars-360p.h264", 2)
	f.Add(video, avcBody(frameKey|videoAVC, 0, 2, sei, idr), true)
	sps, pps := setsOf(f, "bars-720p.h264")
	f.Add(avcHeader(f, "bars-360p.h264", 4), avcBody(frameKey|videoAVC, 40, 4, sps, pps, idr), true)
	f.Add(append([]byte{0xaf, 0}, aac.AppendConfig(nil, 44100, 2)...), []byte{0xaf, 1, 1, 2}, false)
	for _, sample := range casesInBand {
		track, frames := sample(f)
		head, err := AppendSequenceHeader(nil, &track, 0)
		if err != nil {
			f.Fatal(err)
		}
		tag, err := AppendFrame(nil, frames[0])
		if err != nil {
			f.Fatal(err)
		}
		f.Add(head[tagHeadSize:len(head)-prevSizeSize], tag[tagHeadSize:len(tag)-prevSizeSize], true)
	}
	f.Add([]byte("\x90hvc1record"), []byte("\x91hvc1\x00\x00\x28\x00\x00\x00\x02\x26\x01"), true)
	f.Fuzz(func(t *testing.T, header, body []byte, isVideo bool) {
		var b Bodies
		typ := byte(BodyAudio)
		if isVideo {
			typ = BodyVideo
		}
		if _, err := b.Read(typ, slices.Clone(header)); err != nil && !errors.Is(err, ErrFormat) && !errors.Is(err, ErrCodec) {
			t.Errorf("header: %v", err)
		}
		u, err := b.Read(typ, slices.Clone(body))
		if err != nil && !errors.Is(err, ErrFormat) && !errors.Is(err, ErrCodec) {
			t.Errorf("body: %v", err)
		}
		if u.Codec == av.CodecH264 {
			for rest := u.Data; len(rest) > 0; {
				if _, rest, err = cutNAL(rest); err != nil {
					t.Fatalf("the unit is none: %v", err)
				}
			}
		}
	})
}
