package flv

import (
	"bytes"
	"testing"

	"weir/mux/av"
	"weir/mux/codec/av1"
	"weir/mux/codec/h265"
	"weir/testdata/samples"
)

// placeholder is what some writers send as the record: one of another size.
func placeholder(t *testing.T, track av.Track) av.Track {
	t.Helper()
	switch track.Codec {
	case av.CodecH265:
		sets, err := h265.ParseConfig(track.Config)
		if err != nil {
			t.Fatal(err)
		}
		sets.PPS = [][]byte{append(bytes.Clone(sets.PPS[0]), 0x80)}
		track.Config = h265.AppendConfig(nil, sets)
	case av.CodecAV1:
		payload, err := av1.ParseConfig(track.Config)
		if err != nil {
			t.Fatal(err)
		}
		payload = bytes.Clone(payload)
		payload[3] ^= 0x10 // the level
		track.Config = av1.AppendConfig(nil, payload)
	default:
		track.Config = []byte{1, 0, 0, 0, 0, 40, 0x82, 2, 2, 2, 0, 0}
	}
	return track
}

// inBandFrames are the frames of a sample with the parameter sets of H.265 before its key frames.
func inBandFrames(t *testing.T, track av.Track, frames []*av.Frame) (out []*av.Frame) {
	t.Helper()
	if track.Codec != av.CodecH265 {
		return frames
	}
	sets, err := h265.ParseConfig(track.Config)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range frames {
		with := *f
		if f.Key {
			with.Data = append(lengthPrefixed(sets.VPS[0], sets.SPS[0], sets.PPS[0]), f.Data...)
		}
		out = append(out, &with)
	}
	return out
}

var casesInBand = map[string]func(t testing.TB) (av.Track, []*av.Frame){
	"H.265": samples.H265, "AV1": samples.AV1, "VP9": samples.VP9,
}

// TestInBand: key frames, and what they say of their track, are found in the pictures, whatever record and frame type
// the writer sends.
func TestInBand(t *testing.T) {
	for name, sample := range casesInBand {
		t.Run(name, func(t *testing.T) {
			track, frames := sample(t)
			wrong := placeholder(t, track)
			b := AppendHeader(nil, true, false)
			b, err := AppendSequenceHeader(b, &wrong, 0)
			if err != nil {
				t.Fatal(err)
			}
			var bodies Bodies
			unit, err := bodies.Read(BodyVideo, bodyOf(t, b[headerSize+prevSizeSize:]))
			if err != nil || unit.Config == nil || len(unit.Data) > 0 {
				t.Fatalf("record: %+v, %v", unit, err)
			}
			for i, f := range inBandFrames(t, track, frames) {
				tag, err := AppendFrame(nil, f)
				if err != nil {
					t.Fatal(err)
				}
				tag[tagHeadSize] &^= 0x70 // no frame type
				b = append(b, tag...)
				unit, err := bodies.Read(BodyVideo, bytes.Clone(bodyOf(t, tag)))
				if err != nil || unit.Key != f.Key || !bytes.Equal(unit.Data, frames[i].Data) {
					t.Fatalf("unit %d: key %v, %d bytes, %v", i, unit.Key, len(unit.Data), err)
				}
				if (unit.Config != nil) != (i == 0) || i == 0 && !unit.Config.Same(&track) {
					t.Errorf("unit %d announces %+v", i, unit.Config)
				}
			}
			got := demux(t, NewDemuxer(bytes.NewReader(b)))
			if got[0].Config != nil && got[1].Config != nil {
				got = got[1:] // the placeholder, but for VP9, whose size is not known yet
			}
			if !got[0].Config.Same(&track) || len(got) != len(frames)+1 {
				t.Fatalf("%d frames behind %+v", len(got), got[0].Config)
			}
			for i, f := range got[1:] {
				if f.Key != frames[i].Key || !bytes.Equal(f.Data, frames[i].Data) {
					t.Errorf("frame %d: key %v, %d bytes", i, f.Key, len(f.Data))
				}
			}
		})
	}
}

// bodyOf is the body of the one tag that b holds.
func bodyOf(t *testing.T, b []byte) []byte {
	t.Helper()
	if len(b) < tagHeadSize+prevSizeSize {
		t.Fatalf("a tag of %d bytes", len(b))
	}
	return b[tagHeadSize : len(b)-prevSizeSize]
}

// TestInBandDamaged: damaged units are refused, and those before the first key frame of VP9 are passed over.
func TestInBandDamaged(t *testing.T) {
	for name, sample := range casesInBand {
		track, frames := sample(t)
		var bodies Bodies
		head, err := AppendSequenceHeader(nil, &track, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := bodies.Read(BodyVideo, bodyOf(t, head)); err != nil {
			t.Fatal(err)
		}
		bad := *frames[0]
		bad.Data = []byte{0, 0, 0, 9, 1}
		if track.Codec == av.CodecAV1 {
			bad.Data = []byte{0x32, 9, 1}
		}
		tag, err := AppendFrame(nil, &bad)
		if err != nil {
			t.Fatal(err)
		}
		if u, err := bodies.Read(BodyVideo, bodyOf(t, tag)); err == nil {
			t.Errorf("%s: %+v", name, u)
		}
		if tag, err = AppendFrame(nil, frames[1]); err != nil {
			t.Fatal(err)
		}
		u, err := bodies.Read(BodyVideo, bodyOf(t, tag))
		if wants := track.Codec != av.CodecVP9; err != nil || (len(u.Data) > 0) != wants {
			t.Errorf("%s before a key frame: %+v, %v", name, u, err)
		}
	}
}
