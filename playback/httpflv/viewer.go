package httpflv

import (
	"context"
	"errors"
	"net/http"
	"os"
	"slices"
	"time"

	"weir/mux/av"
	"weir/mux/flv"
	"weir/room/auth"
	"weir/room/live"
)

const (
	batchSize = 64          // tags of one write at most: more than a second
	lagWindow = time.Minute // in which lags are counted
)

// viewer is one response on its way.
type viewer struct {
	handler *Handler
	reader  *live.Reader[flv.Tag]
	out     sink
	tracks  av.Tracks     // as announced to the player
	video   bool          // what the header announced
	audio   bool          //
	begin   time.Duration // DTS of the first tag

	lags    int
	lagFrom time.Time
}

// play serves one viewer until the stream or the grant ends, the viewer leaves or is too slow.
func (h *Handler) play(w http.ResponseWriter, r *http.Request, s *live.Stream, source live.Source[flv.Tag], q query, grant auth.Grant) {
	reader := source.NewReader(live.ReaderOptions{Name: "flv", Start: q.start, Join: h.opts.Join})
	defer reader.Close()
	ctx, cancel := context.WithTimeoutCause(r.Context(), h.opts.Patience, errNoMedia)
	defer cancel()
	tracks, err := reader.Start(ctx)
	if err == nil {
		err = q.takes(tracks)
	}
	if err != nil {
		h.refuse(w, r, err)
		return
	}
	out, ctx, err := openSink(w, r, h.opts.WriteTimeout)
	if err != nil { // the connection is out of net/http's hands, and broken: there is nobody to answer
		h.stats.closed.WithLabelValues(errGone.reason).Inc()
		return
	}
	v := &viewer{handler: h, reader: reader, out: out, tracks: tracks}
	ctx, stop := grant.Bound(ctx)
	defer stop()
	err = v.run(ctx)
	out.close(err)
	h.stats.closed.WithLabelValues(reasonOf(err)).Inc()
	h.log.Debug("viewer left", "stream", s.Key(), "reason", err)
}

func reasonOf(err error) string {
	var c *closing
	if errors.As(err, &c) {
		return c.reason
	}
	return "other"
}

// run sends tags; it returns why that is over.
func (v *viewer) run(ctx context.Context) error {
	var (
		tags  [batchSize]flv.Tag
		bytes = make([][]byte, 0, batchSize+1)
		first = true
	)
	for {
		n, err := v.reader.ReadBatch(ctx, tags[:])
		if errors.Is(err, live.ErrLagged) {
			if err := v.lagged(); err != nil {
				return err
			}
			continue
		}
		if err != nil {
			return ending(err)
		}
		bytes = bytes[:0]
		if first {
			if bytes, err = v.preamble(bytes, tags[0]); err != nil {
				return err
			}
			first = false
		}
		var changed error
		if bytes, changed = v.choose(bytes, tags[:n]); len(bytes) > 0 {
			if err := v.out.write(bytes); err != nil {
				return broken(err)
			}
			v.handler.stats.count(bytes)
		}
		if changed != nil {
			return changed
		}
		clear(tags[:n]) // hold nothing while waiting
		clear(bytes)
	}
}

// preamble begins the response: header, metadata and sequence headers, at the time of the first tag.
func (v *viewer) preamble(dst [][]byte, first flv.Tag) ([][]byte, error) {
	v.begin = first.DTS
	v.video, v.audio = v.tracks.Video() != nil, v.tracks.Audio() != nil
	b, err := flv.AppendPreamble(nil, v.tracks, v.handler.opts.Encoder, v.begin)
	return append(dst, b), err
}

// choose appends what of the tags the player is to get. Sound from before the first picture is left out: the
// sequence headers stand at the picture's time, and time must not go back behind them. A change of before it holds
// for the sound behind it as well.
func (v *viewer) choose(dst [][]byte, tags []flv.Tag) ([][]byte, error) {
	for _, t := range tags {
		if t.DTS < v.begin && t.Kind == av.KindMedia {
			continue
		}
		if t.Over() || t.Config != nil && !v.announced(t.Config) {
			return dst, errChanged // the header cannot be taken back; a player that asks again gets the right one
		}
		if t.Config != nil {
			if known := v.tracks.Find(t.Track); known != nil && known.Same(t.Config) {
				continue
			}
			v.tracks = v.tracks.With(t.Config)
			if t.DTS < v.begin {
				var err error
				if t.Data, err = flv.AppendSequenceHeader(nil, t.Config, v.begin); err != nil {
					return dst, err
				}
			}
		}
		dst = append(dst, t.Data)
	}
	return dst, nil
}

// announced tells whether the player expects such a track: one of the kind in the header, and of the codec that was
// announced before. mpegts.js ends in an error at another one.
func (v *viewer) announced(t *av.Track) bool {
	if known := v.tracks.Find(t.ID); known != nil && known.Codec != t.Codec {
		return false
	}
	return t.Codec.IsVideo() && v.video || t.Codec.IsAudio() && v.audio
}

// lagged counts a lag, and brings the player up to date with tracks that changed in what it missed.
func (v *viewer) lagged() error {
	if now := time.Now(); now.Sub(v.lagFrom) > lagWindow {
		v.lags, v.lagFrom = 0, now
	}
	if v.lags++; v.lags > v.handler.opts.MaxLags {
		return errSlow
	}
	if !slices.EqualFunc(shown(v.reader.Tracks()), shown(v.tracks), func(a, b av.Track) bool { return a.Same(&b) }) {
		return errChanged
	}
	return nil
}

// shown are the tracks without simulcast layers, which stand beside what is shown.
func shown(ts av.Tracks) av.Tracks {
	return slices.DeleteFunc(slices.Clone(ts), func(t av.Track) bool { return t.Layer != "" })
}

// ending turns the reader's error into the reason.
func ending(err error) error {
	switch {
	case errors.Is(err, live.ErrEnded):
		return errOver
	case errors.Is(err, auth.ErrEnds):
		return errExpired
	default:
		return errGone
	}
}

// broken turns a write's error into the reason.
func broken(err error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return errSlow
	}
	return errGone
}
