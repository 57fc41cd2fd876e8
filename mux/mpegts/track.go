package mpegts

import (
	"encoding/binary"
	"fmt"
	"slices"

	"weir/mux/av"
	"weir/mux/codec/aac"
	"weir/mux/codec/h264"
	"weir/mux/codec/h265"
	"weir/mux/codec/opus"
)

// Carries tells whether a transport stream has a place for a codec: one that receivers agree on.
func Carries(c av.Codec) bool {
	switch c {
	case av.CodecH264, av.CodecH265, av.CodecAAC, av.CodecOpus:
		return true
	default:
		return false
	}
}

// payload is what stands before an access unit's data, and how the data is written.
type payload struct {
	id   byte // stream_id
	head []byte
	// nals is how many bytes the headers of NAL units have, of which the data then are, each behind its length; start codes, which
	// are as long, are written in the lengths' place. 0: the data are no NAL units and are written as they are.
	nals int
}

// format is how the access units of a track are written.
type format interface {
	// open returns what stands before the access unit, good until the next call.
	open(f *av.Frame) (payload, error)
}

// newFormat returns the format of a track.
func newFormat(t *av.Track) (format, error) {
	switch t.Codec {
	case av.CodecH264:
		sps, pps, err := h264.ParseConfig(t.Config)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrConfig, err)
		}
		return newPictures(1, []byte{h264.NALAUD, 0xf0}, sps, pps), nil
	case av.CodecH265:
		sets, err := h265.ParseConfig(t.Config)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrConfig, err)
		}
		return newPictures(h265.HeaderSize, []byte{h265.NALAUD << 1, 1, 0x50}, sets.VPS, sets.SPS, sets.PPS), nil
	case av.CodecAAC:
		return newADTS(t.Config)
	case av.CodecOpus:
		return &opusControl{}, nil
	default:
		return nil, fmt.Errorf("%w: %v", ErrCodec, t.Codec)
	}
}

// startCode is as long as the length that it replaces.
const startCode = "\x00\x00\x00\x01"

// pictures is the format of codecs with NAL units. An access unit delimiter stands before each (ISO/IEC 13818-1 2.14.1,
// 2.17.1), and the parameter sets before those that decoding can begin with.
type pictures struct {
	header     int
	delimiter  []byte // with its start code
	withParams []byte // and the sets
}

func newPictures(header int, delimiter []byte, sets ...[][]byte) *pictures {
	p := &pictures{header: header, delimiter: append([]byte(startCode), delimiter...)}
	p.withParams = slices.Clone(p.delimiter)
	for _, list := range sets {
		for _, set := range list {
			p.withParams = append(append(p.withParams, startCode...), set...)
		}
	}
	return p
}

func (p *pictures) open(f *av.Frame) (payload, error) {
	out := payload{id: idVideo, nals: p.header, head: p.delimiter}
	if f.Key {
		out.head = p.withParams
	}
	return out, p.check(f.Data)
}

// check tells whether the lengths lead through the data.
func (p *pictures) check(data []byte) error {
	for len(data) > 0 {
		if len(data) < len(startCode) {
			return fmt.Errorf("%w: %d bytes behind the last NAL unit", ErrFrame, len(data))
		}
		n := int(binary.BigEndian.Uint32(data))
		if data = data[len(startCode):]; n < p.header || n > len(data) {
			return fmt.Errorf("%w: NAL unit of %d in %d bytes", ErrFrame, n, len(data))
		}
		data = data[n:]
	}
	return nil
}

const (
	adtsSize = 7
	maxADTS  = 1<<13 - 1
)

// adts is the header before each frame of AAC (ISO/IEC 14496-3 1.A.3.2), without its length.
type adts struct{ header [adtsSize]byte }

// adtsRates are the rates by sampling_frequency_index (ISO/IEC 14496-3 table 1.18).
var adtsRates = [...]int{96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350}

func newADTS(asc []byte) (*adts, error) {
	c, err := aac.ParseConfig(asc)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	rate := slices.Index(adtsRates[:], c.Rate)
	if rate < 0 {
		return nil, fmt.Errorf("%w: ADTS cannot say %d Hz", ErrConfig, c.Rate)
	}
	channels := c.Channels
	if channels == 8 {
		channels = 7 // table 1.19
	}
	// AAC-LC, which it is without what SBR and PS add: they are found in the frames.
	const lowComplexity = 2 - 1
	return &adts{header: [adtsSize]byte{
		0xff, 0xf1, lowComplexity<<6 | byte(rate)<<2 | byte(channels)>>2, byte(channels&3) << 6, 0, 0x1f, 0xfc,
	}}, nil
}

func (a *adts) open(f *av.Frame) (payload, error) {
	n := adtsSize + len(f.Data)
	if n > maxADTS {
		return payload{}, fmt.Errorf("%w: %d bytes of AAC", ErrFrame, len(f.Data))
	}
	a.header[3] = a.header[3]&^3 | byte(n>>11)
	a.header[4] = byte(n >> 3)
	a.header[5] = byte(n&7)<<5 | 0x1f
	return payload{id: idAudio, head: a.header[:]}, nil
}

// maxOpus is the largest packet in bytes: 48 frames of 1275 (RFC 6716 3.2.5).
const maxOpus = 48 * 1275

// opusControl is the control header before each packet of Opus in a transport stream: a prefix of 11 bits without any of
// the flags, and the packet's size in bytes of which all but the last are 255.
type opusControl struct{ header []byte }

func (o *opusControl) open(f *av.Frame) (payload, error) {
	if len(f.Data) > maxOpus {
		return payload{}, fmt.Errorf("%w: %d bytes of Opus", ErrFrame, len(f.Data))
	}
	if _, err := opus.PacketDuration(f.Data); err != nil {
		return payload{}, fmt.Errorf("%w: %w", ErrFrame, err)
	}
	o.header = append(o.header[:0], 0x7f, 0xe0)
	n := len(f.Data)
	for ; n >= 0xff; n -= 0xff {
		o.header = append(o.header, 0xff)
	}
	o.header = append(o.header, byte(n))
	return payload{id: idPrivate, head: o.header}, nil
}
