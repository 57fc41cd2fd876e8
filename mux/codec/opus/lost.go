package opus

import "time"

// lostFrames are the frame durations that stand in for lost sound, by coding, the longest first, each with its
// place in the coding's configurations (RFC 6716 table 2).
var (
	silkFrames   = []lostFrame{{60, 3}, {40, 2}, {20, 1}, {10, 0}}
	hybridFrames = []lostFrame{{20, 1}, {10, 0}}
	celtFrames   = []lostFrame{{20, 3}, {10, 2}, {5, 1}, {2.5, 0}}
)

type lostFrame struct {
	millis float64
	size   byte
}

func (f lostFrame) duration() time.Duration {
	return time.Duration(f.millis * float64(time.Millisecond))
}

// Lost is the first byte of the packet, of this byte alone, that stands in for sound which is missing behind a packet
// that began with like: a frame of no bytes, which is how Opus says "lost, or not sent" (RFC 6716 3.2.1), so that
// every decoder conceals it. The frame is as long as one of like, or the longest one that fits into gap; d is its
// duration, 0 when none is that short.
func Lost(like byte, gap time.Duration) (toc byte, d time.Duration) {
	stereo := like & 4
	if own := frameDuration(like); own <= gap {
		return like &^ 3, own // code 0: one frame
	}
	config := like >> 3
	frames := celtFrames
	switch {
	case config < 12:
		frames = silkFrames
	case config < 16:
		frames = hybridFrames
	}
	for _, f := range frames {
		if f.duration() <= gap {
			return (config-sizeOf(config)+f.size)<<3 | stereo, f.duration()
		}
	}
	for _, f := range celtFrames {
		if f.duration() <= gap {
			return (celtOf(config)+f.size)<<3 | stereo, f.duration()
		}
	}
	return 0, 0
}

// sizeOf is a configuration's place among those of its coding and bandwidth.
func sizeOf(config byte) byte {
	if config >= 12 && config < 16 {
		return config & 1
	}
	return config & 3
}

// celtOf is the first configuration of CELT with the bandwidth of another one, or the next wider where CELT has
// none like it (medium band).
func celtOf(config byte) byte {
	switch {
	case config < 4:
		return 16
	case config < 12:
		return 20
	case config < 14:
		return 24
	case config < 16:
		return 28
	default:
		return config &^ 3
	}
}
