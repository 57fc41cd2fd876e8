package segmenter

import (
	"slices"
	"time"

	"weir/mux/av"
	"weir/room/live"
)

// usable returns the index of the first of frames, a stream's past, that a playlist is to begin with: as much as
// span holds, and from there on no group of pictures as long as limit, since such a one could only be cut where no
// player can start. It is len(frames) when not even the newest group will do.
func usable(frames []live.Frame, span, limit time.Duration) int {
	from := len(frames)
	if from == 0 {
		return 0
	}
	newest := frames[from-1].DTS
	after := newest // where the group that is looked at ends
	for i, f := range slices.Backward(frames) {
		if f.Kind != av.KindMedia || !f.Join() {
			continue
		}
		if after-f.DTS >= limit || newest-f.DTS > span {
			break
		}
		from, after = i, f.DTS
	}
	return from
}
