package estimate

import "math"

const (
	backOff    = 0.85   // of what is carried, when a queue fills (draft-ietf-rmcat-gcc-02 5.5)
	growth     = 1.08   // a second, while the limit is not near
	trust      = 1.5    // times what is carried is the most that is believed
	lossMuch   = 0.10   // from here on loss is taken as a limit (6)
	lossLittle = 0.02   // up to here it is not
	least      = 50_000 // bit/s; sound
	most       = 200e6  // bit/s; more is as good as no limit
	packetBits = 8 * 1200
)

// rate is the estimate: down when a queue fills, up while none does.
type rate struct {
	bits      float64 // bit/s; 0 is no limit
	updated   int64   // µs
	decreased int64
	trip      int64   // µs, there and back, the least so far
	capacity  float64 // where queues began to fill; 0 is not known
	spread    float64 // of it, squared and relative
}

// heard notes the time between a packet and word of it.
func (r *rate) heard(trip int64) {
	if r.trip == 0 || trip < r.trip {
		r.trip = max(trip, 1000)
	}
}

// delay is told what the path does, and what it carries if that is known.
func (r *rate) delay(now int64, s state, carried float64, known bool) {
	since := float64(now-r.updated) / 1e6
	r.updated = now
	switch {
	case !known || since <= 0 || since > 10:
		return
	case s == filling:
		// Once a round trip: what was sent before the answer to the last time could not help.
		if now-r.decreased > max(r.trip, 200_000) {
			r.decreased = now
			r.note(carried)
			r.lower(backOff * carried)
		}
	case s == draining || r.bits == 0: // a queue that drains says nothing of the path
	default:
		r.raise(since, carried)
	}
}

func (r *rate) lower(to float64) {
	to = max(to, least)
	if r.bits == 0 || to < r.bits {
		r.bits = to
	}
}

func (r *rate) raise(since, carried float64) {
	if r.capacity > 0 && carried > r.capacity+3*r.deviation() {
		r.capacity = 0 // the path has become wider
	}
	grown := r.bits * math.Pow(growth, min(since, 1))
	if r.capacity > 0 && math.Abs(carried-r.capacity) < 3*r.deviation() {
		grown = r.bits + since*max(4000, packetBits*1e6/float64(r.trip+100_000)) // a packet each response
	}
	grown = max(min(grown, trust*carried+10_000), r.bits)
	r.bits = max(grown, carried) // it has just come through
	if r.bits > most {
		r.bits = 0
	}
}

// loss is told the share of packets that were lost.
func (r *rate) loss(share, carried float64, known bool) {
	switch {
	case share <= lossMuch || !known:
	case r.bits == 0:
		r.lower(carried)
	default:
		r.lower(max(r.bits*(1-share/2), carried)) // what arrives is carried after all
	}
}

// note remembers where a queue began to fill.
func (r *rate) note(carried float64) {
	if r.capacity == 0 || carried < r.capacity-3*r.deviation() {
		r.capacity, r.spread = carried, 0.0004
		return
	}
	off := (carried - r.capacity) / r.capacity
	r.capacity += 0.05 * (carried - r.capacity)
	r.spread = min(max(0.95*r.spread+0.05*off*off, 0.0004), 0.0025)
}

func (r *rate) deviation() float64 { return r.capacity * math.Sqrt(r.spread) }
