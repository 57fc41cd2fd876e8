package publish

import (
	"bytes"
	"slices"
	"testing"

	"github.com/pion/rtp/codecs"
)

func TestPayloads(t *testing.T) {
	long := append([]byte{0x65, 0x88}, bytes.Repeat([]byte{7}, 20)...)
	for _, c := range []struct {
		name  string
		nals  [][]byte
		size  int
		stapA bool
		want  [][]byte
	}{
		{"RFC 6184 5.6 single NAL units", [][]byte{sps, pps, idr}, 100, false, [][]byte{sps, pps, idr}},
		{
			"RFC 6184 5.7.1 STAP-A of parameter sets",
			[][]byte{sps, pps, idr},
			100, true,
			[][]byte{slices.Concat([]byte{0x78, 0, 4}, sps, []byte{0, 4}, pps), idr},
		},
		{"RFC 6184 5.7.1 nothing to aggregate", [][]byte{sps, idr}, 100, true, [][]byte{sps, idr}},
		{
			"RFC 6184 5.7.1 only what fits",
			[][]byte{sps, pps, pps, idr},
			13, true,
			[][]byte{slices.Concat([]byte{0x78, 0, 4}, sps, []byte{0, 4}, pps), pps, idr},
		},
		{"RFC 6184 5.8 FU-A", [][]byte{long}, 12, false, [][]byte{
			slices.Concat([]byte{0x7c, 0x85}, long[1:11]),
			slices.Concat([]byte{0x7c, 0x05}, long[11:21]),
			slices.Concat([]byte{0x7c, 0x45}, long[21:]),
		}},
		{"RFC 6184 5.8 not for what fits", [][]byte{long}, len(long), false, [][]byte{long}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := payloads(c.nals, c.size, c.stapA); !slices.EqualFunc(got, c.want, bytes.Equal) {
				t.Errorf("payloads\n% x, want\n% x", got, c.want)
			}
		})
	}
}

// What pion makes of the payloads is what went in.
func TestPayloadsReadBack(t *testing.T) {
	for size := 20; size < 400; size++ {
		nals := [][]byte{sps, pps, append([]byte{0x65}, bytes.Repeat([]byte{0x88, 9}, 300)...)}
		var reader codecs.H264Packet
		var stream []byte
		for _, p := range payloads(nals, size, size%2 == 0) {
			if len(p) > size {
				t.Fatalf("size %d: a payload of %d bytes", size, len(p))
			}
			part, err := reader.Unmarshal(p)
			if err != nil {
				t.Fatal(err)
			}
			stream = append(stream, part...)
		}
		if got := SplitNALs(stream); !slices.EqualFunc(got, nals, bytes.Equal) {
			t.Fatalf("size %d: read back %d NAL units differently", size, len(got))
		}
	}
}
