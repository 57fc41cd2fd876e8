package depacket

import "encoding/binary"

// lengthPrefix is the number of bytes before each NAL unit.
const lengthPrefix = 4

// nalUnits is an assembly of length-prefixed NAL units, of which one at a time may come in fragments.
type nalUnits struct {
	assembly
	slices   int // of the open unit
	fragment int // where the fragmented NAL unit begins in the open unit; -1 when there is none
}

func newNALUnits(out Receiver) nalUnits { return nalUnits{assembly: newAssembly(out), fragment: -1} }

// start begins with an empty unit.
func (a *nalUnits) start() { a.slices, a.fragment = 0, -1 }

// put appends bytes to the open unit, which is damaged when they go beyond its bound.
func (a *nalUnits) put(b ...byte) bool {
	if !a.assembly.put(b...) {
		a.damage()
		return false
	}
	return true
}

// add adds a whole NAL unit and returns its place; ok is false when there is no room.
func (a *nalUnits) add(nal []byte) (at int, ok bool) {
	at = len(a.arena.open())
	return at, a.put(0, 0, 0, 0) && a.put(nal...)
}

// openFragment begins a fragmented NAL unit with its header.
func (a *nalUnits) openFragment(header ...byte) bool {
	a.endFragment()
	a.fragment = len(a.arena.open())
	return a.put(0, 0, 0, 0) && a.put(header...)
}

// fragmented is the first byte of the NAL unit that comes in fragments; ok is false when there is none.
func (a *nalUnits) fragmented() (header byte, ok bool) {
	if a.fragment < 0 {
		return 0, false
	}
	return a.arena.open()[a.fragment+lengthPrefix], true
}

// addFragment goes on with the fragmented NAL unit; when that is whole (ok) it returns its place.
func (a *nalUnits) addFragment(b []byte, end bool) (at int, ok bool) {
	if !a.put(b...) || !end {
		return 0, false
	}
	at, a.fragment = a.fragment, -1
	return at, true
}

// endFragment notes that a fragmented NAL unit was left without its end.
func (a *nalUnits) endFragment() {
	if a.fragment >= 0 {
		a.damage()
	}
}

func (a *nalUnits) cutFragment() {
	if a.fragment >= 0 {
		a.cut(a.fragment)
		a.fragment = -1
	}
}

func (a *nalUnits) damage() {
	a.damaged = true
	a.cutFragment()
}

// seal writes the length of the NAL unit that was added at a place, the last one, and returns it. Its first bit, which
// H.264 (RFC 6184 1.3) and H.265 (RFC 7798 1.1.4) share, says that there are errors.
func (a *nalUnits) seal(at int) []byte {
	unit := a.arena.open()
	nal := unit[at+lengthPrefix:]
	binary.BigEndian.PutUint32(unit[at:], uint32(len(nal)))
	if nal[0]&0x80 != 0 {
		a.damage()
	}
	return nal
}

// aggregated calls each with the NAL units of an aggregation packet, each behind its size in 2 bytes. All are checked
// before the first is taken: it is false when a size, or a NAL unit that legal does not take, is wrong.
func aggregated(b []byte, legal func(nal []byte) bool, each func(nal []byte)) bool {
	for rest := b; len(rest) > 0; {
		if len(rest) < 2 {
			return false
		}
		n := int(binary.BigEndian.Uint16(rest))
		if n == 0 || n > len(rest)-2 || !legal(rest[2:2+n]) {
			return false
		}
		rest = rest[2+n:]
	}
	for len(b) > 0 {
		n := int(binary.BigEndian.Uint16(b))
		each(b[2 : 2+n])
		b = b[2+n:]
	}
	return true
}
