package depacket

import (
	"time"

	"weir/mux/av"
)

// format is what the depacketizer of one codec adds to an assembly.
type format interface {
	// start follows the opening of a unit.
	start()
	// payload takes that of a packet of the open unit. It has at least one byte, and is valid during the call.
	payload(b []byte)
	// lost says that packets are missing here.
	lost()
	// judge says what the unit is that is about to be closed.
	judge() fate
	// config is the track's configuration if it is another one than at the last call, else nil; reorder is
	// Unit.Reorder.
	config() (t *av.Track, reorder bool)
}

// fate is what becomes of an access unit.
type fate uint8

const (
	// fateWhole: it is handed on, if everything that it depends on was.
	fateWhole fate = iota
	// fateEmpty: there is no picture in it.
	fateEmpty
	// fateSkipped: no other picture depends on it, and it may depend on what viewers do not have.
	fateSkipped
	// fateDamaged: it lost a packet, or one of its packets is wrong.
	fateDamaged
	// fateDependent: it lacks what came, or should have come, before.
	fateDependent
)

// assembly is the access unit under construction, and what is known of those before it. It serves codecs whose
// access units are told apart by their RTP timestamps.
type assembly struct {
	out   Receiver
	arena arena
	stats VideoStats

	opened    bool
	timestamp uint32
	arrival   time.Duration
	damaged   bool
	key       bool // can be decoded without what came before
	unsure    bool // opened right behind a loss: its first packets may be among what is missing

	gap    bool // something was lost (or nothing came yet) since the last complete access unit
	broken bool // dropping until a key frame
}

func newAssembly(out Receiver) assembly {
	return assembly{out: out, arena: arena{chunk: videoChunk}, gap: true, broken: true}
}

// Stats are the counts so far.
func (a *assembly) Stats() VideoStats { return a.stats }

// take takes the next packet in order; see sink.
func (a *assembly) take(f format, p *Packet, lost int) {
	if lost > 0 {
		a.damaged = a.opened
		f.lost()
		a.gap = true
	}
	if len(p.Payload) == 0 {
		return // probe or keep-alive: it only fills its place in the sequence
	}
	if a.opened && p.Timestamp != a.timestamp {
		a.finish(f)
	}
	if !a.opened {
		a.begin(p)
		f.start()
	}
	f.payload(p.Payload)
	if p.Marker {
		a.finish(f)
	}
}

func (a *assembly) begin(p *Packet) {
	a.arena.drop()
	a.opened, a.timestamp, a.arrival = true, p.Timestamp, p.Arrival
	a.damaged, a.key = false, false
	a.unsure = a.gap
	a.broken = a.broken || a.gap // a whole access unit may be among the lost ones: what follows depends on it
	a.gap = false
}

// put appends bytes to the open unit, within its bound.
func (a *assembly) put(b ...byte) bool {
	if len(a.arena.open())+len(b) > maxUnitSize {
		a.damaged = true
		return false
	}
	a.arena.append(b...)
	return true
}

// cut takes what was put into the open unit from a place on out again.
func (a *assembly) cut(at int) { a.arena.buf = a.arena.buf[:a.arena.start+at] }

// finish closes the access unit: hands it on if it is whole and everything that it depends on was too.
func (a *assembly) finish(f format) {
	fate := f.judge()
	a.opened = false
	switch {
	case a.damaged:
		fate = fateDamaged
	case fate == fateWhole && a.key:
		a.broken = false
	case fate == fateWhole && a.broken:
		fate = fateDependent
	}
	switch fate {
	case fateWhole:
		a.handOn(f)
		return
	case fateEmpty:
		a.gap = a.unsure
	case fateSkipped:
		a.stats.Dependent++
	case fateDamaged:
		a.stats.Damaged++
		a.breakUp()
	case fateDependent:
		a.stats.Dependent++
		a.breakUp()
	}
	a.arena.drop()
}

func (a *assembly) handOn(f format) {
	a.stats.Units++
	config, reorder := f.config()
	a.out.Unit(Unit{
		Timestamp: a.timestamp, Arrival: a.arrival, Key: a.key, Reorder: reorder, Config: config,
		Data: a.arena.take(),
	})
}

func (a *assembly) breakUp() {
	a.broken = true
	a.out.Broken()
}
