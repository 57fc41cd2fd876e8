package hls

import (
	"bytes"
	"fmt"

	"github.com/grafov/m3u8"
)

// version is the lowest protocol version that allows EXT-X-MAP in a playlist of ordinary segments (RFC 8216bis
// 8).
const version = 6

// Variant is one line of a multivariant playlist.
type Variant struct {
	// URI is where the media playlist is, as the line reads.
	URI string
	// Codecs is as Codecs makes it.
	Codecs string
	// Width and Height are the picture's size; 0 without video.
	Width, Height int
	// Bandwidth is the peak and AverageBandwidth the average of the segments' bit rates, in bits a second.
	Bandwidth, AverageBandwidth uint32
}

// Multivariant is a multivariant playlist of the variants, the first of which players try first. independent
// claims EXT-X-INDEPENDENT-SEGMENTS for all of them, which can never be taken back.
func Multivariant(independent bool, variants ...Variant) []byte {
	p := m3u8.NewMasterPlaylist()
	p.SetVersion(version)
	p.SetIndependentSegments(independent)
	for _, v := range variants {
		params := m3u8.VariantParams{
			Bandwidth: v.Bandwidth, AverageBandwidth: v.AverageBandwidth, Codecs: v.Codecs,
		}
		if v.Width > 0 && v.Height > 0 {
			params.Resolution = fmt.Sprintf("%dx%d", v.Width, v.Height)
		}
		p.Append(v.URI, nil, params)
	}
	// PROGRAM-ID is gone since protocol version 6 (RFC 8216 7).
	return bytes.ReplaceAll(p.Encode().Bytes(), []byte(":PROGRAM-ID=0,"), []byte(":"))
}
