package rtp

import (
	"sync/atomic"

	"weir/mux/av"
)

// The first octet of the VP9 payload descriptor (RFC 9628 4.2).
const (
	vp9PictureID = 0x80 // I
	vp9Inter     = 0x40 // P: inter-picture predicted
	vp9Start     = 0x08 // B: start of a frame
	vp9End       = 0x04 // E: end of a frame

	vp9Descriptor = 3 // bytes: flags and a picture id of 15 bits
)

// vp9Payloads makes RFC 9628 payloads in non-flexible mode, without layers.
type vp9Payloads struct{ pictures *atomic.Uint32 }

// pack implements payloader.
func (v *vp9Payloads) pack(p *packer, f *av.Frame) error {
	id := v.pictures.Add(1) & 0x7fff // RFC 9628 4.2: wraps to 0
	flags := byte(vp9PictureID | vp9Start)
	if !f.Key {
		flags |= vp9Inter
	}
	size := even(len(f.Data), p.max-vp9Descriptor)
	for rest := f.Data; len(rest) > 0; flags &^= vp9Start {
		piece := rest[:min(size, len(rest))]
		rest = rest[len(piece):]
		if len(rest) == 0 {
			flags |= vp9End
		}
		p.bytes = append(p.bytes, flags, 0x80|byte(id>>8), byte(id)) // M: 15 bits
		p.bytes = append(p.bytes, piece...)
		p.end()
	}
	return nil
}

// discardable implements payloader. Receivers wait for a picture whose number is missing, needed or not (RFC 9628 4.2), so
// none can be left out of those that were numbered for all.
func (v *vp9Payloads) discardable(*av.Frame) bool { return false }
