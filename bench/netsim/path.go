package netsim

import (
	"container/heap"
	"math/rand/v2"
	"time"
)

// Stats count packets since the start.
type Stats struct {
	Sent      uint64 // came to the path
	Delivered uint64 // went out of it, duplicates included
	Lost      uint64 // by Loss
	Dropped   uint64 // by a full queue
	Swallowed uint64 // by a black hole
}

// Path is one direction of a wire as a function of time and chance: packets go in by Send and come out by Receive.
// Times are since any one moment. It is not safe for concurrent use.
type Path struct {
	random *rand.Rand
	c      Conditions
	stats  Stats
	way    flight
	order  uint64
	bad    bool          // within a burst of losses
	idle   time.Duration // when the modelled link has sent all that it has
	last   time.Duration // the latest arrival so far of a packet that kept its place
}

// NewPath returns a perfect path whose chances come from random.
func NewPath(random *rand.Rand) *Path { return &Path{random: random} }

// Set changes the conditions for the packets to come.
func (p *Path) Set(c Conditions) { p.c = c }

// Stats are the counts so far.
func (p *Path) Stats() Stats { return p.stats }

// Send gives the path a packet, which it keeps.
func (p *Path) Send(now time.Duration, packet []byte) {
	p.stats.Sent++
	switch {
	case p.c.BlackHole:
		p.stats.Swallowed++
		return
	case p.loses():
		p.stats.Lost++
		return
	}
	at, ok := p.transmit(now, len(packet))
	if !ok {
		p.stats.Dropped++
		return
	}
	at = p.arrival(now, at)
	p.put(at, packet)
	if p.random.Float64() < p.c.Duplicate {
		p.put(at, packet)
	}
}

// loses throws the dice. A burst begins so rarely that its losses and those of the others make the share asked for.
func (p *Path) loses() bool {
	if p.c.Burst <= 1 || p.c.Loss >= 1 {
		p.bad = false
		return p.random.Float64() < p.c.Loss
	}
	end := 1 / p.c.Burst
	begin := end * p.c.Loss / (1 - p.c.Loss)
	if p.bad {
		p.bad = p.random.Float64() >= end
	} else {
		p.bad = p.random.Float64() < begin
	}
	return p.bad
}

// transmit tells when the link has sent a packet of so many bytes, if its queue takes it.
func (p *Path) transmit(now time.Duration, size int) (time.Duration, bool) {
	if p.c.Rate == 0 {
		return now, true
	}
	p.idle = max(p.idle, now)
	if p.idle-now > p.c.Queue {
		return 0, false
	}
	p.idle += time.Duration(size) * 8 * time.Millisecond / time.Duration(p.c.Rate)
	return p.idle, true
}

// arrival is when a packet that the link has sent arrives.
func (p *Path) arrival(now, sent time.Duration) time.Duration {
	if p.random.Float64() < p.c.Reorder {
		return now
	}
	jitter := time.Duration((2*p.random.Float64() - 1) * float64(p.c.Jitter))
	p.last = max(p.last, now, sent+p.c.Delay+jitter)
	return p.last
}

func (p *Path) put(at time.Duration, packet []byte) {
	p.order++
	heap.Push(&p.way, flying{at, p.order, packet})
}

// Next is when the next packet arrives; ok is false when none is on its way.
func (p *Path) Next() (at time.Duration, ok bool) {
	if len(p.way) == 0 {
		return 0, false
	}
	return p.way[0].at, true
}

// Receive returns the next packet that has arrived by now, or nil.
func (p *Path) Receive(now time.Duration) []byte {
	if at, ok := p.Next(); !ok || at > now {
		return nil
	}
	p.stats.Delivered++
	return heap.Pop(&p.way).(flying).packet
}

// flying is a packet on its way.
type flying struct {
	at     time.Duration
	order  uint64 // of sending, which decides between equals
	packet []byte
}

// flight implements heap.Interface, the next arrival first.
type flight []flying

func (f flight) Len() int { return len(f) }

func (f flight) Less(i, j int) bool {
	return f[i].at < f[j].at || f[i].at == f[j].at && f[i].order < f[j].order
}

func (f flight) Swap(i, j int) { f[i], f[j] = f[j], f[i] }

// Push implements heap.Interface.
func (f *flight) Push(x any) { *f = append(*f, x.(flying)) }

// Pop implements heap.Interface.
func (f *flight) Pop() any {
	last := len(*f) - 1
	x := (*f)[last]
	(*f)[last] = flying{} // lets the packet go
	*f = (*f)[:last]
	return x
}
