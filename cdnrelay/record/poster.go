package record

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"weir/mux/av"
	"weir/mux/fmp4"
	"weir/room/live"
)

const (
	// posterName is the still picture of a recording.
	posterName = "poster.mp4"
	// posterTime is how long the one picture of a poster is shown, posterWait how long one is waited for.
	posterTime, posterWait = time.Second, 3 * time.Second
)

// still is an MP4 of one picture, which browsers show as they show a film that has not begun.
func still(video *av.Track, f *av.Frame) ([]byte, error) {
	b, err := fmp4.Init(av.Tracks{*video})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errTracks, err)
	}
	return fmp4.AppendPart(b, fmp4.Part{Tracks: []fmp4.PartTrack{{ID: fmp4.TrackID(video.ID), Samples: []fmp4.Sample{
		{Duration: uint32(av.Ticks(posterTime, fmp4.TimeScale(video.Codec))), Key: true, Data: f.Data},
	}}}}), nil
}

// poster writes the recording's still picture. A recording is as good without.
func (s *session) poster(ts av.Tracks, f *av.Frame) {
	video := ts.Video()
	if video == nil || f.Track != video.ID {
		return
	}
	b, err := still(video, f)
	if err == nil {
		err = s.of.folder.write(s.rec.App, s.rec.ID, posterName, b)
	}
	if err != nil {
		s.log.Warn("cannot write the poster of a recording", "error", err)
	}
}

// ServePoster gives the newest key frame of a stream as an MP4 of one picture.
func (r *Recorder) ServePoster(w http.ResponseWriter, req *http.Request, key live.Key) {
	stream, ok := r.opts.Hub.Stream(key)
	if !ok {
		r.refuse(w, req, live.ErrNoStream)
		return
	}
	ctx, cancel := context.WithTimeout(req.Context(), posterWait)
	defer cancel()
	b, err := picture(ctx, stream)
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, live.ErrEnded) {
		err = live.ErrNoStream
	}
	if err != nil {
		r.refuse(w, req, err)
		return
	}
	h := w.Header()
	h.Set("Content-Type", typeOf(posterName))
	h.Set("Cache-Control", "public, max-age=1")
	if req.Header.Get("Authorization") != "" { // RFC 9111 3.5: no cache can check it
		h.Set("Cache-Control", "private, max-age=1")
	}
	http.ServeContent(w, req, posterName, time.Time{}, newReader(b))
}

// picture waits for a key frame of the stream, the newest that it has.
func picture(ctx context.Context, stream *live.Stream) ([]byte, error) {
	r := stream.NewReader(live.ReaderOptions{Name: "poster", Start: live.StartNewest})
	defer r.Close()
	tracks, err := r.Start(ctx)
	if err != nil {
		return nil, err
	}
	var frames [1]live.Frame
	for {
		n, err := r.ReadBatch(ctx, frames[:])
		if err != nil && !errors.Is(err, live.ErrLagged) {
			return nil, err
		}
		if err != nil {
			tracks = r.Tracks()
		}
		for _, f := range frames[:n] {
			if f.Kind == av.KindConfig && f.Config != nil {
				tracks = tracks.With(f.Config)
			}
			if video := tracks.Video(); f.Kind == av.KindMedia && f.Key && video != nil && f.Track == video.ID {
				return still(video, f.Frame)
			}
		}
	}
}
