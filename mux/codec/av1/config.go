package av1

import "fmt"

const recordHead = 4 // bytes of the record before its OBUs

// AppendConfig appends the AV1 codec configuration record (av1C, AV1 in ISOBMFF 2.3.3) of a sequence header, given as
// the OBU's payload, which it embeds. Nothing is appended when ParseSequence does not accept it.
func AppendConfig(dst, payload []byte) []byte {
	s, err := ParseSequence(payload)
	if err != nil {
		return dst
	}
	flags := s.Tier<<7 | bit(s.Depth > 8)<<6 | bit(s.Depth == 12)<<5 | bit(s.Monochrome)<<4 |
		bit(s.SubsamplingX)<<3 | bit(s.SubsamplingY)<<2 | s.ChromaSamplePosition&3
	dst = append(dst,
		0x81, // marker 1, version 1
		s.Profile<<5|s.Level, flags,
		0) // initial_presentation_delay_present 0
	o := OBU{Header: []byte{OBUSequenceHeader << 3}, Payload: payload}
	return append(o.AppendHeader(dst), payload...)
}

func bit(b bool) byte {
	if b {
		return 1
	}
	return 0
}

// ParseConfig returns the payload of the sequence header in an AV1 codec configuration record. It aliases av1C. A
// record without one is refused: not every reader finds it in the pictures. An error wraps ErrConfig.
func ParseConfig(av1C []byte) (payload []byte, err error) {
	if len(av1C) < recordHead || av1C[0] != 0x81 {
		return nil, fmt.Errorf("%w: %d bytes", ErrConfig, len(av1C))
	}
	for b := av1C[recordHead:]; len(b) > 0; {
		o, rest, ok := ParseOBU(b)
		if !ok {
			return nil, fmt.Errorf("%w: an OBU does not fit", ErrConfig)
		}
		if o.Type == OBUSequenceHeader {
			return o.Payload, nil
		}
		b = rest
	}
	return nil, fmt.Errorf("%w: no sequence header", ErrConfig)
}

// CodecString is the codecs parameter of a record, such as av01.0.04M.08 (AV1 in ISOBMFF 5).
func CodecString(av1C []byte) (string, error) {
	if len(av1C) < recordHead || av1C[0] != 0x81 {
		return "", fmt.Errorf("%w: %d bytes", ErrConfig, len(av1C))
	}
	tier := 'M'
	if av1C[2]&0x80 != 0 {
		tier = 'H'
	}
	depth := 8
	switch av1C[2] & 0x60 {
	case 0x40:
		depth = 10
	case 0x60:
		depth = 12
	}
	return fmt.Sprintf("av01.%d.%02d%c.%02d", av1C[1]>>5, av1C[1]&0x1f, tier, depth), nil
}
