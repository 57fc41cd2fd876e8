package segmenter

import (
	"time"

	"weir/mux/av"
	"weir/mux/fmp4"
)

// track is what a builder keeps of a track: the frame whose duration is not known yet, and the samples that the
// open part has so far.
type track struct {
	av.Track
	scale uint32

	held    *av.Frame
	step    time.Duration // the last duration, which a frame without a successor gets too
	samples []fmp4.Sample
	base    uint64 // decoding time of the first sample
}

// hold keeps a frame until the next one of the track comes.
func (t *track) hold(f *av.Frame) { t.held = f }

// settle makes a sample of the held frame, which lasts until next.
func (t *track) settle(next time.Duration) {
	f := t.held
	if f == nil {
		return
	}
	t.held, t.step = nil, next-f.DTS
	dts := av.Ticks(f.DTS, t.scale)
	if len(t.samples) == 0 {
		t.base = uint64(max(0, dts))
	}
	t.samples = append(t.samples, fmp4.Sample{
		Duration:  uint32(av.Ticks(next, t.scale) - dts),
		PTSOffset: int32(av.Ticks(f.PTS, t.scale) - dts),
		Key:       f.Key, Data: f.Data,
	})
}

// release settles the held frame with the duration it is expected to have, and returns where it ends; 0 when none
// is held.
func (t *track) release() (end time.Duration) {
	if t.held == nil {
		return 0
	}
	end = t.held.DTS + t.expected()
	t.settle(end)
	return end
}

func (t *track) expected() time.Duration {
	switch {
	case t.step > 0:
		return t.step
	case t.Codec.IsVideo():
		return time.Second / 30
	default:
		return 20 * time.Millisecond
	}
}
