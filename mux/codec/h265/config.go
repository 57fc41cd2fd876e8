package h265

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"strconv"
	"strings"
)

const (
	recordHead = 23 // bytes of the record before its arrays
	maxSets    = 64 // of a kind: there are 16 VPS, 16 SPS and 64 PPS (ITU-T H.265 7.4.3.1 to 7.4.3.3)
	maxSetSize = 1<<16 - 1
)

// Sets are the parameter sets of a track as NAL units, header bytes included.
type Sets struct{ VPS, SPS, PPS [][]byte }

// AppendConfig appends the HEVC decoder configuration record (hvcC, ISO/IEC 14496-15 8.3.3.1) of the parameter
// sets. Its NAL length size is 4, and its arrays are complete, as sample entry hvc1 wants it: no set comes
// in-band. The first SPS gives profile, level and the rest, and must have been accepted by ParseSPS. What the
// record has no room for is left out. Without an SPS nothing is appended.
func AppendConfig(dst []byte, sets Sets) []byte {
	if len(sets.SPS) == 0 {
		return dst
	}
	s, err := ParseSPS(sets.SPS[0])
	if err != nil {
		return dst
	}
	dst = append(dst, 1)
	dst = append(dst, s.Profile[:]...)
	dst = append(dst,
		0xf0, 0, // min_spatial_segmentation_idc: not known
		0xfc, // parallelismType: not known
		0xfc|s.ChromaFormat, 0xf8|s.LumaDepth, 0xf8|s.ChromaDepth,
		0, 0, // avgFrameRate: not known
		s.SubLayers<<3|nested(s.Nested)<<2|3, // constantFrameRate 0, lengthSizeMinusOne 3
		3)                                    // numOfArrays
	dst = appendArray(dst, NALVPS, sets.VPS)
	dst = appendArray(dst, NALSPS, sets.SPS)
	return appendArray(dst, NALPPS, sets.PPS)
}

func nested(yes bool) byte {
	if yes {
		return 1
	}
	return 0
}

func appendArray(dst []byte, typ byte, sets [][]byte) []byte {
	const complete = 0x80
	dst = append(dst, complete|typ)
	at := len(dst)
	dst = append(dst, 0, 0)
	n := 0
	for _, nal := range sets {
		if len(nal) < HeaderSize || len(nal) > maxSetSize || n == maxSets {
			continue
		}
		dst = binary.BigEndian.AppendUint16(dst, uint16(len(nal)))
		dst = append(dst, nal...)
		n++
	}
	binary.BigEndian.PutUint16(dst[at:], uint16(n))
	return dst
}

// ParseConfig takes an HEVC decoder configuration record apart. The sets alias hvcC. There is at least one of each
// kind; a record whose NAL length size is not 4 is refused, since frames carry 4. An error wraps ErrConfig.
func ParseConfig(hvcC []byte) (Sets, error) {
	var s Sets
	// Some writers put 0 as the version, as drafts had it.
	if len(hvcC) < recordHead || hvcC[0] > 1 {
		return s, fmt.Errorf("%w: %d bytes", ErrConfig, len(hvcC))
	}
	if size := hvcC[21]&3 + 1; size != 4 {
		return s, fmt.Errorf("%w: NAL length size %d", ErrConfig, size)
	}
	b := hvcC[recordHead:]
	for range hvcC[22] {
		var err error
		if b, err = s.cutArray(b); err != nil {
			return Sets{}, err
		}
	}
	if len(s.VPS) == 0 || len(s.SPS) == 0 || len(s.PPS) == 0 {
		return Sets{}, fmt.Errorf("%w: %d VPS, %d SPS, %d PPS", ErrConfig, len(s.VPS), len(s.SPS), len(s.PPS))
	}
	return s, nil
}

func (s *Sets) cutArray(b []byte) (rest []byte, err error) {
	if len(b) < 3 {
		return nil, fmt.Errorf("%w: cut short", ErrConfig)
	}
	typ, n := b[0]&0x3f, int(binary.BigEndian.Uint16(b[1:]))
	b = b[3:]
	for range n {
		if len(b) < 2 {
			return nil, fmt.Errorf("%w: cut short", ErrConfig)
		}
		size := int(binary.BigEndian.Uint16(b))
		if size < HeaderSize || size > len(b)-2 {
			return nil, fmt.Errorf("%w: NAL unit of %d in %d bytes", ErrConfig, size, len(b)-2)
		}
		s.add(typ, b[2:2+size:2+size])
		b = b[2+size:]
	}
	return b, nil
}

func (s *Sets) add(typ byte, nal []byte) {
	switch typ {
	case NALVPS:
		s.VPS = append(s.VPS, nal)
	case NALSPS:
		s.SPS = append(s.SPS, nal)
	case NALPPS:
		s.PPS = append(s.PPS, nal)
	}
}

// CodecString is the codecs parameter of a record, such as hvc1.1.6.L93.90 (ISO/IEC 14496-15 E.3).
func CodecString(hvcC []byte) (string, error) {
	if len(hvcC) < recordHead || hvcC[0] > 1 {
		return "", fmt.Errorf("%w: %d bytes", ErrConfig, len(hvcC))
	}
	var b strings.Builder
	b.WriteString("hvc1.")
	if space := hvcC[1] >> 6; space > 0 {
		b.WriteByte('A' + space - 1)
	}
	b.WriteString(strconv.Itoa(int(hvcC[1] & 0x1f)))
	b.WriteByte('.')
	// The flags in reverse bit order, so that the usual ones are short numbers.
	b.WriteString(strconv.FormatUint(uint64(bits.Reverse32(binary.BigEndian.Uint32(hvcC[2:]))), 16))
	tier := byte('L')
	if hvcC[1]&0x20 != 0 {
		tier = 'H'
	}
	b.WriteByte('.')
	b.WriteByte(tier)
	b.WriteString(strconv.Itoa(int(hvcC[12])))
	constraints := hvcC[6:12]
	for len(constraints) > 0 && constraints[len(constraints)-1] == 0 {
		constraints = constraints[:len(constraints)-1]
	}
	for _, c := range constraints {
		b.WriteByte('.')
		b.WriteString(strings.ToUpper(strconv.FormatUint(uint64(c), 16)))
	}
	return b.String(), nil
}
