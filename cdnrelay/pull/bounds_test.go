package pull

import (
	"bytes"
	"encoding/binary"
	"errors"
	"testing"

	"weir/mux/av"
	"weir/mux/codec/opus"
	"weir/mux/fmp4"
	"weir/mux/mpegts"
	"weir/testdata/samples"
)

// box is one of ISO/IEC 14496-12 4.2.
func box(kind string, content ...[]byte) []byte {
	b := append(make([]byte, 4), kind...)
	b = append(b, bytes.Join(content, nil)...)
	binary.BigEndian.PutUint32(b, uint32(len(b)))
	return b
}

// TestManySmallUnits: BAD-07. A segment of nothing but the smallest access units is left before they have become a hundred times
// its size in memory.
func TestManySmallUnits(t *testing.T) {
	for name, p := range map[string]mpegts.PESPacket{
		"AAC":  {Codec: av.CodecAAC, Data: bytes.Repeat([]byte{0xff, 0xf1, 0x4c, 0x80, 1, 0x1f, 0xfc, 0}, maxUnits+1)},
		"Opus": {Codec: av.CodecOpus, Channels: 2, Data: bytes.Repeat([]byte{0x7f, 0xe0, 1, 0xfc}, maxUnits+1)},
	} {
		var d decoder
		d.begin()
		d.packet(&p)
		if !errors.Is(d.broken, ErrTooLarge) || len(d.frames) > maxUnits+1 {
			t.Errorf("%s: %d frames, %v", name, len(d.frames), d.broken)
		}
	}
}

// TestManyFragments: as above, of samples that have no bytes at all. Those of tracks that are not taken cost time as well.
func TestManyFragments(t *testing.T) {
	tracks, _ := reel(t)
	section, err := fmp4.Init(tracks)
	if err != nil {
		t.Fatal(err)
	}
	const samples = 1 << 14
	for _, track := range tracks {
		id := binary.BigEndian.AppendUint32(nil, fmp4.TrackID(track.ID))
		fragment := func(offset uint32) []byte {
			run := binary.BigEndian.AppendUint32([]byte{0, 0, 0, 1}, samples)
			run = binary.BigEndian.AppendUint32(run, offset)
			return box("moof", box("traf", box("tfhd", []byte{0, 2, 0, 0}, id), box("trun", run)))
		}
		one := append(fragment(uint32(len(fragment(0)))+8), box("mdat")...)
		var d decoder
		if _, err := d.mp4(section, bytes.Repeat(one, maxUnits/samples+1)); !errors.Is(err, ErrTooLarge) {
			t.Errorf("%v: %v", track.Codec, err)
		}
	}
}

// FuzzSegment: whatever a segment and its initialization section hold, frames come of it that can be carried, or an error.
func FuzzSegment(f *testing.F) {
	section, err := fmp4.Init(av.Tracks{{ID: 1, Codec: av.CodecOpus, ClockRate: 48000, Channels: 2, Config: opus.AppendHead(nil, 2, 0)}})
	if err != nil {
		f.Fatal(err)
	}
	part := fmp4.AppendPart(nil, fmp4.Part{Tracks: []fmp4.PartTrack{{ID: 2, Samples: []fmp4.Sample{{Duration: 960, Key: true, Data: []byte{0xfc, 1, 2}}}}}})
	f.Add(section, part)
	f.Add(section, []byte("no media"))
	f.Add([]byte(nil), append(id3(90000), "\xff\xf1\x4c\x80\x01\x1f\xfc\x00"...))
	for _, film := range []func(testing.TB) (av.Track, []*av.Frame){samples.H265, samples.AAC} {
		track, frames := film(f)
		e := mpegts.NewEncoder(av.Tracks{track})
		var units []*mpegts.Unit
		for _, frame := range frames[:2] {
			if units, err = e.Encode(units, frame); err != nil {
				f.Fatal(err)
			}
		}
		var segment []byte
		for _, u := range units {
			segment = append(segment, u.Data...)
		}
		f.Add([]byte(nil), segment)
	}
	f.Fuzz(func(t *testing.T, section, segment []byte) {
		var d decoder
		for range 2 { // a rendition goes on with the same one
			frames, err := d.ts(segment)
			switch {
			case len(section) > 0:
				frames, err = d.mp4(section, segment)
			case isPacked(segment):
				frames, err = d.packed(segment)
			}
			if err != nil {
				continue
			}
			for _, f := range frames {
				if f.Kind == av.KindConfig && f.Config == nil || f.Kind == av.KindMedia && len(f.Data) == 0 {
					t.Fatalf("a frame of nothing: %+v", f)
				}
			}
		}
	})
}
