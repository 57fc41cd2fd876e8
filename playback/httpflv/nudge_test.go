package httpflv

import "testing"

// TestPingCostsNobodyElse: pings are answered at once, and who shares the pump gets nothing earlier for them: to be
// written to seldom is what makes viewers cheap.
func TestPingCostsNobodyElse(t *testing.T) {
	const pings = 8
	o := testOptions()
	o.Join = patience // by then the test is over
	r := newRig(t, o, nil)
	r.publish(true, false)
	r.pictures(1)
	asks, other := r.dialWS("", nil), r.dialWS("", nil)
	messages := make(chan int, 1)
	go func() {
		n := 0
		for {
			opcode, _, err := other.frame()
			if err != nil || opcode == opClose {
				messages <- n
				return
			}
			n++
		}
	}()
	r.settle(2)
	for range pings {
		r.pictures(1)
		asks.send(finalFrame|opPing, "are you there")
		asks.until(opPong)
	}
	r.pub.End(errTest)
	if n := <-messages; n > 4 { // the beginning, the first wake, what the end makes known, and one to spare
		t.Errorf("%d messages for %d pings of another viewer", n, pings)
	}
}

// TestPingOfAnIdleStream: a pong does not wait for the next picture.
func TestPingOfAnIdleStream(t *testing.T) {
	r := newRig(t, testOptions(), nil)
	r.publish(true, false)
	r.pictures(1)
	c := r.dialWS("", nil)
	for range 5 {
		c.send(finalFrame|opPing, "are you there")
		c.until(opPong)
	}
}
