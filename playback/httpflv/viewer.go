package httpflv

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"slices"
	"sync"
	"time"

	"weir/mux/av"
	"weir/mux/flv"
	"weir/room/audience"
	"weir/room/auth"
	"weir/room/live"
)

const (
	batchSize = 64          // tags of one write at most: more than half a second
	lagWindow = time.Minute // in which lags are counted
)

// viewer is one response on its way.
type viewer struct {
	handler *Handler
	key     live.Key
	reader  *live.Reader[flv.Tag]
	join    time.Duration   // of the reader
	part    func()          // counts it out of the audience, or out of the pulls
	pull    *audience.Pull  // nil of one who watches
	ctx     context.Context // done when the response is to end; its cause is why
	cancel  context.CancelFunc
	out     sink
	conn    *connSink     // out, where a pump can write to it; nil where not
	omit    omission      // what it may not receive
	tracks  av.Tracks     // as announced to the player
	begun   bool          // the header is sent, and says:
	video   bool          //
	audio   bool          //
	begin   time.Duration // DTS of the first tag
	rest    net.Buffers   // what the pump could not write

	lags    int
	lagFrom time.Time
}

// open finds the tags that the viewer asked for, and the place where it begins.
func (h *Handler) open(r *http.Request, s *live.Stream, q query) (*viewer, error) {
	source, err := h.source(r.Context(), s, q, h.opts.Patience)
	if err != nil {
		return nil, err
	}
	v := &viewer{handler: h, omit: q.omit, join: q.delay.within(h.opts.Join, h.opts.MaxJoin), cancel: func() {}}
	v.reader = source.NewReader(live.ReaderOptions{
		Name: "flv", Start: q.start, Join: v.join, Beat: true, MaxAge: h.opts.MaxAge,
	})
	ctx, cancel := context.WithTimeoutCause(r.Context(), h.opts.Patience, errNoMedia)
	defer cancel()
	tracks, err := v.reader.Start(ctx)
	if err == nil {
		tracks, err = q.takes(tracks)
	}
	if err != nil {
		v.reader.Close()
		return nil, err
	}
	v.tracks = tracks
	return v, nil
}

// respond begins the response. What follows is written here only where the connection stays with net/http. Otherwise
// its goroutine, its buffers and the request are let go at once: all that a viewer needs is in the viewer.
func (v *viewer) respond(w http.ResponseWriter, r *http.Request, grant auth.Grant) {
	out, ctx, err := openSink(w, r, v.handler.opts.WriteTimeout)
	if err != nil {
		v.leave(errGone) // the connection is out of net/http's hands, and broken: there is nobody to answer
		return
	}
	v.out = out
	v.bound(ctx, grant)
	conn, taken := out.(*connSink)
	if !taken {
		v.play()
		return
	}
	if conn.raw != nil && !v.omit.some() { // a pump writes the same to all
		v.conn = conn
	}
	v.release()
}

// bound gives the viewer its context. Where that will end, the pump is told: there may be nothing else to wake it.
func (v *viewer) bound(ctx context.Context, grant auth.Grant) {
	ctx, cancel := grant.Bound(ctx)
	v.ctx, v.cancel = ctx, cancel
	conn, _ := v.out.(*connSink)
	talks := conn != nil && conn.talk != nil
	if _, ends := ctx.Deadline(); !ends && !talks {
		return
	}
	waker := v.reader.Waker()
	nudge := func() { v.handler.pumps.nudge(waker) }
	if talks {
		conn.talk.wake.Store(&nudge)
	}
	forget := context.AfterFunc(ctx, nudge)
	v.cancel = func() {
		forget()
		cancel()
	}
}

// release lets the viewer go on in a goroutine of its own.
func (v *viewer) release() { v.handler.tasks.Go(v.play) }

// dismiss ends the response for a reason, without waiting for that.
func (v *viewer) dismiss(reason error) { v.handler.tasks.Go(func() { v.leave(reason) }) }

// play serves the viewer until the stream ends, the viewer leaves or is too slow, or a pump takes it.
func (v *viewer) play() {
	if err := v.run(); !errors.Is(err, errInStep) {
		v.leave(err)
	}
}

// leave ends the response.
func (v *viewer) leave(reason error) {
	h := v.handler
	defer h.leave()
	defer v.part()
	v.cancel()
	v.reader.Close()
	if v.pull == nil {
		h.stats.closed.WithLabelValues(reasonOf(reason)).Inc()
	}
	h.log.Debug("viewer left", "stream", v.key, "reason", reason)
	if v.out != nil {
		v.out.close(reason)
	}
}

func reasonOf(err error) string {
	var c *closing
	if errors.As(err, &c) {
		return c.reason
	}
	return "other"
}

// run sends what the pump has left, and then tags, until a pump can go on; it returns why it is over.
func (v *viewer) run() error {
	if v.rest != nil {
		rest, n := v.rest, size(v.rest)
		v.rest = nil
		if err := v.conn.send(rest); err != nil {
			return broken(err)
		}
		v.sent(n)
	}
	for {
		if v.conn != nil && v.begun && v.reader.Idle() {
			if err := v.conn.reply(); err != nil {
				return broken(err)
			}
			if err := v.conn.conn.SetDeadline(time.Time{}); err != nil { // a pump never waits
				return broken(err)
			}
			v.handler.pumps.take(v)
			return errInStep
		}
		if err := v.reader.Await(v.ctx); err != nil {
			return ending(err)
		}
		if err := v.step(); err != nil {
			return err
		}
	}
}

// portion is the scratch of one step.
type portion struct {
	tags [batchSize]flv.Tag
	data [][]byte
}

var portions = sync.Pool{New: func() any { return new(portion) }}

// step sends the tags at hand.
func (v *viewer) step() error {
	p := portions.Get().(*portion)
	defer portions.Put(p)
	n, err := v.reader.ReadBatch(v.ctx, p.tags[:])
	defer clear(p.tags[:n])
	if errors.Is(err, live.ErrLagged) {
		return v.lagged()
	}
	if err != nil {
		return ending(err)
	}
	p.data = p.data[:0]
	if !v.begun {
		if p.data, err = v.preamble(p.data, p.tags[0]); err != nil {
			return err
		}
		v.begun = true
	}
	var changed error
	p.data, changed = v.choose(p.data, p.tags[:n])
	defer clear(p.data)
	if len(p.data) > 0 {
		if err := v.out.write(p.data); err != nil {
			return broken(err)
		}
		v.sent(size(p.data))
	}
	return changed
}

// sent counts bytes that the viewer has taken.
func (v *viewer) sent(n int) {
	v.handler.stats.bytes.Add(float64(n))
	v.pull.Sent(n)
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
		if v.omit.has(&t, v.tracks) {
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
	tracks, err := v.omit.of(v.reader.Tracks())
	if err != nil || !slices.EqualFunc(shown(tracks), shown(v.tracks), func(a, b av.Track) bool { return a.Same(&b) }) {
		return errChanged
	}
	return nil
}

// shown are the tracks without simulcast layers, which stand beside what is shown.
func shown(ts av.Tracks) av.Tracks {
	return slices.DeleteFunc(slices.Clone(ts), func(t av.Track) bool { return t.Layer != "" })
}

// ending turns the reader's error, or why the context is done, into the reason.
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
