package opus

import (
	"testing"
	"time"
)

// TestLost has a packet of every configuration fill gaps of every length: what it makes is well formed, never longer
// than the gap, in the channels of the packet, and leaves less than the shortest frame.
func TestLost(t *testing.T) {
	for config := range byte(32) {
		for _, low := range []byte{0, 1, 2, 3, 4, 5, 6, 7} {
			like := config<<3 | low
			for gap := time.Duration(0); gap <= 130*time.Millisecond; gap += 1250 * time.Microsecond {
				rest := gap
				for n := 0; ; n++ {
					toc, d := Lost(like, rest)
					if d == 0 {
						break
					}
					pkt := []byte{toc}
					if got, err := PacketDuration(pkt); err != nil || got != d || d > rest {
						t.Fatalf("behind %#x, %v are missing: %#x of %v, %v", like, rest, toc, got, err)
					}
					if PacketChannels(pkt) != PacketChannels([]byte{like}) {
						t.Fatalf("behind %#x: %#x has other channels", like, toc)
					}
					if n == 0 && rest >= frameDuration(like) && d != frameDuration(like) {
						t.Fatalf("behind %#x: a frame of %v", like, d)
					}
					rest -= d
				}
				if rest >= 2500*time.Microsecond {
					t.Fatalf("behind %#x: %v of %v are left", like, rest, gap)
				}
			}
		}
	}
}

// RFC 6716 table 2: the coding and the bandwidth stay where there is a frame short enough.
func TestLostKeepsTheCoding(t *testing.T) {
	const ms = time.Millisecond
	for _, c := range []struct {
		name string
		like byte
		gap  time.Duration
		want byte
		d    time.Duration
	}{
		{"SILK WB 20 ms", 9 << 3, 100 * ms, 9 << 3, 20 * ms},
		{"SILK WB 60 ms, 20 ms are missing", 11 << 3, 20 * ms, 9 << 3, 20 * ms},
		{"SILK MB 10 ms, 5 ms are missing", 4 << 3, 5 * ms, 21 << 3, 5 * ms},
		{"hybrid FB 20 ms stereo, 10 ms are missing", 15<<3 | 4, 10 * ms, 14<<3 | 4, 10 * ms},
		{"hybrid SWB 10 ms, 2.5 ms are missing", 12 << 3, 3 * ms, 24 << 3, 2500 * time.Microsecond},
		{"CELT FB 20 ms, many frames in the packet", 31<<3 | 3, 60 * ms, 31 << 3, 20 * ms},
		{"nothing is that short", 31 << 3, 2 * ms, 0, 0},
	} {
		if toc, d := Lost(c.like, c.gap); toc != c.want || d != c.d {
			t.Errorf("%s: %#x of %v, want %#x of %v", c.name, toc, d, c.want, c.d)
		}
	}
}
