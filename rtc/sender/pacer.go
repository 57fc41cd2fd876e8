package sender

import "time"

const (
	// paceUnknown is the rate in bit/s while nothing is known of the path: a key frame of 60 KB leaves in 12 ms.
	paceUnknown = 40_000_000
	// paceMultiple of the estimate, and no less than paceLeast: the rest of the estimate's second is for what comes next.
	paceMultiple = 4
	paceLeast    = 8_000_000
	// paceBurst are the bytes that may leave at once: more than an ordinary picture of 3 Mbit/s.
	paceBurst = 24 << 10
	// paceStep is the shortest wait: timers are not better.
	paceStep = time.Millisecond
)

// pacer spreads a key frame, or the group that a viewer joins with, over some milliseconds, so that no queue on the
// path overflows. It is a bucket of bytes, for one goroutine at a time.
type pacer struct {
	debt float64 // bytes that left beyond the rate
	last time.Time
}

// delay is how long the next piece has to wait, at an estimate of the path in bit/s; 0 is unknown.
func (p *pacer) delay(now time.Time, estimate int) time.Duration {
	rate := float64(paceUnknown)
	if estimate > 0 {
		rate = max(paceLeast, paceMultiple*float64(estimate))
	}
	rate /= 8
	p.debt = max(0, p.debt-now.Sub(p.last).Seconds()*rate)
	p.last = now
	wait := time.Duration((p.debt - paceBurst) / rate * float64(time.Second))
	if wait < paceStep {
		return 0
	}
	return wait
}

// spend notes what left.
func (p *pacer) spend(bytes int) { p.debt += float64(bytes) }
