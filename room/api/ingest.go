package api

import (
	"math"
	"time"

	"weir/mux/av"
	"weir/room/live"
)

// ingestJSON is how a publisher's media comes in. What is not known is left out.
type ingestJSON struct {
	Door             string            `json:"door"`
	SkewMS           *float64          `json:"skew_ms,omitempty"`
	SkewBy           live.SkewBy       `json:"skew_by,omitempty"`
	KeyFrameRequests uint64            `json:"key_frame_requests"`
	Tracks           []trackIngestJSON `json:"tracks"`
}

type trackIngestJSON struct {
	trackJSON
	Bitrate     int64       `json:"bitrate"`
	Rate        float64     `json:"rate"`
	JitterMS    float64     `json:"jitter_ms"`
	DriftPPM    *float64    `json:"drift_ppm,omitempty"`
	Packets     packetsJSON `json:"packets,omitzero"` // nothing where media comes in order, as by RTMP
	Units       uint64      `json:"units"`
	Damaged     uint64      `json:"damaged"`
	Dropped     uint64      `json:"dropped"`
	Jumps       uint64      `json:"jumps"`
	Gaps        uint64      `json:"gaps"`
	ConcealedMS int64       `json:"concealed_ms"`
	PausedMS    int64       `json:"paused_ms"`
}

type packetsJSON struct {
	Received  uint64 `json:"received"`
	Lost      uint64 `json:"lost"`
	Recovered uint64 `json:"recovered"`
	Restored  uint64 `json:"restored"`
	Late      uint64 `json:"late"`
	Duplicate uint64 `json:"duplicate"`
	Ignored   uint64 `json:"ignored"`
}

// ingestOf shows in, with what the stream knows of the tracks.
func ingestOf(in *live.Ingest, tracks av.Tracks) *ingestJSON {
	if in == nil {
		return nil
	}
	out := &ingestJSON{
		Door: in.Door, SkewBy: in.SkewBy, KeyFrameRequests: in.KeyFrameRequests,
		Tracks: make([]trackIngestJSON, 0, len(in.Tracks)),
	}
	if in.SkewBy != live.SkewUnknown {
		skew := millis(in.Skew)
		out.SkewMS = &skew
	}
	for i := range in.Tracks {
		t := &in.Tracks[i]
		// A track of which no whole frame came has no codec yet, and nobody can see it.
		if known := tracks.Find(t.ID); known != nil {
			out.Tracks = append(out.Tracks, trackIngestOf(t, known))
		}
	}
	return out
}

func trackIngestOf(t *live.TrackIngest, known *av.Track) trackIngestJSON {
	out := trackIngestJSON{
		trackJSON: trackOf(known),
		Bitrate:   int64(t.Bitrate), Rate: tenth(t.Rate), JitterMS: millis(t.Jitter), Packets: packetsJSON(t.Packets),
		Units: t.Units, Damaged: t.Damaged, Dropped: t.Dropped, Jumps: t.Jumps, Gaps: t.Gaps,
		ConcealedMS: t.Concealed.Milliseconds(), PausedMS: t.Paused.Milliseconds(),
	}
	if t.HasDrift {
		drift := tenth(t.Drift)
		out.DriftPPM = &drift
	}
	return out
}

// millis is a duration in milliseconds, to a tenth.
func millis(d time.Duration) float64 { return tenth(float64(d) / float64(time.Millisecond)) }

func tenth(f float64) float64 { return math.Round(f*10) / 10 }
