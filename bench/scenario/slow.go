//go:build linux

package scenario

import (
	"context"
	"errors"
	"time"

	"weir/bench/crowd"
	"weir/bench/measure"
)

const (
	// slowFPS makes 6 Mbit/s of the clip's 2 Mbit/s at 30 pictures a second.
	slowFPS = 90
	// asleepMost is how long viewers that read nothing are watched at most.
	asleepMost = 40 * time.Second
	// asleepFor is how long a viewer stops that continues.
	asleepFor = 5 * time.Second
	// nearLive is the delay below which a viewer is near live again.
	nearLive = 1000 // ms
	// closedSlow counts the viewers that were closed since they read too slowly.
	closedSlow = `weir_viewer_closed_total{reason="slow"}`
)

// SlowViewers lets viewers join a stream of three times the pictures that read nothing at all, and one that stops for
// a while; others, the probes, look at every picture meanwhile.
func SlowViewers(ctx context.Context, o Options) ([]measure.Run, error) {
	var runs []measure.Run
	for range o.Repeat {
		for _, n := range o.Viewers {
			figures, err := o.slow(ctx, n)
			if err != nil {
				return nil, err
			}
			o.say("%d viewers that read nothing: memory grew by %.0f MiB, %.0f were cut within %.1f s, others missed %.0f pictures; near live %.0f ms after a stop", n,
				figures["memory_growth_mb"], figures["cut"], figures["cut_s"], figures["missed_pictures"], figures["near_live_ms"])
			runs = append(runs, measure.Run{Program: "weir", Case: "FLV, 6 Mbit/s", Viewers: n, Figures: figures})
		}
	}
	return runs, nil
}

func (o *Options) slow(ctx context.Context, n int) (figures map[string]float64, err error) {
	s, err := o.start(ctx, slowFPS)
	if err != nil {
		return nil, err
	}
	defer s.stop()
	a, err := newAudience(ctx, s.Process, s.HTTP, flvPath, s.pictures)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, a.end()) }()
	for range o.Probes {
		a.probe()
	}
	if err := measure.Wait(a.ctx, o.Record); err != nil {
		return nil, err
	}
	if figures, err = a.asleep(s, n); err != nil {
		return nil, err
	}
	return figures, a.stopped(s.pictures, figures)
}

// asleep lets n viewers join that read nothing, and waits until all are cut.
func (a *audience) asleep(s *source, n int) (map[string]float64, error) {
	base, err := s.Usage()
	if err != nil {
		return nil, err
	}
	before, err := s.Metrics(a.ctx)
	if err != nil {
		return nil, err
	}
	begin := time.Now()
	for range n {
		if err := a.crowd.JoinAsleep(a.addr, a.path); err != nil {
			return nil, err
		}
	}
	most, cut := base.RSS, 0.0
	for cut < float64(n) && time.Since(begin) < asleepMost {
		if err := measure.Wait(a.ctx, 100*time.Millisecond); err != nil {
			return nil, err
		}
		now, err := s.Usage()
		if err != nil {
			return nil, err
		}
		most = max(most, now.RSS)
		m, err := s.Metrics(a.ctx)
		if err != nil {
			return nil, err
		}
		cut = m[closedSlow] - before[closedSlow]
	}
	missed := 0
	for _, p := range a.probes {
		_, m := p.Count()
		missed += m
	}
	return map[string]float64{
		"memory_growth_mb": float64(most-base.RSS) / (1 << 20), "cut": cut, "cut_s": time.Since(begin).Seconds(),
		"missed_pictures": float64(missed),
	}, nil
}

// stopped stops one more viewer for a while, and looks how soon it is near live again.
func (a *audience) stopped(pictures *crowd.Pictures, figures map[string]float64) error {
	v := crowd.NewFLVProbe(a.addr, a.path, pictures)
	a.group.Go(func() error { return v.Run(a.ctx) })
	for begin := time.Now(); v.First() == 0 && time.Since(begin) < patience; {
		if err := measure.Wait(a.ctx, 10*time.Millisecond); err != nil {
			return err
		}
	}
	if err := measure.Wait(a.ctx, time.Second); err != nil {
		return err
	}
	v.Stop()
	err := measure.Wait(a.ctx, asleepFor)
	sent, begin := pictures.Count(), time.Now()
	v.Reset()
	v.Continue()
	if err != nil {
		return err
	}
	for time.Since(begin) < patience {
		if d := v.Delays(); v.Last().N > sent && len(d) > 0 && d[len(d)-1] < nearLive {
			break
		}
		if err := measure.Wait(a.ctx, 10*time.Millisecond); err != nil {
			return err
		}
	}
	_, missed := v.Count()
	figures["near_live_ms"] = measure.Milliseconds(time.Since(begin))
	figures["missed_after_stop"] = float64(missed)
	return nil
}
