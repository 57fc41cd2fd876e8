package depacket

import (
	"bytes"
	"testing"
	"time"

	"github.com/pion/rtp/codecs"

	"weir/mux/av"
	"weir/mux/rtp"
)

// What weir packetizes for its viewers comes out of its own depacketizers as it went in, configuration included.
func TestReadsMuxRTP(t *testing.T) {
	h264 := sample{"H.264", av.CodecH264, 5, func() (in, want [][]byte) {
		for _, au := range sampleUnits("bars-720p.h264") {
			var unit []byte
			for _, nal := range au {
				unit = append(append(unit, 0, 0, 0, 1), nal...)
			}
			in = append(in, unit)
		}
		return in, nil
	}, func() func([]byte) [][]byte {
		p := new(codecs.H264Payloader)
		return func(unit []byte) [][]byte { return p.Payload(600, unit) }
	}}
	for _, c := range append([]sample{h264}, samples...) {
		t.Run(c.name, func(t *testing.T) {
			source, pay := newVideoFeed(c.codec), c.packetize()
			in, _ := c.units()
			for _, unit := range in {
				source.send(pay(unit)...)
			}
			first := source.got.units
			track := *first[0].Config
			track.ID = 1
			f, e := newVideoFeed(c.codec), rtp.NewEncoder(av.Tracks{track}, rtp.Options{})
			for i, u := range first {
				at := time.Duration(i) * time.Second / 30
				units, err := e.Encode(nil, &av.Frame{Track: 1, Codec: c.codec, Key: u.Key, DTS: at, PTS: at, Data: u.Data})
				if err != nil || len(units) != 1 {
					t.Fatalf("unit %d: %d units, %v", i, len(units), err)
				}
				f.send(units[0].Payloads...)
			}
			if len(f.got.units) != len(first) || len(first) < 50 || f.got.broken > 0 {
				t.Fatalf("%d units of %d, broken %d times", len(f.got.units), len(first), f.got.broken)
			}
			for i, u := range f.got.units {
				if !bytes.Equal(u.Data, first[i].Data) || u.Key != first[i].Key {
					t.Fatalf("unit %d differs", i)
				}
			}
			got := *f.got.units[0].Config
			got.ID = track.ID
			if !got.Same(&track) {
				t.Errorf("track %+v, want %+v", got, track)
			}
		})
	}
}
