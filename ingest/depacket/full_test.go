package depacket

import (
	"fmt"
	"slices"
	"testing"

	"weir/mux/av"
)

// A fragmented NAL unit may begin where its access unit has no room for as much as its header.
func TestRH10FragmentInFullUnit(t *testing.T) {
	for _, c := range []struct {
		codec                 av.Codec
		nal, begin, more, end []byte
	}{
		// RFC 6184 5.8, RFC 7798 4.4.3
		{av.CodecH264, []byte{0x65, 0x88}, []byte{0x7c, 0x85, 1}, []byte{0x7c, 0x05, 2}, []byte{0x7c, 0x45, 3}},
		{av.CodecH265, []byte{0x26, 1, 0x80}, []byte{0x62, 1, 0x93, 1}, []byte{0x62, 1, 0x13, 2}, []byte{0x62, 1, 0x53, 3}},
	} {
		for room := range lengthPrefix + 4 {
			t.Run(fmt.Sprintf("%v, %d bytes left", c.codec, room), func(t *testing.T) {
				var got collector
				d := NewVideo(c.codec, &got)
				large := slices.Concat(c.nal, make([]byte, maxUnitSize-lengthPrefix-len(c.nal)-room))
				for _, payload := range [][]byte{large, c.begin, c.more, c.end} {
					d.packet(&Packet{Timestamp: 1, Payload: payload}, 0)
				}
				d.packet(&Packet{Timestamp: 2, Payload: c.nal}, 0)
				if s := d.Stats(); len(got.units) != 0 || s.Damaged != 1 {
					t.Errorf("%d units handed on, counts %+v", len(got.units), s)
				}
			})
		}
	}
}
