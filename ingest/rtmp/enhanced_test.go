package rtmp

import (
	"bytes"
	"context"
	"encoding/binary"
	"net/url"
	"testing"

	"github.com/bluenviron/gortmplib"
	"github.com/bluenviron/gortmplib/pkg/codecs"

	"weir/mux/av"
	"weir/mux/codec/av1"
	"weir/mux/codec/h265"
	"weir/room/live"
	"weir/testdata/samples"
)

// nals are the NAL units of an access unit as av.Frame has it.
func nals(data []byte) (out [][]byte) {
	for len(data) > 0 {
		n := 4 + binary.BigEndian.Uint32(data)
		out = append(out, data[4:n])
		data = data[n:]
	}
	return out
}

// obus are the OBUs of a temporal unit, without their sizes.
func obus(data []byte) (out [][]byte) {
	for len(data) > 0 {
		o, rest, ok := av1.ParseOBU(data)
		if !ok {
			return out
		}
		out = append(out, append([]byte{o.Type << 3}, o.Payload...))
		data = rest
	}
	return out
}

// TestEnhancedPublisher: a foreign client, which sends records of placeholders and no frame types, publishes in
// Enhanced RTMP.
func TestEnhancedPublisher(t *testing.T) {
	for name, c := range map[string]struct {
		sample func(t testing.TB) (av.Track, []*av.Frame)
		track  *gortmplib.Track
		write  func(w *gortmplib.Writer, track *gortmplib.Track, f *av.Frame, sets [][]byte) error
	}{
		"H.265": {samples.H265, &gortmplib.Track{Codec: &codecs.H265{}}, func(w *gortmplib.Writer, track *gortmplib.Track, f *av.Frame, sets [][]byte) error {
			unit := nals(f.Data)
			if f.Key {
				unit = append(sets, unit...)
			}
			return w.WriteH265(track, f.PTS, f.DTS, unit)
		}},
		"AV1": {samples.AV1, &gortmplib.Track{Codec: &codecs.AV1{}}, func(w *gortmplib.Writer, track *gortmplib.Track, f *av.Frame, _ [][]byte) error {
			return w.WriteAV1(track, f.PTS, obus(f.Data))
		}},
		"VP9": {samples.VP9, &gortmplib.Track{Codec: &codecs.VP9{}}, func(w *gortmplib.Writer, track *gortmplib.Track, f *av.Frame, _ [][]byte) error {
			return w.WriteVP9(track, f.PTS, f.Data)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			track, frames := c.sample(t)
			d := newDoor(t, func(o *Options, _ *live.Options) {
				o.Codecs = []av.Codec{av.CodecH264, av.CodecH265, av.CodecAV1, av.CodecVP9}
			})
			address, err := url.Parse("rtmp://" + d.addr + "/live/demo/cam?usersig=" + sign(t, "host"))
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			client := &gortmplib.Client{URL: address, Publish: true}
			if err := client.Initialize(ctx); err != nil {
				t.Fatal(err)
			}
			defer client.Close()
			w := &gortmplib.Writer{Conn: client, Tracks: []*gortmplib.Track{c.track}}
			if err := w.Initialize(); err != nil {
				t.Fatal(err)
			}
			var sets [][]byte
			if track.Codec == av.CodecH265 {
				s, err := h265.ParseConfig(track.Config)
				if err != nil {
					t.Fatal(err)
				}
				sets = [][]byte{s.VPS[0], s.SPS[0], s.PPS[0]}
			}
			for _, f := range frames {
				if err := c.write(w, c.track, f, sets); err != nil {
					t.Fatal(err)
				}
			}
			for i, f := range read(t, d.stream(), len(frames)) {
				if f.Kind != av.KindMedia || f.Key != frames[i].Key || !bytes.Equal(f.Data, frames[i].Data) {
					t.Fatalf("frame %d: key %v, %d bytes of %d", i, f.Key, len(f.Data), len(frames[i].Data))
				}
			}
			if v := d.stream().Tracks().Video(); v == nil || !v.Same(&track) {
				t.Errorf("track %+v, want %+v", v, track)
			}
		})
	}
}
