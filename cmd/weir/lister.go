package main

import (
	"weir/playback/httpflv"
	"weir/room/api"
	"weir/room/live"
	"weir/segmenter"
)

// lister shows the hub's streams to the API.
type lister struct {
	hub *live.Registry
	flv *httpflv.Handler
	hls *segmenter.Segmenters
}

// Streams implements api.Lister.
func (l lister) Streams() []api.StreamInfo {
	streams := l.hub.Streams()
	infos := make([]api.StreamInfo, 0, len(streams))
	for _, s := range streams {
		i := s.Info()
		if i.State == live.StateEnded {
			continue
		}
		info := api.StreamInfo{
			Room: i.Key.Room, Stream: i.Key.Stream, State: api.State(i.State.String()), User: i.User,
			Started: i.Started, Since: i.Since, Tracks: i.Tracks,
			Viewers: map[string]int{"flv": l.flv.Viewers(i.Key), "hls": l.hls.ViewersOf(i.Key)},
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
