// Package opus holds what weir must know of Opus without decoding it: the identification header that
// containers embed (OpusHead), and the duration and channels of a packet.
//
// It decodes no sound and knows no RTP or container. It starts no goroutine; every function is safe for
// concurrent use, and none panics on what comes from outside.
package opus

import (
	"encoding/binary"
	"fmt"
)

// ClockRate is the rate in Hz in which Opus counts, whatever was captured (RFC 7587 4.1).
const ClockRate = 48000

const (
	magic    = "OpusHead"
	headSize = 19
)

// Head is the identification header of a mono or stereo stream (RFC 7845 5.1).
type Head struct {
	// Channels is 1 or 2.
	Channels int
	// PreSkip is the number of samples at 48 kHz that a decoder drops at the start.
	PreSkip uint16
}

// AppendHead appends the 19 bytes of an OpusHead for 1 or 2 channels: version 1, 48000 Hz, no gain, mapping
// family 0. Unlike everything around it in MP4 and FLV it is little endian.
func AppendHead(dst []byte, channels int, preSkip uint16) []byte {
	dst = append(dst, magic...)
	dst = append(dst, 1, byte(channels))
	dst = binary.LittleEndian.AppendUint16(dst, preSkip)
	dst = binary.LittleEndian.AppendUint32(dst, ClockRate)
	return append(dst, 0, 0, 0)
}

// ParseHead reads an OpusHead. Headers of more than two channels are refused. An error wraps ErrHead.
func ParseHead(b []byte) (Head, error) {
	if len(b) < headSize || string(b[:len(magic)]) != magic {
		return Head{}, fmt.Errorf("%w: %d bytes", ErrHead, len(b))
	}
	// RFC 7845 5.1: the upper four bits are the major version, and minor ones are compatible.
	if b[8]>>4 != 0 {
		return Head{}, fmt.Errorf("%w: version %d", ErrHead, b[8])
	}
	if channels, family := b[9], b[18]; family != 0 || channels < 1 || channels > 2 {
		return Head{}, fmt.Errorf("%w: %d channels in mapping family %d", ErrHead, channels, family)
	}
	return Head{Channels: int(b[9]), PreSkip: binary.LittleEndian.Uint16(b[10:])}, nil
}
