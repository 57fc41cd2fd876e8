package netsim

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// Wire joins two namespaces. Its methods may be called by several goroutines.
type Wire struct {
	A, B *Namespace

	there, back *direction
}

// Seed makes the chances of a wire: equal seeds, equal packets at equal times, equal fates.
type Seed uint64

// New makes two namespaces and a perfect wire between them: A has the first address of the network, B the second.
// The error is ErrUnable where the machine cannot do so.
func New(network netip.Prefix, seed Seed) (*Wire, error) {
	first := network.Masked().Addr().Next()
	a, err := newNamespace(netip.PrefixFrom(first, network.Bits()))
	if err != nil {
		return nil, err
	}
	b, err := newNamespace(netip.PrefixFrom(first.Next(), network.Bits()))
	if err != nil {
		return nil, errors.Join(err, a.close())
	}
	began := time.Now()
	return &Wire{
		A: a, B: b,
		there: newDirection(a, b, began, rand.New(rand.NewPCG(uint64(seed), 0))),
		back:  newDirection(b, a, began, rand.New(rand.NewPCG(uint64(seed), 1))),
	}, nil
}

// Run carries the packets until ctx is over, and then takes the devices away.
func (w *Wire) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	for _, d := range []*direction{w.there, w.back} {
		g.Go(d.take)
		g.Go(func() error { return d.give(ctx) })
	}
	<-ctx.Done()
	closed := errors.Join(w.A.close(), w.B.close()) // ends the readers
	return errors.Join(g.Wait(), closed)
}

// Set changes the conditions for the packets to come, in both directions.
func (w *Wire) Set(c Conditions) {
	for _, d := range []*direction{w.there, w.back} {
		d.mu.Lock()
		d.path.Set(c)
		d.mu.Unlock()
	}
}

// Stats count what went from A to B and back.
func (w *Wire) Stats() (there, back Stats) { return w.there.stats(), w.back.stats() }

// direction takes packets out of one device and gives them to the other when they arrive.
type direction struct {
	from, to *Namespace
	began    time.Time
	wake     chan struct{} // a packet was sent

	mu   sync.Mutex // guards path
	path *Path
}

func newDirection(from, to *Namespace, began time.Time, random *rand.Rand) *direction {
	return &direction{from: from, to: to, began: began, wake: make(chan struct{}, 1), path: NewPath(random)}
}

func (d *direction) stats() Stats {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.path.Stats()
}

// take gives the path what the device sends, until the device is gone.
func (d *direction) take() error {
	buf := make([]byte, mtu)
	for {
		n, err := d.from.tun.Read(buf)
		if errors.Is(err, os.ErrClosed) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("cannot read packets: %w", err)
		}
		packet := append([]byte(nil), buf[:n]...)
		d.mu.Lock()
		d.path.Send(time.Since(d.began), packet)
		d.mu.Unlock()
		select {
		case d.wake <- struct{}{}:
		default:
		}
	}
}

// give hands on packets when they arrive.
func (d *direction) give(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-d.wake:
		case <-timer.C:
		}
		wait, ok := d.deliver()
		if ok {
			timer.Reset(wait)
		}
	}
}

// deliver hands on what has arrived and tells how long the next packet takes, if there is one.
func (d *direction) deliver() (wait time.Duration, ok bool) {
	for {
		now := time.Since(d.began)
		d.mu.Lock()
		packet := d.path.Receive(now)
		at, ok := d.path.Next()
		d.mu.Unlock()
		if packet == nil {
			return at - now, ok
		}
		_, _ = d.to.tun.Write(packet) // a device that is gone, or is full, loses it as a network does
	}
}
