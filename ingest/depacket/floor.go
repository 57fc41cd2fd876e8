package depacket

import "time"

const (
	floorStep    = time.Second      // a packet of the shortest delay comes in nearly each
	floorWindow  = 10               // steps
	floorEvery   = 10 * time.Second // between the points of the slope
	floorPoints  = 64               // 10 minutes
	floorEnough  = 6                // points: below them jitter is taken for drift
	floorUnknown = 1<<63 - 1
)

// floor follows the shortest delay between a track's timestamps and their arrival, which tells more of both clocks
// than any other: the network adds to a packet's delay and never takes from it.
type floor struct {
	first  time.Duration // when the first packet came
	step   time.Duration // start of the present step
	steps  [floorWindow]time.Duration
	at     int // the present step's place in steps
	low    time.Duration
	filled bool // first, step and steps are valid

	points  [floorPoints]time.Duration // of low, floorEvery apart, the oldest first
	n       int
	pointed time.Duration // when the last point was taken
}

// note takes the delay of a packet.
func (f *floor) note(arrival, delay time.Duration) {
	if !f.filled {
		f.filled, f.first, f.step, f.low, f.pointed = true, arrival, arrival, delay, arrival
		for i := range f.steps {
			f.steps[i] = floorUnknown
		}
	}
	for arrival-f.step >= floorStep {
		if arrival-f.step >= floorWindow*floorStep {
			f.step = arrival - floorStep // a long silence: what was before it is old all the same
		}
		f.step += floorStep
		f.at = (f.at + 1) % floorWindow
		f.steps[f.at] = floorUnknown
		f.sum()
	}
	f.steps[f.at] = min(f.steps[f.at], delay)
	f.low = min(f.low, delay)
	if arrival-f.pointed >= floorEvery {
		f.point(arrival)
	}
}

// sum finds the shortest delay again when a step went out of the window.
func (f *floor) sum() {
	low := time.Duration(floorUnknown)
	for _, d := range f.steps {
		low = min(low, d)
	}
	f.low = low
}

func (f *floor) point(arrival time.Duration) {
	if arrival-f.pointed > 2*floorEvery {
		f.n = 0 // the points are evenly spaced, so they begin anew behind a pause
	}
	if f.n == floorPoints {
		copy(f.points[:], f.points[1:])
		f.n--
	}
	f.points[f.n] = f.low
	f.n++
	f.pointed = arrival
}

// known tells whether enough was seen to go by.
func (f *floor) known(now time.Duration) bool { return f.filled && now-f.first >= 2*floorStep }

// slope is by how much the shortest delay grows in a unit of time: the slope of the straight line with the least
// squares of distances from the points.
func (f *floor) slope() (float64, bool) {
	if f.n < floorEnough {
		return 0, false
	}
	var sx, sy, sxx, sxy float64
	for i := range f.n {
		x, y := float64(i)*floorEvery.Seconds(), (f.points[i] - f.points[0]).Seconds()
		sx, sy, sxx, sxy = sx+x, sy+y, sxx+x*x, sxy+x*y
	}
	n := float64(f.n)
	return (n*sxy - sx*sy) / (n*sxx - sx*sx), true
}
