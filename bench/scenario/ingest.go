package scenario

import (
	"context"

	"weir/bench/measure"
	"weir/bench/publish"
)

// Ingest measures what publishers cost: so many streams with nobody watching.
func Ingest(ctx context.Context, o Options) ([]measure.Run, error) {
	var runs []measure.Run
	for range o.Repeat {
		for _, n := range o.Streams {
			figures, err := o.ingest(ctx, n)
			if err != nil {
				return nil, err
			}
			o.say("%d publishers: %.2f %% of a core each", n, figures["cpu_percent_per_stream"])
			runs = append(runs, measure.Run{Program: "weir", Case: "no viewers", Streams: n, Figures: figures})
		}
	}
	return runs, nil
}

func (o *Options) ingest(ctx context.Context, n int) (map[string]float64, error) {
	s, err := measure.Start(ctx, o.Weir, o.Settings...)
	if err != nil {
		return nil, err
	}
	defer s.Stop()
	idle, err := s.Usage()
	if err != nil {
		return nil, err
	}
	streams, err := measure.Publish(ctx, s, n, publish.Options{H264: o.H264, Ogg: o.Ogg, StapA: true, RTX: true})
	if err != nil {
		return nil, err
	}
	defer streams.End()
	if err := measure.Wait(ctx, o.Settle); err != nil {
		return nil, err
	}
	return o.serverFigures(ctx, s, func() (map[string]float64, error) {
		packets, asked := streams.Packets(), streams.Asked()
		before, after, err := s.During(ctx, o.Duration)
		if err != nil {
			return nil, err
		}
		cpu, took, each := (after.CPU - before.CPU).Seconds(), after.At.Sub(before.At).Seconds(), float64(n)
		return map[string]float64{
			"seconds": took, "cpu_percent": 100 * cpu / took, "cpu_percent_per_stream": 100 * cpu / took / each,
			"cpu_us_per_packet": 1e6 * cpu / float64(streams.Packets()-packets),
			"asked_again":       float64(streams.Asked() - asked),
			"rss_mb":            float64(after.RSS) / (1 << 20),
			"mb_per_stream":     float64(after.RSS-idle.RSS) / (1 << 20) / each,
			"connect_ms_p50":    measure.Percentile(streams.Connect, 50),
			"connect_ms_p95":    measure.Percentile(streams.Connect, 95),
		}, nil
	})
}
