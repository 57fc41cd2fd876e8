package record

import (
	"time"

	"weir/mux/av"
	"weir/mux/fmp4"
)

// track is what an MP4 keeps of a track: the frame whose duration is not known until the next one comes, and the samples
// that are not written yet.
type track struct {
	av.Track
	scale uint32
	zero  time.Duration // of the stream, where the file begins

	held    *av.Frame
	step    time.Duration // the last duration, which a frame without a successor gets too
	samples []fmp4.Sample
	base    uint64 // decoding time of the first sample
	end     int64  // where the last sample ends
}

// settle makes a sample of the held frame, which lasts until next.
func (t *track) settle(next time.Duration) {
	f := t.held
	if f == nil {
		return
	}
	t.held, t.step = nil, next-f.DTS
	// Ticks are of the distance to the beginning, so that rounding does not add up.
	dts := av.Ticks(f.DTS-t.zero, t.scale)
	if len(t.samples) == 0 {
		t.base = uint64(max(0, dts))
	}
	t.end = av.Ticks(next-t.zero, t.scale)
	t.samples = append(t.samples, fmp4.Sample{
		Duration:  uint32(t.end - dts),
		PTSOffset: int32(av.Ticks(f.PTS-t.zero, t.scale) - dts),
		Key:       f.Key, Data: f.Data,
	})
}

// release settles the held frame with the duration that it is expected to have.
func (t *track) release() {
	if t.held != nil {
		t.settle(t.held.DTS + t.expected())
	}
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

// drop forgets the samples, which are written or cannot be.
func (t *track) drop() {
	clear(t.samples) // hold no frame
	t.samples = t.samples[:0]
}

// duration is that of the samples that are not written yet, in the track's time scale.
func (t *track) duration() (ticks uint64) {
	for i := range t.samples {
		ticks += uint64(t.samples[i].Duration)
	}
	return ticks
}
