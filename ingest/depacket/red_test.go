package depacket

import (
	"bytes"
	"encoding/binary"
	"testing"
	"time"

	"weir/mux/codec/opus"
)

const opusType, redType = 111, 63

// redBlocks writes a RED payload: copies, each with its age in ticks, then the packet's own.
func redBlocks(own []byte, copies ...redBlock) []byte {
	var out []byte
	for _, c := range copies {
		out = binary.BigEndian.AppendUint32(out, 1<<31|opusType<<24|c.offset<<10|uint32(len(c.payload)))
	}
	out = append(out, opusType)
	for _, c := range copies {
		out = append(out, c.payload...)
	}
	return append(out, own...)
}

// packetNo is the nth Opus packet of the tests.
func packetNo(n int) []byte { return []byte{31 << 3, byte(n), byte(n >> 8), 7} }

// sendRED sends packets with copies of those before; drop tells which get lost. It returns what came out and the ring.
func sendRED(t *testing.T, n, copies int, drop func(i int) bool) ([]Unit, *Opus, *Reorder) {
	t.Helper()
	var got collector
	sound := NewOpus(&got, 1)
	ring := NewReorder(64, time.Second, sound)
	red := NewRED(ring, opusType)
	for i := range n {
		if drop(i) {
			continue
		}
		var blocks []redBlock
		for k := min(i, copies); k > 0; k-- {
			blocks = append(blocks, redBlock{offset: uint32(960 * k), payload: packetNo(i - k)})
		}
		p := Packet{
			Seq: uint16(65530 + i), Timestamp: uint32(1<<32 - 4800 + 960*i), Type: redType,
			Arrival: time.Duration(i) * 20 * time.Millisecond, Payload: redBlocks(packetNo(i), blocks...),
		}
		if len(blocks) == 0 && i%2 == 1 {
			p.Payload = packetNo(i) // senders leave the form out when they have no copy
			ring.Push(&p)
			continue
		}
		red.Push(&p)
	}
	return got.units, sound, ring
}

// RFC 2198: a lost packet costs nothing when the next has a copy, and nothing waits for it.
func TestREDRestoresLostPackets(t *testing.T) {
	for _, c := range []struct {
		name   string
		copies int
		drop   func(i int) bool
		lost   int // that no packet has a copy of
	}{
		{"nothing lost", 1, func(int) bool { return false }, 0},
		{"one in five", 1, func(i int) bool { return i%5 == 2 }, 0},
		{"every other one", 1, func(i int) bool { return i%2 == 1 }, 0},
		{"two in a row, one copy", 1, func(i int) bool { return i == 40 || i == 41 }, 1},
		{"two in a row, two copies", 2, func(i int) bool { return i%10 == 3 || i%10 == 4 }, 0},
		{"no copies", 0, func(i int) bool { return i == 40 }, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			units, sound, ring := sendRED(t, 200, c.copies, c.drop)
			lost := 0
			for i := range 199 { // the last may be lost itself
				if c.drop(i) {
					lost++
				}
			}
			if s := ring.Stats(); c.lost == 0 && (int(s.Restored) != lost || s.Lost+s.Late+s.Duplicate != 0 || ring.Waiting() && !c.drop(199)) {
				t.Errorf("%d lost, %+v", lost, s)
			}
			ring.Expire(time.Hour)
			checkWhole(t, units)
			if s := sound.Stats(); c.lost == 0 && (s.Gaps != 0 || s.Dropped != 0) {
				t.Errorf("%+v", s)
			}
			for i, u := range units {
				if c.lost == 0 && !bytes.Equal(u.Data, packetNo(i)) {
					t.Fatalf("packet %d is %x", i, u.Data)
				}
			}
		})
	}
}

// What is no RED packet, or has blocks of something else, counts and is heard by nobody.
func TestREDFaults(t *testing.T) {
	other := redBlocks(packetNo(1), redBlock{offset: 960, payload: packetNo(0)})
	other[0] = 1<<7 | 13
	foreign := redBlocks(packetNo(1))
	foreign[0] = 13
	many := bytes.Repeat([]byte{1<<7 | opusType, 0, 0, 0}, maxBlocks)
	for _, c := range []struct {
		name    string
		payload []byte
		units   int
	}{
		{"nothing", nil, 0},
		{"a header cut short", []byte{1<<7 | opusType, 0, 0}, 0},
		{"no last header", []byte{1<<7 | opusType, 0, 0, 0}, 0},
		{"a block longer than the packet", []byte{1<<7 | opusType, 0, 0, 9, opusType, 1}, 0},
		{"too many blocks", append(many, opusType, 31<<3, 1), 0},
		{"another payload type", foreign, 0},
		{"a copy of another payload type", other, 1},
		{"an empty copy", redBlocks(packetNo(1), redBlock{offset: 960}), 1},
		{"only copies", redBlocks(nil, redBlock{offset: 960, payload: packetNo(0)}), 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got collector
			ring := NewReorder(64, time.Second, NewOpus(&got, 1))
			NewRED(ring, opusType).Push(&Packet{Seq: 9, Timestamp: 9600, Payload: c.payload})
			if len(got.units) != c.units || ring.Stats().Received != 1 || ring.Highest() != 9 {
				t.Errorf("%d units, %+v", len(got.units), ring.Stats())
			}
		})
	}
}

// A copy whose packet comes after all, or came twice, is not heard twice; one from long ago is left out.
func TestREDCopiesAreNotHeardTwice(t *testing.T) {
	var got collector
	ring := NewReorder(64, time.Second, NewOpus(&got, 1))
	red := NewRED(ring, opusType)
	push := func(i int, copies ...redBlock) {
		red.Push(&Packet{Seq: uint16(i), Timestamp: uint32(960 * i), Payload: redBlocks(packetNo(i), copies...)})
	}
	push(100)
	push(103, redBlock{960, packetNo(102), true}) // 101 is missing
	push(103, redBlock{960, packetNo(102), true})
	push(102)
	push(101, redBlock{960, packetNo(100), true})
	push(104, redBlock{960 * 2, packetNo(102), true}, redBlock{960, packetNo(103), true})
	if len(got.units) != 5 {
		t.Fatalf("%d units", len(got.units))
	}
	for i, u := range got.units {
		if !bytes.Equal(u.Data, packetNo(100+i)) {
			t.Errorf("unit %d is %x", i, u.Data)
		}
	}
	if s := ring.Stats(); s.Restored != 1 || s.Lost != 0 {
		t.Errorf("%+v", s)
	}
}

func FuzzRED(f *testing.F) {
	f.Add(redBlocks(packetNo(1), redBlock{offset: 960, payload: packetNo(0)}), uint16(3))
	f.Add([]byte{1<<7 | opusType, 0, 0, 9, opusType, 1}, uint16(0))
	f.Fuzz(func(t *testing.T, b []byte, step uint16) {
		var got collector
		ring := NewReorder(64, time.Second, NewOpus(&got, 1))
		red := NewRED(ring, opusType)
		for i := range uint16(4) {
			red.Push(&Packet{Seq: i * step, Timestamp: 960 * uint32(i), Payload: b})
			ring.Expire(time.Duration(i) * time.Second)
		}
		for _, u := range got.units {
			if _, err := opus.PacketDuration(u.Data); err != nil {
				t.Fatal("handed on what is no Opus packet")
			}
		}
	})
}

func TestREDAllocatesNothing(t *testing.T) {
	var got discardUnits
	ring := NewReorder(64, time.Second, NewOpus(&got, 1))
	red := NewRED(ring, opusType)
	payload := redBlocks(packetNo(1), redBlock{offset: 960, payload: packetNo(0)})
	var n int
	p := new(Packet)
	if allocs := testing.AllocsPerRun(5000, func() {
		n++
		if n%5 == 0 {
			return
		}
		*p = Packet{Seq: uint16(n), Timestamp: uint32(960 * n), Arrival: time.Duration(n) * 20 * time.Millisecond, Payload: payload}
		red.Push(p)
	}); allocs >= 0.5 {
		t.Errorf("%.2f allocations a packet", allocs)
	}
}

// discardUnits is a Receiver that keeps nothing.
type discardUnits struct{ n int }

func (d *discardUnits) Unit(Unit) { d.n++ }
func (*discardUnits) Broken()     {}
