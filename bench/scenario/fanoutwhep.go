//go:build linux

package scenario

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"weir/bench/crowd"
	"weir/bench/measure"
)

const (
	// whepPath is where the stream is watched by WebRTC.
	whepPath = "/whep/bench/s0"
	// handshakes is how many viewers connect at a time.
	handshakes = 4
)

// FanoutWHEP measures what WebRTC viewers cost.
func FanoutWHEP(ctx context.Context, o Options) ([]measure.Run, error) {
	slices.Sort(o.Viewers)
	var runs []measure.Run
	for range o.Repeat {
		more, err := o.fanoutWHEP(ctx)
		if err != nil {
			return nil, err
		}
		runs = append(runs, more...)
		for _, form := range o.Floors {
			if more, err = o.fanoutPackets(ctx, form); err != nil {
				return nil, err
			}
			runs = append(runs, more...)
		}
	}
	return runs, nil
}

// whepAudience are the WebRTC viewers of one program.
type whepAudience struct {
	*measure.Process
	crowd *crowd.WHEP
	n     int
	group *errgroup.Group
	ctx   context.Context
	leave context.CancelFunc
}

func newWHEPAudience(ctx context.Context, p *measure.Process, pictures crowd.Source) (*whepAudience, error) {
	c, err := crowd.NewWHEP(pictures)
	if err != nil {
		return nil, err
	}
	a := &whepAudience{Process: p, crowd: c}
	ctx, a.leave = context.WithCancel(ctx)
	a.group, a.ctx = errgroup.WithContext(ctx)
	a.group.Go(func() error { return c.Run(a.ctx) })
	return a, nil
}

// end lets everybody leave. Its error is why somebody could not watch.
func (a *whepAudience) end() error {
	a.leave()
	err := a.group.Wait()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(a.ctx), patience)
	defer cancel()
	a.crowd.Close(ctx)
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// grow lets viewers of a server come until there are n, with probes spread among them.
func (a *whepAudience) grow(addr string, n, probes int) error {
	ctx, cancel := context.WithTimeout(a.ctx, patience+time.Duration(n)*10*time.Millisecond)
	defer cancel()
	together, ctx := errgroup.WithContext(ctx)
	together.SetLimit(handshakes)
	more := n - a.n
	for i := range more {
		probe := i*probes/more != (i+1)*probes/more
		together.Go(func() error {
			_, err := a.crowd.Join(ctx, addr, whepPath, probe)
			return err
		})
	}
	a.n = n
	return together.Wait()
}

// watch measures for the time. base is what the process held in memory before the viewers.
func (a *whepAudience) watch(d time.Duration, base int) (map[string]float64, error) {
	a.crowd.Reset()
	packets, bytes, own := a.crowd.Packets(), a.crowd.Bytes(), ownCPU()
	sent, received := a.crowd.Expected()
	before, after, err := a.During(a.ctx, d)
	if err != nil {
		return nil, err
	}
	took, cpu := after.At.Sub(before.At).Seconds(), (after.CPU - before.CPU).Seconds()
	count, gigabytes := float64(a.crowd.Packets()-packets), float64(a.crowd.Bytes()-bytes)/1e9
	if count == 0 {
		return nil, errors.New("cannot measure: no viewer got a packet")
	}
	nowSent, nowReceived := a.crowd.Expected()
	lost := float64(nowSent-sent) - float64(nowReceived-received)
	figures := map[string]float64{
		"seconds": took, "cpu_percent": 100 * cpu / took, "user_percent": 100 * (after.User - before.User).Seconds() / took,
		"gigabytes": gigabytes, "cpu_s_per_gb": cpu / gigabytes, "cpu_us_per_packet": 1e6 * cpu / count, "packets_per_s": count / took,
		"lost_percent": 100 * max(0, lost) / count, "client_cpu_percent": 100 * (ownCPU() - own).Seconds() / took,
		"rss_mb": float64(after.RSS) / (1 << 20), "kb_per_viewer": float64(after.RSS-base) / 1024 / float64(a.n),
	}
	return figures, nil
}

// look adds what the viewers saw.
func (a *whepAudience) look(figures map[string]float64) {
	connect, first := a.crowd.Looks()
	all := a.crowd.Delays()
	maps.Copy(figures, map[string]float64{
		"connect_ms_p50": measure.Percentile(connect, 50), "connect_ms_p95": measure.Percentile(connect, 95),
		"first_key_frame_ms_p50": measure.Percentile(first, 50), "first_key_frame_ms_p95": measure.Percentile(first, 95),
		"delay_ms_p50": measure.Percentile(all, 50), "delay_ms_p95": measure.Percentile(all, 95), "delay_ms_p99": measure.Percentile(all, 99),
		"without_picture": float64(a.n - len(first)),
	})
}

func (o *Options) fanoutWHEP(ctx context.Context) (runs []measure.Run, err error) {
	s, err := o.start(ctx, 0)
	if err != nil {
		return nil, err
	}
	defer s.stop()
	a, err := newWHEPAudience(ctx, s.Process, s.pictures)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, a.end()) }()
	if err := a.grow(s.HTTP, 1, 1); err != nil {
		return nil, err
	}
	if err := measure.Wait(a.ctx, o.Record); err != nil {
		return nil, err
	}
	base, err := s.Usage()
	if err != nil {
		return nil, err
	}
	for _, n := range o.Viewers {
		if err := a.grow(s.HTTP, n, max(1, o.Probes/len(o.Viewers))); err != nil {
			return nil, fmt.Errorf("cannot let %d viewers join: %w", n, err)
		}
		if err := measure.Wait(a.ctx, o.Settle); err != nil {
			return nil, err
		}
		figures, err := o.serverFigures(a.ctx, s.Server, func() (map[string]float64, error) { return a.watch(o.Duration, base.RSS) })
		if err != nil {
			return nil, err
		}
		a.look(figures)
		o.say("%d WebRTC viewers: %.2f µs/packet, %.2f CPU-s/GB, delay %.0f ms, %.0f KB each", n, figures["cpu_us_per_packet"],
			figures["cpu_s_per_gb"], figures["delay_ms_p50"], figures["kb_per_viewer"])
		runs = append(runs, measure.Run{Program: "weir", Case: "WHEP", Viewers: n, Figures: figures})
	}
	return runs, nil
}

// fanoutPackets measures a floor that sends packets.
func (o *Options) fanoutPackets(ctx context.Context, form string) (runs []measure.Run, err error) {
	process, ready, err := o.launchFloor(ctx, "-form", form, "-h264", o.H264)
	if err != nil {
		return nil, err
	}
	defer process.Stop()
	to, err := netip.ParseAddrPort(ready.Listening)
	if err != nil {
		return nil, fmt.Errorf("cannot use the floor's address: %w", err)
	}
	a, err := newWHEPAudience(ctx, process, crowd.NewPictures())
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, a.end()) }()
	base, err := process.Usage()
	if err != nil {
		return nil, err
	}
	for _, n := range o.Viewers {
		for ; a.n < n; a.n++ {
			if err := a.crowd.JoinPlain(to); err != nil {
				return nil, err
			}
		}
		if err := measure.Wait(a.ctx, o.Settle); err != nil {
			return nil, err
		}
		figures, err := a.watch(o.Duration, base.RSS)
		if err != nil {
			return nil, err
		}
		o.say("floor, %s, %d viewers: %.2f µs/packet", form, n, figures["cpu_us_per_packet"])
		runs = append(runs, measure.Run{Program: "floor, " + form, Case: "WHEP", Viewers: n, Figures: figures})
	}
	return runs, nil
}
