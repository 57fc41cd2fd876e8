package estimate

const (
	slot  = 50000 // µs
	slots = 10
)

// meter measures what arrives, over half a second of the viewer's clock.
type meter struct {
	bytes [slots]int
	slot  int64 // of the newest packet
	first int64 // of the first one
	any   bool
}

func (m *meter) add(arrival int64, size int) {
	at := arrival / slot
	if arrival%slot < 0 {
		at-- // times before the viewer's zero
	}
	switch {
	case !m.any || at > m.slot+100*slots || at < m.slot-100*slots: // nothing yet, or its clock has leapt
		*m = meter{slot: at, first: at, any: true}
	case at <= m.slot-slots:
		return // too late to count
	}
	for ; m.slot < at; m.slot++ {
		m.bytes[index(m.slot+1)] = 0
	}
	m.bytes[index(at)] += size
}

func index(slot int64) int { return int((slot%slots + slots) % slots) }

// bits is bit/s of the slots that are complete; it is not known before they are.
func (m *meter) bits() (float64, bool) {
	if !m.any || m.slot-m.first < slots {
		return 0, false
	}
	sum := -m.bytes[index(m.slot)]
	for _, n := range m.bytes {
		sum += n
	}
	return float64(sum) * 8 * 1e6 / (slot * (slots - 1)), true
}
