package opus

import (
	"errors"
	"testing"
	"time"

	mc "github.com/bluenviron/mediacommon/v2/pkg/codecs/opus"
)

// first makes the first byte of a packet (RFC 6716 3.1).
func first(config, code byte) byte { return config<<3 | code }

// packet is the bytes of head, with n zero bytes behind.
func packet(n int, head ...byte) []byte { return append(head, make([]byte, n)...) }

const (
	ms     = time.Millisecond
	silk20 = 1
	silk60 = 3
	celt2  = 16 // 2.5 ms
	celt20 = 19
)

// Each row is named by the clause of RFC 6716 that it is about; R1 to R7 are the rules of 3.4.
var casesDuration = []struct {
	name string
	pkt  []byte
	want time.Duration
	err  error
}{
	{"3.1 SILK 10 ms", packet(9, first(0, 0)), 10 * ms, nil},
	{"3.1 SILK 20 ms", packet(9, first(5, 0)), 20 * ms, nil},
	{"3.1 SILK 40 ms", packet(9, first(6, 0)), 40 * ms, nil},
	{"3.1 SILK 60 ms", packet(9, first(11, 0)), 60 * ms, nil},
	{"3.1 hybrid 10 ms", packet(9, first(12, 0)), 10 * ms, nil},
	{"3.1 hybrid 20 ms", packet(9, first(15, 0)), 20 * ms, nil},
	{"3.1 CELT 2.5 ms", packet(9, first(16, 0)), 2500 * time.Microsecond, nil},
	{"3.1 CELT 5 ms", packet(9, first(21, 0)), 5 * ms, nil},
	{"3.1 CELT 10 ms", packet(9, first(26, 0)), 10 * ms, nil},
	{"3.1 CELT 20 ms", packet(9, first(31, 0)), 20 * ms, nil},
	{"3.1 stereo bit is not duration", packet(9, first(31, 0)|4), 20 * ms, nil},

	{"R1 empty", nil, 0, errR1},

	{"3.2.2 code 0, no byte (DTX)", packet(0, first(celt20, 0)), 20 * ms, nil},
	{"R2 code 0 of 1275 bytes", packet(1275, first(celt20, 0)), 20 * ms, nil},
	{"R2 code 0 of 1276 bytes", packet(1276, first(celt20, 0)), 0, errR2},
	{"R2 code 1 of 2x1276 bytes", packet(2552, first(celt20, 1)), 0, errR2},
	{"R2 code 2, second of 1276 bytes", packet(1277, first(celt20, 2), 1), 0, errR2},
	{"R2 code 3 equal, 2x1276 bytes", packet(2552, first(celt20, 3), 2), 0, errR2},
	{"R2 code 3 varying, last of 1276 bytes", packet(1277, first(celt20, 3), 0x82, 1), 0, errR2},

	{"3.2.3 code 1", packet(8, first(celt20, 1)), 40 * ms, nil},
	{"3.2.3 code 1 of 60 ms", packet(8, first(silk60, 1)), 120 * ms, nil},
	{"3.2.3 code 1, no bytes", packet(0, first(celt20, 1)), 40 * ms, nil},
	{"R3 code 1, even packet", packet(7, first(celt20, 1)), 0, errR3},

	{"3.2.4 code 2", packet(9, first(celt20, 2), 4), 40 * ms, nil},
	{"3.2.4 code 2, second empty", packet(4, first(celt20, 2), 4), 40 * ms, nil},
	{"3.2.1 length of two bytes", packet(252+4, first(celt20, 2), 252, 1), 40 * ms, nil},
	{"R4 code 2 without length", packet(0, first(celt20, 2)), 0, errR4},
	{"R4 code 2, length cut short", packet(0, first(celt20, 2), 252), 0, errR4},
	{"R4 code 2, first too long", packet(4, first(celt20, 2), 5), 0, errR4},
	{"R4 code 2, length 1275 of 1274", packet(1274, first(celt20, 2), 255, 255), 0, errR4},

	{"3.2.5 code 3, one frame", packet(5, first(celt20, 3), 1), 20 * ms, nil},
	{"3.2.5 code 3, 48 frames of 2.5 ms", packet(48, first(celt2, 3), 48), 120 * ms, nil},
	{"R5 code 3, no frame", packet(5, first(celt20, 3), 0), 0, errR5},
	{"R5 code 3, 49 frames of 2.5 ms", packet(49, first(celt2, 3), 49), 0, errR5},
	{"R5 code 3, 63 frames of 2.5 ms", packet(63, first(celt2, 3), 63), 0, errR5},
	{"R5 code 3, 7 frames of 20 ms", packet(7, first(silk20, 3), 7), 0, errR5},
	{"R5 code 3, 3 frames of 60 ms", packet(3, first(silk60, 3), 3), 0, errR5},

	{"R6 code 3 without count", packet(0, first(celt20, 3)), 0, errR6},
	{"R6 3 frames in 9 bytes", packet(9, first(celt20, 3), 3), 60 * ms, nil},
	{"R6 3 frames in 8 bytes", packet(8, first(celt20, 3), 3), 0, errR6},
	{"R6 3 empty frames", packet(0, first(celt20, 3), 3), 60 * ms, nil},
	{"R6 padding of 2 behind 6 bytes", packet(8, first(celt20, 3), 0x43, 2), 60 * ms, nil},
	{"R6 padding of 3 behind 5 bytes", packet(8, first(celt20, 3), 0x43, 3), 0, errR6},
	{"R6 only padding", packet(8, first(celt20, 3), 0x43, 8), 60 * ms, nil},
	{"R6 padding longer than the packet", packet(8, first(celt20, 3), 0x43, 9), 0, errR6},
	{"R6 padding without its length", packet(0, first(celt20, 3), 0x43), 0, errR6},
	{"R6 padding length goes on for ever", packet(0, first(celt20, 3), 0x43, 255, 255), 0, errR6},
	{"R6 padding of 255+1 is 255 bytes", packet(255+6, first(celt20, 3), 0x43, 255, 1), 60 * ms, nil},
	{"R6 padding of 255+1 is not 256 bytes", packet(256+6, first(celt20, 3), 0x43, 255, 1), 0, errR6},

	{"R7 3 frames of 1, 2 and 5 bytes", packet(8, first(celt20, 3), 0x83, 1, 2), 60 * ms, nil},
	{"R7 last frame empty", packet(3, first(celt20, 3), 0x83, 1, 2), 60 * ms, nil},
	{"R7 last frame missing bytes", packet(2, first(celt20, 3), 0x83, 1, 2), 0, errR7},
	{"R7 lengths cut short", packet(0, first(celt20, 3), 0x83, 1), 0, errR7},
	{"R7 padding of 2 behind 3 bytes", packet(5, first(celt20, 3), 0xc3, 2, 1, 2), 60 * ms, nil},
	{"R7 padding eats a frame", packet(5, first(celt20, 3), 0xc3, 3, 1, 2), 0, errR7},
	{"R7 padding longer than the packet", packet(5, first(celt20, 3), 0xc3, 9, 1, 2), 0, errR7},
}

// TestPacketDuration is RO-02 of the Opus checklist.
func TestPacketDuration(t *testing.T) {
	for _, c := range casesDuration {
		t.Run(c.name, func(t *testing.T) {
			got, err := PacketDuration(c.pkt)
			if !errors.Is(err, c.err) {
				t.Fatalf("%v, want %v", err, c.err)
			}
			if err == nil && got != c.want {
				t.Errorf("%v, want %v", got, c.want)
			}
			if err != nil && (got != 0 || !errors.Is(err, ErrPacket)) {
				t.Errorf("%v with the error %v", got, err)
			}
		})
	}
}

func TestPacketChannels(t *testing.T) {
	for _, c := range []struct {
		pkt  []byte
		want int
	}{
		{nil, 0},
		{packet(1, first(celt20, 3)), 1},
		{packet(1, first(celt20, 3)|4), 2},
	} {
		if got := PacketChannels(c.pkt); got != c.want {
			t.Errorf("PacketChannels(%x) = %d, want %d", c.pkt, got, c.want)
		}
	}
}

func TestPacketAllocatesNothing(t *testing.T) {
	for _, c := range casesDuration {
		n := testing.AllocsPerRun(10, func() {
			_, _ = PacketDuration(c.pkt)
			PacketChannels(c.pkt)
		})
		if n != 0 {
			t.Errorf("%s: %v allocations", c.name, n)
		}
	}
}

func FuzzPacketDuration(f *testing.F) {
	for _, c := range casesDuration {
		f.Add(c.pkt)
	}
	f.Fuzz(func(t *testing.T, pkt []byte) {
		got, err := PacketDuration(pkt)
		if err != nil {
			if got != 0 {
				t.Fatalf("%v with the error %v", got, err)
			}
			return
		}
		if got < 2500*time.Microsecond || got > maxDuration {
			t.Fatalf("%v is out of bounds", got)
		}
		if want := av(mc.PacketDuration2(pkt)); got != want {
			t.Fatalf("%v, another reader says %v", got, want)
		}
	})
}

// av converts samples at 48 kHz.
func av(samples int64) time.Duration { return time.Duration(samples) * time.Second / ClockRate }

func BenchmarkPacketDuration(b *testing.B) {
	pkt := packet(160, first(celt20, 0))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := PacketDuration(pkt); err != nil {
			b.Fatal(err)
		}
	}
}
