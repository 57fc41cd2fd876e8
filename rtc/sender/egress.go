package sender

import (
	"encoding/binary"
	"sync"
	"time"

	"github.com/pion/rtcp"
	pion "github.com/pion/rtp"

	"weir/mux/av"
	"weir/mux/rtp"
)

// Transport is what a sender needs of a connected viewer. One goroutine at a time calls it.
type Transport interface {
	// WriteRTP takes a packet, keeping nothing of it. A number may be written again with the same bytes only.
	WriteRTP(h *pion.Header, payload []byte) error
	// WriteRTCP takes a compound packet, keeping nothing of it.
	WriteRTCP(b []byte) error
	// Flush sends what was written.
	Flush() error
}

// Estimator tells what the path to a viewer carries. One goroutine at a time calls it; times are since one moment.
type Estimator interface {
	// Sent notes a packet with its transport-wide number and its size in bytes.
	Sent(seq uint16, size int, at time.Duration)
	// Feedback takes what the viewer says of their arrival.
	Feedback(f *rtcp.TransportLayerCC, at time.Duration)
	// REMB takes a rate in bit/s that the viewer asks not to exceed.
	REMB(bitrate int)
	// Bitrate is in bit/s; 0 while no limit is known.
	Bitrate() int
}

// packetOverhead is what is around a payload, for the estimate: IP, UDP, RTP with extensions, the tag.
const packetOverhead = 20 + 8 + 24 + 16

// egress is the way out to one viewer: packets get their numbers here. The goroutine that sends and the one that brings
// the viewer's reports share it.
type egress struct {
	began time.Time
	cname string
	clock func() time.Duration // of the stream
	stats *Stats

	mu           sync.Mutex // guards the fields below
	to           Transport
	video, audio *line // nil when not agreed on
	estimate     Estimator
	number       uint16 // transport-wide, of the next packet
	pace         pacer
	repairs      repairs
	roundTrip    time.Duration // 0 while it is not known
	reported     time.Time     // when the last sender reports left
	wishes       wishes
	scratch      []byte
}

// line is the one for a codec's kind; nil when it was not agreed on.
func (e *egress) line(c av.Codec) *line {
	if c.IsVideo() {
		return e.video
	}
	return e.audio
}

// send writes n of a unit's packets, from a place on. They leave with the next flush.
func (e *egress) send(l *line, u *rtp.Unit, from, n int) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	now := time.Now()
	l.sent.add(piece{unit: u, seq: l.header.SequenceNumber, count: e.number, from: uint16(from), n: uint16(n)})
	size := 0
	for i := from; i < from+n; i++ {
		l.fill(&l.header, u, i, e.number)
		if err := e.to.WriteRTP(&l.header, u.Payloads[i]); err != nil {
			return err
		}
		l.header.SequenceNumber++
		e.countLocked(l, u.Payloads[i], now)
		size += len(u.Payloads[i])
	}
	l.packets += uint32(n)
	l.octets += uint32(size)
	e.pace.spend(size + n*packetOverhead)
	e.stats.sent(n, size)
	e.reportLocked(now)
	return nil
}

// flush sends what was written.
func (e *egress) flush() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.to.Flush()
}

// countLocked goes on to the next transport-wide number.
func (e *egress) countLocked(l *line, payload []byte, now time.Time) {
	if l.CountExtension == 0 {
		return
	}
	e.estimate.Sent(e.number, len(payload)+packetOverhead, now.Sub(e.began))
	e.number++
}

// delay is how long the next piece has to wait.
func (e *egress) delay() time.Duration {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.pace.delay(time.Now(), e.estimate.Bitrate())
}

// path is what the path carries in bit/s, 0 while no limit is known, and the bytes that were sent again since the last
// call.
func (e *egress) path() (rate, again int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	again, e.repairs.sent = e.repairs.sent, 0
	return e.estimate.Bitrate(), again
}

// arrivals takes what the viewer says of the packets' arrival.
func (e *egress) arrivals(f *rtcp.TransportLayerCC) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.estimate.Feedback(f, time.Since(e.began))
}

// atMost takes the rate that the viewer asks not to exceed.
func (e *egress) atMost(bitrate float32) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if bitrate >= 1 && bitrate < 1<<30 { // not more, and no NaN
		e.estimate.REMB(int(bitrate))
	}
}

// retransmitLocked writes the i-th packet of a piece once more.
func (e *egress) retransmitLocked(l *line, p *piece, i int, now time.Time) error {
	place := int(p.from) + i
	payload := p.unit.Payloads[place]
	if l.RepairType == 0 {
		// The same bytes under the same number: the extension's number is the first one too.
		next := l.header.SequenceNumber
		l.header.SequenceNumber = p.seq + uint16(i)
		l.fill(&l.header, p.unit, place, p.count+uint16(i))
		err := e.to.WriteRTP(&l.header, payload)
		l.header.SequenceNumber = next
		return err
	}
	l.fill(&l.repair, p.unit, place, e.number)
	// RFC 4588 4: the original sequence number stands before the payload.
	e.scratch = append(binary.BigEndian.AppendUint16(e.scratch[:0], p.seq+uint16(i)), payload...)
	if err := e.to.WriteRTP(&l.repair, e.scratch); err != nil {
		return err
	}
	l.repair.SequenceNumber++
	e.countLocked(l, e.scratch, now)
	return nil
}
