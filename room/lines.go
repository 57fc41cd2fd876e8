package room

import (
	"net/url"
	"strconv"
	"strings"

	"weir/room/audience"
	"weir/room/hook"
)

// LineChanged tells other programs that a viewer begins to play a stream, or no longer does. It is for audience.Options.Line.
func (b *Bridge) LineChanged(l audience.Line) {
	at, ok := placeOf(l.Key)
	if !ok || b.parts.Hooks == nil {
		return
	}
	e := hook.Event{
		Kind: hook.Stopped, At: b.now(), App: at.app, Room: at.room, Stream: l.Key.Stream, User: l.ID.User(), Form: l.Form.String(),
		Session: strconv.FormatUint(l.Viewer, 16), Since: l.Since, Site: b.siteOf(at, l.Key.Stream),
	}
	if l.Began {
		e.Kind = hook.Played
	}
	b.parts.Hooks.Stream(e)
}

// siteOf is the host where a stream is published, without a port: viewers mostly come by the same name, and by other doors.
func (b *Bridge) siteOf(at place, stream string) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	if s := b.air[at][stream]; s != nil {
		u, err := url.Parse(s.event.Site)
		if err != nil {
			return ""
		}
		u.Host = strings.TrimSuffix(u.Host, ":"+u.Port())
		return u.String()
	}
	return ""
}
