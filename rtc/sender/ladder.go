package sender

import (
	"time"

	"weir/mux/av"
)

const (
	// A larger layer comes back when the path carries stepMargin of it for stepHold, and no sooner than stepRest after
	// the last change or the last probe, or stepRestMost where probes show again and again that it does not.
	stepMargin   = 1.3
	stepHold     = 3 * time.Second
	stepRest     = 10 * time.Second
	stepRestMost = 160 * time.Second
	// probeTime is how long a probe takes at most.
	probeTime = 3 * time.Second
)

// ladder remembers from which simulcast layers a viewer came down, and finds out when it can go up again. A path shows
// what it carries only when it is asked to: what the small layer leaves of the large one's rate is then sent as copies
// of packets that the viewer has, which it throws away.
type ladder struct {
	above []rung        // the largest first
	moved time.Time     // the last change, or the end of the last probe
	rest  time.Duration // until the next; 0 is stepRest
	fits  time.Time     // since then the path carries the one above; zero when it does not
	probe time.Time     // when the present probe began; zero when there is none
	last  time.Time     // when it was last told what to send
	meter meter         // of the present layer
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
	l.above = append(l.above, rung{from, l.meter.rate})
	l.restart(now)
}

// up takes the step back to the layer above.
func (l *ladder) up(now time.Time) (layer string) {
	top := l.above[len(l.above)-1]
	l.above = l.above[:len(l.above)-1]
	l.restart(now)
	l.rest = 0
	return top.layer
}

func (l *ladder) restart(now time.Time) {
	l.moved, l.fits, l.probe, l.meter = now, time.Time{}, time.Time{}, meter{}
}

// climb tells whether to take the layer above, on a path that carries rate bit/s (0: no limit is known), and else how many
// bytes to send beside what the viewer gets, to find out.
func (l *ladder) climb(now time.Time, rate int) (up bool, probe int) {
	if len(l.above) == 0 || now.Sub(l.moved) < max(l.rest, stepRest) {
		return false, 0
	}
	want := int(stepMargin * float64(l.above[len(l.above)-1].rate))
	if rate == 0 || rate >= want {
		if l.fits.IsZero() {
			l.fits = now
		}
		return !l.probe.IsZero() || now.Sub(l.fits) >= stepHold, 0
	}
	l.fits = time.Time{}
	if l.probe.IsZero() {
		l.probe, l.last = now, now
	}
	if now.Sub(l.probe) > probeTime {
		l.moved, l.probe, l.rest = now, time.Time{}, min(stepRestMost, 2*max(l.rest, stepRest))
		return false, 0
	}
	since := min(now.Sub(l.last), 200*time.Millisecond)
	l.last = now
	return false, int(float64(max(0, want-l.meter.rate)) / 8 * since.Seconds())
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
