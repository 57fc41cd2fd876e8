package pull

import (
	"context"
	"time"
)

const (
	// maxStep is how far times may step, or fall back, before they count as another time line.
	maxStep = 10 * time.Second
	// hurry is the part of its time by which media is faster while there is more of it than is needed.
	hurry = 20
	// grain is what is not worth a timer.
	grain = 5 * time.Millisecond
)

// pace hands media on at the speed of its times. What comes late makes all that follows late: what was a pause once stays
// a reserve.
type pace struct {
	begun bool
	due   time.Time     // of last
	last  time.Duration // the time of the frame before
}

// wait waits until it is time for a frame.
//
// Errors: the context's.
func (p *pace) wait(ctx context.Context, at time.Duration, fast bool) error {
	step := at - p.last
	now := time.Now()
	switch {
	case !p.begun || step > maxStep || step < -maxStep:
		p.begun, p.due = true, now
	case fast:
		p.due = p.due.Add(step - step/hurry)
	default:
		p.due = p.due.Add(step)
	}
	p.last = at
	early := p.due.Sub(now)
	if early < 0 {
		p.due = now
	}
	if early > grain && !sleep(ctx, early) {
		return context.Cause(ctx)
	}
	return nil
}
