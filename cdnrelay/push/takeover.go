package push

import (
	"maps"
	"slices"

	"weir/room/live"
)

// errUser ends a destination whose address names a user that publishes the stream no longer.
var errUser error = &fault{"user_changed", "another user publishes the stream"}

// about is what is known of a stream.
func (m *Manager) about(c *carried) live.Info {
	m.mu.Lock()
	defer m.mu.Unlock()
	return c.info
}

// followLocked keeps to who publishes a stream. A destination whose address names the user, or a stream id that another user does
// not have, ends when that one takes the stream over, and begins anew with that one's first media; others keep their connection.
func (m *Manager) followLocked(c *carried, now live.Info) {
	if now.User != c.info.User || now.ID != c.info.ID {
		m.renameLocked(c, now)
	}
	if now.State != live.StateLive || m.ctx == nil {
		return
	}
	for _, id := range c.anew {
		if t := m.all[id]; t != nil { // else it was deleted meanwhile
			m.startLocked(c, t)
		}
	}
	c.anew = nil
}

// renameLocked ends what does not lead where the stream's tasks now say.
func (m *Manager) renameLocked(c *carried, now live.Info) {
	was := c.info
	c.info = now
	old := values(&was)
	moved := make(map[*Task]bool)
	for _, id := range slices.Sorted(maps.Keys(m.all)) {
		t := m.all[id]
		if !t.means(c.key) || fill(t.To, old) == c.addressLocked(t) {
			continue
		}
		moved[t] = true
		if !slices.Contains(c.anew, id) {
			c.anew = append(c.anew, id)
		}
	}
	for d := range m.running {
		switch {
		case d.carried != c:
		case moved[d.task]:
			m.replaceLocked(d)
		default:
			d.tellOf(now)
		}
	}
}

// replaceLocked ends a destination that another one of its task comes in place of.
func (m *Manager) replaceLocked(d *destination) {
	d.replaced = true
	m.vacateLocked(d)
	d.cancel(errUser)
}
