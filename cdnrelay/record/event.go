package record

import (
	"net/url"
	"path"
	"strconv"

	"weir/room/auth"
	"weir/room/hook"
	"weir/room/store"
)

// tell has other programs told of the recording: began, a file of it is complete, and so on.
func (s *session) tell(state, why string, f *store.RecordingFile) {
	if s.of.opts.Hooks == nil {
		return
	}
	r, info := s.recording(), &s.info
	told := &hook.Record{ID: r.ID, State: state, Format: r.Format, Reason: why, Lags: r.Lags, Begin: r.Begun, End: r.Ended}
	if f != nil {
		told.File, told.URL = nameOf(r.App, r.ID, f.Name), s.of.opts.Site+fileAddress(&r, f.Name)
		told.Begin, told.End, told.Size = f.Begin, f.Begin.Add(f.Duration), f.Size
	}
	e := hook.Event{
		Kind: hook.Recorded, At: s.of.opts.Now(), App: r.App, Room: r.Room, Stream: r.Stream, User: r.User,
		Session: info.Origin.Session, Addr: info.Origin.Addr, Site: info.Origin.Site, Query: info.Origin.Query,
		Form: info.Origin.Form, Since: info.Started, Record: told,
	}
	if v := s.stream.Tracks().Video(); v != nil {
		e.Width, e.Height = v.Width, v.Height
	}
	s.of.opts.Hooks.Stream(e)
}

// The paths of a recording, behind the host. What is in them was checked, and is escaped: a room may have almost any letters.
func address(r *store.Recording) string {
	return "/recordings/" + url.PathEscape(r.Room) + "/" + url.PathEscape(r.Stream) + "/"
}

func fileAddress(r *store.Recording, name string) string {
	return address(r) + r.ID + "/" + url.PathEscape(name) + app(r)
}

func playlistAddress(r *store.Recording) string { return address(r) + r.ID + playlistEnding + app(r) }

// app is the part of an address that names the app. That of the default app may be named, too.
func app(r *store.Recording) string { return "?sdkappid=" + strconv.Itoa(r.App) }

// appOf is the app of a stream's key.
func appOf(name string) (id int) {
	id, err := strconv.Atoi(name)
	if err != nil || auth.AppName(id) != name {
		return 0
	}
	return id
}

// typeOf is the media type of a file.
func typeOf(name string) string {
	switch path.Ext(name) {
	case ".mp4":
		return "video/mp4"
	case ".flv":
		return "video/x-flv"
	default:
		return "application/octet-stream"
	}
}
