package netsim

import (
	"encoding/binary"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// arrival is a packet that came out, by its number.
type arrival struct {
	number int
	at     time.Duration
}

// send lets n packets of size bytes go, one each interval, and returns what arrives.
func send(c Conditions, seed uint64, n, size int, interval time.Duration) (out []arrival, stats Stats) {
	p := NewPath(rand.New(rand.NewPCG(seed, 0)))
	p.Set(c)
	receive := func(now time.Duration) {
		for {
			at, _ := p.Next()
			packet := p.Receive(now)
			if packet == nil {
				return
			}
			out = append(out, arrival{int(binary.BigEndian.Uint32(packet)), at})
		}
	}
	for i := range n {
		now := time.Duration(i) * interval
		receive(now)
		packet := make([]byte, size)
		binary.BigEndian.PutUint32(packet, uint32(i))
		p.Send(now, packet)
	}
	receive(math.MaxInt64)
	return out, p.Stats()
}

func TestPerfectWire(t *testing.T) {
	out, stats := send(Conditions{}, 1, 1000, 100, time.Millisecond)
	for i, a := range out {
		if a != (arrival{i, time.Duration(i) * time.Millisecond}) {
			t.Fatalf("arrival %d is %+v", i, a)
		}
	}
	if len(out) != 1000 || stats != (Stats{Sent: 1000, Delivered: 1000}) {
		t.Errorf("%d arrivals, %+v", len(out), stats)
	}
}

func TestSameSeedSameFate(t *testing.T) {
	c := Conditions{Loss: 0.1, Burst: 3, Delay: 40 * time.Millisecond, Jitter: 10 * time.Millisecond, Reorder: 0.03, Duplicate: 0.01}
	first, _ := send(c, 7, 2000, 100, time.Millisecond)
	again, _ := send(c, 7, 2000, 100, time.Millisecond)
	other, _ := send(c, 8, 2000, 100, time.Millisecond)
	if !slices.Equal(first, again) {
		t.Error("the same seed gives another run")
	}
	if slices.Equal(first, other) {
		t.Error("another seed gives the same run")
	}
}

// TestLoss: the share is that of all packets, whatever the length of the bursts.
func TestLoss(t *testing.T) {
	const n = 200_000
	for _, c := range []struct{ loss, burst, run float64 }{
		{0.02, 0, 1 / 0.98}, {0.10, 1, 1 / 0.90}, {0.10, 4, 4}, {0.30, 10, 10}, {1, 4, n},
	} {
		out, stats := send(Conditions{Loss: c.loss, Burst: c.burst}, 1, n, 4, time.Millisecond)
		runs, next := 0, 0
		for _, a := range append(out, arrival{number: n}) {
			if a.number > next {
				runs++
			}
			next = a.number + 1
		}
		lost := float64(n - len(out))
		if share := lost / n; math.Abs(share-c.loss) > c.loss/10 {
			t.Errorf("%+v: %.4f were lost", c, share)
		}
		if run := lost / float64(runs); math.Abs(run-c.run) > c.run/10 {
			t.Errorf("%+v: bursts of %.2f packets", c, run)
		}
		if stats.Lost != uint64(lost) || stats.Delivered != uint64(len(out)) {
			t.Errorf("%+v: %+v", c, stats)
		}
	}
}

// TestJitter: it moves packets within its bounds and keeps their order.
func TestJitter(t *testing.T) {
	const delay, jitter = 40 * time.Millisecond, 30 * time.Millisecond
	out, _ := send(Conditions{Delay: delay, Jitter: jitter}, 1, 10_000, 4, 10*time.Millisecond)
	low, high := time.Duration(math.MaxInt64), time.Duration(0)
	for i, a := range out {
		if a.number != i {
			t.Fatalf("packet %d arrives in place %d", a.number, i)
		}
		took := a.at - time.Duration(i)*10*time.Millisecond
		low, high = min(low, took), max(high, took)
	}
	if low < delay-jitter || low > delay-jitter*8/10 || high > delay+jitter || high < delay+jitter*8/10 {
		t.Errorf("packets took %v to %v", low, high)
	}
}

func TestReorder(t *testing.T) {
	out, _ := send(Conditions{Delay: 50 * time.Millisecond, Reorder: 0.03}, 1, 10_000, 4, 10*time.Millisecond)
	overtook := 0
	for _, a := range out {
		switch took := a.at - time.Duration(a.number)*10*time.Millisecond; took {
		case 0:
			overtook++
		case 50 * time.Millisecond:
		default:
			t.Fatalf("a packet took %v", took)
		}
	}
	if overtook < 200 || overtook > 400 || len(out) != 10_000 {
		t.Errorf("%d of %d overtook others", overtook, len(out))
	}
}

func TestDuplicate(t *testing.T) {
	out, stats := send(Conditions{Duplicate: 0.01}, 1, 10_000, 4, time.Millisecond)
	if extra := len(out) - 10_000; extra < 50 || extra > 150 || stats.Delivered != uint64(len(out)) {
		t.Errorf("%d more packets arrive than were sent, %+v", extra, stats)
	}
}

// TestRate: 1000 bytes take 8 ms at 1 Mbit/s, and what would wait for longer than the queue is lost.
func TestRate(t *testing.T) {
	c := Conditions{Rate: 1000, Queue: 40 * time.Millisecond}
	out, stats := send(c, 1, 1000, 1000, 4*time.Millisecond) // twice what fits
	for i, a := range out {
		if i > 0 && a.at-out[i-1].at != 8*time.Millisecond {
			t.Fatalf("arrivals %d and %d are %v apart", i-1, i, a.at-out[i-1].at)
		}
		if wait := a.at - time.Duration(a.number)*4*time.Millisecond; wait > 48*time.Millisecond {
			t.Fatalf("a packet waited for %v", wait)
		}
	}
	if len(out) < 500 || len(out) > 510 || stats.Dropped != uint64(1000-len(out)) {
		t.Errorf("%d arrive, %+v", len(out), stats)
	}
}

func TestBlackHole(t *testing.T) {
	p := NewPath(rand.New(rand.NewPCG(1, 0)))
	p.Set(Conditions{Delay: 10 * time.Millisecond})
	p.Send(0, []byte{1})
	p.Set(Conditions{BlackHole: true})
	p.Send(1, []byte{2})
	p.Set(Conditions{})
	p.Send(2, []byte{3})
	if got := p.Receive(time.Second); len(got) == 0 || got[0] != 1 {
		t.Errorf("what was on its way: %v", got)
	}
	if got := p.Receive(time.Second); len(got) == 0 || got[0] != 3 || p.Stats().Swallowed != 1 {
		t.Errorf("what came after: %v, %+v", got, p.Stats())
	}
}

var casesSet = []struct {
	words string
	want  Conditions
	err   error
}{
	{"", Conditions{Loss: 0.5}, nil},
	{"loss=2 delay=40ms", Conditions{Loss: 0.02, Delay: 40 * time.Millisecond}, nil},
	{
		"loss=10 burst=4 jitter=30ms reorder=3 dup=1 rate=4000 queue=200ms blackhole=1",
		Conditions{
			Loss: 0.1, Burst: 4, Jitter: 30 * time.Millisecond, Reorder: 0.03, Duplicate: 0.01,
			Rate: 4000, Queue: 200 * time.Millisecond, BlackHole: true,
		},
		nil,
	},
	{"loss=101", Conditions{Loss: 0.5}, ErrRange},
	{"loss=NaN", Conditions{Loss: 0.5}, ErrRange},
	{"delay=-1s", Conditions{Loss: 0.5}, ErrRange},
	{"delay=1s lost=3", Conditions{Loss: 0.5}, ErrUnknown},
}

func TestSet(t *testing.T) {
	for _, c := range casesSet {
		got := Conditions{Loss: 0.5}
		if err := got.Set(c.words); !errors.Is(err, c.err) || got != c.want {
			t.Errorf("%q: %+v, %v", c.words, got, err)
		}
	}
}
