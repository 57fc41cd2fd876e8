package bus

// EndApp ends all sessions of an app at this node: there is no such app any more.
func (b *Bus) EndApp(app int) {
	var all []*Session
	b.mu.RLock()
	for _, s := range b.sessions {
		if s.actor.App == app {
			all = append(all, s)
		}
	}
	b.mu.RUnlock()
	for _, s := range all {
		b.end(s, ReasonDeleted)
	}
}
