package scenario

import (
	"context"

	"golang.org/x/sync/errgroup"

	"weir/bench/measure"
)

// writeSeconds is the server's histogram of the time that a publisher's frame takes to be written into its stream.
const writeSeconds = "weir_publisher_write_seconds"

// serverFigures adds to the figures of a watch what the server says of itself in that time, and takes its profile.
func (o *Options) serverFigures(ctx context.Context, s *measure.Server, watch func() (map[string]float64, error)) (map[string]float64, error) {
	before, err := s.Metrics(ctx)
	if err != nil {
		return nil, err
	}
	var figures map[string]float64
	both, together := errgroup.WithContext(ctx)
	both.Go(func() (err error) {
		figures, err = watch()
		return err
	})
	if o.Profile != "" {
		both.Go(func() error { return s.Profile(together, o.Duration, o.Profile) })
	}
	if err := both.Wait(); err != nil {
		return nil, err
	}
	after, err := s.Metrics(ctx)
	if err != nil {
		return nil, err
	}
	figures["lags"] = after.Sum("weir_reader_lagged_total") - before.Sum("weir_reader_lagged_total")
	if p99, ok := after.Quantile(before, writeSeconds, 0.99); ok {
		figures["publisher_write_us_p99"] = 1e6 * p99
	}
	return figures, nil
}
