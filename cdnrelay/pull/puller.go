package pull

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"weir/cdnrelay/address"
	"weir/room/dial"
	"weir/room/hook"
	"weir/room/live"
)

const (
	// lookEvery is the pace at which a puller looks whether somebody watches, and whether media comes.
	lookEvery = 250 * time.Millisecond
	// stable is how long a source has to have run to count as one that works.
	stable = 10 * time.Second
)

// puller brings one stream. Its goroutine belongs to the Manager.
type puller struct {
	m      *Manager
	task   Task
	key    live.Key
	guard  *dial.Guard
	cancel context.CancelCauseFunc
	log    *slog.Logger

	publisher *live.Publisher // of the goroutine alone; nil before the first media, or when it lost the stream
	seen      places          // of the goroutine alone

	bytes, frames atomic.Uint64

	mu  sync.Mutex // guards now
	now Status
}

func newPuller(m *Manager, t Task, k live.Key, cancel context.CancelCauseFunc) *puller {
	p := &puller{m: m, task: t, key: k, cancel: cancel, guard: m.opts.Guard, seen: make(places)}
	if t.Trusted {
		p.guard = dial.Trusted
	}
	p.log = m.opts.Log.With("stream", k.String(), "pull", t.ID)
	now := m.opts.Now()
	p.now = Status{Key: k, URL: address.MaskedSource(filled(t.From[0], k)), Began: now, Since: now}
	return p
}

// run pulls until ctx is done, or on demand until nobody watches.
func (p *puller) run(ctx context.Context) {
	if p.task.Mode == OnDemand {
		idle, cancel := context.WithCancelCause(ctx)
		defer cancel(nil)
		var watch sync.WaitGroup
		defer watch.Wait()
		watch.Go(func() { p.watchIdle(idle, cancel) })
		ctx = idle
	}
	p.try(ctx)
	reason := context.Cause(ctx)
	if errors.Is(reason, context.Canceled) {
		reason = errShutdown
	}
	if p.publisher != nil {
		p.publisher.End(reason)
	}
	p.over(reason)
	p.log.Info("pull ended", "reason", live.Reason(reason), "error", reason)
	p.cancel(reason) // ends watchIdle
}

// over tells that the stream is pulled no longer, or not at all.
func (p *puller) over(reason error) {
	p.change(func(s *Status) {
		s.State, s.Reason, s.Error, s.Retry = Ended, live.Reason(reason), reason.Error(), time.Time{}
	})
}

// try pulls from one address after the other until ctx is done.
func (p *puller) try(ctx context.Context) {
	pause := p.m.opts.Retry
	for i := 0; ; i = (i + 1) % len(p.task.From) {
		ran, err := p.pull(ctx, filled(p.task.From[i], p.key))
		if ctx.Err() != nil {
			return
		}
		if ran >= stable {
			pause = p.m.opts.Retry
		}
		wait := time.Duration(0)
		if i == len(p.task.From)-1 {
			wait = pause - rand.N(pause/2+1) //nolint:gosec // nobody gains by guessing it
			pause = min(2*pause, p.m.opts.MaxRetry)
		}
		p.failed(err, ran > 0, wait)
		if !sleep(ctx, wait) {
			return
		}
	}
}

// sleep waits, and tells whether ctx allowed it.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// pull brings the stream from one address until that fails; ran is how long media came.
func (p *puller) pull(ctx context.Context, from string) (ran time.Duration, err error) {
	p.m.stats.tries.Inc()
	p.change(func(s *Status) {
		s.URL, s.State, s.Retry = address.MaskedSource(from), Connecting, time.Time{}
		s.Tries++
	})
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	s := newSession(p)
	var watch sync.WaitGroup
	watch.Go(func() { s.watch(ctx, cancel) })
	err = open(ctx, from, guards{p.guard, p.m.opts.Guard}, p.m.opts.Timeout, p.seen, s)
	if cause := context.Cause(ctx); cause != nil {
		err = cause // what the source said came of it
	}
	cancel(nil)
	watch.Wait()
	return s.close(err), err
}

// failed tells that a connection did not come about or broke.
func (p *puller) failed(err error, ran bool, wait time.Duration) {
	p.m.stats.failures.WithLabelValues(live.Reason(err)).Inc()
	p.log.Warn("pull waiting", "from", p.status().URL, "reason", live.Reason(err), "error", err, "again_in", wait.Round(time.Millisecond))
	p.change(func(s *Status) {
		s.State, s.Reason, s.Error, s.Retry = Waiting, live.Reason(err), err.Error(), p.m.opts.Now().Add(wait)
		if ran {
			s.Restarts++
		}
	})
}

// watchIdle ends a pull on demand when nobody has watched for a while.
func (p *puller) watchIdle(ctx context.Context, end context.CancelCauseFunc) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	last := time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if p.wanted() {
			last = time.Now()
		} else if time.Since(last) >= p.m.opts.Idle {
			end(errIdle)
			return
		}
	}
}

// wanted tells whether somebody watches the stream, or waits for it.
func (p *puller) wanted() bool {
	s, ok := p.m.opts.Hub.Stream(p.key)
	return ok && s.Readers() > 0 || p.m.opts.Hub.Awaited(p.key)
}

func (p *puller) status() Status {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.now
	if s.State == "" { // run has not come to it yet
		s.State = Connecting
	}
	s.Bytes, s.Frames = p.bytes.Load(), p.frames.Load()
	return s
}

// change changes the status, and tells of it where the state is another one.
func (p *puller) change(do func(*Status)) {
	p.mu.Lock()
	from := p.now.State
	do(&p.now)
	if p.now.State != from {
		p.now.Since = p.m.opts.Now()
	}
	now := p.now
	p.mu.Unlock()
	if now.State == from || p.m.opts.Hooks == nil {
		return
	}
	app, err := strconv.Atoi(p.key.App)
	if err != nil {
		return // keys are made of apps
	}
	p.m.opts.Hooks.Stream(hook.Event{
		Kind: hook.Relayed, At: now.Since, App: app, Room: p.key.Room, Stream: p.key.Stream, Reason: reasonOf(&now),
		Relay: &hook.Relay{
			ID: p.task.ID, Way: way, URL: now.URL, State: string(now.State), Tries: now.Tries,
			Error: now.Error, Bytes: p.bytes.Load(), Frames: p.frames.Load(),
		},
	})
}

// reasonOf is why a pull is not running.
func reasonOf(s *Status) string {
	if s.State == Waiting || s.State == Ended {
		return s.Reason
	}
	return ""
}
