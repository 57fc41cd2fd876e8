package push

// placeLocked takes a place for a destination, of which there are so many.
//
// Errors: ErrTooMany.
func (m *Manager) placeLocked(d *destination) error {
	if d.carried.count >= m.opts.MaxPerStream || m.count >= m.opts.MaxTotal {
		return ErrTooMany
	}
	d.placed = true
	d.carried.count++
	m.count++
	return nil
}

// vacateLocked gives a destination's place back, if it has one.
func (m *Manager) vacateLocked(d *destination) {
	if !d.placed {
		return
	}
	d.placed = false
	d.carried.count--
	m.count--
}
