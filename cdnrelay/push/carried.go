package push

import (
	"context"
	"time"

	"weir/room/live"
)

// carried is a stream that is live, from its first media to its end.
type carried struct {
	key    live.Key
	stream *live.Stream
	ctx    context.Context //nolint:containedctx // it ends with the stream
	cancel context.CancelFunc

	// Guarded by Manager.mu:
	info  live.Info     // as it was when it began, or when its present user took it over
	count int           // destinations
	back  chan struct{} // closed when the publisher comes back that is away; nil while there is one
	own   []string      // tasks that hold for this stream only
	anew  []string      // tasks whose address names the user: they begin when that one's media comes
}

func newCarried(ctx context.Context, s *live.Stream, i live.Info) *carried {
	c := &carried{key: i.Key, stream: s, info: i}
	c.ctx, c.cancel = context.WithCancel(ctx)
	return c
}

// stateLocked keeps to whether the publisher is away.
func (c *carried) stateLocked(now live.State) {
	switch away := now == live.StateInterrupted; {
	case away && c.back == nil:
		c.back = make(chan struct{})
	case !away && c.back != nil:
		close(c.back)
		c.back = nil
	}
}

// addressLocked is a task's address for the stream, not signed.
func (c *carried) addressLocked(t *Task) string { return fill(t.To, values(&c.info)) }

// rest waits; it is not ok when the stream ended meanwhile.
func (c *carried) rest(wait time.Duration) (ok bool) {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-c.ctx.Done():
		return false
	}
}
