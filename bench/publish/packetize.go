package publish

import "encoding/binary"

// The packet types of RFC 6184 5.2 that are made here.
const (
	typeSTAPA = 24
	typeFUA   = 28
)

// payloads cuts the NAL units of an access unit into RTP payloads of at most size bytes: single NAL units
// (RFC 6184 5.6), FU-A for those that are larger (5.8) and, if stapA is set, one STAP-A (5.7.1) for each run of
// parameter sets, as browsers do.
func payloads(nals [][]byte, size int, stapA bool) [][]byte {
	var out [][]byte
	for len(nals) > 0 {
		n := 0
		if stapA {
			n = parameterRun(nals, size)
		}
		switch {
		case n > 1:
			out = append(out, aggregate(nals[:n]))
			nals = nals[n:]
		case len(nals[0]) <= size:
			out = append(out, nals[0])
			nals = nals[1:]
		default:
			out = appendFragments(out, nals[0], size)
			nals = nals[1:]
		}
	}
	return out
}

// parameterRun is how many of the first NAL units are parameter sets that fit into one STAP-A of size bytes.
func parameterRun(nals [][]byte, size int) int {
	total := 1
	for i, nal := range nals {
		t := nal[0] & 0x1f
		total += 2 + len(nal)
		if t != nalSPS && t != nalPPS || total > size {
			return i
		}
	}
	return len(nals)
}

func aggregate(nals [][]byte) []byte {
	out := []byte{typeSTAPA}
	for _, nal := range nals {
		// RFC 6184 5.7: F is the or, NRI the maximum, of the aggregated units'.
		out[0] |= nal[0] & 0x80
		out[0] = out[0]&^0x60 | max(out[0]&0x60, nal[0]&0x60)
		out = binary.BigEndian.AppendUint16(out, uint16(len(nal)))
		out = append(out, nal...)
	}
	return out
}

func appendFragments(out [][]byte, nal []byte, size int) [][]byte {
	indicator, header := nal[0]&0xe0|typeFUA, nal[0]&0x1f
	rest := nal[1:]
	const start, end = 0x80, 0x40
	for flags := byte(start); len(rest) > 0; flags = 0 {
		n := min(len(rest), size-2)
		if n == len(rest) {
			flags |= end
		}
		out = append(out, append([]byte{indicator, header | flags}, rest[:n]...))
		rest = rest[n:]
	}
	return out
}
