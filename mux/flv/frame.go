package flv

import (
	"fmt"
	"time"

	"weir/mux/av"
)

// bodyHead is what stands in a tag's body before the coded data.
type bodyHead struct {
	buf [8]byte
	n   int
}

func (h *bodyHead) put(b ...byte) { h.n += copy(h.buf[h.n:], b) }

func (h *bodyHead) putFourCC(id string) { h.n += copy(h.buf[h.n:], id) }

func (h *bodyHead) bytes() []byte { return h.buf[:h.n] }

// AppendSequenceHeader appends the tag that carries the track's configuration record, stamped at.
//
// Errors: ErrNoConfig, ErrCodec, ErrTooLarge.
func AppendSequenceHeader(dst []byte, t *av.Track, at time.Duration) ([]byte, error) {
	return appendSequenceHeader(dst, t, milliseconds(at))
}

func appendSequenceHeader(dst []byte, t *av.Track, ms int64) ([]byte, error) {
	if len(t.Config) == 0 {
		return dst, fmt.Errorf("%w: track %d", ErrNoConfig, t.ID)
	}
	var h bodyHead
	switch t.Codec {
	case av.CodecH264:
		h.put(frameKey|videoAVC, classicConfig, 0, 0, 0)
	case av.CodecAAC:
		h.put(audioAAC, classicConfig)
	case av.CodecOpus:
		h.put(audioEnhanced | packetSequenceStart)
		h.putFourCC(fourCCOpus)
	case av.CodecH265, av.CodecAV1, av.CodecVP9:
		h.put(videoEnhanced | frameKey | packetSequenceStart)
		h.putFourCC(fourCC(t.Codec))
	default:
		return dst, fmt.Errorf("%w: %v", ErrCodec, t.Codec)
	}
	return appendMedia(dst, t.Codec, ms, &h, t.Config)
}

// AppendFrame appends the tag of a coded access unit, stamped with its DTS.
//
// Errors: ErrCodec, ErrComposition, ErrTooLarge; dst is then returned as it was.
func AppendFrame(dst []byte, f *av.Frame) ([]byte, error) {
	return appendFrame(dst, f, milliseconds(f.DTS))
}

func appendFrame(dst []byte, f *av.Frame, ms int64) ([]byte, error) {
	var h bodyHead
	if f.Codec.IsVideo() {
		if err := putVideo(&h, f); err != nil {
			return dst, err
		}
		return appendMedia(dst, f.Codec, ms, &h, f.Data)
	}
	switch f.Codec {
	case av.CodecAAC:
		h.put(audioAAC, classicFrame)
	case av.CodecOpus:
		h.put(audioEnhanced | packetCodedFrames)
		h.putFourCC(fourCCOpus)
	default:
		return dst, fmt.Errorf("%w: %v", ErrCodec, f.Codec)
	}
	return appendMedia(dst, f.Codec, ms, &h, f.Data)
}

func putVideo(h *bodyHead, f *av.Frame) error {
	// Not against the tag's own time: where that was moved by 1 ms, the composition time must not get negative.
	cts := milliseconds(f.PTS) - milliseconds(f.DTS)
	if cts < -1<<23 || cts >= 1<<23 { // E.4.3.2: SI24
		return fmt.Errorf("%w: %d ms", ErrComposition, cts)
	}
	kind := byte(frameInter)
	if f.Key {
		kind = frameKey
	}
	switch {
	case f.Codec == av.CodecH264:
		h.put(kind|videoAVC, classicFrame, byte(cts>>16), byte(cts>>8), byte(cts))
	case f.Codec == av.CodecH265 && cts != 0:
		h.put(videoEnhanced | kind | packetCodedFrames)
		h.putFourCC(fourCCHEVC)
		h.put(byte(cts>>16), byte(cts>>8), byte(cts))
	case f.Codec == av.CodecH265:
		h.put(videoEnhanced | kind | packetCodedFramesX)
		h.putFourCC(fourCCHEVC)
	default: // AV1 and VP9 have no composition time on the wire
		h.put(videoEnhanced | kind | packetCodedFrames)
		h.putFourCC(fourCC(f.Codec))
	}
	return nil
}

func appendMedia(dst []byte, c av.Codec, ms int64, h *bodyHead, data []byte) ([]byte, error) {
	n := h.n + len(data)
	if n > maxBody {
		return dst, fmt.Errorf("%w: %d bytes", ErrTooLarge, n)
	}
	typ := byte(typeAudio)
	if c.IsVideo() {
		typ = typeVideo
	}
	if dst == nil {
		dst = make([]byte, 0, tagSize(n)) // a tag of its own, to be kept: not a byte too many
	}
	return appendTag(dst, typ, ms, h.bytes(), data), nil
}

// milliseconds rounds to the unit of FLV's clock.
func milliseconds(d time.Duration) int64 { return av.Ticks(d, 1000) }
