// Package flv turns frames into FLV tags, classic and Enhanced (FourCC), and FLV back into frames.
//
// H.264 and AAC are written in the classic form that every player takes; H.265, AV1, VP9 and Opus in the
// form of Enhanced RTMP v2. It is no server and no client: it knows bytes, no network and no clock, starts
// no goroutine, and makes each tag once for all who will send it. The body of a tag is byte for byte the
// body of an RTMP message.
package flv

import (
	"encoding/binary"

	"weir/mux/av"
)

// Tag types (Adobe FLV 10.1, E.4.1).
const (
	typeAudio  = 8
	typeVideo  = 9
	typeScript = 18
)

const (
	headerSize   = 9
	tagHeadSize  = 11
	prevSizeSize = 4
	// maxBody is what the 24-bit DataSize field can say.
	maxBody = 1<<24 - 1
)

// The first byte of audio and video bodies (E.4.2.1, E.4.3.1; Enhanced RTMP v2, "Enhanced Audio" and
// "Enhanced Video").
const (
	audioAAC      = 10<<4 | 3<<2 | 1<<1 | 1 // E.4.2.1: AAC always says 44 kHz, 16 bit, stereo
	audioEnhanced = 9 << 4                  // and the packet type in the low bits
	videoAVC      = 7
	videoEnhanced = 0x80 // IsExVideoHeader; the packet type stands in the low bits

	frameKey     = 1 << 4
	frameInter   = 2 << 4
	frameCommand = 5 << 4
)

// AVCPacketType and AACPacketType of the classic form.
const (
	classicConfig = 0
	classicFrame  = 1
)

// AudioPacketType and VideoPacketType of the Enhanced form.
const (
	packetSequenceStart = 0
	packetCodedFrames   = 1
	packetCodedFramesX  = 3 // video without a composition time
)

// The FourCC of the Enhanced form.
const (
	fourCCOpus = "Opus"
	fourCCAAC  = "mp4a"
	fourCCAVC  = "avc1"
	fourCCHEVC = "hvc1"
	fourCCAV1  = "av01"
	fourCCVP9  = "vp09"
)

// fourCC is the FourCC of a codec that is written in the Enhanced form, or empty.
func fourCC(c av.Codec) string {
	switch c {
	case av.CodecH265:
		return fourCCHEVC
	case av.CodecAV1:
		return fourCCAV1
	case av.CodecVP9:
		return fourCCVP9
	case av.CodecOpus:
		return fourCCOpus
	default:
		return ""
	}
}

// tagSize is the size of a tag with a body of n bytes, PreviousTagSize included.
func tagSize(n int) int { return tagHeadSize + n + prevSizeSize }

// appendTag appends a whole tag. The caller sees to it that the body fits.
func appendTag(dst []byte, typ byte, ms int64, head, body []byte) []byte {
	n, ts := len(head)+len(body), uint32(ms) // E.4.1: 32 bits, wrapping around after 49.7 days
	dst = append(dst, typ,
		byte(n>>16), byte(n>>8), byte(n),
		byte(ts>>16), byte(ts>>8), byte(ts), byte(ts>>24), // the upper 8 bits last
		0, 0, 0) // StreamID
	dst = append(append(dst, head...), body...)
	return binary.BigEndian.AppendUint32(dst, uint32(tagHeadSize+n))
}
