// Package h264 holds what weir must know of H.264 bitstreams: NAL unit types, the facts of a sequence
// parameter set, and the configuration record (avcC) that containers embed.
//
// It decodes no picture and knows no container or network. It starts no goroutine; every function is safe
// for concurrent use, and none panics on what comes from outside.
package h264

// The NAL unit types that weir tells apart (ITU-T H.264 table 7-1).
const (
	NALSlice  byte = 1
	NALSliceA byte = 2
	NALSliceB byte = 3
	NALSliceC byte = 4
	NALIDR    byte = 5
	NALSEI    byte = 6
	NALSPS    byte = 7
	NALPPS    byte = 8
	NALAUD    byte = 9
	NALEndSeq byte = 10
	NALEnd    byte = 11
	NALFiller byte = 12
	NALSPSExt byte = 13
)

// NALType is the type of the NAL unit whose first byte is b.
func NALType(b byte) byte { return b & 0x1f }
