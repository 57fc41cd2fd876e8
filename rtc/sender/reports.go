package sender

import (
	"encoding/binary"
	"time"

	"github.com/pion/rtcp"

	"weir/mux/av"
)

const (
	// reportEvery is the pace of sender reports: browsers bring sound and picture together by them.
	reportEvery = time.Second

	typeSenderReport = 200
	typeReceiver     = 201
	typeDescription  = 202
	typeGoodbye      = 203

	itemCNAME = 1
	maxCNAME  = 255
)

// ntpEpoch is 1900 in Unix seconds (RFC 3550 4).
const ntpEpoch = -2208988800

// ntp is a wall time as 32 bits of seconds and 32 of their fraction.
func ntp(t time.Time) uint64 {
	sec, frac := uint64(t.Unix()-ntpEpoch), uint64(t.Nanosecond())
	return sec<<32 | frac<<32/uint64(time.Second)
}

// middle is the part of it that reception reports repeat (RFC 3550 6.4.1).
func middle(ntp uint64) uint32 { return uint32(ntp >> 16) }

// reportLocked writes sender reports when it is time: at the first packet of a line and then once a second, of all lines
// at once. All are of one moment of the stream's clock, so that the viewer has both tracks on one time line.
func (e *egress) reportLocked(now time.Time) {
	due := now.Sub(e.reported) >= reportEvery
	for _, l := range []*line{e.video, e.audio} {
		due = due || l != nil && l.packets > 0 && !l.reception.reported
	}
	if !due {
		return
	}
	e.reported = now
	at, wall := e.clock(), ntp(now)
	b := e.scratch[:0]
	for _, l := range []*line{e.video, e.audio} {
		if l != nil && l.packets > 0 {
			l.reception.reported = true
			b = l.appendReport(b, wall, at)
		}
	}
	b = e.appendDescriptionLocked(b)
	_ = e.to.WriteRTCP(b) // the next one says as much
	e.scratch = b
}

// appendReport appends a sender report (RFC 3550 6.4.1) of a moment, as wall time and on the stream's clock.
func (l *line) appendReport(b []byte, wall uint64, at time.Duration) []byte {
	b = append(b, 0x80, typeSenderReport, 0, 6)
	b = binary.BigEndian.AppendUint32(b, l.SSRC)
	b = binary.BigEndian.AppendUint64(b, wall)
	b = binary.BigEndian.AppendUint32(b, uint32(av.Ticks(at, l.ClockRate))+l.offset)
	b = binary.BigEndian.AppendUint32(b, l.packets)
	return binary.BigEndian.AppendUint32(b, l.octets)
}

// appendDescriptionLocked appends the CNAME, one for all sources (RFC 3550 6.5.1).
func (e *egress) appendDescriptionLocked(b []byte) []byte {
	start := len(b)
	b = append(b, 0x80, typeDescription, 0, 0)
	for _, l := range []*line{e.video, e.audio} {
		if l == nil {
			continue
		}
		b[start]++ // chunks
		b = binary.BigEndian.AppendUint32(b, l.SSRC)
		b = append(b, itemCNAME, byte(len(e.cname)))
		b = append(b, e.cname...)
		b = append(b, 0) // the end of the list, and on to 32 bits
		for (len(b)-start)%4 != 0 {
			b = append(b, 0)
		}
	}
	binary.BigEndian.PutUint16(b[start+2:], uint16((len(b)-start)/4-1))
	return b
}

// goodbye tells the viewer that no more will come (RFC 3550 6.6). A compound packet begins with a report, here an empty
// one (6.1).
func (e *egress) goodbye() {
	e.mu.Lock()
	defer e.mu.Unlock()
	var sources []uint32
	for _, l := range []*line{e.video, e.audio} {
		if l != nil {
			sources = append(sources, l.SSRC)
		}
	}
	if len(sources) == 0 {
		return
	}
	b := binary.BigEndian.AppendUint32(append(e.scratch[:0], 0x80, typeReceiver, 0, 1), sources[0])
	b = e.appendDescriptionLocked(b)
	b = append(b, 0x80|byte(len(sources)), typeGoodbye, 0, byte(len(sources)))
	for _, ssrc := range sources {
		b = binary.BigEndian.AppendUint32(b, ssrc)
	}
	_ = e.to.WriteRTCP(b) // the connection may be gone: then there is nobody to tell
	_ = e.to.Flush()
}

// reception is what a viewer says of a line.
type reception struct {
	reported bool // a sender report was sent
	known    bool
	lost     uint32 // packets, 24 bits
}

// received takes a viewer's reception reports: loss, and the round trip (RFC 3550 6.4.1).
func (e *egress) received(reports []rtcp.ReceptionReport) {
	e.mu.Lock()
	defer e.mu.Unlock()
	now := middle(ntp(time.Now()))
	for i := range reports {
		r := &reports[i]
		l := e.lineLocked(r.SSRC)
		if l == nil {
			continue
		}
		if more := int32(r.TotalLost-l.reception.lost) << 8 >> 8; l.reception.known && more > 0 && more < 1<<16 {
			e.stats.lost.Add(float64(more))
		}
		l.reception.known, l.reception.lost = true, r.TotalLost
		if r.LastSenderReport == 0 {
			continue
		}
		if trip := now - r.LastSenderReport - r.Delay; trip < 10<<16 { // else its clock or ours was set
			e.roundTrip = max(time.Millisecond, time.Duration(trip)*time.Second>>16)
			e.stats.roundTrips.Observe(e.roundTrip.Seconds())
		}
	}
}
