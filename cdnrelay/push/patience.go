package push

import (
	"errors"
	"math/rand/v2"
	"time"
)

// steady is how long a connection must have run to be a good one: what fails behind it is a new trouble and not the old one.
const steady = 10 * time.Second

// patience says when a destination that failed is tried again. It is for one goroutine.
type patience struct {
	first, most time.Duration // pauses
	giveUp      time.Duration
	failures    int       // in a row
	since       time.Time // the first of them
}

// pause is how long to wait after a connection that ran for so long and failed at now. It is not ok when the destination was
// tried in vain for long enough.
func (p *patience) pause(now time.Time, ran time.Duration, err error) (wait time.Duration, ok bool) {
	if ran >= steady {
		p.failures = 0
	}
	if p.failures++; p.failures == 1 {
		p.since = now
		if errors.Is(err, ErrChanged) {
			return 0, true // nothing is wrong with the target
		}
	}
	if p.giveUp > 0 && now.Sub(p.since) >= p.giveUp {
		return 0, false
	}
	wait = min(p.first<<min(p.failures-1, 16), p.most)
	return wait - rand.N(wait/2+1), true //nolint:gosec // chance spreads the tries of many destinations
}
