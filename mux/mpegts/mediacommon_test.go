package mpegts

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/bluenviron/mediacommon/v2/pkg/formats/mpegts"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/mpegts/codecs"

	"weir/mux/av"
	"weir/mux/codec/h264"
	"weir/mux/codec/h265"
)

// heard is an access unit as another reader of transport streams gives it.
type heard struct {
	dts, pts int64
	data     []byte
}

// read reads a stream with mediacommon: pictures, then sound.
func read(t *testing.T, b []byte) (pictures, sounds []heard) {
	t.Helper()
	r := &mpegts.Reader{R: bytes.NewReader(b)}
	if err := r.Initialize(); err != nil {
		t.Fatal(err)
	}
	r.OnDecodeError(func(err error) { t.Error(err) })
	onPicture := func(pts, dts int64, nals [][]byte) error {
		pictures = append(pictures, heard{dts, pts, nalUnits(nals...)})
		return nil
	}
	onSound := func(pts int64, packets [][]byte) error {
		for _, p := range packets {
			sounds = append(sounds, heard{pts, pts, p})
		}
		return nil
	}
	for _, track := range r.Tracks() {
		switch track.Codec.(type) {
		case *codecs.H264:
			r.OnDataH264(track, onPicture)
		case *codecs.H265:
			r.OnDataH265(track, onPicture)
		case *codecs.MPEG4Audio:
			r.OnDataMPEG4Audio(track, onSound)
		case *codecs.Opus:
			r.OnDataOpus(track, onSound)
		default:
			t.Fatalf("a track of %T", track.Codec)
		}
	}
	for {
		if err := r.Read(); errors.Is(err, io.EOF) {
			return pictures, sounds
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

// inBand is a picture's data as they are on their way: behind a delimiter and, in a key picture, the parameter sets.
func inBand(t *testing.T, track *av.Track, f *av.Frame) []byte {
	t.Helper()
	var nals [][]byte
	switch track.Codec {
	case av.CodecH264:
		sps, pps, err := h264.ParseConfig(track.Config)
		if err != nil {
			t.Fatal(err)
		}
		nals = append([][]byte{{9, 0xf0}}, append(sps, pps...)...)
	default:
		sets, err := h265.ParseConfig(track.Config)
		if err != nil {
			t.Fatal(err)
		}
		nals = append(append(append([][]byte{{35 << 1, 1, 0x50}}, sets.VPS...), sets.SPS...), sets.PPS...)
	}
	if !f.Key {
		nals = nals[:1]
	}
	return append(nalUnits(nals...), f.Data...)
}

// TestMediacommonReads compares what mediacommon reads, byte for byte and tick for tick, with what was written.
func TestMediacommonReads(t *testing.T) {
	for name, f := range films(t) {
		t.Run(name, func(t *testing.T) {
			pictures, sounds := read(t, joined(encode(t, f)))
			for i, frame := range f.frames {
				want := heard{av.Ticks(frame.DTS+delay, clockRate), av.Ticks(frame.PTS+delay, clockRate), frame.Data}
				list := &sounds
				if frame.Codec.IsVideo() {
					list, want.data = &pictures, inBand(t, f.tracks.Video(), frame)
					want.data = want.data[4+want.data[3]:] // the reader keeps the delimiter for itself
				}
				if len(*list) == 0 {
					t.Fatalf("frame %d of %v did not arrive", i, frame.Codec)
				}
				got := (*list)[0]
				*list = (*list)[1:]
				if got.dts != want.dts || got.pts != want.pts || !bytes.Equal(got.data, want.data) {
					t.Fatalf("frame %d of %v: %d bytes at %d, %d; want %d at %d, %d", i, frame.Codec,
						len(got.data), got.dts, got.pts, len(want.data), want.dts, want.pts)
				}
			}
			if len(pictures)+len(sounds) > 0 {
				t.Errorf("%d pictures and %d frames of sound too many", len(pictures), len(sounds))
			}
		})
	}
}
