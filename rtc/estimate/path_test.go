package estimate

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/pion/interceptor/pkg/twcc"
	"github.com/pion/rtcp"
)

// path is a network with one queue. Times are on its own clock.
type path struct {
	t         testing.TB
	bandwidth func(at time.Duration) float64 // bit/s
	delay     time.Duration                  // one way, without the queue
	queue     time.Duration                  // at most
	jitter    time.Duration                  // at most, of each packet
	loss      float64                        // share, at random
	source    func(estimate int) float64     // bit/s that are sent
	random    *rand.Rand

	e       *Estimator
	viewer  *twcc.Recorder
	free    time.Duration // when the queue is empty
	number  uint16
	flight  []arrival
	reports []report
	samples []int // estimate, each 100 ms
	sent    int
}

type arrival struct {
	number uint16
	at     time.Duration
}

type report struct {
	f  *rtcp.TransportLayerCC
	at time.Duration
}

const (
	frame    = time.Second / 30
	packetIs = 1200
)

func (p *path) run(length time.Duration) {
	p.t.Helper()
	p.random = rand.New(rand.NewPCG(1, 2))
	p.e, p.viewer = New(), twcc.NewRecorder(1)
	nextFrame, nextReport, credit := time.Duration(0), 100*time.Millisecond, 0.0
	for now := time.Duration(0); now < length; now += time.Millisecond {
		if now >= nextFrame {
			nextFrame += frame
			credit += p.source(p.e.Bitrate()) / 8 * frame.Seconds()
			for i := 0; credit >= packetIs; i++ {
				credit -= packetIs
				p.send(now + time.Duration(i)*500*time.Microsecond) // paced
			}
		}
		p.deliver(now)
		if now >= nextReport {
			nextReport += 100 * time.Millisecond
			for _, r := range p.viewer.BuildFeedbackPacket() {
				if f, ok := r.(*rtcp.TransportLayerCC); ok {
					p.reports = append(p.reports, report{f, now + p.delay})
				}
			}
			p.samples = append(p.samples, p.e.Bitrate())
		}
		for len(p.reports) > 0 && p.reports[0].at <= now {
			p.e.Feedback(p.reports[0].f, now)
			p.reports = p.reports[1:]
		}
	}
}

func (p *path) send(now time.Duration) {
	p.e.Sent(p.number, packetIs, now)
	p.sent++
	p.free = max(p.free, now)
	if p.free-now <= p.queue && p.random.Float64() >= p.loss {
		p.free += time.Duration(packetIs * 8 / p.bandwidth(now) * float64(time.Second))
		at := p.free + p.delay
		if p.jitter > 0 {
			at += time.Duration(p.random.Int64N(int64(p.jitter)))
		}
		p.flight = append(p.flight, arrival{p.number, at})
	}
	p.number++
}

func (p *path) deliver(now time.Duration) {
	rest := p.flight[:0]
	for _, a := range p.flight {
		if a.at > now {
			rest = append(rest, a)
			continue
		}
		// The viewer's clock is another one.
		p.viewer.Record(1, a.number, (a.at + 777*time.Second).Microseconds())
	}
	p.flight = rest
}

// sample is the estimate at a time.
func (p *path) sample(at time.Duration) int { return p.samples[int(at/(100*time.Millisecond))-1] }

func steady(bits float64) func(time.Duration) float64 {
	return func(time.Duration) float64 { return bits }
}

// follow is a source that sends what is estimated, up to most.
func follow(most float64) func(int) float64 {
	return func(estimate int) float64 {
		if estimate == 0 {
			return most
		}
		return min(float64(estimate), most)
	}
}

func fixed(bits float64) func(int) float64 { return func(int) float64 { return bits } }
