package transcode

// arenaSize is about half a second of AAC at 128 kbit/s: one allocation for some 24 access units.
const arenaSize = 8 << 10

// arena hands out immutable copies cut from large chunks. A chunk lives as long as any copy in it.
type arena struct{ free []byte }

// keep returns a copy of b that nothing else will write to.
func (a *arena) keep(b []byte) []byte {
	if len(b) > len(a.free) {
		a.free = make([]byte, max(arenaSize, len(b)))
	}
	n := copy(a.free, b)
	out := a.free[:n:n]
	a.free = a.free[n:]
	return out
}
