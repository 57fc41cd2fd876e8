package rtp

import (
	"fmt"

	"weir/mux/codec/h264"
)

// RFC 6184 5.2, table 1: the packet types that are made beside single NAL units.
const (
	typeSTAPA = 24
	typeFUA   = 28
)

// newH264 returns what makes RFC 6184 payloads of packetization mode 1.
func newH264(avcC []byte) (*nals, error) {
	sps, pps, err := h264.ParseConfig(avcC)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	return &nals{format: h264Format{}, header: h264Header, sets: append(sps, pps...)}, nil
}

// h264Header is the size of a NAL unit's header.
const h264Header = 1

type h264Format struct{}

// appendAggregate implements nalFormat (RFC 6184 5.7.1, 5.3): F is set if any unit's is, NRI is the largest of all.
func (h264Format) appendAggregate(dst []byte, nals [][]byte) []byte {
	var f, nri byte
	for _, nal := range nals {
		f |= nal[0] & 0x80
		nri = max(nri, nal[0]&0x60)
	}
	return append(dst, f|nri|typeSTAPA)
}

// appendFragment implements nalFormat (RFC 6184 5.8): F and NRI of the unit in the indicator, its type in the header.
func (h264Format) appendFragment(dst, nal []byte, flags byte) []byte {
	return append(dst, nal[0]&0xe0|typeFUA, flags|nal[0]&0x1f)
}

// isReference tells whether a NAL unit is of a picture that others may refer to (ITU-T H.264 7.4.1: nal_ref_idc is 0 in
// all slices of a picture that none does).
func (h264Format) isReference(nal []byte) bool {
	t := h264.NALType(nal[0])
	return t >= h264.NALSlice && t <= h264.NALIDR && nal[0]&0x60 != 0
}
