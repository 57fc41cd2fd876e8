package httpflv

import (
	"testing"
	"testing/synctest"
	"time"
)

const ms = time.Millisecond

// TestTempo: the joining grows when rounds fill most of it, up to its limit, and comes back.
func TestTempo(t *testing.T) {
	tempo := newTempo(100*ms, 500*ms)
	for _, c := range []struct{ late, want time.Duration }{
		{10 * ms, 100 * ms},
		{60 * ms, 100 * ms},
		{100 * ms, 150 * ms},
		{200 * ms, 300 * ms},
		{time.Hour, 500 * ms},
		{20 * ms, 500*ms - 470*ms/8},
	} {
		if tempo.took(c.late); tempo.joining() != c.want || tempo.late() != c.late {
			t.Errorf("rounds %v late: joined %v, late %v; want %v", c.late, tempo.joining(), tempo.late(), c.want)
		}
	}
	for range 50 {
		tempo.took(10 * ms)
	}
	if tempo.joining() != 100*ms {
		t.Errorf("joined %v when there is little to do", tempo.joining())
	}
}

// TestTempoRests: rounds are as far apart as they are joined, and not put off while that is what was asked for.
func TestTempoRests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		tempo := newTempo(100*ms, 500*ms)
		if due := tempo.rest(begin); due != begin || time.Since(begin) != 0 {
			t.Errorf("the first round is due %v late", due.Sub(begin))
		}
		tempo.took(200 * ms)
		time.Sleep(100 * ms)
		if due := tempo.rest(time.Now()); due.Sub(begin) != 300*ms || time.Since(begin) != 300*ms {
			t.Errorf("due after %v, went on after %v", due.Sub(begin), time.Since(begin))
		}
		time.Sleep(400 * ms)
		if due := tempo.rest(time.Now()); due.Sub(begin) != 700*ms {
			t.Errorf("due after %v, when the last round is long over", due.Sub(begin))
		}
	})
}
