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
		{"RH-06 bounded in packets", func(r *Reorder) { push(r, 0, 1, 3, 1000) }, []uint16{1, 3, 1000}, 997},
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

func TestReorderProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var got order
		r := NewReorder(64, 50*time.Millisecond, &got)
		first := rapid.Uint16().Draw(t, "first")
		push(r, 0, first)
		now := time.Duration(0)
		for range rapid.IntRange(0, 300).Draw(t, "n") {
			now += time.Duration(rapid.IntRange(0, 20).Draw(t, "ms")) * time.Millisecond
			push(r, now, uint16(r.high)+uint16(rapid.IntRange(-40, 80).Draw(t, "step")))
			r.Expire(now)
		}
		for i := 1; i < len(got.seqs); i++ {
			if int16(got.seqs[i]-got.seqs[i-1]) <= 0 {
				t.Fatalf("%d after %d", got.seqs[i], got.seqs[i-1])
			}
		}
		span := int(r.next-int64(first)) - len(got.seqs)
		if got.lost+r.lost != span {
			t.Fatalf("%d lost told, %d in fact", got.lost+r.lost, span)
		}
	})
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
