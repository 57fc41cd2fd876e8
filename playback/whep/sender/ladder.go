package sender

import (
	"time"

	"weir/mux/av"
)

const (
	// A larger layer comes back when the path carries stepMargin of it for stepHold, and no sooner than stepRest after
	// the last change.
	stepMargin = 1.3
	stepHold   = 5 * time.Second
	stepRest   = 10 * time.Second
)

// ladder remembers from which simulcast layers a viewer came down.
type ladder struct {
	above   []rung    // the largest first
	moved   time.Time // the last change
	fits    time.Time // since then the path carries the one above; zero when it does not
	seconds meter
}

// rung is a layer, empty for the stream's main video, and its rate in bit/s.
type rung struct {
	layer string
	rate  int
}

// below is the layer under a video track of a size: the largest that is smaller. ok is false when there is none.
func below(ts av.Tracks, size int) (layer string, ok bool) {
	best := 0
	for i := range ts {
		if n := ts[i].Width * ts[i].Height; ts[i].Layer != "" && n < size && n > best {
			best, layer, ok = n, ts[i].Layer, true
		}
	}
	return layer, ok
}

// down notes a step to a lower layer.
func (l *ladder) down(from string, now time.Time) {
	l.above = append(l.above, rung{from, l.seconds.rate})
	l.restart(now)
}

// up takes the step back to the layer above.
func (l *ladder) up(now time.Time) (layer string) {
	top := l.above[len(l.above)-1]
	l.above = l.above[:len(l.above)-1]
	l.restart(now)
	return top.layer
}

func (l *ladder) restart(now time.Time) { l.moved, l.fits, l.seconds = now, time.Time{}, meter{} }

// mayRise tells whether the path, which carries rate bit/s, has carried the layer above for long enough.
func (l *ladder) mayRise(now time.Time, rate int) bool {
	if len(l.above) == 0 || now.Sub(l.moved) < stepRest {
		return false
	}
	if float64(rate) < stepMargin*float64(l.above[len(l.above)-1].rate) {
		l.fits = time.Time{}
		return false
	}
	if l.fits.IsZero() {
		l.fits = now
	}
	return now.Sub(l.fits) >= stepHold
}

// meter measures a rate over two seconds of media, or what there is.
type meter struct {
	rate  int // bit/s; 0 at first
	bits  int
	since time.Duration
	begun bool
}

func (m *meter) add(at time.Duration, bytes int) {
	if !m.begun {
		m.begun, m.since = true, at
	}
	if span := at - m.since; span >= 2*time.Second {
		m.rate = int(float64(m.bits) / span.Seconds())
		m.bits, m.since = 0, at
	}
	m.bits += 8 * bytes
}
