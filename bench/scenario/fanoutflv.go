//go:build linux

package scenario

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"weir/bench/measure"
)

// FanoutFLV measures what HTTP-FLV viewers cost: at every joining for every number of viewers, the server and then the
// floor, which sends what a viewer of the server got. Numbers rise while a server runs.
func FanoutFLV(ctx context.Context, o Options) ([]measure.Run, error) {
	dir, err := os.MkdirTemp("", "weir-bench")
	if err != nil {
		return nil, fmt.Errorf("cannot make a folder: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	slices.Sort(o.Viewers)
	var runs []measure.Run
	for range o.Repeat {
		for _, join := range o.Joins {
			file := filepath.Join(dir, "recording.flv")
			join, name, err := o.joining(ctx, join)
			if err != nil {
				return nil, err
			}
			more, err := o.fanoutWeir(ctx, join, name, file)
			if err != nil {
				return nil, err
			}
			runs = append(runs, more...)
			for _, form := range o.Floors {
				if more, err = o.fanoutFloor(ctx, form, file, join, name); err != nil {
					return nil, err
				}
				runs = append(runs, more...)
			}
		}
	}
	return runs, nil
}

// fanoutWeir measures the server, and records for the floor.
func (o *Options) fanoutWeir(ctx context.Context, join time.Duration, name, file string) (runs []measure.Run, err error) {
	// At the same joining as the floor, whatever else the machine does.
	s, err := o.start(ctx, 0, joinSetting+join.String(), joinMaxSetting+join.String())
	if err != nil {
		return nil, err
	}
	defer s.stop()
	alone, err := o.alone(ctx, s, file)
	if err != nil {
		return nil, err
	}
	a, err := newAudience(ctx, s.Process, s.HTTP, o.flv(), s.pictures)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, a.end()) }()
	return o.fanout(a, "weir", name, func(watch func() (map[string]float64, error)) (map[string]float64, error) {
		figures, err := o.serverFigures(a.ctx, s.Server, watch)
		if err == nil {
			figures["cpu_percent_of_stream"] = alone
			figures["cpu_s_per_gb_of_viewers"] = (figures["cpu_percent"] - alone) / 100 * figures["seconds"] / figures["gigabytes"]
		}
		return figures, err
	})
}

// alone records what one viewer gets. In the second half of that time it measures what the stream itself costs: to be
// published, and to be made into what one viewer or thousands get.
func (o *Options) alone(ctx context.Context, s *source, file string) (percent float64, err error) {
	both, ctx := errgroup.WithContext(ctx)
	both.Go(func() error { return record(ctx, s.HTTP, o.flv(), file, o.Record) })
	both.Go(func() error {
		if err := measure.Wait(ctx, o.Record/2); err != nil {
			return err
		}
		before, after, err := s.During(ctx, o.Record/2)
		percent = 100 * (after.CPU - before.CPU).Seconds() / after.At.Sub(before.At).Seconds()
		return err
	})
	return percent, both.Wait()
}

func (o *Options) fanoutFloor(ctx context.Context, form, file string, join time.Duration, name string) (runs []measure.Run, err error) {
	f, err := o.startFloor(ctx, form, file, join)
	if err != nil {
		return nil, err
	}
	defer f.Stop()
	a, err := newAudience(ctx, f.Process, f.addr, flvPath, f.pictures)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, a.end()) }()
	return o.fanout(a, "floor, "+form, name, func(figures func() (map[string]float64, error)) (map[string]float64, error) {
		return figures()
	})
}

// fanout measures every number of viewers of one program. around is called with what measures one.
func (o *Options) fanout(a *audience, program, name string,
	around func(func() (map[string]float64, error)) (map[string]float64, error),
) ([]measure.Run, error) {
	base, err := a.process.Usage()
	if err != nil {
		return nil, err
	}
	var runs []measure.Run
	for _, n := range o.Viewers {
		if err := a.grow(n, max(1, o.Probes/len(o.Viewers))); err != nil {
			return nil, err
		}
		if err := measure.Wait(a.ctx, o.Settle); err != nil {
			return nil, err
		}
		figures, err := around(func() (map[string]float64, error) { return a.watch(o.Duration, base.RSS) })
		if err != nil {
			return nil, err
		}
		o.say("%s, %s, %d viewers: %.2f CPU-s/GB, delay %.0f ms", program, name, n, figures["cpu_s_per_gb"], figures["delay_ms_p50"])
		runs = append(runs, measure.Run{Program: program, Case: name, Viewers: n, Figures: figures})
	}
	return runs, nil
}
