package rtp

import (
	"bytes"
	"encoding/binary"
	"os"
	"testing"
	"time"

	"weir/mux/av"
	"weir/mux/codec/h264"
	"weir/testdata"
	"weir/testdata/samples"
)

// sample is a track and its frames.
type sample struct {
	track  av.Track
	frames []*av.Frame
}

// videoSamples are those of every codec.
func videoSamples(t testing.TB) map[string]sample {
	out := map[string]sample{"h264": h264Sample(t)}
	for name, read := range map[string]func(testing.TB) (av.Track, []*av.Frame){
		"h265": samples.H265, "av1": samples.AV1, "vp9": samples.VP9,
	} {
		track, frames := read(t)
		out[name] = sample{track, frames}
	}
	return out
}

// h264Sample is five groups of 60 pictures of 1280x720, and their track.
func h264Sample(t testing.TB) sample {
	t.Helper()
	b, err := os.ReadFile(testdata.Path("bars-720p.h264"))
	if err != nil {
		t.Fatal(err)
	}
	var s sample
	var sps, pps [][]byte
	for nal := range bytes.SplitSeq(b, []byte{0, 0, 1}) {
		nal = bytes.TrimRight(nal, "\x00") // of a start code of four bytes
		if len(nal) == 0 {
			continue
		}
		switch typ := h264.NALType(nal[0]); typ {
		case h264.NALSPS:
			sps = [][]byte{nal}
		case h264.NALPPS:
			pps = [][]byte{nal}
		default:
			at := time.Duration(len(s.frames)) * time.Second / 30
			s.frames = append(s.frames, &av.Frame{
				Track: 1, Codec: av.CodecH264, Key: typ == h264.NALIDR, DTS: at, PTS: at, Data: lengthPrefixed(nal),
			})
		}
	}
	s.track = av.Track{
		ID: 1, Codec: av.CodecH264, ClockRate: 90000, Width: 1280, Height: 720, Config: h264.AppendConfig(nil, sps, pps),
	}
	return s
}

// lengthPrefixed is the data of a frame of the units.
func lengthPrefixed(nals ...[]byte) (data []byte) {
	for _, nal := range nals {
		data = binary.BigEndian.AppendUint32(data, uint32(len(nal)))
		data = append(data, nal...)
	}
	return data
}

// encodeAll returns the units of a sample.
func encodeAll(t testing.TB, s sample) (units []*Unit) {
	t.Helper()
	e := NewEncoder(av.Tracks{s.track}, Options{})
	for _, f := range s.frames {
		var err error
		if units, err = e.Encode(units, f); err != nil {
			t.Fatal(err)
		}
	}
	return units
}

// one returns the unit that the only frame of a track becomes.
func one(t testing.TB, track av.Track, f *av.Frame) *Unit {
	t.Helper()
	return encodeAll(t, sample{track, []*av.Frame{f}})[0]
}

// nalOf is a NAL unit of n bytes behind its header.
func nalOf(n int, header ...byte) []byte {
	for i := range n {
		header = append(header, byte(i*7+n))
	}
	return header
}
