package publish

import (
	"bytes"
	"errors"
	"fmt"
	"os"
)

// The nal_unit_type values that the splitter looks at (H.264 table 7-1).
const (
	nalSlice  = 1
	nalIDR    = 5
	nalSEI    = 6
	nalSPS    = 7
	nalPPS    = 8
	nalAUD    = 9
	nalPrefix = 14
	nalLast   = 18 // 14 to 18 may begin an access unit
)

// AccessUnit is one coded picture of H.264 with what comes before it.
type AccessUnit struct {
	// NALs are the NAL units without start codes, parameter sets included. They share the file's bytes.
	NALs [][]byte
	// Key is true for an IDR picture.
	Key bool
}

// SplitAccessUnits cuts an H.264 byte stream (Annex B) into access units. It tells pictures apart by
// first_mb_in_slice = 0, which holds for all streams without arbitrary slice order and redundant pictures. The units share
// stream's bytes.
func SplitAccessUnits(stream []byte) []AccessUnit {
	var units []AccessUnit
	var au AccessUnit
	picture := false // au has a slice
	for _, nal := range SplitNALs(stream) {
		if picture && beginsUnit(nal) {
			units = append(units, au)
			au, picture = AccessUnit{}, false
		}
		au.NALs = append(au.NALs, nal)
		if isSlice(nal) {
			picture = true
			au.Key = au.Key || nal[0]&0x1f == nalIDR
		}
	}
	if picture {
		units = append(units, au)
	}
	return units
}

// SplitNALs cuts an H.264 byte stream at its start codes (Annex B.1). The NAL units share stream's bytes.
func SplitNALs(stream []byte) [][]byte {
	code := []byte{0, 0, 1}
	var nals [][]byte
	start := bytes.Index(stream, code)
	for start >= 0 {
		stream = stream[start+len(code):]
		start = bytes.Index(stream, code)
		nal := stream
		if start >= 0 {
			nal = stream[:start]
		}
		// B.1: zeros before a start code are not the NAL unit's, which never ends in one (7.4.1).
		nal = bytes.TrimRight(nal, "\x00")
		if len(nal) > 0 {
			nals = append(nals, nal[:len(nal):len(nal)])
		}
	}
	return nals
}

func isSlice(nal []byte) bool {
	t := nal[0] & 0x1f
	return t >= nalSlice && t <= nalIDR
}

// beginsUnit tells whether a NAL unit behind a picture's slice belongs to the next access unit (7.4.1.2.3).
func beginsUnit(nal []byte) bool {
	switch t := nal[0] & 0x1f; {
	case t == nalSEI, t == nalSPS, t == nalPPS, t == nalAUD, t >= nalPrefix && t <= nalLast:
		return true
	case t == nalSlice || t == 2 || t == nalIDR:
		// ue(v) of 0 is the single bit 1.
		return len(nal) > 1 && nal[1]&0x80 != 0
	default:
		return false
	}
}

// readVideo reads an Annex B file.
func readVideo(name string) ([]AccessUnit, error) {
	stream, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("cannot read video: %w", err)
	}
	units := SplitAccessUnits(stream)
	if len(units) == 0 {
		return nil, fmt.Errorf("cannot read video %s: %w", name, errors.New("no picture of H.264 in it"))
	}
	return units, nil
}
