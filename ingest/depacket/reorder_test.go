package depacket

import (
	"slices"
	"testing"
	"time"

	"github.com/pion/rtp"
	"pgregory.net/rapid"
)

// order is a sink that notes what it is given.
type order struct {
	seqs []uint16
	lost int
}

func (o *order) packet(p *Packet, lost int) {
	o.seqs = append(o.seqs, p.Seq)
	o.lost += lost
}

func push(r *Reorder, at time.Duration, seqs ...uint16) {
	for _, s := range seqs {
		r.Push(&Packet{Seq: s, Arrival: at, Payload: []byte{byte(s)}})
	}
}

// run is n sequence numbers in a row.
func run(first uint16, n int) []uint16 {
	var out []uint16
	for i := range n {
		out = append(out, first+uint16(i))
	}
	return out
}

// TestReorderChecklist is RH-06, and RH-05 for the sequence number.
func TestReorderChecklist(t *testing.T) {
	const deadline = 100 * time.Millisecond
	for _, c := range []struct {
		name string
		push func(r *Reorder)
		want []uint16
		lost int
	}{
		{"in order", func(r *Reorder) { push(r, 0, 1, 2, 3) }, []uint16{1, 2, 3}, 0},
		{"RH-06 overtaken", func(r *Reorder) { push(r, 0, 1, 3, 4, 2, 5) }, []uint16{1, 2, 3, 4, 5}, 0},
		{"RH-06 duplicates", func(r *Reorder) { push(r, 0, 1, 1, 3, 3, 2, 2, 3) }, []uint16{1, 2, 3}, 0},
		{"RH-05 wrap", func(r *Reorder) { push(r, 0, 65534, 0, 65535, 1) }, []uint16{65534, 65535, 0, 1}, 0},
		{"RH-06 waits until the deadline", func(r *Reorder) {
			push(r, 0, 1, 3)
			r.Expire(deadline - 1)
		}, []uint16{1}, 0},
		{"RH-06 no longer than the deadline", func(r *Reorder) {
			push(r, 0, 1, 3)
			r.Expire(deadline)
		}, []uint16{1, 3}, 1},
		{"RH-06 each hole has its own deadline", func(r *Reorder) {
			push(r, 0, 1, 3)
			push(r, deadline/2, 5)
			r.Expire(deadline)
		}, []uint16{1, 3}, 1},
		{"RH-06 late after the deadline", func(r *Reorder) {
			push(r, 0, 1, 3)
			r.Expire(deadline)
			push(r, deadline, 2, 4)
		}, []uint16{1, 3, 4}, 1},
		{"RH-06 bounded in packets", func(r *Reorder) { push(r, 0, 1, 3, 66) }, []uint16{1, 3}, 1},
		{"RH-06 bounded in packets, far ahead", func(r *Reorder) { push(r, 0, 1, 3, 1000, 1001) }, []uint16{1, 3, 1001}, 998},
		{"RFC 3550 A.1 a stray ahead", func(r *Reorder) { push(r, 0, 1, 1000, 2, 1001, 3) }, []uint16{1, 2, 3}, 0},
		{"RFC 3550 A.1 a stray ahead, twice", func(r *Reorder) { push(r, 0, 1, 1000, 1000, 2) }, []uint16{1, 2}, 0},
		{"RFC 3550 A.1 a stray behind", func(r *Reorder) { push(r, 0, 1000, 7, 1001) }, []uint16{1000, 1001}, 0},
		{"RFC 3550 A.1 a step back", func(r *Reorder) { push(r, 0, 30000, 20000, 20001, 20002) }, []uint16{30000, 20001, 20002}, 1},
		{"RFC 3550 A.1 a step back, with packets waiting", func(r *Reorder) { push(r, 0, 30000, 30002, 20000, 20001) }, []uint16{30000, 30002, 20001}, 2},
		{"RFC 3550 A.1 a step back over the wrap", func(r *Reorder) { push(r, 0, 100, 60000, 60001, 60002) }, []uint16{100, 60001, 60002}, 1},
		{"RFC 3550 A.1 late by no more than 100 in a row", func(r *Reorder) { push(r, 0, 1000, 901, 902, 1001) }, []uint16{1000, 1001}, 0},
		{"RFC 3550 A.1 late by more than 100 in a row", func(r *Reorder) { push(r, 0, 1000, 899, 900) }, []uint16{1000, 900}, 1},
		{"RH-06 a burst larger than the ring behind a hole", func(r *Reorder) {
			push(r, 0, 1)
			for s := range uint16(70) {
				push(r, 0, 3+s)
			}
		}, append([]uint16{1}, run(3, 70)...), 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got order
			r := NewReorder(64, deadline, &got)
			c.push(r)
			if !slices.Equal(got.seqs, c.want) || got.lost != c.lost {
				t.Errorf("handed on %v with %d lost, want %v with %d", got.seqs, got.lost, c.want, c.lost)
			}
			if int(r.Stats().Lost) != c.lost {
				t.Errorf("counted %d", r.Stats().Lost)
			}
			// RFC 3550 A.3: a restart of the numbers makes no losses.
			if want := len(got.seqs) + got.lost + int(r.high+1-r.next); r.Expected() != uint64(want) {
				t.Errorf("%d were expected, want %d", r.Expected(), want)
			}
		})
	}
}

func TestMissingIsAskedForAtAPace(t *testing.T) {
	var got order
	r := NewReorder(64, time.Second, &got)
	push(r, 0, 1, 4)
	ask := func(at time.Duration, want ...uint16) {
		t.Helper()
		if m := r.Missing(nil, at); !slices.Equal(m, want) {
			t.Errorf("at %v asked for %v, want %v", at, m, want)
		}
	}
	ask(nackDelay - 1)
	ask(nackDelay, 2, 3)
	ask(nackDelay + nackRetry - 1)
	push(r, nackDelay+1, 3)
	ask(nackDelay+nackRetry, 2)
	if s := r.Stats(); s.Recovered != 1 || s.Asked != 3 {
		t.Errorf("stats %+v", s)
	}
	asked := 2
	for at := nackDelay + 2*nackRetry; at < time.Minute; at += nackRetry {
		asked += len(r.Missing(nil, at))
	}
	if asked != nackLimit {
		t.Errorf("asked %d times for one packet", asked)
	}
}

// TestLateRetransmissions: what was asked for may come behind all that waited for it, in a row, and is late then.
func TestLateRetransmissions(t *testing.T) {
	var got order
	r := NewReorder(512, time.Second, &got)
	push(r, 0, 1)
	push(r, 0, run(4, 400)...)
	r.Expire(time.Second)
	push(r, time.Second, 2, 3, 404)
	if got.lost != 2 || r.Stats().Late != 2 || got.seqs[len(got.seqs)-1] != 404 {
		t.Errorf("%d lost, last %d, %+v", got.lost, got.seqs[len(got.seqs)-1], r.Stats())
	}
}

// TestRecoveredIsWhatWasAskedFor: the place of a packet that was asked for and lost is used again by another.
func TestRecoveredIsWhatWasAskedFor(t *testing.T) {
	var got order
	r := NewReorder(64, time.Second, &got)
	push(r, 0, 1, 3)
	r.Missing(nil, nackDelay)
	r.Expire(time.Second)
	push(r, time.Second, run(4, 64)...)
	if s := r.Stats(); s.Asked != 1 || s.Recovered != 0 {
		t.Errorf("%+v", s)
	}
}

// TestHighest is RFC 3550 6.4.1: the number that was received last, behind cycles that only grow.
func TestHighest(t *testing.T) {
	var got order
	r := NewReorder(64, time.Second, &got)
	for _, c := range []struct {
		seq  uint16
		want uint32
	}{
		{65534, 65534},
		{1, 1<<16 + 1},
		{65535, 1<<16 + 1},
		{30000, 1<<16 + 1},
		{30001, 1<<16 + 30001},
		{20000, 1<<16 + 30001},
		{20001, 2<<16 + 20001},
		{20003, 2<<16 + 20003},
	} {
		if push(r, 0, c.seq); r.Highest() != c.want {
			t.Errorf("after %d the highest is %d, want %d", c.seq, r.Highest(), c.want)
		}
	}
}

// TestReorderAllocations: whatever order packets come in, the ring reuses what it has.
func TestReorderAllocations(t *testing.T) {
	r := NewReorder(64, time.Second, new(counter))
	p := Packet{Payload: make([]byte, 1000)}
	seq := uint16(0)
	n := testing.AllocsPerRun(1000, func() {
		for _, step := range []uint16{0, 2, 1, 3, 40000, 40001, 40003, 40002} { // a swap, then a leap and a swap
			p.Seq = seq + step
			r.Push(&p)
		}
		seq += 40004
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// counter is a sink that counts.
type counter int

func (c *counter) packet(*Packet, int) { *c++ }

const propertySlots = 64

// TestReorderProperty: packets are handed on in a row, or with just as many told lost as were skipped; what is far
// from the others is handed on only behind its predecessor; and every packet has one fate.
func TestReorderProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := &property{t: t}
		r := NewReorder(propertySlots, 50*time.Millisecond, p)
		p.pushed = rapid.Uint16().Draw(t, "first")
		p.at = p.pushed - 1
		push(r, 0, p.pushed)
		now := time.Duration(0)
		step := rapid.OneOf(rapid.IntRange(-40, 80), rapid.Just(1), rapid.IntRange(-1<<15, 1<<15-1))
		for range rapid.IntRange(0, 300).Draw(t, "n") {
			now += time.Duration(rapid.IntRange(0, 20).Draw(t, "ms")) * time.Millisecond
			from := uint16(r.high)
			if rapid.Bool().Draw(t, "behind the last one") {
				from = p.pushed
			}
			p.before, p.pushed = p.pushed, from+uint16(step.Draw(t, "step"))
			high := r.Highest()
			push(r, now, p.pushed)
			r.Expire(now)
			if r.Highest() < high {
				t.Fatalf("the highest number fell from %d to %d", high, r.Highest())
			}
		}
		waiting := 0
		for i := range r.slots {
			if r.slots[i].have {
				waiting++
			}
		}
		s := r.Stats()
		if int(s.Received) != p.handed+waiting+int(s.Late+s.Duplicate) || int(s.Lost) != p.lost+r.lost {
			t.Fatalf("%d handed on, %d waiting, %d told lost: %+v", p.handed, waiting, p.lost, s)
		}
	})
}

// property is a sink that checks each packet against the one before.
type property struct {
	t              *rapid.T
	at             uint16 // handed on last
	before, pushed uint16 // the last two pushed
	handed, lost   int
}

func (o *property) packet(p *Packet, lost int) {
	step := int(int16(p.Seq - o.at))
	back := step <= 0 || step > 1<<14 // the latter from far behind, or ahead: 16 bits do not tell
	confirmed := p.Seq == o.pushed && o.before == p.Seq-1
	if (back || step > propertySlots) && (lost == 0 || !confirmed) {
		o.t.Fatalf("%d after %d, %d told lost, confirmed %v", p.Seq, o.at, lost, confirmed)
	}
	if !back && step != lost+1 {
		o.t.Fatalf("%d after %d and %d told lost", p.Seq, o.at, lost)
	}
	o.at, o.handed, o.lost = p.Seq, o.handed+1, o.lost+lost
}

// TestParseChecklist is RH-09: padding, extensions and contributing sources whose lengths lie.
func TestParseChecklist(t *testing.T) {
	head := []byte{0x80, 0xe0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3}
	with := func(first byte, rest ...byte) []byte {
		b := append([]byte(nil), head...)
		b[0] = first
		return append(b, rest...)
	}
	for _, c := range []struct {
		name    string
		bytes   []byte
		ok      bool
		payload int
	}{
		{"plain", with(0x80, 1, 2, 3), true, 3},
		{"RH-09 padding", with(0xa0, 1, 2, 0, 2), true, 2},
		{"RH-12 padding alone", with(0xa0, 0, 0, 3), true, 0},
		{"RH-09 padding of 0", with(0xa0, 1, 2, 0), false, 0},
		{"RH-09 padding larger than the payload", with(0xa0, 1, 2, 4), false, 0},
		{"RH-09 padding without payload", with(0xa0), false, 0},
		{"RH-09 extension past the end", with(0x90, 0xbe, 0xde, 0, 9, 1), false, 0},
		{"RH-09 extension header cut", with(0x90, 0xbe), false, 0},
		{"RH-09 sources past the end", with(0x8f, 1, 2, 3), false, 0},
		{"version 1", with(0x40, 1), false, 0},
		{"cut", head[:11], false, 0},
		{"empty", nil, false, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			var p Packet
			var h rtp.Header
			if err := p.Parse(&h, c.bytes); (err == nil) != c.ok {
				t.Fatalf("Parse = %v", err)
			} else if err == nil && (len(p.Payload) != c.payload || p.Seq != 1 || p.Timestamp != 2 || !p.Marker) {
				t.Errorf("read %+v", p)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte{0xb0, 0xe0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0xbe, 0xde, 0, 1, 0x10, 1, 0, 0, 1, 1})
	f.Add([]byte{0xa0, 0xe0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 2})
	f.Fuzz(func(t *testing.T, b []byte) {
		var p Packet
		var h rtp.Header
		if p.Parse(&h, b) == nil && len(p.Payload) > len(b)-12 {
			t.Fatal("more payload than bytes")
		}
	})
}
