package depacket

import (
	"testing"
	"time"

	"weir/mux/codec/opus"
)

// TestOpusChecklist has a row for each point of the RTP Opus checklist (RO) that concerns packets; RO-02 in full
// is the test of mux/codec/opus.
func TestOpusChecklist(t *testing.T) {
	mono, stereo, dtx := []byte{0x78, 1, 2, 3}, []byte{0x7c, 1, 2, 3}, []byte{0x78}
	type row struct {
		name     string
		announce int
		packets  [][]byte
		units    int
		channels []int // of each unit's configuration; 0: none
	}
	for _, c := range []row{
		{"RO-01 mono as announced", 1, [][]byte{mono, mono}, 2, []int{1, 0}},
		{"RO-01 stereo as announced", 2, [][]byte{mono, stereo}, 2, []int{2, 0}},
		{"RO-02 a packet that is none", 1, [][]byte{{0x7b, 0x00}, mono, {0x79, 1}, nil}, 1, []int{1}},
		{"RO-03 DTX", 1, [][]byte{mono, dtx, mono}, 3, []int{1, 0, 0}},
		{"RO-04 stereo in a mono track, and back", 1, [][]byte{mono, stereo, mono, stereo}, 4, []int{1, 2, 0, 0}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got collector
			d := NewOpus(&got, c.announce)
			for i, b := range c.packets {
				d.packet(&Packet{Timestamp: uint32(960 * i), Payload: b}, 0)
			}
			if len(got.units) != c.units || int(d.Stats().Units) != c.units {
				t.Fatalf("%d units, want %d", len(got.units), c.units)
			}
			for i, u := range got.units {
				channels := 0
				if u.Config != nil {
					channels = u.Config.Channels
					head, err := opus.ParseHead(u.Config.Config)
					if err != nil || head.Channels != channels || u.Config.ClockRate != 48000 {
						t.Errorf("unit %d: head %+v, %v", i, head, err)
					}
				}
				if channels != c.channels[i] || !u.Key {
					t.Errorf("unit %d announces %d channels, want %d", i, channels, c.channels[i])
				}
			}
		})
	}
}

// TestClockChecklist is RO-03, RO-05 and RO-06: what the timestamps mean on the stream's clock.
func TestClockChecklist(t *testing.T) {
	const ms = time.Millisecond
	type step struct {
		ts      uint32
		arrival time.Duration
		want    time.Duration
	}
	for _, c := range []struct {
		name  string
		steps []step
		jumps uint64
	}{
		{"RO-06 before the first sender report: the first stands at its arrival", []step{{12345, 700 * ms, 700 * ms}, {12345 + 960, 790 * ms, 720 * ms}}, 0},
		{"RO-03 DTX: the timestamps go on", []step{{0, 0, 0}, {960, 20 * ms, 20 * ms}, {20160, 421 * ms, 420 * ms}}, 0},
		{"RO-05 another source begins anywhere", []step{{1 << 31, 0, 0}, {1<<31 + 1<<30, 5000 * ms, 5000 * ms}, {1<<31 + 1<<30 + 960, 5020 * ms, 5020 * ms}}, 1},
		{"RO-05 another source begins before", []step{{1 << 31, 0, 0}, {17, 5000 * ms, 5000 * ms}, {17 + 960, 5020 * ms, 5020 * ms}}, 1},
		{"RH-05 wrap", []step{{1<<32 - 480, 0, 0}, {480, 20 * ms, 20 * ms}}, 0},
		{"a packet of before", []step{{960, 0, 0}, {0, 5 * ms, -20 * ms}, {1920, 20 * ms, 20 * ms}}, 0},
		{"a sender that stood still and sends its backlog", []step{
			{0, 0, 0},
			{960, 8000 * ms, 20 * ms},
			{96960, 8050 * ms, 2020 * ms},
			{192960, 8100 * ms, 4020 * ms},
			{288960, 8150 * ms, 6020 * ms},
			{384960, 8200 * ms, 8020 * ms},
			{480000, 10000 * ms, 10000 * ms},
		}, 0},
		{"a sender that goes on where it stopped", []step{
			{0, 0, 0}, {960, 8000 * ms, 20 * ms}, {48000, 9000 * ms, 1000 * ms}, {48960, 9020 * ms, 9020 * ms}, {49920, 9040 * ms, 9040 * ms},
		}, 1},
		{"a burst of what was queued", []step{
			{0, 0, 0},
			{48000, 1 * ms, 1000 * ms},
			{96000, 2 * ms, 2000 * ms},
			{144000, 3 * ms, 3000 * ms},
			{192000, 4 * ms, 4000 * ms},
			{192960, 24 * ms, 4020 * ms},
		}, 0},
		{"another source behind a burst: never back", []step{
			{0, 0, 0}, {48000, 1 * ms, 1000 * ms}, {96000, 2 * ms, 2000 * ms}, {9, 10 * ms, 2001 * ms}, {969, 30 * ms, 2021 * ms},
		}, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			k := new(Sync).Clock(48000, true)
			for i, s := range c.steps {
				if got, shift := k.At(&Unit{Timestamp: s.ts, Arrival: s.arrival}); got+shift != s.want {
					t.Errorf("step %d stands at %v, want %v", i, got, s.want)
				}
			}
			if k.Jumps() != c.jumps {
				t.Errorf("%d jumps", k.Jumps())
			}
		})
	}
}

func FuzzOpus(f *testing.F) {
	f.Add([]byte{0x78, 1, 2}, 1)
	f.Add([]byte{0x7f, 0x41, 0}, 2)
	f.Fuzz(func(t *testing.T, b []byte, channels int) {
		var got collector
		NewOpus(&got, 1+channels&1).packet(&Packet{Payload: b}, 0)
		for _, u := range got.units {
			if _, err := opus.PacketDuration(u.Data); err != nil {
				t.Fatal("handed on what is no Opus packet")
			}
		}
	})
}
