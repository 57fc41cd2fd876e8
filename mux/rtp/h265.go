package rtp

import (
	"fmt"

	"weir/mux/codec/h265"
)

// RFC 7798 4.4: the packet types that are made beside single NAL units.
const (
	typeAP = 48
	typeFU = 49
)

// newH265 returns what makes RFC 7798 payloads in decoding order (sprop-max-don-diff 0).
func newH265(hvcC []byte) (*nals, error) {
	sets, err := h265.ParseConfig(hvcC)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	sps, err := h265.ParseSPS(sets.SPS[0])
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	n := &nals{format: h265Format{top: sps.SubLayers - 1}, header: h265.HeaderSize}
	for _, kind := range [][][]byte{sets.VPS, sets.SPS, sets.PPS} {
		n.sets = append(n.sets, kind...)
	}
	return n, nil
}

type h265Format struct{ top byte } // TemporalId of the highest sub-layer

// appendAggregate implements nalFormat (RFC 7798 4.4.2): F is set if any unit's is, the layer and the TID are the lowest.
func (h265Format) appendAggregate(dst []byte, nals [][]byte) []byte {
	var f byte
	layer, tid := byte(63), byte(7)
	for _, nal := range nals {
		f |= nal[0] & 0x80
		layer, tid = min(layer, h265.Layer(nal)), min(tid, nal[1]&7)
	}
	return append(dst, f|typeAP<<1|layer>>5, layer<<3|tid)
}

// appendFragment implements nalFormat (RFC 7798 4.4.3): the unit's header with another type; the FU header has its own.
func (h265Format) appendFragment(dst, nal []byte, flags byte) []byte {
	return append(dst, nal[0]&0x81|typeFU<<1, nal[1], flags|h265.NALType(nal[0]))
}

// isReference tells whether a NAL unit is of a picture that others may refer to. Types of an even number below 16 are
// those of pictures that none of their sub-layer refers to (ITU-T H.265 7.4.2.2); pictures of higher sub-layers might,
// so only those of the highest have surely none.
func (f h265Format) isReference(nal []byte) bool {
	t := h265.NALType(nal[0])
	if t > h265.NALVCL {
		return false // no picture
	}
	return t >= 16 || t&1 == 1 || nal[1]&7-1 < f.top // nuh_temporal_id_plus1
}
