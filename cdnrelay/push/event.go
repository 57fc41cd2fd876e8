package push

import (
	"strconv"

	"weir/room/hook"
)

// tell has other programs told of a destination's new state.
func (m *Manager) tell(d *destination, reason string) {
	if m.opts.Hooks == nil {
		return
	}
	s, i := d.now(), &d.carried.info
	app, err := strconv.Atoi(i.Key.App)
	if err != nil {
		return // no stream that somebody publishes
	}
	e := hook.Event{
		Kind: hook.Relayed, At: s.Since, App: app, Room: i.Key.Room, Stream: i.Key.Stream,
		StreamID: i.ID, User: i.User, Since: i.Started,
		Session: i.Origin.Session, Addr: i.Origin.Addr, Site: i.Origin.Site, Form: i.Origin.Form, Reason: reason,
		Relay: &hook.Relay{
			ID: d.task.ID, Way: way, URL: s.URL, State: string(s.State), Tries: s.Tries,
			Error: s.Error, Bytes: s.Bytes, Frames: s.Frames, Lags: s.Lags,
		},
	}
	if v := d.carried.stream.Tracks().Video(); v != nil {
		e.Width, e.Height = v.Width, v.Height
	}
	m.opts.Hooks.Stream(e)
}
