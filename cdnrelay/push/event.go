package push

import (
	"strconv"

	"weir/room/hook"
	"weir/room/live"
)

// tell has other programs told of a destination's new state.
func (m *Manager) tell(d *destination, reason string) {
	if m.opts.Hooks == nil {
		return
	}
	s, i := d.now(), d.about()
	i.Tracks = d.carried.stream.Tracks()
	e, ok := eventOf(&i)
	if !ok {
		return
	}
	e.Kind, e.At, e.Reason = hook.Relayed, s.Since, reason
	e.Relay = &hook.Relay{
		ID: d.task.ID, Way: way, URL: s.URL, State: string(s.State), Tries: s.Tries,
		Error: s.Error, Bytes: s.Bytes, Frames: s.Frames, Lags: s.Lags,
	}
	m.opts.Hooks.Stream(e)
}

// eventOf is what other programs are told of a stream; not ok when its app has no number.
func eventOf(i *live.Info) (e hook.Event, ok bool) {
	app, err := strconv.Atoi(i.Key.App)
	if err != nil {
		return e, false
	}
	e = hook.Event{
		App: app, Room: i.Key.Room, Stream: i.Key.Stream, StreamID: i.ID, User: i.User, Since: i.Started,
		Session: i.Origin.Session, Addr: i.Origin.Addr, Site: i.Origin.Site, Query: i.Origin.Query, Form: i.Origin.Form,
	}
	if v := i.Tracks.Video(); v != nil {
		e.Width, e.Height = v.Width, v.Height
	}
	return e, true
}
