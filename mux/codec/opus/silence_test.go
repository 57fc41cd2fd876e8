package opus

import (
	"slices"
	"testing"

	"github.com/thesyncim/gopus"
)

// TestSilence: a decoder makes 20 ms of nothing out of it, whatever came before.
func TestSilence(t *testing.T) {
	for _, channels := range []int{1, 2} {
		p := Silence(channels)
		if d, err := PacketDuration(p); d != SilenceDuration || err != nil || PacketChannels(p) != channels {
			t.Errorf("%d channels: %v in %d channels, %v", channels, d, PacketChannels(p), err)
		}
		dec, err := gopus.NewDecoder(gopus.DefaultDecoderConfig(ClockRate, channels))
		if err != nil {
			t.Fatal(err)
		}
		pcm := make([]float32, 960*channels)
		for i := range 5 {
			n, err := dec.Decode(p, pcm)
			if err != nil || n != 960 {
				t.Fatalf("%d channels: packet %d gives %d samples, %v", channels, i, n, err)
			}
			if loudest := slices.Max(pcm); loudest > 1e-4 || slices.Min(pcm) < -1e-4 {
				t.Errorf("%d channels: packet %d is as loud as %v", channels, i, loudest)
			}
		}
	}
}
