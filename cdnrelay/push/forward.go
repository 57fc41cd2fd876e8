package push

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"weir/room/live"
)

// batch is how many values Forward reads at once.
const batch = 64

// Forward is the loop of a Session: it reads batches and has them written, until one of the two fails. A lag is counted,
// and goes on at the key frame where the reader then stands: lagged, unless nil, hears of it before that is written. A reader
// that lags more than maxLags times within a minute ends it with ErrSlow.
//
// write has to tell the Progress what it sent; it must not keep the values. Errors: those of write and of Reader.ReadBatch.
func Forward[T live.Item](ctx context.Context, r *live.Reader[T], p *Progress, maxLags int,
	write func(values []T) error, lagged func() error,
) error {
	var lags recent
	values := make([]T, batch)
	for {
		n, err := r.ReadBatch(ctx, values)
		switch {
		case errors.Is(err, live.ErrLagged):
			p.Lagged()
			if lags.add(time.Now()) > maxLags {
				return fmt.Errorf("%w: it lagged more than %d times in a minute", ErrSlow, maxLags)
			}
			if lagged != nil {
				if err := lagged(); err != nil {
					return err
				}
			}
			continue
		case err != nil:
			return err
		}
		if err := write(values[:n]); err != nil {
			return err
		}
		clear(values[:n]) // what was sent is not kept alive
	}
}

// recent counts what happened within the last minute.
type recent struct{ times []time.Time }

// add counts one more and returns how many there were within the minute.
func (t *recent) add(now time.Time) int {
	t.times = slices.DeleteFunc(t.times, func(at time.Time) bool { return now.Sub(at) >= time.Minute })
	t.times = append(t.times, now)
	return len(t.times)
}
