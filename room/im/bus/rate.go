package bus

import "time"

// bucket bounds how often a client asks: a number a second, and as many at once as come in two seconds. Beyond, it is
// refused, and who is refused too often in a row is cut.
type bucket struct {
	tokens  float64
	last    time.Time
	refused int
}

// verdict is what becomes of a request.
type verdict int

const (
	pass verdict = iota
	refuse
	cut
)

// take asks for one request at a rate.
func (b *bucket) take(now time.Time, perSecond float64) verdict {
	most := 2 * perSecond
	if b.last.IsZero() {
		b.tokens = most
	} else if past := now.Sub(b.last); past > 0 {
		b.tokens = min(most, b.tokens+past.Seconds()*perSecond)
	}
	b.last = now
	switch {
	case b.tokens >= 1:
		b.tokens--
		b.refused = 0
		return pass
	case b.refused < int(5*perSecond):
		b.refused++
		return refuse
	default:
		return cut
	}
}
