package api

import (
	"strings"
	"testing"
	"time"

	"weir/mux/av"
	"weir/room/live"
)

func TestStreamsShowHowMediaComesIn(t *testing.T) {
	const ms = time.Millisecond
	tracks := av.Tracks{
		{ID: 1, Codec: av.CodecH264, Width: 640, Height: 360, Layer: "h"}, {ID: 2, Codec: av.CodecOpus, Channels: 2},
	}
	for _, c := range []struct {
		name string
		in   *live.Ingest
		want string
	}{
		{"nothing is known", nil, `"counters":{}}]}`},
		{
			"no track yet", &live.Ingest{Door: "rtmp", Skew: time.Second, Tracks: []live.TrackIngest{{ID: 7}}},
			`,"ingest":{"door":"rtmp","key_frame_requests":0,"tracks":[]}}]}`,
		},
		{
			"all is known",
			&live.Ingest{
				Door: "whip", Skew: -12345 * time.Microsecond, SkewBy: live.SkewByReports, KeyFrameRequests: 3,
				Tracks: []live.TrackIngest{
					{
						ID: 1, Bitrate: 500000.7, Rate: 29.97, Jitter: 2 * ms, Drift: -51.26, HasDrift: true,
						Packets: live.PacketCounts{Received: 9, Lost: 1, Recovered: 2, Restored: 3, Late: 4, Duplicate: 5, Ignored: 6},
						Units:   100, Damaged: 2, Dropped: 7, Jumps: 1,
					},
					{ID: 2, Gaps: 3, Concealed: 60 * ms, Paused: 400 * ms},
				},
			},
			`,"ingest":{"door":"whip","skew_ms":-12.3,"skew_by":"reports","key_frame_requests":3,"tracks":[` +
				`{"kind":"video","codec":"h264","width":640,"height":360,"layer":"h","bitrate":500000,"rate":30,` +
				`"jitter_ms":2,"drift_ppm":-51.3,` +
				`"packets":{"received":9,"lost":1,"recovered":2,"restored":3,"late":4,"duplicate":5,"ignored":6},` +
				`"units":100,"damaged":2,"dropped":7,"jumps":1,"gaps":0,"concealed_ms":0,"paused_ms":0},` +
				`{"kind":"audio","codec":"opus","channels":2,"bitrate":0,"rate":0,"jitter_ms":0,` +
				`"units":0,"damaged":0,"dropped":0,"jumps":0,"gaps":3,"concealed_ms":60,"paused_ms":400}]}}]}`,
		},
	} {
		w := ask(newAPI(t, fixed{{Room: "r", Stream: "s", Tracks: tracks, Ingest: c.in}}).Streams, sign(t, "root"))
		if got := w.Body.String(); !strings.HasSuffix(got, c.want+"\n") {
			t.Errorf("%s: %s\nwant %s", c.name, got, c.want)
		}
	}
}
