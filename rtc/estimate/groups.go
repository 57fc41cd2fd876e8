package estimate

// burst is how long packets that were sent one after the other count as one: they left in one go, and how they arrive
// tells of their number and not of a queue (draft-ietf-rmcat-gcc-02 5.2).
const burst = 5000 // µs

// group is the packets of one burst. Times are in µs, the sender's and the viewer's.
type group struct {
	first, last int64 // sent
	arrived     int64 // the last of them
	size        int
}

// delta is the difference of two groups.
type delta struct {
	sent, arrived int64 // µs between them
	at            int64 // when the later one arrived
}

// groups makes packets into bursts, in the order in which they were sent.
type groups struct {
	previous, current group
}

// add takes a packet. When it begins a burst, the two before are compared.
func (g *groups) add(sent, arrived int64, size int) (delta, bool) {
	c := &g.current
	switch {
	case c.size == 0:
		*c = group{sent, sent, arrived, size}
		return delta{}, false
	case sent < c.first:
		return delta{}, false // it was overtaken
	case sent-c.first <= burst || g.joins(sent, arrived):
		c.last, c.arrived, c.size = max(c.last, sent), max(c.arrived, arrived), c.size+size
		return delta{}, false
	}
	p := g.previous
	d := delta{c.last - p.last, c.arrived - p.arrived, c.arrived}
	g.previous = *c
	*c = group{sent, sent, arrived, size}
	if p.size == 0 || d.arrived < -3e6 || d.arrived > 3e6 { // the viewer's clock has leapt
		return delta{}, false
	}
	return d, true
}

// joins tells whether a packet came right behind the burst, nearer than it was sent: the two waited together.
func (g *groups) joins(sent, arrived int64) bool {
	c := &g.current
	between := arrived - c.arrived
	return between <= burst && between < sent-c.last && arrived-c.arrived >= 0 && sent-c.first < 100000
}
