package push

import "fmt"

// placeLocked takes a place for a destination, of which there are so many.
//
// Errors: ErrTooMany, ErrAppFull.
func (m *Manager) placeLocked(d *destination) error {
	if d.carried.count >= m.opts.MaxPerStream || m.count >= m.opts.MaxTotal {
		return ErrTooMany
	}
	if err := m.roomLocked(d.carried.key.App, 1); err != nil {
		return err
	}
	d.placed = true
	d.carried.count++
	m.count++
	m.ofApp[d.carried.key.App]++
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
	app := d.carried.key.App
	if m.ofApp[app]--; m.ofApp[app] == 0 {
		delete(m.ofApp, app)
	}
}

// roomLocked returns ErrAppFull when an app may not have so many more destinations.
func (m *Manager) roomLocked(app string, more int) error {
	if m.ofApp[app]+more > m.opts.MaxPerApp {
		return fmt.Errorf("%w: there may be %d", ErrAppFull, m.opts.MaxPerApp)
	}
	return nil
}
