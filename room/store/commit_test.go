package store

import (
	"context"
	"sync"
	"testing"

	dto "github.com/prometheus/client_model/go"
)

// commitsOf is how many transactions there were.
func commitsOf(t testing.TB, s *Store) int {
	t.Helper()
	var m dto.Metric
	ok(t, s.stats.commits.Write(&m))
	return int(m.GetHistogram().GetSampleCount())
}

// A caller that is gone takes its write back while it waits, and is told so.
func testContext(t *testing.T, g *ground) {
	s := g.open(t)
	release := holdUp(t, s)
	gone, leave := context.WithCancel(t.Context())
	var all sync.WaitGroup
	var errs [3]error
	for i, ctx := range []context.Context{t.Context(), gone, t.Context()} {
		all.Go(func() { errs[i] = s.AddWords(ctx, i, []string{"w"}) })
		awaitWaiting(t, s, i+1)
	}
	leave()
	awaitWaiting(t, s, 2)
	release()
	all.Wait()
	ok(t, errs[0])
	is(t, errs[1], context.Canceled)
	ok(t, errs[2])
	equal(t, rowsOf(t, s), map[string]int{"words": 2})
}

// More than may wait is refused, and says so.
func TestBusy(t *testing.T) {
	c := newCommitter(&database{}, newStats())
	c.waiting, c.leading = make([]*write, maxWaiting), true
	is(t, c.write(t.Context(), nil), ErrBusy)
}
