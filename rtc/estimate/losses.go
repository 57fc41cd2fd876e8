package estimate

const (
	// A share of lost packets means something when there were enough of them, and over more than a moment.
	lossPackets = 50
	lossTime    = 1_000_000 // µs
)

// losses counts what was lost.
type losses struct {
	arrived, lost int
	since         int64 // µs
}

func (l *losses) add(arrived, lost int) {
	l.arrived += arrived
	l.lost += lost
}

// share returns what was lost of all since it last did.
func (l *losses) share(now int64) (float64, bool) {
	all := l.arrived + l.lost
	if all < lossPackets || now-l.since < lossTime {
		return 0, false
	}
	share := float64(l.lost) / float64(all)
	*l = losses{since: now}
	return share, true
}
