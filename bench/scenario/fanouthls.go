package scenario

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"weir/bench/crowd"
	"weir/bench/measure"
)

// hlsPath is where the stream is watched by HLS.
const hlsPath = "/live/bench/s0.m3u8"

// playing is how long a crowd may take until everybody plays.
const playing = time.Minute

// FanoutHLS measures what HLS players cost, plain ones and then low-latency ones, if the server has that.
func FanoutHLS(ctx context.Context, o Options) ([]measure.Run, error) {
	slices.Sort(o.Viewers)
	var runs []measure.Run
	for range o.Repeat {
		for _, lowLatency := range []bool{false, true} {
			more, err := o.fanoutHLS(ctx, lowLatency)
			if errors.Is(err, crowd.ErrNoParts) {
				o.say("no low latency: %v", err)
				continue
			}
			if err != nil {
				return nil, err
			}
			runs = append(runs, more...)
		}
	}
	return runs, nil
}

// players are a crowd of HLS players of one server.
type players struct {
	*source
	lowLatency bool

	counts  crowd.HLS
	all     []*crowd.HLSPlayer
	probes  []*crowd.HLSPlayer
	group   *errgroup.Group
	ctx     context.Context
	leaving context.CancelFunc
}

func (o *Options) fanoutHLS(ctx context.Context, lowLatency bool) (runs []measure.Run, err error) {
	s, err := o.start(ctx, 0)
	if err != nil {
		return nil, err
	}
	defer s.stop()
	p := &players{source: s, lowLatency: lowLatency}
	ctx, p.leaving = context.WithCancel(ctx)
	p.group, p.ctx = errgroup.WithContext(ctx)
	defer func() {
		p.leaving()
		if end := p.group.Wait(); err == nil || errors.Is(err, context.Canceled) {
			err = end
		}
	}()
	if err := p.grow(1, 1); err != nil {
		return nil, err
	}
	if err := measure.Wait(p.ctx, o.Record/2); err != nil {
		return nil, err
	}
	early, base, err := s.During(p.ctx, o.Record/2)
	if err != nil {
		return nil, err
	}
	alone := (base.CPU - early.CPU).Seconds() / base.At.Sub(early.At).Seconds() // what the stream costs with one player
	name := "fMP4"
	if lowLatency {
		name = "low latency"
	}
	for _, n := range o.Viewers {
		if err := p.grow(n, o.Probes); err != nil {
			return nil, err
		}
		if err := measure.Wait(p.ctx, o.Settle); err != nil {
			return nil, err
		}
		figures, err := o.serverFigures(p.ctx, s.Server, func() (map[string]float64, error) { return p.watch(o.Duration, base.RSS) })
		if err != nil {
			return nil, err
		}
		figures["cpu_percent_of_stream"] = 100 * alone
		figures["cpu_s_per_gb_of_viewers"] = (figures["cpu_percent"]/100 - alone) * figures["seconds"] / figures["gigabytes"]
		o.say("%s, %d players: %.2f CPU-s/GB, %.0f µs/request, %.1f s behind", name, n,
			figures["cpu_s_per_gb"], figures["cpu_us_per_request"], figures["behind_s_p50"])
		runs = append(runs, measure.Run{Program: "weir", Case: name, Viewers: n, Figures: figures})
	}
	return runs, nil
}

// grow lets players come, spread over two seconds, until there are n and all play.
func (p *players) grow(n, probes int) error {
	pause := 2 * time.Second / time.Duration(n)
	for i := len(p.all); i < n; i++ {
		var pictures crowd.Source
		if len(p.probes) < probes {
			pictures = p.pictures
		}
		player := p.counts.NewPlayer(p.HTTP, hlsPath, fmt.Sprintf("weir-bench/%d", i), p.lowLatency, pictures)
		p.all = append(p.all, player)
		if pictures != nil {
			p.probes = append(p.probes, player)
		}
		p.group.Go(func() error { return player.Run(p.ctx) })
		if err := measure.Wait(p.ctx, pause); err != nil {
			return err
		}
	}
	for begin := time.Now(); p.counts.Playing.Load() < int64(n); {
		if time.Since(begin) > playing {
			return fmt.Errorf("cannot let %d players play: %d do", n, p.counts.Playing.Load())
		}
		if err := measure.Wait(p.ctx, pause); err != nil {
			return err
		}
	}
	return nil
}

// watch measures for the time.
func (p *players) watch(d time.Duration, base int) (map[string]float64, error) {
	for _, probe := range p.probes {
		probe.Record().Reset()
	}
	requests, bytes, stalls, failures := p.counts.Requests.Load(), p.counts.Bytes.Load(), p.counts.Stalls.Load(), p.counts.Failures.Load()
	before, after, err := p.During(p.ctx, d)
	if err != nil {
		return nil, err
	}
	cpu, took := (after.CPU - before.CPU).Seconds(), after.At.Sub(before.At).Seconds()
	asked, gigabytes := float64(p.counts.Requests.Load()-requests), float64(p.counts.Bytes.Load()-bytes)/1e9
	var behind, delays, first []float64
	for _, player := range p.all {
		behind = append(behind, player.Behind().Seconds())
	}
	for _, probe := range p.probes {
		delays = append(delays, probe.Record().Delays()...)
		first = append(first, measure.Milliseconds(probe.Record().First()))
	}
	return map[string]float64{
		"seconds": took, "cpu_percent": 100 * cpu / took, "gigabytes": gigabytes, "requests_per_s": asked / took,
		"cpu_s_per_gb": cpu / gigabytes, "cpu_us_per_request": 1e6 * cpu / asked,
		"rss_mb": float64(after.RSS) / (1 << 20), "kb_per_viewer": float64(after.RSS-base) / 1024 / float64(len(p.all)),
		"behind_s_p50": measure.Percentile(behind, 50), "behind_s_p95": measure.Percentile(behind, 95),
		"delay_ms_p50": measure.Percentile(delays, 50), "delay_ms_p95": measure.Percentile(delays, 95),
		"first_key_frame_ms_p50": measure.Percentile(first, 50),
		"stalls":                 float64(p.counts.Stalls.Load() - stalls), "failures": float64(p.counts.Failures.Load() - failures),
	}, nil
}
