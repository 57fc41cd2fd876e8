package depacket

// arena assembles units of bytes one after another in large chunks, so that a unit costs one copy and, as a
// rule, no allocation. A unit that was taken is never written to again; its chunk lives as long as any unit in it.
type arena struct {
	chunk int // size of a new chunk
	buf   []byte
	start int // where the open unit begins
}

// open is the unit under construction.
func (a *arena) open() []byte { return a.buf[a.start:] }

// append adds bytes to the open unit.
func (a *arena) append(b ...byte) {
	if cap(a.buf)-len(a.buf) < len(b) {
		unit := a.open()
		grown := make([]byte, len(unit), max(a.chunk, 2*(len(unit)+len(b))))
		copy(grown, unit)
		a.buf, a.start = grown, 0
	}
	a.buf = append(a.buf, b...)
}

// take closes the open unit and returns it.
func (a *arena) take() []byte {
	end := len(a.buf)
	unit := a.buf[a.start:end:end]
	a.start = end
	return unit
}

// drop throws the open unit away.
func (a *arena) drop() { a.buf = a.buf[:a.start] }
