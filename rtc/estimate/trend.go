package estimate

// state is what a path does.
type state int

const (
	normal state = iota
	filling
	draining
)

// The figures are those of draft-ietf-rmcat-gcc-02 5 and of the trend line that browsers use in place of its filter.
const (
	window        = 20  // bursts that the line is laid through
	smoothing     = 0.9 // of the delay
	gain          = 4.0 // of the slope, and times the bursts known, up to mostDeltas
	mostDeltas    = 60  //
	thresholdUp   = 8.7e-3
	thresholdDown = 3.9e-2
	thresholdLow  = 6.0 // ms
	thresholdHigh = 600.0
	overuse       = 10.0 // ms that the line is too steep before it means something
	outlier       = 15.0 // ms above the threshold, which does not follow such leaps
)

// trend lays a line through the delay of bursts and compares its slope with a threshold that follows the path's jitter.
type trend struct {
	state     state
	at, delay [window]float64 // ms
	n, next   int
	deltas    int
	first     int64 // µs
	sum       float64
	smooth    float64
	threshold float64
	previous  float64 // slope
	steep     float64 // ms for which it was too steep
	times     int
	updated   float64 // ms
}

func (t *trend) add(d delta) {
	if t.deltas == 0 {
		t.first, t.threshold = d.at, 12.5
	}
	t.deltas = min(t.deltas+1, 1<<20)
	t.sum += float64(d.arrived-d.sent) / 1000
	t.smooth = smoothing*t.smooth + (1-smoothing)*t.sum
	now := float64(d.at-t.first) / 1000
	t.at[t.next], t.delay[t.next] = now, t.smooth
	t.next = (t.next + 1) % window
	t.n = min(t.n+1, window)
	slope := t.previous
	if t.n == window {
		slope = t.slope()
	}
	t.detect(slope, float64(d.sent)/1000, now)
}

// slope is that of the line of least squares.
func (t *trend) slope() float64 {
	var x, y float64
	for i := range window {
		x += t.at[i]
		y += t.delay[i]
	}
	x /= window
	y /= window
	var above, below float64
	for i := range window {
		above += (t.at[i] - x) * (t.delay[i] - y)
		below += (t.at[i] - x) * (t.at[i] - x)
	}
	if below == 0 {
		return t.previous
	}
	return above / below
}

func (t *trend) detect(slope, between, now float64) {
	if t.deltas < 2 {
		return
	}
	steepness := slope * gain * float64(min(t.deltas, mostDeltas))
	switch {
	case steepness > t.threshold:
		if t.times == 0 {
			between /= 2 // it began in between
		}
		t.steep += between
		t.times++
		if t.steep > overuse && t.times > 1 && slope >= t.previous {
			t.steep, t.times = 0, 0
			t.state = filling
		}
	case steepness < -t.threshold:
		t.steep, t.times, t.state = 0, 0, draining
	default:
		t.steep, t.times, t.state = 0, 0, normal
	}
	t.previous = slope
	t.adapt(steepness, now)
}

// adapt moves the threshold toward the steepness, up slower than down (5.4).
func (t *trend) adapt(steepness, now float64) {
	size := max(steepness, -steepness)
	since := min(now-t.updated, 100)
	t.updated = now
	if size > t.threshold+outlier {
		return
	}
	k := thresholdUp
	if size < t.threshold {
		k = thresholdDown
	}
	t.threshold = min(max(t.threshold+k*(size-t.threshold)*since, thresholdLow), thresholdHigh)
}
