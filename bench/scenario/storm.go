//go:build linux

package scenario

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"weir/bench/crowd"
	"weir/bench/measure"
)

// afterStorm is how long key frame requests are counted after the last picture came: weir sends the next one 1.1 s after
// the last at the latest.
const afterStorm = 1500 * time.Millisecond

// JoinStorm lets all viewers of a stream that nobody watched come within a second, by FLV and then by WHEP.
func JoinStorm(ctx context.Context, o Options) ([]measure.Run, error) {
	var runs []measure.Run
	for range o.Repeat {
		for _, n := range o.Viewers {
			for _, form := range []struct {
				name string
				come func(context.Context, *source, int) ([]float64, error)
			}{{"FLV", stormFLV}, {"WHEP", stormWHEP}} {
				figures, err := o.storm(ctx, n, form.come)
				if err != nil {
					return nil, fmt.Errorf("cannot make a storm of %s viewers: %w", form.name, err)
				}
				o.say("%d %s viewers in a second: %.0f key frames asked for, first picture after %.0f ms", n, form.name,
					figures["key_frame_requests"], figures["first_key_frame_ms_p95"])
				runs = append(runs, measure.Run{Program: "weir", Case: form.name, Viewers: n, Figures: figures})
			}
		}
	}
	return runs, nil
}

// storm starts a server, lets viewers come and says what that took. come returns everybody's time to the first key frame.
func (o *Options) storm(ctx context.Context, n int, come func(context.Context, *source, int) ([]float64, error)) (map[string]float64, error) {
	s, err := o.start(ctx, 0)
	if err != nil {
		return nil, err
	}
	defer s.stop()
	if err := measure.Wait(ctx, o.Settle); err != nil {
		return nil, err
	}
	asked := s.publisher.PLICount()
	before, err := s.Usage()
	if err != nil {
		return nil, err
	}
	first, err := come(ctx, s, n)
	if err != nil {
		return nil, err
	}
	after, err := s.Usage()
	if err != nil {
		return nil, err
	}
	return map[string]float64{
		"key_frame_requests":     float64(s.publisher.PLICount() - asked),
		"without_picture":        float64(n - len(first)),
		"first_key_frame_ms_p50": measure.Percentile(first, 50),
		"first_key_frame_ms_p95": measure.Percentile(first, 95),
		"first_key_frame_ms_max": measure.Percentile(first, 100),
		"cpu_ms_per_viewer":      measure.Milliseconds(after.CPU-before.CPU) / float64(n),
	}, nil
}

// within calls join n times in the course of a second.
func within(ctx context.Context, n int, join func()) error {
	begin := time.Now()
	for i := range n {
		join()
		if err := measure.Wait(ctx, time.Until(begin.Add(time.Duration(i+1)*time.Second/time.Duration(n)))); err != nil {
			return err
		}
	}
	return nil
}

// stormFLV is a storm of FLV viewers.
func stormFLV(ctx context.Context, s *source, n int) (first []float64, err error) {
	ctx, leave := context.WithCancel(ctx)
	group, ctx := errgroup.WithContext(ctx)
	defer func() {
		leave()
		if end := group.Wait(); err == nil || errors.Is(err, context.Canceled) {
			err = end
		}
	}()
	var viewers []*crowd.FLVProbe
	err = within(ctx, n, func() {
		v := crowd.NewFLVProbe(s.HTTP, flvPath, s.pictures)
		viewers = append(viewers, v)
		group.Go(func() error { return v.Run(ctx) })
	})
	if err != nil {
		return nil, err
	}
	return firstPictures(ctx, n, func() (first []float64) {
		for _, v := range viewers {
			if d := v.First(); d > 0 {
				first = append(first, measure.Milliseconds(d))
			}
		}
		return first
	})
}

// stormWHEP is a storm of WebRTC viewers.
func stormWHEP(ctx context.Context, s *source, n int) (first []float64, err error) {
	a, err := newWHEPAudience(ctx, s.Process, s.pictures)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, a.end()) }()
	a.n = n
	joining, stop := context.WithTimeout(a.ctx, patience)
	var together errgroup.Group
	defer func() {
		stop()
		err = errors.Join(err, together.Wait())
	}()
	err = within(a.ctx, n, func() {
		together.Go(func() error {
			_, err := a.crowd.Join(joining, s.HTTP, whepPath, false)
			return err
		})
	})
	if err == nil {
		err = together.Wait()
	}
	if err != nil {
		return nil, err
	}
	return firstPictures(a.ctx, n, func() []float64 {
		_, first := a.crowd.Looks()
		return first
	})
}

// firstPictures waits for everybody's first key frame, as long as patience has it, and then for key frames that the
// server may still ask for. It returns the times in ms.
func firstPictures(ctx context.Context, n int, look func() []float64) (first []float64, err error) {
	for begin := time.Now(); len(first) < n && time.Since(begin) < patience; first = look() {
		if err := measure.Wait(ctx, 10*time.Millisecond); err != nil {
			return nil, err
		}
	}
	return first, measure.Wait(ctx, afterStorm)
}
