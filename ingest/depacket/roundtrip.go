package depacket

import "time"

const (
	// minRetry keeps a near sender from being asked again before it could answer; maxRetry bounds the wait for a far one.
	minRetry = 20 * time.Millisecond
	maxRetry = 250 * time.Millisecond
	// rounds is how many requests a missing packet gets time for, whatever the deadline: two of them may get lost.
	rounds = 3
	// slack is what requests may be late: they are made when other packets come.
	slack = 30 * time.Millisecond
	// maxWait bounds that time: viewers wait as well.
	maxWait = 600 * time.Millisecond
)

// roundTrip is how long a packet and its answer take, smoothed as RFC 6298 2 does.
type roundTrip struct {
	mean, vary time.Duration // mean is 0 before the first measurement
}

// RoundTrip takes a measurement of how long a packet to the sender and its answer take.
func (r *Reorder) RoundTrip(took time.Duration) { r.trip.note(max(took, 1)) }

func (t *roundTrip) note(took time.Duration) {
	if t.mean == 0 {
		t.mean, t.vary = took, took/2 // RFC 6298 2.2
		return
	}
	off := took - t.mean // RFC 6298 2.3
	t.vary += (max(off, -off) - t.vary) / 4
	t.mean += off / 8
}

// retry is how long an answer is waited for before a packet is asked for again. Asking too early costs a packet,
// asking too late may cost a picture: so this is shorter than RFC 6298's.
func (t *roundTrip) retry() time.Duration {
	if t.mean == 0 {
		return nackRetry
	}
	return min(max(t.mean+2*t.vary, minRetry), maxRetry)
}

// wait is how long a missing packet is waited for: the deadline, or longer where answers take so long.
func (t *roundTrip) wait(deadline time.Duration) time.Duration {
	if t.mean == 0 {
		return deadline
	}
	return max(deadline, min(nackDelay+rounds*t.retry()+slack, maxWait))
}
