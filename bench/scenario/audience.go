//go:build linux

package scenario

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"golang.org/x/sync/errgroup"

	"weir/bench/crowd"
	"weir/bench/measure"
)

// joinPace is the time between two viewers that come.
const joinPace = time.Millisecond

// audience are the FLV viewers of one program.
type audience struct {
	process  *measure.Process
	addr     string
	path     string
	pictures crowd.Source

	crowd  *crowd.FLV
	probes []*crowd.FLVProbe
	group  *errgroup.Group
	ctx    context.Context
	leave  context.CancelFunc
}

func newAudience(ctx context.Context, p *measure.Process, addr, path string, pictures crowd.Source) (*audience, error) {
	c, err := crowd.NewFLV()
	if err != nil {
		return nil, err
	}
	a := &audience{process: p, addr: addr, path: path, pictures: pictures, crowd: c}
	ctx, a.leave = context.WithCancel(ctx)
	a.group, a.ctx = errgroup.WithContext(ctx)
	a.group.Go(func() error { return c.Run(a.ctx) })
	return a, nil
}

// probe lets one viewer come that looks at every picture.
func (a *audience) probe() {
	p := crowd.NewFLVProbe(a.addr, a.path, a.pictures)
	a.probes = append(a.probes, p)
	a.group.Go(func() error { return p.Run(a.ctx) })
}

// grow lets viewers come until there are n, with probes spread among them, and waits until all have an answer.
func (a *audience) grow(n, probes int) error {
	present := a.crowd.Joined() + len(a.probes)
	for i := present; i < n; i++ {
		if (i-present)*probes/(n-present) != (i-present+1)*probes/(n-present) {
			a.probe()
		} else if err := a.crowd.Join(a.addr, a.path); err != nil {
			return err
		}
		if err := measure.Wait(a.ctx, joinPace); err != nil {
			return err
		}
	}
	for begin := time.Now(); a.crowd.Joined()+len(a.probes) < n; {
		if a.crowd.Refused() > 0 || time.Since(begin) > patience {
			return fmt.Errorf("cannot let %d viewers join: %d have, %d were refused", n, a.crowd.Joined()+len(a.probes), a.crowd.Refused())
		}
		if err := measure.Wait(a.ctx, 10*joinPace); err != nil {
			return err
		}
	}
	return nil
}

// watch measures for the time. base is what the process held in memory before the viewers.
func (a *audience) watch(d time.Duration, base int) (map[string]float64, error) {
	for _, p := range a.probes {
		p.Reset()
	}
	bytes, own := a.crowd.Bytes(), ownCPU()
	before, after, err := a.process.During(a.ctx, d)
	if err != nil {
		return nil, err
	}
	took, cpu := after.At.Sub(before.At).Seconds(), (after.CPU - before.CPU).Seconds()
	// The probes' share is that of everybody.
	viewers := float64(a.crowd.Joined() + len(a.probes))
	gigabytes := float64(a.crowd.Bytes()-bytes) / 1e9 * viewers / float64(max(1, a.crowd.Joined()))
	figures := map[string]float64{
		"seconds": took, "cpu_percent": 100 * cpu / took, "user_percent": 100 * (after.User - before.User).Seconds() / took,
		"gigabytes": gigabytes, "cpu_s_per_gb": cpu / gigabytes, "client_cpu_percent": 100 * (ownCPU() - own).Seconds() / took,
		"rss_mb": float64(after.RSS) / (1 << 20), "kb_per_viewer": float64(after.RSS-base) / 1024 / viewers,
		"closed": float64(a.crowd.Closed()),
	}
	records := make([]*crowd.Record, 0, len(a.probes))
	for _, p := range a.probes {
		records = append(records, p.Record)
	}
	maps.Copy(figures, delays(records))
	return figures, nil
}

// end lets everybody leave. Its error is why somebody could not watch.
func (a *audience) end() error {
	a.leave()
	err := a.group.Wait()
	a.crowd.Close()
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}
