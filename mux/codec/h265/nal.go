// Package h265 holds what weir must know of H.265 bitstreams: NAL unit types, the facts of a sequence
// parameter set, and the configuration record (hvcC) that containers embed.
//
// It decodes no picture and knows no container or network. It starts no goroutine; every function is safe
// for concurrent use, and none panics on what comes from outside.
package h265

// HeaderSize is the size of a NAL unit's header in bytes (ITU-T H.265 7.3.1.2).
const HeaderSize = 2

// The NAL unit types that weir tells apart (ITU-T H.265 table 7-1).
const (
	NALRASLN  byte = 8
	NALRASLR  byte = 9
	NALBLA    byte = 16 // the first of the types of pictures that can be decoded without those before
	NALIDR    byte = 19
	NALIDRN   byte = 20
	NALCRA    byte = 21
	NALIRAP   byte = 23 // the last of them
	NALVCL    byte = 31 // the last of the types of coded pictures
	NALVPS    byte = 32
	NALSPS    byte = 33
	NALPPS    byte = 34
	NALAUD    byte = 35
	NALFiller byte = 38
)

// NALType is the type of the NAL unit whose first byte is b.
func NALType(b byte) byte { return b >> 1 & 0x3f }

// Layer is the nuh_layer_id of a NAL unit, which has at least HeaderSize bytes. Only layer 0 is of use to a
// decoder of one layer (ITU-T H.265 7.4.2.2).
func Layer(nal []byte) byte { return nal[0]&1<<5 | nal[1]>>3 }

// IsIRAP tells whether a type is one of intra random access point pictures.
func IsIRAP(t byte) bool { return t >= NALBLA && t <= NALIRAP }

// IsRASL tells whether a type is one of pictures that are shown before the random access point that they follow,
// and refer to pictures before it (ITU-T H.265 3.134).
func IsRASL(t byte) bool { return t == NALRASLN || t == NALRASLR }

// IsParameterSet tells whether a type is that of a video, sequence or picture parameter set.
func IsParameterSet(t byte) bool { return t >= NALVPS && t <= NALPPS }
