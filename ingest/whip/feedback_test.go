package whip

import (
	"testing"
	"time"

	"github.com/pion/rtcp"

	"weir/ingest/depacket"
)

// heard is a packet that came: its sequence number, its timestamp and when it came, both in ticks of 48 kHz.
type heard struct {
	seq     uint16
	stamp   uint32
	arrival int64
}

// even are n packets of 20 ms that come exactly when they should, without those for which drop is true.
func even(first, n int, drop func(i int) bool) []heard {
	var out []heard
	for i := range n {
		if drop == nil || !drop(i) {
			out = append(out, heard{uint16(first + i), uint32(960 * i), int64(960 * i)})
		}
	}
	return out
}

func TestReception(t *testing.T) {
	const rate = 48000
	type interval struct {
		packets []heard
		highest uint32 // extended sequence number at its end
		want    rtcp.ReceptionReport
	}
	report := func(highest uint32, fraction uint8, lost, jitter uint32) rtcp.ReceptionReport {
		return rtcp.ReceptionReport{SSRC: 7, LastSequenceNumber: highest, FractionLost: fraction, TotalLost: lost, Jitter: jitter}
	}
	late := even(0, 8, nil)
	late[5].arrival += 480 // 10 ms: D is 480 for it and -480 for the next one
	wrapped := even(0, 4, nil)
	for i := range wrapped {
		wrapped[i].stamp += 1<<32 - 1920
	}
	for _, tc := range []struct {
		name      string
		intervals []interval
	}{
		{"all came", []interval{{even(100, 10, nil), 109, report(109, 0, 0, 0)}}},
		{"A.3 a quarter lost", []interval{{even(100, 8, func(i int) bool { return i%4 == 2 }), 107, report(107, 64, 2, 0)}}},
		{
			"A.3 the fraction is the interval's, the sum the session's",
			[]interval{
				{even(100, 8, func(i int) bool { return i == 3 }), 107, report(107, 32, 1, 0)},
				{even(100, 16, func(i int) bool { return i < 8 || i == 9 || i == 12 }), 115, report(115, 64, 3, 0)},
				{even(100, 24, func(i int) bool { return i < 16 }), 123, report(123, 0, 3, 0)},
			},
		},
		{
			"A.3 nothing came in the interval",
			[]interval{{even(0, 4, nil), 3, report(3, 0, 0, 0)}, {nil, 3, report(3, 0, 0, 0)}},
		},
		{
			"A.3 repaired later: no negative fraction, and the sum goes down",
			[]interval{
				{even(0, 4, func(i int) bool { return i == 1 }), 3, report(3, 64, 1, 0)},
				{even(0, 8, func(i int) bool { return i < 4 && i != 1 }), 7, report(7, 0, 0, 0)},
			},
		},
		{"A.3 duplicates make no negative loss", []interval{{append(even(0, 4, nil), even(0, 4, nil)...), 3, report(3, 0, 0, 0)}}},
		{"A.3 sequence numbers wrap", []interval{{even(65530, 10, func(i int) bool { return i == 5 }), 65539, report(65539, 25, 1, 0)}}},
		{"6.4.1 the sum stays within 24 bits", []interval{{even(0, 1, nil), 1 << 24, report(1<<24, 255, 0x7fffff, 0)}}},
		// A.8: 480/16 = 30, then 30 + (480-30)/16 = 58.125, then 58.125 - 58.125/16 = 54.49.
		{"A.8 one packet 10 ms late", []interval{{late[:6], 5, report(5, 0, 0, 30)}, {late[6:7], 6, report(6, 0, 0, 58)}, {late[7:], 7, report(7, 0, 0, 54)}}},
		{"A.8 timestamps wrap", []interval{{wrapped, 3, report(3, 0, 0, 0)}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := reception{rate: rate}
			for i, in := range tc.intervals {
				for _, p := range in.packets {
					r.note(&depacket.Packet{Seq: p.seq, Timestamp: p.stamp}, time.Duration(p.arrival)*time.Second/rate)
				}
				first := uint32(tc.intervals[0].packets[0].seq)
				got := r.block(7, in.highest, uint64(in.highest-first)+1, time.Hour)
				if got != in.want {
					t.Errorf("report %d:\n got %+v\nwant %+v", i+1, got, in.want)
				}
			}
		})
	}
}

// RFC 3550 6.4.1: LSR is the middle of the sender report's NTP time, DLSR the time since it came in 1/65536 s.
func TestReceptionNamesTheSenderReport(t *testing.T) {
	r := reception{rate: 90000, senderReport: 0xabcd1234, senderReportAt: time.Second}
	if got := r.block(7, 0, 1, 2500*time.Millisecond); got.LastSenderReport != 0xabcd1234 || got.Delay != 3<<15 {
		t.Errorf("LSR %x, DLSR %d", got.LastSenderReport, got.Delay)
	}
	none := reception{rate: 90000}
	if got := none.block(7, 0, 1, 2500*time.Millisecond); got.LastSenderReport != 0 || got.Delay != 0 {
		t.Errorf("without a sender report: LSR %x, DLSR %d", got.LastSenderReport, got.Delay)
	}
}
