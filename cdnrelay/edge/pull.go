package edge

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"weir/mux/av"
	"weir/mux/fmp4"
	"weir/room/auth"
	"weir/room/live"
)

const (
	// silence is how long an origin may send nothing: four heartbeats. Less than heartbeatSize bytes are nothing.
	silence, heartbeatSize = 4 * heartbeat, 8
	// lookAfter is how often it is looked whether a pull is still of use, and whether an interrupted stream is elsewhere.
	lookAfter = 500 * time.Millisecond
	// clocksApart is how far the clock of an origin may be from this node's for its times of day to be taken over.
	clocksApart = 2 * time.Second
	// retryPause and retryPauseMax are how long is waited between two attempts to get a lost stream back.
	retryPause, retryPauseMax = 100 * time.Millisecond, time.Second
)

// source is where a pull takes its stream from.
type source struct {
	origin string
	path   []string // the nodes that the stream comes through
}

// pull takes one stream from an origin into the hub.
type pull struct {
	edge  *Edge
	asked live.Key // a stream's key, or that of a stream id
	via   []string // who it was begun for
	log   *slog.Logger
	wish  chan struct{} // capacity 1: a key frame is wanted
	heard atomic.Int64  // when something came last, in Unix nanoseconds
	begun atomic.Bool   // this connection has said how the stream is
	ready chan error    // capacity 1: whether the stream is there now

	mu     sync.Mutex // guards the fields below
	source source
	key    live.Key // asked, or that of the stream which has the id

	// The fields below belong to the goroutine of run.
	pub    *live.Publisher
	out    atomic.Pointer[live.Publisher] // pub, for others
	told   atomic.Pointer[state]
	clock  int64         // state.Started of what the times are of
	shift  time.Duration // added to the origin's times
	anew   bool          // the next frame is the first of another clock
	floor  time.Duration // data of before was there before the connection was lost
	last   map[av.TrackID]time.Duration
	newest time.Duration // of last
	at     time.Time     // when newest came
	tracks av.Tracks     // as the origin has them
	have   av.Tracks     // as the stream has them
	events []*av.Frame   // of tracks, to be written before the next frame
	paused bool          // the stream is interrupted
	gave   bool          // frames came by this connection
}

// bring takes a stream from the first origin that has it, on behalf of the nodes via, and returns once it is in the hub.
//
// Errors: live.ErrNoStream, ErrOrigin, ErrStopping, live.ErrBusy, what the connection ended with, or the context's.
func (e *Edge) bring(ctx context.Context, k live.Key, via []string) error {
	p := &pull{
		edge: e, asked: k, key: k, via: via, log: e.log.With("stream", k), wish: make(chan struct{}, 1), ready: make(chan error, 1),
		last: make(map[av.TrackID]time.Duration), floor: -1,
	}
	if !e.tasks.start(p.run) {
		return ErrStopping
	}
	select {
	case err := <-p.ready:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// stream is the key of the stream as far as it is known: once it is, the id that was asked for may be that of another stream.
func (p *pull) stream() live.Key {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.key
}

// from is where the stream comes from now.
func (p *pull) from() source {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.source
}

// run takes the stream until it is over, or of no use.
func (p *pull) run(ctx context.Context) {
	ctx, stop := context.WithCancelCause(ctx)
	var helpers sync.WaitGroup
	defer helpers.Wait()
	defer stop(nil)
	helpers.Go(func() { p.askForKeyFrames(ctx) })
	err := p.once(ctx)
	if p.pub == nil {
		p.ready <- err
		return
	}
	defer p.forget()
	for pause := retryPause; !p.over(ctx, err); pause = min(2*pause, retryPauseMax) {
		p.interrupt(errLost)
		p.edge.stats.retries.Inc()
		if !errors.Is(err, errMoved) && p.rest(ctx, pause) != nil {
			break
		}
		began := time.Now()
		if err = p.once(ctx); time.Since(began) > retryPauseMax {
			pause = retryPause / 2 // it lasted: a new loss
		}
	}
	p.log.Info("edge pull closed", "reason", err)
}

// over tells whether there is nothing to go on with after a connection ended with err.
func (p *pull) over(ctx context.Context, err error) bool {
	switch {
	case ctx.Err() != nil, p.pub.Err() != nil:
		return true
	case errors.Is(err, errIdle), errors.Is(err, live.ErrEnded):
		p.pub.End(err)
		return true
	case len(p.last) == 0 && !errors.Is(err, errMoved):
		p.pub.End(err) // it has nothing to come back to, and no grace time that would end it
		return true
	default:
		return p.pub.Stream().Err() != nil
	}
}

// rest waits before the next attempt, but not for a stream that is over.
func (p *pull) rest(ctx context.Context, d time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	select {
	case <-ctx.Done():
	case <-p.pub.Done():
		return p.pub.Err()
	}
	if errors.Is(context.Cause(ctx), context.DeadlineExceeded) {
		return nil
	}
	return context.Cause(ctx)
}

// forget takes the pull off the list.
func (p *pull) forget() {
	p.edge.mu.Lock()
	defer p.edge.mu.Unlock()
	if k := p.stream(); p.edge.pulls[k] == p {
		delete(p.edge.pulls, k)
	}
}

// once takes the stream from an origin as long as the connection lasts.
func (p *pull) once(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	origin, err := p.origin(ctx)
	if err != nil {
		return err
	}
	p.gave = false
	p.begun.Store(false)
	resp, err := p.edge.client.stream(ctx, cancel, origin, p.stream(), p.via)
	if err != nil {
		if !errors.Is(err, live.ErrNoStream) {
			p.edge.client.blame(origin)
		}
		return err
	}
	defer resp.Body.Close()
	path := nodes(resp.Header.Get(headerPath))
	if meet(path, append(p.via[:len(p.via):len(p.via)], p.edge.id)) || len(path) > maxHops {
		return live.ErrNoStream // it comes from here
	}
	p.mu.Lock()
	p.source = source{origin, path}
	p.mu.Unlock()
	p.heard.Store(time.Now().UnixNano())
	watching := make(chan struct{})
	go func() { // ends with the connection
		defer close(watching)
		p.watch(ctx, cancel, origin)
	}()
	defer func() {
		cancel(nil)
		<-watching
	}()
	err = p.follow(resp)
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	if vain := errors.Is(err, errLost) || errors.Is(err, errFailed); vain && !p.gave {
		p.edge.client.blame(origin) // another one that has the stream may be of more use
	}
	return err
}

// origin chooses where to take the stream from.
func (p *pull) origin(ctx context.Context) (string, error) {
	c := p.edge.client
	if len(c.origins) == 1 {
		return c.origins[0], nil // its answer is the stream itself
	}
	origin, _, err := c.choose(ctx, p.stream(), p.via, "")
	return origin, err
}

// watch ends a connection that is silent, of no use, or worse than another one would be.
func (p *pull) watch(ctx context.Context, cancel context.CancelCauseFunc, origin string) {
	tick := time.NewTicker(lookAfter)
	defer tick.Stop()
	late := time.NewTimer(beginTimeout)
	defer late.Stop()
	idle := time.Duration(0)
	for {
		select {
		case <-tick.C:
		case <-late.C:
			if !p.begun.Load() {
				cancel(errLost)
				return
			}
			continue
		case <-ctx.Done():
			return
		}
		if time.Since(time.Unix(0, p.heard.Load())) >= silence {
			cancel(errLost)
			return
		}
		pub := p.out.Load()
		if pub == nil {
			continue
		}
		select {
		case <-pub.Done():
			cancel(pub.Err())
			return
		default:
		}
		if idle += lookAfter; pub.Stream().Readers() > 0 {
			idle = 0
		}
		if idle > p.edge.opts.Idle {
			cancel(errIdle)
			return
		}
		if st := p.told.Load(); st != nil && st.State == live.StateInterrupted.String() && len(p.edge.client.origins) > 1 {
			if _, isLive, err := p.edge.client.choose(ctx, p.stream(), p.via, origin); err == nil && isLive {
				cancel(errMoved)
				return
			}
		}
	}
}

// askForKeyFrames passes on the wishes of this node's readers, which the hub has merged.
func (p *pull) askForKeyFrames(ctx context.Context) {
	for {
		select {
		case <-p.wish:
		case <-ctx.Done():
			return
		}
		if origin := p.from().origin; origin != "" {
			if err := p.edge.client.keyFrame(ctx, origin, p.stream()); err != nil && ctx.Err() == nil {
				p.log.Debug("cannot ask for a key frame", "error", err)
			}
		}
	}
}

// heardReader notes when something comes.
type heardReader struct {
	io.Reader
	pull *pull
	few  int // bytes since then
}

// Read implements io.Reader.
func (r *heardReader) Read(b []byte) (int, error) {
	n, err := r.Reader.Read(b)
	if r.few += n; r.few >= heartbeatSize {
		r.pull.heard.Store(time.Now().UnixNano())
		r.few = 0
	}
	r.pull.edge.stats.received.Add(float64(n))
	return n, err
}

// follow takes what an origin sends.
func (p *pull) follow(resp *http.Response) error {
	d := fmp4.NewDemuxer(&heardReader{Reader: resp.Body, pull: p})
	p.tracks, p.events = nil, nil
	begun := false
	for {
		e, err := d.Next()
		switch {
		case errors.Is(err, fmp4.ErrFormat):
			p.log.Warn("cannot read what the origin sends", "error", err)
			return errFailed
		case err != nil:
			return errLost
		case e.Message != nil && e.Message.Scheme == stateScheme:
			if err := p.state(e.Message, !begun); err != nil {
				return err
			}
			begun = true
			p.begun.Store(true)
		case e.Message != nil:
		case e.Frame.Kind == av.KindConfig:
			p.change(e.Frame)
		case !begun:
			return errFailed // a stream begins with its state
		default:
			if err := p.write(e.Frame); err != nil {
				return err
			}
		}
	}
}

// change notes that a track is another one, or over.
func (p *pull) change(f *av.Frame) {
	if f.Config != nil {
		p.tracks = p.tracks.With(f.Config)
	} else {
		p.tracks = p.tracks.Without(f.Track)
	}
	p.events = append(p.events, f)
}

// state takes what the origin says of its stream. The first state of a connection says what the times are of.
func (p *pull) state(m *fmp4.Message, first bool) error {
	st, err := parseState(m)
	if err != nil {
		p.log.Warn("cannot read what the origin sends", "error", err)
		return errFailed
	}
	p.told.Store(&st)
	if st.State == live.StateEnded.String() {
		return fmt.Errorf("%w: %w", live.ErrEnded, told(st.Reason))
	}
	switch {
	case first && p.pub == nil:
		if err := p.publish(&st); err != nil {
			return err
		}
	case first:
		p.rejoin(&st)
	}
	p.pub.SetLayers(st.Layers)
	p.pub.Rename(st.User, st.ID)
	if st.State == live.StateInterrupted.String() {
		p.interrupt(told(st.Reason))
	}
	return nil
}

// publish puts the stream into the hub.
func (p *pull) publish(st *state) error {
	shown := 0
	for i := range p.tracks {
		if p.tracks[i].Layer == "" {
			shown++
		}
	}
	if err := p.name(st); err != nil {
		return err
	}
	p.clock = st.Started
	k, from := p.stream(), p.from().origin
	if u, err := url.Parse(from); err == nil {
		from = u.Host
	}
	e := p.edge
	e.mu.Lock() // a stream in the hub is on the list
	defer e.mu.Unlock()
	pub, err := e.hub.Publish(k, live.PublishOptions{
		User: st.User, ID: st.ID, Mirror: true, Started: st.started(e.opts.Now()), Tracks: shown, Layers: st.Layers,
		Origin: live.Origin{Form: "edge", Addr: from},
		KeyFrame: func() {
			select {
			case p.wish <- struct{}{}:
			default:
			}
		},
	})
	if err != nil {
		return err
	}
	e.pulls[k] = p
	p.pub = pub
	p.out.Store(pub)
	p.log.Info("edge pull began", "origin", from)
	p.ready <- nil
	return nil
}

// name learns which stream has the id that was asked for.
func (p *pull) name(st *state) error {
	if !p.asked.IsID() {
		return nil
	}
	if err := errors.Join(auth.CheckRoom(st.Room), auth.CheckStream(st.Stream)); err != nil || st.ID != p.asked.Stream {
		p.log.Warn("the origin gives a stream that was not asked for", "room", st.Room, "given", st.Stream)
		return errFailed
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.key = live.Key{App: p.asked.App, Room: st.Room, Stream: st.Stream}
	return nil
}

// rejoin prepares to go on after another connection. The origin's stream may be the same one, or another: then its newest
// frame belongs where the stream's own clock is now.
func (p *pull) rejoin(st *state) {
	for i := range p.have {
		if p.tracks.Find(p.have[i].ID) == nil {
			p.events = append(p.events, &av.Frame{Track: p.have[i].ID, Kind: av.KindConfig, Codec: p.have[i].Codec})
		}
	}
	p.floor = p.newest
	if st.Started == p.clock {
		return
	}
	p.clock, p.anew = st.Started, true
	if p.shift = p.newest - time.Duration(st.Newest); len(p.last) > 0 { // else nothing came yet
		p.shift += p.edge.opts.Now().Sub(p.at)
	}
}

// interrupt says that the stream is interrupted, once something came of it: before that it is not there.
func (p *pull) interrupt(why reason) {
	if len(p.last) > 0 && !p.paused {
		p.paused = true
		p.pub.Interrupt(why)
	}
}

// write puts a frame into the stream, unless it was there before the connection was lost.
func (p *pull) write(f *av.Frame) error {
	if p.anew && f.Kind == av.KindMedia {
		p.anew = false
		p.shift += max(0, p.newest+time.Millisecond-(f.DTS+p.shift))
	}
	f.DTS, f.PTS = f.DTS+p.shift, f.PTS+p.shift
	if last, ok := p.last[f.Track]; ok && f.Kind == av.KindMedia && f.DTS <= last || f.Kind == av.KindData && f.DTS <= p.floor {
		return nil
	}
	if err := p.writeEvents(f); err != nil {
		return err
	}
	if err := p.pub.Write(f); err != nil {
		return p.refused(err)
	}
	if f.Kind == av.KindMedia {
		p.gave = true
		p.last[f.Track] = f.DTS
		p.newest, p.at = max(p.newest, f.DTS), p.edge.opts.Now()
	}
	st := p.told.Load()
	switch {
	case p.paused && st.State == live.StateLive.String():
		p.paused = false
		p.pub.Resume()
	case !p.paused && st.State == live.StateInterrupted.String():
		p.interrupt(told(st.Reason))
	}
	return nil
}

// writeEvents writes what has become of tracks before a frame. Of several events of a track the last one counts: those before it
// governed frames that the stream has.
func (p *pull) writeEvents(before *av.Frame) error {
	for i, f := range p.events {
		if p.isLater(f.Track, p.events[i+1:]) {
			continue
		}
		old := p.have.Find(f.Track)
		if f.Config == nil && old == nil || f.Config != nil && old != nil && old.Same(f.Config) {
			continue
		}
		f.DTS, f.PTS = f.DTS+p.shift, f.PTS+p.shift
		if f.DTS <= p.last[f.Track] || f.DTS > before.DTS {
			f.DTS, f.PTS, f.Wall = before.DTS, before.DTS, before.Wall
		}
		if f.Config != nil {
			p.have = p.have.With(f.Config)
		} else {
			p.have = p.have.Without(f.Track)
		}
		if err := p.pub.Write(f); err != nil {
			return p.refused(err)
		}
	}
	clear(p.events)
	p.events = p.events[:0]
	return nil
}

// isLater tells whether there is an event of a track among events.
func (p *pull) isLater(id av.TrackID, events []*av.Frame) bool {
	for _, f := range events {
		if f.Track == id {
			return true
		}
	}
	return false
}

// refused handles a frame that the stream did not take: only the loss of the stream is an end.
func (p *pull) refused(err error) error {
	if errors.Is(err, live.ErrGone) {
		return err
	}
	p.log.Debug("frame refused", "error", err)
	return nil
}
