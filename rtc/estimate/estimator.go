package estimate

import (
	"time"

	"github.com/pion/rtcp"
)

// history is how many packets are remembered until their feedback: two seconds of 4 Mbit/s. It is a power of two.
const history = 1024

// packet is one that was sent.
type packet struct {
	at     uint32 // µs, modulo 2^32
	size   uint16 // bytes; 0 when its fate is known
	number uint16
}

// Estimator estimates the bitrate of one path. It is not safe for concurrent use.
type Estimator struct {
	sent   [history]packet
	next   uint16 // number of the newest packet and one
	began  bool   // anything was sent
	epoch  epoch
	groups groups
	trend  trend
	meter  meter
	losses losses
	rate   rate
	bound  int // bit/s that the viewer asked for; 0 is none
}

// New makes an estimator that knows nothing.
func New() *Estimator { return new(Estimator) }

// Sent notes a packet with its transport-wide number and its size in bytes, IP header included. Times are since one
// moment, here and below.
func (e *Estimator) Sent(number uint16, size int, at time.Duration) {
	e.sent[number%history] = packet{at: uint32(at / time.Microsecond), size: uint16(min(max(size, 1), 1<<16-1)), number: number}
	e.next, e.began = number+1, true
}

// REMB takes a rate in bit/s that the viewer asks not to exceed (draft-alvestrand-rmcat-remb-03); 0 takes it back.
func (e *Estimator) REMB(bitrate int) { e.bound = max(bitrate, 0) }

// Bitrate is what the path carries in bit/s; 0 while it has shown no limit.
func (e *Estimator) Bitrate() int {
	b := int(e.rate.bits)
	if e.bound > 0 && (b == 0 || e.bound < b) {
		return e.bound
	}
	return b
}

// Feedback takes what the viewer says of arrivals. What it says of packets that are not remembered is passed over, and so
// is what it says again.
func (e *Estimator) Feedback(f *rtcp.TransportLayerCC, at time.Duration) {
	if !e.began {
		return
	}
	now := at.Microseconds()
	arrival := e.epoch.unwrap(f.ReferenceTime)
	number, left, deltas := f.BaseSequenceNumber, min(int(f.PacketStatusCount), history), f.RecvDeltas
	for _, c := range f.PacketChunks {
		n := symbols(c)
		for i := 0; i < n && left > 0; i++ {
			left--
			if s := symbol(c, i); s == rtcp.TypeTCCPacketReceivedSmallDelta || s == rtcp.TypeTCCPacketReceivedLargeDelta {
				if len(deltas) == 0 {
					return // it is cut short
				}
				arrival += deltas[0].Delta
				deltas = deltas[1:]
				e.arrived(number, arrival, now)
			} else {
				e.lost(number)
			}
			number++
		}
	}
	e.update(now)
}

// take returns a packet whose fate was not known.
func (e *Estimator) take(number uint16) (packet, bool) {
	p := &e.sent[number%history]
	if p.number != number || p.size == 0 {
		return packet{}, false
	}
	out := *p
	p.size = 0
	return out, true
}

func (e *Estimator) arrived(number uint16, arrival, now int64) {
	p, ok := e.take(number)
	if !ok {
		return
	}
	e.losses.add(1, 0)
	e.meter.add(arrival, int(p.size))
	sent := now - int64(uint32(now)-p.at) // µs, not modulo any more
	e.rate.heard(now - sent)
	if d, ok := e.groups.add(sent, arrival, int(p.size)); ok {
		e.trend.add(d)
	}
}

func (e *Estimator) lost(number uint16) {
	if _, ok := e.take(number); ok {
		e.losses.add(0, 1)
	}
}

// update draws the conclusions from a feedback packet.
func (e *Estimator) update(now int64) {
	carried, known := e.meter.bits()
	e.rate.delay(now, e.trend.state, carried, known)
	if share, ok := e.losses.share(now); ok {
		e.rate.loss(share, carried, known)
	}
}

// symbols is how many packets a chunk tells of.
func symbols(c rtcp.PacketStatusChunk) int {
	switch c := c.(type) {
	case *rtcp.RunLengthChunk:
		return int(c.RunLength)
	case *rtcp.StatusVectorChunk:
		return len(c.SymbolList)
	default:
		return 0
	}
}

func symbol(c rtcp.PacketStatusChunk, i int) uint16 {
	switch c := c.(type) {
	case *rtcp.RunLengthChunk:
		return c.PacketStatusSymbol
	case *rtcp.StatusVectorChunk:
		return c.SymbolList[i]
	default:
		return rtcp.TypeTCCPacketNotReceived
	}
}

// epoch makes times of the viewer's clock go on where its 24 bits of 64 ms begin anew, which they do every 12 days.
type epoch struct {
	last  uint32
	base  int64 // in units of 64 ms
	known bool
}

// unwrap returns µs.
func (e *epoch) unwrap(reference uint32) int64 {
	const bits = 24
	if !e.known {
		e.last, e.base, e.known = reference, int64(reference), true
	}
	e.base += int64(int32((reference-e.last)<<(32-bits)) >> (32 - bits))
	e.last = reference
	return e.base * 64000
}
