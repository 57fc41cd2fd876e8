// Package samples makes frames of the samples, as a publisher of 30 pictures a second would have them. It is
// imported by tests only, and shares no code with the depacketizers.
package samples

import (
	"bytes"
	"encoding/binary"
	"os"
	"testing"
	"time"

	"weir/mux/av"
	"weir/mux/codec/av1"
	"weir/mux/codec/h264"
	"weir/mux/codec/h265"
	"weir/mux/codec/vp9"
	"weir/testdata"
)

// VideoID is the id of a track of pictures.
const VideoID av.TrackID = 1

// H264 is 20 s of pictures of 640x360, a key picture every two seconds, and their track.
func H264(t testing.TB) (av.Track, []*av.Frame) {
	t.Helper()
	return annexB(t, "bars-360p.h264")
}

// H264Wide is pictures of 1280x720, and their track.
func H264Wide(t testing.TB) (av.Track, []*av.Frame) {
	t.Helper()
	track, frames := annexB(t, "bars-720p.h264")
	track.Width, track.Height = 1280, 720
	return track, frames
}

func annexB(t testing.TB, name string) (av.Track, []*av.Frame) {
	t.Helper()
	var sps, pps [][]byte
	var frames []*av.Frame
	for nal := range bytes.SplitSeq(read(t, name), []byte{0, 0, 1}) {
		nal = bytes.TrimRight(nal, "\x00") // of a start code of four bytes
		if len(nal) == 0 {
			continue
		}
		switch typ := h264.NALType(nal[0]); typ {
		case h264.NALSPS:
			sps = [][]byte{nal}
		case h264.NALPPS:
			pps = [][]byte{nal}
		case h264.NALSlice, h264.NALIDR:
			data := append(binary.BigEndian.AppendUint32(nil, uint32(len(nal))), nal...)
			frames = append(frames, frame(av.CodecH264, len(frames), typ == h264.NALIDR, data))
		default:
		}
	}
	return track(av.CodecH264, h264.AppendConfig(nil, sps, pps)), frames
}

// H265, AV1 and VP9 are two groups of 30 pictures of 640x360, and their track.
func H265(t testing.TB) (av.Track, []*av.Frame) {
	t.Helper()
	var sets h265.Sets
	var frames []*av.Frame
	for nal := range bytes.SplitSeq(read(t, "bars-360p.h265"), []byte{0, 0, 1}) {
		nal = bytes.TrimRight(nal, "\x00") // of a start code of four bytes
		if len(nal) < h265.HeaderSize {
			continue
		}
		switch typ := h265.NALType(nal[0]); {
		case len(frames) > 0 && h265.IsParameterSet(typ): // the same as before
		case typ == h265.NALVPS:
			sets.VPS = append(sets.VPS, nal)
		case typ == h265.NALSPS:
			sets.SPS = append(sets.SPS, nal)
		case typ == h265.NALPPS:
			sets.PPS = append(sets.PPS, nal)
		case typ <= h265.NALVCL:
			data := append(binary.BigEndian.AppendUint32(nil, uint32(len(nal))), nal...)
			frames = append(frames, frame(av.CodecH265, len(frames), h265.IsIRAP(typ), data))
		}
	}
	return track(av.CodecH265, h265.AppendConfig(nil, sets)), frames
}

// AV1 is described at H265.
func AV1(t testing.TB) (av.Track, []*av.Frame) {
	t.Helper()
	var config []byte
	var frames []*av.Frame
	for _, unit := range ivf(t, "bars-360p-av1.ivf") {
		o, rest, ok := av1.ParseOBU(unit)
		if !ok || o.Type != av1.OBUTemporalDelimiter {
			t.Fatal("the sample has no temporal delimiter")
		}
		first, _, _ := av1.ParseOBU(rest)
		key := first.Type == av1.OBUSequenceHeader
		if config == nil {
			config = av1.AppendConfig(nil, first.Payload)
		}
		frames = append(frames, frame(av.CodecAV1, len(frames), key, rest))
	}
	return track(av.CodecAV1, config), frames
}

// VP9 is described at H265.
func VP9(t testing.TB) (av.Track, []*av.Frame) {
	t.Helper()
	var config []byte
	var frames []*av.Frame
	for _, b := range ivf(t, "bars-360p-vp9.ivf") {
		h, err := vp9.ParseHeader(b)
		if err != nil {
			t.Fatal(err)
		}
		if config == nil {
			config = vp9.AppendConfig(nil, &h)
		}
		frames = append(frames, frame(av.CodecVP9, len(frames), h.Key, b))
	}
	return track(av.CodecVP9, config), frames
}

func track(c av.Codec, config []byte) av.Track {
	return av.Track{ID: VideoID, Codec: c, ClockRate: 90000, Config: config, Width: 640, Height: 360}
}

func frame(c av.Codec, n int, key bool, data []byte) *av.Frame {
	at := time.Duration(n) * time.Second / 30
	return &av.Frame{Track: VideoID, Codec: c, Key: key, DTS: at, PTS: at, Data: data}
}

func read(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(testdata.Path(name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// ivf cuts an IVF file: a header of 32 bytes, and 12 before each frame.
func ivf(t testing.TB, name string) (frames [][]byte) {
	t.Helper()
	for b := read(t, name)[32:]; len(b) > 12; {
		n := int(binary.LittleEndian.Uint32(b))
		frames = append(frames, b[12:12+n:12+n])
		b = b[12+n:]
	}
	return frames
}
