package depacket

import "weir/mux/av"

// Video is a depacketizer of one video codec. It is for one goroutine, as the reorder ring in front of it is.
type Video interface {
	sink
	// Announce takes the parameter sets that came with the session description, as NAL units. It is called before
	// the first packet; codecs whose key frames have all that a decoder needs take none.
	Announce(sets [][]byte)
	// Stats are the counts so far.
	Stats() VideoStats
}

// NewVideo returns a depacketizer of the codec that hands access units to out, or nil for a codec that there is none
// for.
func NewVideo(c av.Codec, out Receiver) Video {
	switch c {
	case av.CodecH264:
		return NewH264(out)
	case av.CodecH265:
		return NewH265(out)
	case av.CodecAV1:
		return NewAV1(out)
	case av.CodecVP9:
		return NewVP9(out)
	default:
		return nil
	}
}
