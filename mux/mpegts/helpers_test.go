package mpegts

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"weir/mux/av"
	"weir/testdata/samples"
)

// film is a stream's tracks and its frames in their order.
type film struct {
	tracks av.Tracks
	frames []*av.Frame
}

// films are samples of every codec, together with one of sound.
func films(t testing.TB) map[string]film {
	t.Helper()
	opus, opusFrames := samples.Opus(t)
	aac, aacFrames := samples.AAC(t)
	h264, h264Frames := samples.H264(t)
	h265, h265Frames := samples.H265(t)
	return map[string]film{
		"h264-aac":  {av.Tracks{h264, aac}, merge(h264Frames[:150], aacFrames)},
		"h265-opus": {av.Tracks{h265, opus}, merge(h265Frames, opusFrames)},
		"aac":       {av.Tracks{aac}, aacFrames[:200]},
		"opus":      {av.Tracks{opus}, opusFrames[:200]},
		"h264":      {av.Tracks{h264}, h264Frames[:150]},
	}
}

// merge puts pictures and sound into the order of a stream, up to the end of the pictures.
func merge(video, audio []*av.Frame) []*av.Frame {
	end := video[len(video)-1].DTS
	i := slices.IndexFunc(audio, func(f *av.Frame) bool { return f.DTS > end })
	all := slices.Concat(video, audio[:i])
	slices.SortStableFunc(all, func(a, b *av.Frame) int { return int(a.DTS - b.DTS) })
	return all
}

// encode returns the units of a film.
func encode(t testing.TB, f film) (units []*Unit) {
	t.Helper()
	e := NewEncoder(f.tracks)
	for _, frame := range f.frames {
		var err error
		if units, err = e.Encode(units, frame); err != nil {
			t.Fatal(err)
		}
	}
	return units
}

// joined is the stream of the units.
func joined(units []*Unit) []byte {
	var out []byte
	for _, u := range units {
		out = append(out, u.Data...)
	}
	return out
}

// nalUnits is the data of an access unit of H.264 of the given bytes.
func nalUnits(nals ...[]byte) (data []byte) {
	for _, nal := range nals {
		data = append(data, byte(len(nal)>>24), byte(len(nal)>>16), byte(len(nal)>>8), byte(len(nal)))
		data = append(data, nal...)
	}
	return data
}

// picture is a picture of n bytes.
func picture(at time.Duration, n int) *av.Frame {
	return &av.Frame{
		Track: samples.VideoID, Codec: av.CodecH264, DTS: at, PTS: at, Data: nalUnits(append([]byte{1}, bytes.Repeat([]byte{7}, n-1)...)),
	}
}
