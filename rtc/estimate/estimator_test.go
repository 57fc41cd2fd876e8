package estimate

import (
	"math"
	"testing"
	"time"

	"github.com/pion/rtcp"
)

// A path that carries everything shows no limit, whatever its jitter and a little loss (draft-ietf-rmcat-gcc-02 6: up to
// 2 % of loss are no sign).
func TestNoLimit(t *testing.T) {
	for name, p := range map[string]*path{
		"wide":             {bandwidth: steady(10e6)},
		"jitter of 5 ms":   {bandwidth: steady(10e6), jitter: 5 * time.Millisecond},
		"2 % of loss":      {bandwidth: steady(10e6), loss: 0.02},
		"5 % of loss":      {bandwidth: steady(10e6), loss: 0.05},
		"200 ms away":      {bandwidth: steady(10e6), delay: 200 * time.Millisecond},
		"all of it":        {bandwidth: steady(10e6), delay: 80 * time.Millisecond, jitter: 10 * time.Millisecond, loss: 0.02},
		"just wide enough": {bandwidth: steady(2.4e6), jitter: 3 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			p.t, p.queue, p.source = t, time.Second, follow(2e6)
			if p.delay == 0 {
				p.delay = 20 * time.Millisecond
			}
			p.run(60 * time.Second)
			for i, b := range p.samples {
				if b != 0 && b < 2e6 {
					t.Fatalf("after %d00 ms the estimate is %d bit/s", i+1, b)
				}
			}
		})
	}
}

// Jitter as of a busy radio network looks like a queue now and then. It must not take much, nor for long.
func TestMuchJitter(t *testing.T) {
	p := &path{
		t: t, bandwidth: steady(10e6), delay: 20 * time.Millisecond, queue: time.Second, jitter: 20 * time.Millisecond, source: follow(2e6),
	}
	p.run(120 * time.Second)
	below := 0
	for i, b := range p.samples {
		if b != 0 && b < 1.4e6 {
			t.Fatalf("after %d00 ms the estimate is %d bit/s", i+1, b)
		}
		if b != 0 && b < 2e6 {
			below++
		}
	}
	if below > len(p.samples)/4 {
		t.Errorf("%d of %d samples are below what is sent", below, len(p.samples))
	}
}

// 3 → 0.6 → 3 Mbit/s: down within 3 s, near what there is, and up again.
func TestBandwidthStep(t *testing.T) {
	for name, loss := range map[string]float64{"clean": 0, "2 % of loss": 0.02} {
		for behaviour, source := range map[string]func(int) float64{"follows": follow(2.5e6), "does not follow": fixed(2.5e6)} {
			t.Run(name+", source "+behaviour, func(t *testing.T) {
				p := &path{
					t: t, delay: 30 * time.Millisecond, queue: 500 * time.Millisecond, jitter: 4 * time.Millisecond, loss: loss,
					source: source, bandwidth: func(at time.Duration) float64 {
						if at > 20*time.Second && at < 50*time.Second {
							return 600e3
						}
						return 3e6
					},
				}
				p.run(120 * time.Second)
				if b := p.sample(20 * time.Second); b != 0 && b < 2e6 {
					t.Errorf("%d bit/s before the step", b)
				}
				for at := 23 * time.Second; at < 50*time.Second; at += time.Second {
					if b := p.sample(at); b < 300e3 || b > 900e3 {
						t.Errorf("%d bit/s at %v on 0.6 Mbit/s", b, at)
					}
				}
				if b := p.sample(90 * time.Second); b != 0 && b < 2.2e6 {
					t.Errorf("%d bit/s 40 s after the path is wide again", b)
				}
			})
		}
	}
}

// A shallow queue drops what a deep one holds: loss alone shows the limit too.
func TestLossShowsALimit(t *testing.T) {
	p := &path{t: t, delay: 20 * time.Millisecond, queue: 10 * time.Millisecond, bandwidth: steady(800e3), source: fixed(2e6)}
	p.run(20 * time.Second)
	if b := p.sample(10 * time.Second); b == 0 || b > 1200e3 || b < 400e3 {
		t.Errorf("%d bit/s on 0.8 Mbit/s", b)
	}
}

// What a path has just carried without a queue is believed at once, and 1.5 times that at most.
func TestCarriedIsBelieved(t *testing.T) {
	sending := 2.5e6
	p := &path{
		t: t, delay: 20 * time.Millisecond, queue: time.Second, source: func(int) float64 { return sending },
		bandwidth: func(at time.Duration) float64 {
			switch {
			case at < 5*time.Second:
				return 600e3
			case at < 10*time.Second:
				sending = 300e3 // the sender holds back
			default:
				sending = 2e6
			}
			return 5e6
		},
	}
	p.run(20 * time.Second)
	if b := p.sample(10 * time.Second); b < 300e3 || b > 900e3 {
		t.Errorf("%d bit/s while little is sent", b)
	}
	if b := p.sample(12 * time.Second); b < 1.8e6 {
		t.Errorf("%d bit/s 2 s after more came through", b)
	}
}

func TestREMBIsABound(t *testing.T) {
	e := New()
	if e.REMB(500e3); e.Bitrate() != 500e3 {
		t.Errorf("%d bit/s when nothing else is known", e.Bitrate())
	}
	e.rate.bits = 300e3
	if e.Bitrate() != 300e3 {
		t.Errorf("%d bit/s below the bound", e.Bitrate())
	}
	e.rate.bits = 700e3
	if e.Bitrate() != 500e3 {
		t.Errorf("%d bit/s above the bound", e.Bitrate())
	}
	if e.REMB(0); e.Bitrate() != 700e3 {
		t.Errorf("%d bit/s without a bound", e.Bitrate())
	}
}

// The viewer's clock begins anew behind 24 bits of 64 ms.
func TestEpochGoesOn(t *testing.T) {
	var e epoch
	for _, c := range []struct {
		reference uint32
		want      int64
	}{{1<<24 - 2, 1<<24 - 2}, {1, 1<<24 + 1}, {1<<24 - 1, 1<<24 - 1}, {5, 1<<24 + 5}} {
		if got := e.unwrap(c.reference); got != c.want*64000 {
			t.Errorf("%d is %d, want %d", c.reference, got, c.want*64000)
		}
	}
}

func TestMeter(t *testing.T) {
	var m meter
	for at := int64(-2e6); at < 3e6; at += 10000 { // 1,000 bytes each 10 ms
		m.add(at, 1000)
		if b, ok := m.bits(); ok && math.Abs(b-800e3) > 1 {
			t.Fatalf("%.0f bit/s at %d", b, at)
		}
	}
	m.add(100e6, 1000) // a pause that is longer than all slots
	if b, ok := m.bits(); ok {
		t.Errorf("%.0f bit/s right behind a long pause", b)
	}
}

func TestFeedbackThatMakesNoSense(t *testing.T) {
	run := func(symbol, n uint16) rtcp.PacketStatusChunk {
		return &rtcp.RunLengthChunk{PacketStatusSymbol: symbol, RunLength: n}
	}
	for name, f := range map[string]*rtcp.TransportLayerCC{
		"empty":              {},
		"never sent":         {BaseSequenceNumber: 5000, PacketStatusCount: 3, PacketChunks: []rtcp.PacketStatusChunk{run(0, 3)}},
		"more than there is": {PacketStatusCount: math.MaxUint16, PacketChunks: []rtcp.PacketStatusChunk{run(1, 8191)}},
		"no deltas":          {PacketStatusCount: 2, PacketChunks: []rtcp.PacketStatusChunk{run(1, 2)}},
		"no chunks":          {PacketStatusCount: 2},
		"nothing in a chunk": {PacketStatusCount: 2, PacketChunks: []rtcp.PacketStatusChunk{nil, &rtcp.StatusVectorChunk{}}},
	} {
		t.Run(name, func(t *testing.T) {
			e := New()
			e.Feedback(f, 0)
			e.Sent(0, 1200, 0)
			e.Feedback(f, time.Second)
			if e.Bitrate() != 0 {
				t.Errorf("%d bit/s", e.Bitrate())
			}
		})
	}
}

// What is said twice counts once.
func TestFeedbackThatComesTwice(t *testing.T) {
	e := New()
	for i := range uint16(100) {
		e.Sent(i, 1200, time.Duration(i)*time.Millisecond)
	}
	f := &rtcp.TransportLayerCC{PacketStatusCount: 100, PacketChunks: []rtcp.PacketStatusChunk{
		&rtcp.RunLengthChunk{PacketStatusSymbol: rtcp.TypeTCCPacketNotReceived, RunLength: 100},
	}}
	for range 3 {
		e.Feedback(f, 200*time.Millisecond)
	}
	if e.losses.lost != 100 {
		t.Errorf("%d packets are lost", e.losses.lost)
	}
}

func FuzzFeedback(f *testing.F) {
	good, err := (&rtcp.TransportLayerCC{
		Header:             rtcp.Header{Count: rtcp.FormatTCC, Type: rtcp.TypeTransportSpecificFeedback, Length: 5},
		BaseSequenceNumber: 1, PacketStatusCount: 2, ReferenceTime: 3,
		PacketChunks: []rtcp.PacketStatusChunk{&rtcp.RunLengthChunk{PacketStatusSymbol: 1, RunLength: 2}},
		RecvDeltas:   []*rtcp.RecvDelta{{Type: 1, Delta: 250}, {Type: 1, Delta: 500}},
	}).Marshal()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good, good)
	f.Fuzz(func(t *testing.T, a, b []byte) {
		e := New()
		for i := range uint16(2 * history) {
			e.Sent(i, 1200, time.Duration(i)*time.Millisecond)
		}
		for i, raw := range [][]byte{a, b, a} {
			var p rtcp.TransportLayerCC
			if p.Unmarshal(raw) == nil {
				e.Feedback(&p, time.Duration(i)*time.Second)
			}
		}
		if n := e.Bitrate(); n < 0 || n > most {
			t.Errorf("%d bit/s", n)
		}
	})
}

func TestSentAllocatesNothing(t *testing.T) {
	e := New()
	var n uint16
	if got := testing.AllocsPerRun(1000, func() {
		n++
		e.Sent(n, 1200, time.Duration(n))
	}); got != 0 {
		t.Errorf("%v allocations a packet", got)
	}
}

func BenchmarkSent(b *testing.B) {
	e := New()
	for i := 0; b.Loop(); i++ {
		e.Sent(uint16(i), 1200, time.Duration(i))
	}
}

// BenchmarkFeedback is what the word of 30 packets costs.
func BenchmarkFeedback(b *testing.B) {
	e := New()
	f := &rtcp.TransportLayerCC{PacketStatusCount: 30, PacketChunks: []rtcp.PacketStatusChunk{
		&rtcp.RunLengthChunk{PacketStatusSymbol: 1, RunLength: 30},
	}}
	for range 30 {
		f.RecvDeltas = append(f.RecvDeltas, &rtcp.RecvDelta{Type: 1, Delta: 3250})
	}
	b.ReportAllocs()
	var n uint16
	now := time.Duration(0)
	for b.Loop() {
		f.BaseSequenceNumber = n
		for range 30 {
			e.Sent(n, 1200, now)
			n++
			now += 3 * time.Millisecond
		}
		f.ReferenceTime = uint32(now/(64*time.Millisecond)) & (1<<24 - 1)
		e.Feedback(f, now)
	}
}
