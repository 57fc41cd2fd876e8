package samples

import (
	"testing"
	"time"

	"weir/mux/av"
	"weir/mux/codec/aac"
	"weir/mux/codec/opus"
)

// AudioID is the id of a track of sound.
const AudioID av.TrackID = 2

// AAC is 20 s of a tone in stereo at 48 kHz, and its track.
func AAC(t testing.TB) (av.Track, []*av.Frame) {
	t.Helper()
	const headerSize = 7
	var frames []*av.Frame
	for b := read(t, "tone.aac"); len(b) > headerSize; {
		n := int(b[3]&3)<<11 | int(b[4])<<3 | int(b[5])>>5 // ISO/IEC 14496-3 1.A.3.2: aac_frame_length
		at := av.Duration(int64(len(frames))*aac.SamplesPerFrame, 48000)
		frames = append(frames, sound(av.CodecAAC, at, b[headerSize:n:n]))
		b = b[n:]
	}
	return av.Track{
		ID: AudioID, Codec: av.CodecAAC, ClockRate: 48000, Channels: 2, Config: aac.AppendConfig(nil, 48000, 2),
	}, frames
}

// Opus is 20 s of a tone in stereo, in packets of 20 ms, and its track.
func Opus(t testing.TB) (av.Track, []*av.Frame) {
	t.Helper()
	packets := ogg(read(t, "tone.ogg"))
	var frames []*av.Frame
	for i, p := range packets[2:] { // RFC 7845 3: behind two headers
		frames = append(frames, sound(av.CodecOpus, time.Duration(i)*20*time.Millisecond, p))
	}
	return av.Track{ID: AudioID, Codec: av.CodecOpus, ClockRate: opus.ClockRate, Channels: 2, Config: packets[0]}, frames
}

func sound(c av.Codec, at time.Duration, data []byte) *av.Frame {
	return &av.Frame{Track: AudioID, Codec: c, Key: true, DTS: at, PTS: at, Data: data}
}

// ogg takes the packets out of the pages of a file of one stream (RFC 3533 6).
func ogg(b []byte) (packets [][]byte) {
	const headerSize = 27
	var part []byte
	for len(b) > headerSize {
		lacing := b[headerSize : headerSize+int(b[headerSize-1])]
		b = b[headerSize+len(lacing):]
		for _, n := range lacing {
			part = append(part, b[:n]...)
			if b = b[n:]; n < 255 {
				packets, part = append(packets, part), nil
			}
		}
	}
	return packets
}
