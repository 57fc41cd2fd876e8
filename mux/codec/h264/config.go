package h264

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
)

const (
	maxConfigSPS = 31  // numOfSequenceParameterSets has 5 bits
	maxConfigPPS = 255 // numOfPictureParameterSets has 8 bits
	maxSetSize   = 1<<16 - 1
)

// AppendConfig appends the AVC decoder configuration record (avcC, ISO/IEC 14496-15 5.3.3.1) of the
// parameter sets, NAL header bytes included. Its NAL length size is 4. The first SPS gives profile and
// level and must have been accepted by ParseSPS; what the record has no room for (more than 31 SPS or
// 255 PPS, a set of more than 65535 bytes, an empty set) is left out. Without an SPS nothing is appended.
func AppendConfig(dst []byte, sps, pps [][]byte) []byte {
	sps, pps = fitting(sps, maxConfigSPS), fitting(pps, maxConfigPPS)
	if len(sps) == 0 || len(sps[0]) < 4 {
		return dst
	}
	first := sps[0]
	dst = append(dst, 1, first[1], first[2], first[3],
		0xfc|3,              // reserved 111111, lengthSizeMinusOne 3
		0xe0|byte(len(sps))) // reserved 111
	dst = appendSets(dst, sps)
	dst = append(dst, byte(len(pps)))
	dst = appendSets(dst, pps)
	return appendHighFields(dst, first)
}

// fitting is the sets that the record can hold, at most n. It copies only when one cannot be held.
func fitting(sets [][]byte, n int) [][]byte {
	for i, s := range sets {
		if len(s) > 0 && len(s) <= maxSetSize {
			continue
		}
		kept := append([][]byte(nil), sets[:i]...)
		for _, s := range sets[i:] {
			if len(s) > 0 && len(s) <= maxSetSize {
				kept = append(kept, s)
			}
		}
		sets = kept
		break
	}
	return sets[:min(len(sets), n)]
}

func appendSets(dst []byte, sets [][]byte) []byte {
	for _, s := range sets {
		dst = binary.BigEndian.AppendUint16(dst, uint16(len(s)))
		dst = append(dst, s...)
	}
	return dst
}

// appendHighFields appends what ISO/IEC 14496-15 5.3.3.1.2 wants behind the sets of every profile but
// baseline, main and extended. Old readers stop before it and new readers do without, so an SPS that
// cannot be parsed just has none.
func appendHighFields(dst, sps []byte) []byte {
	switch sps[1] {
	case 66, 77, 88:
		return dst
	}
	raw, err := parseSPS(sps)
	if err != nil {
		return dst
	}
	return append(dst,
		0xfc|byte(raw.ChromaFormatIdc),
		0xf8|byte(raw.BitDepthLumaMinus8),
		0xf8|byte(raw.BitDepthChromaMinus8),
		0) // numOfSequenceParameterSetExt
}

// ParseConfig takes an AVC decoder configuration record apart. The sets alias avcC. There is at least one
// SPS; a record whose NAL length size is not 4 is refused, since frames carry 4. An error wraps ErrConfig.
func ParseConfig(avcC []byte) (sps, pps [][]byte, err error) {
	if len(avcC) < 7 || avcC[0] != 1 {
		return nil, nil, fmt.Errorf("%w: %d bytes", ErrConfig, len(avcC))
	}
	if size := avcC[4]&3 + 1; size != 4 {
		return nil, nil, fmt.Errorf("%w: NAL length size %d", ErrConfig, size)
	}
	sps, rest, err := cutSets(avcC[6:], int(avcC[5]&0x1f))
	if err != nil {
		return nil, nil, err
	}
	if len(sps) == 0 || len(rest) == 0 {
		return nil, nil, fmt.Errorf("%w: %d sequence parameter sets, then %d bytes", ErrConfig, len(sps), len(rest))
	}
	pps, _, err = cutSets(rest[1:], int(rest[0]))
	if err != nil {
		return nil, nil, err
	}
	return sps, pps, nil
}

func cutSets(b []byte, n int) (sets [][]byte, rest []byte, err error) {
	for range n {
		if len(b) < 2 {
			return nil, nil, fmt.Errorf("%w: cut short", ErrConfig)
		}
		size := int(binary.BigEndian.Uint16(b))
		if size == 0 || size > len(b)-2 {
			return nil, nil, fmt.Errorf("%w: parameter set of %d in %d bytes", ErrConfig, size, len(b)-2)
		}
		sets = append(sets, b[2:2+size:2+size])
		b = b[2+size:]
	}
	return sets, b, nil
}

// CodecString is the codecs parameter of a record, such as avc1.42c01f (RFC 6381 3.3).
func CodecString(avcC []byte) (string, error) {
	if len(avcC) < 4 || avcC[0] != 1 {
		return "", fmt.Errorf("%w: %d bytes", ErrConfig, len(avcC))
	}
	return "avc1." + hex.EncodeToString(avcC[1:4]), nil
}
