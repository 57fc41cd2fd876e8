package depacket

import (
	"testing"
	"time"
)

// sound is a stream of packets of 20 ms, every tenth of them lost.
type sound struct {
	ring *Reorder
	n    int
	p    Packet
	data [80]byte
}

func newSound() *sound {
	s := &sound{ring: NewReorder(64, 50*time.Millisecond, NewOpus(new(discardUnits), 1))}
	s.data[0] = 31 << 3
	return s
}

func (s *sound) next() {
	s.n++
	if s.n%10 == 0 {
		return
	}
	s.p = Packet{Seq: uint16(s.n), Timestamp: uint32(960 * s.n), Arrival: time.Duration(s.n) * 20 * time.Millisecond, Payload: s.data[:]}
	s.ring.Push(&s.p)
	s.ring.Expire(s.p.Arrival)
}

// A packet of sound costs an allocation for every fifty: that of the next chunk of the arena.
func TestSoundAllocatesChunksOnly(t *testing.T) {
	s := newSound()
	for range 100 {
		s.next() // the buffers of the ring
	}
	const perRun = 100
	allocs := testing.AllocsPerRun(50, func() {
		for range perRun {
			s.next()
		}
	})
	if most := float64(perRun*len(s.data))/audioChunk + 2; allocs > most {
		t.Errorf("%.1f allocations for %d packets, want %.1f", allocs, perRun, most)
	}
}

func BenchmarkOpus(b *testing.B) {
	s := newSound()
	b.ReportAllocs()
	for b.Loop() {
		s.next()
	}
}
