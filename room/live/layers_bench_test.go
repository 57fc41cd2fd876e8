package live

import (
	"testing"
	"time"

	"weir/mux/av"
)

// BenchmarkWriteLayers writes a picture of each of three layers, the largest of which is shown: four entries in the ring.
func BenchmarkWriteLayers(b *testing.B) {
	p := layered(b, runRegistry(b, testOptions()), 1)
	at := writeLayers(b, p, "qhf", 0, 40)
	b.ReportAllocs()
	for b.Loop() {
		at += 40 * time.Millisecond
		for i := range testLayers {
			t := &testLayers[i]
			_ = p.Write(&av.Frame{Track: t.ID, Codec: t.Codec, DTS: at, PTS: at})
		}
	}
}
