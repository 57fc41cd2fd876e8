package scenario

import (
	"context"
	"errors"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"weir/bench/crowd"
	"weir/bench/measure"
)

// afterStorm is how long key frame requests are counted after the last picture came: weir sends the next one 1.1 s after
// the last at the latest.
const afterStorm = 1500 * time.Millisecond

// JoinStorm lets all viewers of a stream that nobody watched come within a second.
func JoinStorm(ctx context.Context, o Options) ([]measure.Run, error) {
	var runs []measure.Run
	for range o.Repeat {
		for _, n := range o.Viewers {
			figures, err := o.storm(ctx, n)
			if err != nil {
				return nil, err
			}
			o.say("%d FLV viewers in a second: %.0f key frames asked for, first picture after %.0f ms", n,
				figures["key_frame_requests"], figures["first_key_frame_ms_p95"])
			runs = append(runs, measure.Run{Program: "weir", Case: "FLV", Viewers: n, Figures: figures})
		}
	}
	return runs, nil
}

func (o *Options) storm(ctx context.Context, n int) (figures map[string]float64, err error) {
	s, err := o.start(ctx, 0)
	if err != nil {
		return nil, err
	}
	defer s.stop()
	if err := measure.Wait(ctx, o.Settle); err != nil {
		return nil, err
	}
	ctx, leave := context.WithCancel(ctx)
	group, ctx := errgroup.WithContext(ctx)
	defer func() {
		leave()
		if end := group.Wait(); err == nil || errors.Is(err, context.Canceled) {
			err = end
		}
	}()
	asked := s.publisher.PLICount()
	before, err := s.Usage()
	if err != nil {
		return nil, err
	}
	var viewers []*crowd.FLVProbe
	for i, begin := 0, time.Now(); i < n; i++ {
		v := crowd.NewFLVProbe(s.HTTP, flvPath, s.pictures)
		viewers = append(viewers, v)
		group.Go(func() error { return v.Run(ctx) })
		if err := measure.Wait(ctx, time.Until(begin.Add(time.Duration(i+1)*time.Second/time.Duration(n)))); err != nil {
			return nil, err
		}
	}
	first, err := firstPictures(ctx, viewers)
	if err != nil {
		return nil, err
	}
	after, err := s.Usage()
	if err != nil {
		return nil, err
	}
	if err := measure.Wait(ctx, afterStorm); err != nil {
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

// firstPictures waits for everybody's first key frame, as long as patience has it, and returns the times in ms.
func firstPictures(ctx context.Context, viewers []*crowd.FLVProbe) ([]float64, error) {
	var first []float64
	for begin := time.Now(); time.Since(begin) < patience; {
		first = first[:0]
		for _, v := range viewers {
			if d := v.First(); d > 0 {
				first = append(first, measure.Milliseconds(d))
			}
		}
		if len(first) == len(viewers) {
			break
		}
		if err := measure.Wait(ctx, 10*time.Millisecond); err != nil {
			return nil, err
		}
	}
	slices.Sort(first)
	return first, nil
}
