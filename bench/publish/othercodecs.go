package publish

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"

	"github.com/pion/rtp/codecs"
	"github.com/pion/webrtc/v4"
)

// clip is a video file with what it takes to send it.
type clip struct {
	units []AccessUnit
	offer string // name among videoCodecs
	mime  string
	// packetize makes the RTP payloads of a unit, each of at most size bytes.
	packetize func(nals [][]byte, size int) [][]byte
}

// readClip reads a file of H.265 in Annex B, or of AV1 or VP9 in IVF, by its contents.
func readClip(name string) (*clip, error) {
	b, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("cannot read video: %w", err)
	}
	var c *clip
	switch {
	case !bytes.HasPrefix(b, []byte("DKIF")):
		p := new(codecs.H265Payloader)
		c = &clip{
			offer: "h265", mime: webrtc.MimeTypeH265, units: splitH265(b),
			packetize: func(nals [][]byte, size int) (out [][]byte) {
				var unit []byte
				for _, nal := range nals {
					unit = append(append(unit, 0, 0, 0, 1), nal...)
				}
				return p.Payload(uint16(size), unit)
			},
		}
	case len(b) > ivfHead && string(b[8:12]) == "AV01":
		p := new(codecs.AV1Payloader)
		c = &clip{offer: "av1", mime: webrtc.MimeTypeAV1, units: splitIVF(b, isKeyAV1), packetize: first(p.Payload)}
	case len(b) > ivfHead && string(b[8:12]) == "VP90":
		p := &codecs.VP9Payloader{FlexibleMode: true}
		c = &clip{offer: "vp9", mime: webrtc.MimeTypeVP9, units: splitIVF(b, isKeyVP9), packetize: first(p.Payload)}
	default:
		return nil, fmt.Errorf("cannot read video %s: neither H.265 nor AV1 or VP9 in IVF", name)
	}
	if len(c.units) == 0 {
		return nil, fmt.Errorf("cannot read video %s: no picture in it", name)
	}
	return c, nil
}

// first adapts a payloader of whole units.
func first(payload func(mtu uint16, unit []byte) [][]byte) func([][]byte, int) [][]byte {
	return func(unit [][]byte, size int) [][]byte { return payload(uint16(size), unit[0]) }
}

const (
	ivfHead      = 32
	ivfFrameHead = 12
)

// splitIVF lists the frames of an IVF file; each is a unit of one piece.
func splitIVF(b []byte, isKey func([]byte) bool) []AccessUnit {
	var units []AccessUnit
	for b = b[ivfHead:]; len(b) > ivfFrameHead; {
		n := int(binary.LittleEndian.Uint32(b))
		b = b[ivfFrameHead:]
		if n > len(b) {
			break
		}
		if n > 0 {
			units = append(units, AccessUnit{NALs: [][]byte{b[:n:n]}, Key: isKey(b[:n])})
		}
		b = b[n:]
	}
	return units
}

// isKeyAV1 goes by the sequence header that encoders put before key frames, behind the temporal delimiter (0x12 0).
func isKeyAV1(unit []byte) bool { return len(unit) > 2 && unit[2]>>3&0x0f == 1 }

// isKeyVP9 goes by frame_type (VP9 6.2), which stands behind show_existing_frame in profiles 0 to 2.
func isKeyVP9(frame []byte) bool { return frame[0]&0x0c == 0 }

// splitH265 cuts an H.265 byte stream into access units of one slice each, parameter sets before it.
func splitH265(stream []byte) []AccessUnit {
	var units []AccessUnit
	var au AccessUnit
	for _, nal := range SplitNALs(stream) {
		au.NALs = append(au.NALs, nal)
		if t := nal[0] >> 1 & 0x3f; t < 32 { // a picture's (ITU-T H.265 table 7-1)
			au.Key = t >= 16
			units = append(units, au)
			au = AccessUnit{}
		}
	}
	return units
}
