package mpegts

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"weir/mux/codec/aac"
)

// maxNALs is how many NAL units a packet may have: a picture of the highest level has 600 slices (H.265 table A.8), each of which
// encoders may put messages and a delimiter beside.
const maxNALs = 1 << 13

// NALUnits cuts an access unit into its NAL units at the start codes (H.264 annex B). They lie in data. There are none in what has
// more of them than any picture.
func NALUnits(data []byte) (nals [][]byte) {
	const code = "\x00\x00\x01"
	at := bytes.Index(data, []byte(code))
	if at < 0 {
		return nil
	}
	for data = data[at+len(code):]; len(data) > 0; {
		end, next := len(data), len(data)
		if i := bytes.Index(data, []byte(code)); i >= 0 {
			end, next = i, i+len(code)
		}
		// B.1.1: zeros in front of a start code are not the unit's.
		if nal := bytes.TrimRight(data[:end], "\x00"); len(nal) > 0 {
			if len(nals) == maxNALs {
				return nil
			}
			nals = append(nals, nal)
		}
		data = data[next:]
	}
	return nals
}

// ADTS cuts the first frame off (ISO/IEC 14496-3 1.A.2.2). config is the AudioSpecificConfig that its head stands for. Both lie
// in data, or are new. A frame that is not whole stays in rest, with a nil frame.
//
// Errors: ErrFrame.
func ADTS(data []byte) (config, frame, rest []byte, err error) {
	const head, protected = 7, 9
	if len(data) < head {
		return nil, nil, data, nil
	}
	if data[0] != 0xff || data[1]&0xf6 != 0xf0 {
		return nil, nil, nil, fmt.Errorf("%w: no ADTS", ErrFrame)
	}
	skip := head
	if data[1]&1 == 0 {
		skip = protected
	}
	n := int(data[3]&3)<<11 | int(data[4])<<3 | int(data[5])>>5
	index, channels := int(data[2]>>2&0x0f), int(data[2]&1)<<2|int(data[3])>>6
	if channels == 7 { // ISO/IEC 14496-3 1.6.3.5: channel_configuration 7 is 7.1
		channels++
	}
	switch {
	case n <= skip || index >= len(adtsRates) || data[6]&3 != 0:
		return nil, nil, nil, fmt.Errorf("%w: ADTS of %d bytes, rate %d", ErrFrame, n, index)
	case n > len(data):
		return nil, nil, data, nil
	case data[2]>>6 != 1:
		return nil, nil, nil, fmt.Errorf("%w: AAC of profile %d", ErrCodec, data[2]>>6)
	}
	if config = aac.AppendConfig(nil, adtsRates[index], channels); config == nil {
		return nil, nil, nil, fmt.Errorf("%w: AAC of %d channels", ErrCodec, channels)
	}
	return config, data[skip:n], data[n:], nil
}

var errOpus = fmt.Errorf("%w: no Opus", ErrFrame)

// OpusUnit cuts the first packet off, behind its control header (ETSI TS Opus 0.1.3 3.2). Both lie in data.
//
// Errors: ErrFrame.
func OpusUnit(data []byte) (packet, rest []byte, err error) {
	if len(data) < 3 || binary.BigEndian.Uint16(data)>>5 != 0x3ff {
		return nil, nil, errOpus
	}
	flags := data[1]
	data = data[2:]
	size := 0
	for {
		if len(data) == 0 {
			return nil, nil, errOpus
		}
		b := data[0]
		data = data[1:]
		if size += int(b); b != 0xff {
			break
		}
	}
	skip := 0
	for _, trim := range []byte{0x10, 0x08} {
		if flags&trim != 0 {
			skip += 2
		}
	}
	if flags&0x04 != 0 { // an extension
		if skip >= len(data) {
			return nil, nil, errOpus
		}
		skip += 1 + int(data[skip])
	}
	if size == 0 || skip+size > len(data) {
		return nil, nil, errOpus
	}
	return data[skip : skip+size], data[skip+size:], nil
}
