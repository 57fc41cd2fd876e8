package push

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"sync"
	"time"

	"weir/cdnrelay/address"
	"weir/mux/av"
	"weir/room/dial"
	"weir/room/live"
)

// goodbye is how long a session may take to say that it ends.
const goodbye = 2 * time.Second

// errDeleted ends the destinations of a task that was deleted.
var errDeleted error = &fault{"deleted", "the relay was deleted"}

// destination carries one stream to one target. Its goroutine is run's.
type destination struct {
	m        *Manager
	task     *Task
	carried  *carried
	text     string   // the address, not signed; secret
	protocol string   // its scheme
	shown    string   // it, masked
	identity string   // of it, whatever its signature
	refused  error    // why it does not even begin
	last     *url.URL // the address of the last connection, for run only
	log      *slog.Logger
	progress Progress

	ctx    context.Context //nolint:containedctx // it is that of run, which Manager.Remove ends
	cancel context.CancelCauseFunc
	done   chan struct{} // closed when run is over

	placed, replaced bool // guarded by Manager.mu; see placeLocked and replaceLocked

	mu     sync.Mutex // guards the fields below
	status Status
	info   live.Info // of the stream and who publishes it
}

// run tries until the stream or the task is over, or there is no use in it.
func (d *destination) run() {
	state, err := d.carry()
	d.enter(state, err, time.Time{})
}

func (d *destination) carry() (State, error) {
	if d.refused != nil {
		return Failed, d.refused
	}
	if err := d.m.claim(d); err != nil {
		return d.verdict(err), err
	}
	o := &d.m.opts
	patience := patience{first: o.Retry, most: o.MaxRetry, giveUp: o.GiveUp}
	for {
		err := d.connect()
		switch state := d.verdict(err); {
		case state == Ended && d.ctx.Err() == nil:
			return Ended, live.ErrEnded // whatever that broke off
		case state != Waiting:
			return state, err
		}
		wait, ok := patience.pause(o.Now(), d.ran(), err)
		if !ok {
			return Failed, err
		}
		d.enter(Waiting, err, o.Now().Add(wait))
		if err := d.rest(wait); err != nil {
			return Ended, err
		}
	}
}

// verdict is the state that an error leads to.
func (d *destination) verdict(err error) State {
	switch {
	case errors.Is(err, live.ErrEnded), d.ending():
		return Ended
	case errors.Is(err, ErrUnfit), errors.Is(err, ErrAddress), errors.Is(err, dial.ErrAddress), errors.Is(err, ErrDuplicate):
		return Failed
	default:
		return Waiting
	}
}

// connect makes one connection and sends the stream over it until one of them ends.
func (d *destination) connect() error {
	d.progress.begin(func() { d.enter(Running, nil, time.Time{}) })
	d.enter(Connecting, nil, time.Time{})
	target, err := d.target()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(d.ctx, d.m.opts.ConnectTimeout)
	defer cancel()
	defer context.AfterFunc(d.carried.ctx, cancel)() // a stream that is over needs no connection
	session, err := d.m.opts.Outputs[d.protocol].Open(ctx, target)
	if err != nil {
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			err = fmt.Errorf("%w: %w", ErrTimeout, err)
		}
		return err
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(d.ctx), goodbye)
		defer cancel()
		session.Close(ctx)
	}()
	return session.Send(d.ctx, &d.progress)
}

// target is what the next connection leads to: a signature is good for a while only.
func (d *destination) target() (Target, error) {
	o := &d.m.opts
	text := d.text
	if s := d.task.Sign; s != nil {
		var err error
		if text, err = o.Sign(text, *s, o.Now().Add(o.SignedFor)); err != nil {
			return Target{}, fmt.Errorf("%w: cannot sign it: %w", ErrAddress, err)
		}
	}
	u, err := url.Parse(text)
	if err != nil { // the error would show the address
		return Target{}, fmt.Errorf("%w: it is malformed", ErrAddress)
	}
	guard := o.Guard
	if d.task.Trusted {
		guard = dial.Trusted
	}
	d.last = u
	audio, _ := av.ParseCodec(d.task.Audio) // the task was checked
	return Target{
		URL: u, Token: d.task.Token, Guard: guard, Stream: d.carried.stream, Audio: audio,
		Reader:       live.ReaderOptions{Name: way, MaxAge: o.MaxLag},
		WriteTimeout: o.WriteTimeout, MaxLags: o.MaxLags, Log: d.log,
	}, nil
}

// rest waits for the next try: for so long, and for a publisher who is away, since until then another connection would only be
// sent again what was pushed before. Errors: why there is none.
func (d *destination) rest(wait time.Duration) error {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	if err := await(d, timer.C); err != nil {
		return err
	}
	d.m.mu.Lock()
	back := d.carried.back
	d.m.mu.Unlock()
	if back == nil {
		return nil
	}
	d.mu.Lock()
	d.status.Retry = time.Time{} // nobody knows
	d.mu.Unlock()
	return await(d, back)
}

// await waits until a channel has something. Errors: why the destination does not wait for it.
func await[T any](d *destination, c <-chan T) error {
	select {
	case <-c:
		return nil
	case <-d.carried.stream.Done():
		return fmt.Errorf("%w: %w", live.ErrEnded, d.carried.stream.Err())
	case <-d.ctx.Done():
		return context.Cause(d.ctx)
	}
}

// ending tells whether the destination is about to be over. The hub lets go of a stream a moment before that hears of its end.
func (d *destination) ending() bool {
	return d.ctx.Err() != nil || d.carried.ctx.Err() != nil || d.carried.stream.Err() != nil
}

// ran is how long the present connection has run.
func (d *destination) ran() time.Duration {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.status.State != Running {
		return 0
	}
	return d.m.opts.Now().Sub(d.status.Since)
}

// enter notes a change of the state and tells of it. err is what led to it, retry when the next try comes.
func (d *destination) enter(to State, err error, retry time.Time) {
	reason, text := "", ""
	if err != nil {
		reason, text = reasonOf(d.ctx, err), d.scrub(err.Error())
	}
	d.mu.Lock()
	s := &d.status
	from := s.State
	s.State, s.Since, s.Retry = to, d.m.opts.Now(), retry
	switch to {
	case Connecting:
		s.Tries++
		d.m.stats.connected(d.protocol)
	case Ended: // no fault: the last one stays to be seen
		s.Reason, s.Error = reason, cmp.Or(s.Error, text)
	case Waiting, Failed:
		s.Reason, s.Error = reason, text
		if from == Running {
			s.Restarts++
		}
		d.m.stats.failed(d.protocol, reason)
	case Running:
	}
	d.mu.Unlock()
	d.report(to, reason, text, retry)
	d.m.tell(d, reason)
}

// report writes the change to the log; retry is when the next try comes.
func (d *destination) report(to State, reason, text string, retry time.Time) {
	switch to {
	case Waiting:
		d.log.Warn("push waiting", "reason", reason, "error", text, "again_in", retry.Sub(d.m.opts.Now()).Round(time.Millisecond))
	case Failed:
		d.log.Warn("push failed", "reason", reason, "error", text)
	case Ended:
		d.log.Info("push ended", "reason", reason)
	case Connecting, Running:
		d.log.Info("push " + string(to))
	}
}

// about is what others are told of the stream.
func (d *destination) about() live.Info {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.info
}

// tellOf has others told of the stream as it is now.
func (d *destination) tellOf(i live.Info) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.info = i
}

// now is how the destination is.
func (d *destination) now() Status {
	d.mu.Lock()
	s := d.status
	d.mu.Unlock()
	d.progress.fill(&s)
	if s.State == Running {
		s.Lag = max(0, d.carried.stream.Newest()-d.progress.newest())
	}
	return s
}

// reasonOf is the short name of why a connection ended.
func reasonOf(ctx context.Context, err error) string {
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	if errors.Is(err, live.ErrEnded) {
		return "stream_ended"
	}
	if errors.Is(err, dial.ErrAddress) {
		err = ErrAddress
	}
	if errors.Is(err, context.Canceled) {
		return "shutdown"
	}
	return live.Reason(err)
}

// newDestination returns a destination that was not started. It expects the lock of the Manager.
func newDestination(ctx context.Context, m *Manager, t *Task, c *carried) *destination {
	d := &destination{m: m, task: t, carried: c, info: c.info, text: c.addressLocked(t), done: make(chan struct{})}
	d.ctx, d.cancel = context.WithCancelCause(ctx)
	d.shown = address.Masked(d.text)
	if u, err := url.Parse(d.text); err == nil {
		d.protocol, d.identity = u.Scheme, identity(u)
	}
	d.log = m.log.With("relay", t.ID, "stream", c.key, "target", d.shown)
	d.progress.total = m.stats.total(d.protocol)
	now := m.opts.Now()
	d.status = Status{Key: c.key, URL: d.shown, State: Connecting, Since: now, Began: now}
	return d
}
