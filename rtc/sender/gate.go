package sender

import (
	"time"

	"weir/mux/rtp"
)

const (
	// gateThin is what may wait on the path before pictures that nothing depends on are left out, and gateSkip before
	// all are up to a key frame: as much as a key frame of a second's bits makes.
	gateThin = 300 * time.Millisecond
	gateSkip = 800 * time.Millisecond
	// gateResume is what may wait when a key frame begins again.
	gateResume = 100 * time.Millisecond
	// gateHold is how long it stays thin, so that pictures do not come and go.
	gateHold = 5 * time.Second
	// gateAsk is the pace at which a viewer who skips asks for key frames, which cost everybody.
	gateAsk = 4 * time.Second
)

// verdict is what becomes of a picture.
type verdict uint8

const (
	pass verdict = iota
	leaveOut
	skip // up to a key frame
)

// gate chooses the pictures that a path carries, by what waits on it if it carries what is estimated: those that nothing
// depends on go first, then all up to the next key frame, so that none is shown that lacks another.
type gate struct {
	queue    float64 // bytes
	last     time.Time
	skipping bool
	thin     time.Time // until then
	asked    time.Time
}

// waits drains the queue at a rate in bit/s and tells how long what is left of it takes. Without a rate nothing waits.
func (g *gate) waits(now time.Time, rate int) time.Duration {
	if rate <= 0 {
		g.queue, g.last = 0, now
		return 0
	}
	g.queue = max(0, g.queue-now.Sub(g.last).Seconds()*float64(rate)/8)
	g.last = now
	return time.Duration(g.queue * 8 / float64(rate) * float64(time.Second))
}

// spend notes what was sent.
func (g *gate) spend(bytes int) { g.queue += float64(bytes) }

// judge tells what becomes of a picture; ask tells that a key frame is wanted to go on with.
func (g *gate) judge(u *rtp.Unit, now time.Time, rate int) (v verdict, ask bool) {
	waits := g.waits(now, rate)
	if g.skipping {
		if waits > gateResume {
			return skip, false
		}
		if u.Key {
			g.skipping = false
			return pass, false
		}
		if ask = now.Sub(g.asked) >= gateAsk; ask {
			g.asked = now
		}
		return skip, ask
	}
	if waits > gateSkip {
		g.skipping = true
		return skip, false
	}
	if waits > gateThin {
		g.thin = now.Add(gateHold)
	}
	if u.Discardable && now.Before(g.thin) {
		return leaveOut, false
	}
	return pass, false
}
