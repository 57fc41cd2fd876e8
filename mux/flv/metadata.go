package flv

import (
	"encoding/binary"
	"math"

	"weir/mux/av"
	"weir/mux/codec/aac"
	"weir/mux/codec/h264"
)

// AMF0 markers (Adobe AMF0 2.1).
const (
	amfNumber    = 0
	amfBoolean   = 1
	amfString    = 2
	amfECMAArray = 8
	amfObjectEnd = 9
)

// AppendMetadata appends the script tag onMetaData of the tracks, stamped 0: an ECMA array, as tools that
// refuse a plain object expect it, with its properties always in the same order. encoder is named as the
// maker of the stream. A frame rate is named where the video promises one; pictures from WebRTC have none.
func AppendMetadata(dst []byte, ts av.Tracks, encoder string) []byte {
	return appendMetadata(dst, ts, encoder, false)
}

// appendMetadata is AppendMetadata, of a file with places for its duration and size.
func appendMetadata(dst []byte, ts av.Tracks, encoder string, file bool) []byte {
	var props [256]byte
	body, n := props[:0], uint32(0)
	if file {
		body = appendNumber(body, durationName, 0)
		body = appendNumber(body, sizeName, 0)
		n += 2
	}
	video, audio := carried(ts)
	if video != nil {
		body = appendNumber(body, "width", float64(video.Width))
		body = appendNumber(body, "height", float64(video.Height))
		body = appendNumber(body, "videocodecid", codecID(video.Codec))
		n += 3
		if rate := frameRate(video); rate > 0 {
			body = appendNumber(body, "framerate", rate)
			n++
		}
	}
	if audio != nil {
		body = appendNumber(body, "audiocodecid", codecID(audio.Codec))
		body = appendNumber(body, "audiosamplerate", float64(sampleRate(audio)))
		body = appendBoolean(body, "stereo", audio.Channels > 1)
		n += 3
	}
	body = appendName(body, "encoder")
	body = append(body, amfString)
	body = appendName(body, encoder)
	body = append(body, 0, 0, amfObjectEnd)

	var start [32]byte
	head := append(start[:0], amfString)
	head = appendName(head, "onMetaData")
	head = append(head, amfECMAArray)
	head = binary.BigEndian.AppendUint32(head, n+1)
	return appendTag(dst, typeScript, 0, head, body)
}

// codecID is the classic codec id, or the FourCC as a number (Enhanced RTMP v2, "Enhanced onMetaData").
func codecID(c av.Codec) float64 {
	switch c {
	case av.CodecH264:
		return 7
	case av.CodecAAC:
		return 10
	default:
		if id := fourCC(c); id != "" {
			return float64(binary.BigEndian.Uint32([]byte(id)))
		}
		return 0
	}
}

// frameRate is the fixed rate of the video, or 0 without one.
func frameRate(t *av.Track) float64 {
	if t.Codec != av.CodecH264 {
		return 0
	}
	sets, _, err := h264.ParseConfig(t.Config)
	if err != nil {
		return 0
	}
	s, err := h264.ParseSPS(sets[0])
	if err != nil {
		return 0
	}
	return s.FrameRate
}

// sampleRate is the real rate, also where the audio tags say 44 kHz because they must.
func sampleRate(t *av.Track) uint32 {
	if t.Codec == av.CodecAAC {
		if c, err := aac.ParseConfig(t.Config); err == nil {
			return uint32(c.Rate)
		}
	}
	return t.ClockRate
}

func appendNumber(dst []byte, name string, v float64) []byte {
	dst = append(appendName(dst, name), amfNumber)
	return binary.BigEndian.AppendUint64(dst, math.Float64bits(v))
}

func appendBoolean(dst []byte, name string, v bool) []byte {
	dst = append(appendName(dst, name), amfBoolean)
	if v {
		return append(dst, 1)
	}
	return append(dst, 0)
}

// appendName appends a string as property names are written: its length in 16 bits, no marker.
func appendName(dst []byte, s string) []byte {
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(s)))
	return append(dst, s...)
}
