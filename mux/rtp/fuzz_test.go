package rtp

import (
	"bytes"
	"testing"

	"weir/mux/av"
)

// FuzzEncode: whatever a frame holds, there is no panic, no payload is empty or too large, and what was packed of H.264
// comes out again.
func FuzzEncode(f *testing.F) {
	all := videoSamples(f)
	for name, s := range all {
		for _, frame := range s.frames[1:4] { // small ones
			f.Add(frame.Data, uint8(len(name)), frame.Key, uint16(600))
		}
	}
	tracks := []av.Track{all["h264"].track, all["h265"].track, all["av1"].track, all["vp9"].track}
	f.Fuzz(func(t *testing.T, data []byte, codec uint8, key bool, mtu uint16) {
		track := tracks[int(codec)%len(tracks)]
		e := NewEncoder(av.Tracks{track}, Options{MTU: int(mtu)})
		units, err := e.Encode(nil, &av.Frame{Track: track.ID, Codec: track.Codec, Key: key, Data: data})
		if err != nil {
			return
		}
		for _, p := range units[0].Payloads {
			if len(p) == 0 || len(p) > e.max {
				t.Fatalf("payload of %d bytes", len(p))
			}
		}
		if track.Codec == av.CodecH264 && clean(data) {
			if got := lengthPrefixed(joinH264(t, units[0].Payloads)...); !bytes.HasSuffix(got, data) {
				t.Fatal("another frame")
			}
		}
	})
}

// clean tells whether no NAL unit is of a type that RFC 6184 has for packets.
func clean(data []byte) bool {
	for len(data) > 0 {
		nal, rest, err := cutNAL(data, 1)
		if t := nal[0] & 0x1f; err != nil || t == 0 || t > 23 {
			return false
		}
		data = rest
	}
	return true
}

// FuzzConfig: no configuration record makes a panic.
func FuzzConfig(f *testing.F) {
	for _, s := range videoSamples(f) {
		f.Add(s.track.Config, uint8(s.track.Codec))
	}
	f.Fuzz(func(t *testing.T, config []byte, codec uint8) {
		track := av.Track{ID: 1, Codec: av.Codec(codec), ClockRate: 90000, Config: config}
		e := NewEncoder(av.Tracks{track}, Options{})
		units, _ := e.Encode(nil, &av.Frame{Track: 1, Codec: track.Codec, Key: true, Data: nalOf(20)})
		if len(units) > 0 && e.video == nil && track.Codec != av.CodecOpus {
			t.Fatal("a unit of a track that cannot be read")
		}
	})
}
