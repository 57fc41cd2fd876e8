package fmp4

import (
	"encoding/binary"
	"slices"
)

const (
	boxHead = 8 // size and type
	// visualSampleEntry is the fixed part of a VisualSampleEntry (ISO/IEC 14496-12 12.1.3.2).
	visualSampleEntry = 78
)

// step names a box among its siblings: the nth of its kind. head is how many bytes of its content stand
// before its own children.
type step struct {
	kind string
	nth  int
	head int
}

// replaceBox returns b with the content of the box at path replaced, the sizes of the boxes around it
// corrected. ok is false when there is no such box.
func replaceBox(b []byte, path []step, content []byte) (out []byte, ok bool) {
	var around []int // where the boxes on the path begin
	lo, hi := 0, len(b)
	for _, s := range path {
		at, size, found := findBox(b[lo:hi], s)
		if !found || boxHead+s.head > size {
			return b, false
		}
		around = append(around, lo+at)
		lo, hi = lo+at+boxHead+s.head, lo+at+size
	}
	out = slices.Concat(b[:lo], content, b[hi:])
	for _, at := range around {
		size := int(binary.BigEndian.Uint32(out[at:])) + len(content) - (hi - lo)
		binary.BigEndian.PutUint32(out[at:], uint32(size))
	}
	return out, true
}

func findBox(b []byte, s step) (at, size int, ok bool) {
	nth := s.nth
	for at+boxHead <= len(b) {
		size = int(binary.BigEndian.Uint32(b[at:]))
		if size < boxHead || size > len(b)-at {
			return 0, 0, false
		}
		if string(b[at+4:at+boxHead]) == s.kind {
			if nth == 0 {
				return at, size, true
			}
			nth--
		}
		at += size
	}
	return 0, 0, false
}
