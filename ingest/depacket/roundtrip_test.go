package depacket

import (
	"testing"
	"time"
)

// measured is a ring that knows the round trip.
func measured(trip time.Duration, out sink) *Reorder {
	r := NewReorder(512, 200*time.Millisecond, out)
	for range 30 {
		r.RoundTrip(trip)
	}
	return r
}

func TestRetryAndWaitFollowTheRoundTrip(t *testing.T) {
	const deadline, ms = 200 * time.Millisecond, time.Millisecond
	fresh := NewReorder(512, deadline, new(order))
	if fresh.trip.retry() != nackRetry || fresh.trip.wait(deadline) != deadline {
		t.Errorf("before a measurement: retry %v, wait %v", fresh.trip.retry(), fresh.trip.wait(deadline))
	}
	for _, c := range []struct{ trip, retry, wait time.Duration }{
		{0, minRetry, deadline},
		{5 * ms, minRetry, deadline},
		{40 * ms, 40 * ms, deadline},
		{120 * ms, 120 * ms, 400 * ms},
		{200 * ms, 200 * ms, maxWait},
		{time.Hour, maxRetry, maxWait},
	} {
		r := measured(c.trip, new(order))
		retry, wait := r.trip.retry(), r.trip.wait(deadline)
		if off := retry - c.retry; off.Abs() > ms || (wait-c.wait).Abs() > 3*ms {
			t.Errorf("a round trip of %v: retry %v, wait %v", c.trip, retry, wait)
		}
	}
	r := measured(40*ms, new(order))
	for range 30 {
		r.RoundTrip(120 * ms)
	}
	if got := r.trip.mean; got < 115*ms {
		t.Errorf("a round trip that grew to 120 ms is taken as %v", got)
	}
}

// lossy gives the ring one packet per 20 ms without every fourth, and answers the answered-th request for each of
// those after a round trip. It returns how often a packet was asked for at most.
func lossy(r *Reorder, trip time.Duration, answered int) (most int) {
	const every, tick = 20 * time.Millisecond, 5 * time.Millisecond
	answers, asked := map[time.Duration][]uint16{}, map[uint16]int{}
	for now := time.Duration(0); now < 8*time.Second; now += tick {
		push(r, now, answers[now]...)
		if n := uint16(now / every); now%every == 0 && n%4 != 3 {
			push(r, now, n)
		}
		r.Expire(now)
		for _, seq := range r.Missing(nil, now) {
			asked[seq]++
			most = max(most, asked[seq])
			if asked[seq] == answered {
				answers[now+trip] = append(answers[now+trip], seq)
			}
		}
	}
	return most
}

// TestRequestsGetLost: of three requests two may get lost, and none is made before its answer could be there.
func TestRequestsGetLost(t *testing.T) {
	for _, trip := range []time.Duration{20 * time.Millisecond, 60 * time.Millisecond, 120 * time.Millisecond, 180 * time.Millisecond} {
		for answered := 1; answered <= rounds; answered++ {
			r := measured(trip, new(order))
			most := lossy(r, trip, answered)
			if s := r.Stats(); most != answered || s.Lost > 0 || s.Recovered < 90 {
				t.Errorf("round trip %v, request %d answered: asked %d times, %+v", trip, answered, most, s)
			}
		}
	}
}
