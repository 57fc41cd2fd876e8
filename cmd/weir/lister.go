package main

import (
	"slices"

	"weir/room/api"
	"weir/room/audience"
	"weir/room/auth"
	"weir/room/live"
)

// lister shows the hub's streams to the API.
type lister struct {
	hub      *live.Registry
	audience *audience.Audience
}

// Streams implements api.Lister.
func (l lister) Streams(app int) []api.StreamInfo {
	name := auth.AppName(app)
	return l.infos(slices.DeleteFunc(l.hub.Streams(), func(s *live.Stream) bool { return s.Key().App != name }))
}

// Room implements api.Lister.
func (l lister) Room(app int, room string) []api.StreamInfo {
	return l.infos(l.hub.Room(auth.AppName(app), room))
}

// infos describes those of the streams that are not over.
func (l lister) infos(streams []*live.Stream) []api.StreamInfo {
	infos := make([]api.StreamInfo, 0, len(streams))
	for _, s := range streams {
		i := s.Info()
		if i.State == live.StateEnded {
			continue
		}
		viewers := l.audience.Of(i.Key)
		info := api.StreamInfo{
			Room: i.Key.Room, Stream: i.Key.Stream, State: api.State(i.State.String()), ID: i.ID, User: i.User,
			Started: i.Started, Since: i.Since, Tracks: i.Tracks,
			Viewers: viewers.Map(), Watching: viewers.Total,
			Counters: map[string]uint64{
				"frames": i.Frames, "bytes": i.Bytes, "interruptions": uint64(i.Interruptions),
				"silent": i.Silent, "repeated": i.Repeated, "misfits": i.Misfits,
			},
		}
		if i.Reason != nil {
			info.Reason = i.Reason.Error()
		}
		if in, ok := s.Ingest(); ok {
			info.Ingest = &in
		}
		infos = append(infos, info)
	}
	return infos
}
