//go:build linux

package scenario

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sync/errgroup"

	"weir/bench/crowd"
	"weir/bench/measure"
)

// Latency measures how long pictures take from the publisher's send to their arrival at a viewer, with a few viewers of
// each form: what the server itself adds. In HLS a picture arrives with its segment.
func Latency(ctx context.Context, o Options) ([]measure.Run, error) {
	var runs []measure.Run
	for range o.Repeat {
		for _, join := range o.Joins {
			join, name, err := o.joining(ctx, join)
			if err != nil {
				return nil, err
			}
			more, err := o.latency(ctx, name, joinSetting+join.String())
			if err != nil {
				return nil, err
			}
			runs = append(runs, more...)
		}
	}
	return runs, nil
}

// latency measures all forms at one joining.
func (o *Options) latency(ctx context.Context, join, setting string) (runs []measure.Run, err error) {
	s, err := o.start(ctx, 0, setting)
	if err != nil {
		return nil, err
	}
	defer s.stop()
	whep, err := crowd.NewWHEP(s.pictures)
	if err != nil {
		return nil, err
	}
	defer whep.Close(context.WithoutCancel(ctx))
	ctx, leave := context.WithCancel(ctx)
	group, ctx := errgroup.WithContext(ctx)
	defer func() {
		leave()
		if end := group.Wait(); err == nil || errors.Is(err, context.Canceled) {
			err = end
		}
	}()
	group.Go(func() error { return whep.Run(ctx) })
	forms, records := []string{"WHEP", "FLV, " + join, "HLS"}, make(map[string][]*crowd.Record)
	var hls crowd.HLS
	for i := range o.Probes {
		w, err := whep.Join(ctx, s.HTTP, whepPath, true)
		if err != nil {
			return nil, err
		}
		f := crowd.NewFLVProbe(s.HTTP, flvPath, s.pictures)
		group.Go(func() error { return f.Run(ctx) })
		h := hls.NewPlayer(s.HTTP, hlsPath, fmt.Sprintf("weir-bench/%d", i), false, s.pictures)
		group.Go(func() error { return h.Run(ctx) })
		for k, r := range []*crowd.Record{w.Record, f.Record, h.Record()} {
			records[forms[k]] = append(records[forms[k]], r)
		}
	}
	if err := measure.Wait(ctx, o.Settle); err != nil {
		return nil, err
	}
	for _, all := range records {
		for _, r := range all {
			r.Reset()
		}
	}
	if err := measure.Wait(ctx, o.Duration); err != nil {
		return nil, err
	}
	for _, form := range forms {
		figures := delays(records[form])
		o.say("%s: %.0f ms, p95 %.0f ms", form, figures["delay_ms_p50"], figures["delay_ms_p95"])
		runs = append(runs, measure.Run{Program: "weir", Case: form, Viewers: o.Probes, Figures: figures})
	}
	return runs, nil
}

// delays are the figures of what probes saw.
func delays(records []*crowd.Record) map[string]float64 {
	var all, first []float64
	missed := 0
	for _, r := range records {
		all = append(all, r.Delays()...)
		first = append(first, measure.Milliseconds(r.First()))
		_, m := r.Count()
		missed += m
	}
	return map[string]float64{
		"delay_ms_p50": measure.Percentile(all, 50), "delay_ms_p95": measure.Percentile(all, 95), "delay_ms_p99": measure.Percentile(all, 99),
		"first_key_frame_ms_p50": measure.Percentile(first, 50), "missed_pictures": float64(missed),
	}
}
