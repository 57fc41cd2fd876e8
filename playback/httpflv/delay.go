package httpflv

import (
	"strconv"
	"time"
)

// delay is how long a viewer lets pictures be collected for it: less work for the server, and fewer packets.
type delay struct {
	asked bool
	join  time.Duration
}

// delays are the values that are kept, in milliseconds: viewers of one value share a waker and its pumps, so there are few.
var delays = [...]uint64{0, 50, 100, 200, 350, 500, 1000}

// set takes what was asked for, in milliseconds.
func (d *delay) set(value string) (ok bool) {
	if value == "" {
		return true
	}
	ms, err := strconv.ParseUint(value, 10, 32)
	if err != nil {
		return false
	}
	d.asked = true
	for _, step := range delays {
		if step <= ms {
			d.join = time.Duration(step) * time.Millisecond
		}
	}
	return true
}

// within is the viewer's joining: what it asked for, up to a limit, or else what is usual.
func (d delay) within(usual, most time.Duration) time.Duration {
	if !d.asked {
		return usual
	}
	return min(d.join, max(usual, most))
}
