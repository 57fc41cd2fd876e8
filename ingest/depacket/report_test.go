package depacket

import (
	"testing"
	"time"

	"weir/mux/av"
)

// A report whose timestamp is farther from the present than any sender extrapolates tells nothing, on either side.
func TestReportsFarFromThePresent(t *testing.T) {
	const now = time.Minute
	for off, taken := range map[time.Duration]bool{
		0: true, -9 * time.Second: true, 9 * time.Second: true,
		-maxReportOff - time.Second: false, maxReportOff + time.Second: false, -10 * time.Hour: false, 10 * time.Hour: false,
	} {
		c := new(Sync).Clock(90000, false)
		c.At(&Unit{Timestamp: 1000, Arrival: now})
		c.Report(simEpoch<<32, 1000+uint32(av.Ticks(off, 90000)), now)
		if got := c.report.good(now); got != taken {
			t.Errorf("%v off: taken %v, want %v", off, got, taken)
		}
	}
}

// What reports said long ago is not gone by: RFC 3550 6.2 has them come every 5 s.
func TestReportsGrowOld(t *testing.T) {
	var r senderReport
	r.note(time.Hour, time.Second)
	if !r.good(time.Second + reportOld - 1) {
		t.Error("a report is not good for as long as it may be")
	}
	if r.good(time.Second + reportOld) {
		t.Error("an old report is gone by")
	}
}
