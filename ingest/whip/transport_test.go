package whip

import (
	"encoding/binary"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/interceptor/pkg/gcc"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"weir/rtc/signaling"
)

// bottleneck is a path of a bitrate with a queue of limited time before it.
type bottleneck struct {
	bitrate int
	start   time.Time
	free    time.Duration // when the queue will be empty
	onWay   []onWay
	dropped int
}

type onWay struct {
	arrival time.Duration
	header  rtp.Header
}

const (
	pathDelay = 30 * time.Millisecond
	pathQueue = 250 * time.Millisecond
)

// Write implements interceptor.RTPWriter.
func (b *bottleneck) Write(h *rtp.Header, payload []byte, _ interceptor.Attributes) (int, error) {
	now := time.Since(b.start)
	if b.free-now > pathQueue {
		b.dropped++
		return len(payload), nil
	}
	b.free = max(b.free, now) + time.Duration(8*len(payload))*time.Second/time.Duration(b.bitrate)
	b.onWay = append(b.onWay, onWay{b.free + pathDelay, h.Clone()})
	return len(payload), nil
}

// arrive hands over the packets that have arrived by now.
func (b *bottleneck) arrive(take func(h *rtp.Header, at time.Duration)) {
	now := time.Since(b.start)
	for len(b.onWay) > 0 && b.onWay[0].arrival <= now {
		take(&b.onWay[0].header, b.onWay[0].arrival)
		b.onWay = b.onWay[1:]
	}
}

// Transport-wide feedback lets a sender's estimate follow its path: down when the path becomes narrow, within what
// it carries, and up again. The sender is pion's, which reads what goes over the wire.
func TestTransportFeedbackLeadsTheSender(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const id, ssrc, wide, narrow = 5, 7, 3_000_000, 600_000
		sender := must(gcc.NewSendSideBWE(gcc.SendSideBWEInitialBitrate(500_000), gcc.SendSideBWEMaxBitrate(4_000_000),
			gcc.SendSideBWEPacer(gcc.NewNoOpPacer())))
		defer sender.Close()
		path := &bottleneck{bitrate: wide, start: time.Now()}
		out := sender.AddStream(&interceptor.StreamInfo{
			SSRC: ssrc, RTPHeaderExtensions: []interceptor.RTPHeaderExtension{{URI: signaling.TransportCC, ID: id}},
		}, path)
		f := newFeedback(nil, 1, nil)
		var seq uint16
		budget := 0.0 // bits that may be sent
		step := func(n int) {
			const tick = 5 * time.Millisecond
			budget += float64(sender.GetTargetBitrate()) * tick.Seconds()
			for ; budget > 0; budget -= 8 * 1000 {
				h := &rtp.Header{Version: 2, SSRC: ssrc, SequenceNumber: seq}
				if err := h.SetExtension(id, binary.BigEndian.AppendUint16(nil, seq)); err != nil {
					t.Fatal(err)
				}
				_ = must(out.Write(h, make([]byte, 1000), nil))
				seq++
			}
			time.Sleep(tick)
			path.arrive(func(h *rtp.Header, at time.Duration) { f.note(h, id, at) })
			if n%int(transportEvery/tick) != 0 {
				return
			}
			if packets := f.buildTransport(); packets != nil {
				wire := must(rtcp.Marshal(packets))
				if err := sender.WriteRTCP(must(rtcp.Unmarshal(wire)), nil); err != nil {
					t.Fatal(err)
				}
				synctest.Wait() // the estimate is made in another goroutine
			}
		}
		run := func(bitrate int, d time.Duration) int {
			path.bitrate = bitrate
			sum, n := 0, int(d/(5*time.Millisecond))
			for i := range n {
				step(i)
				if i >= n/2 {
					sum += sender.GetTargetBitrate()
				}
			}
			return sum / (n - n/2)
		}
		first := run(wide, 30*time.Second)
		second := run(narrow, 30*time.Second)
		third := run(wide, 60*time.Second)
		t.Logf("%d bit/s on a path of %d, %d on one of %d, then %d; %d of %d packets dropped", first, wide, second, narrow, third, path.dropped, seq)
		if first < wide/4 {
			t.Errorf("the sender uses %d bit/s of %d", first, wide)
		}
		if second > narrow*3/2 || second < narrow/4 {
			t.Errorf("the sender uses %d bit/s of %d", second, narrow)
		}
		if third < 2*second {
			t.Errorf("the sender stays at %d bit/s on a path of %d", third, wide)
		}
	})
}
