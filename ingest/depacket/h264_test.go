package depacket

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/pion/rtp/codecs"

	"weir/mux/codec/h264"
)

// TestH264Checklist has a row for each point of the RTP H.264 checklist (RH); most begin behind a whole key frame.
func TestH264Checklist(t *testing.T) {
	long := append([]byte{0x41, 0x9a}, bytes.Repeat([]byte{7}, 100)...)
	parts := fuA(long, 40)
	for _, c := range []struct {
		name   string
		send   func(f *feed)
		units  [][]byte // behind the first key frame
		broken bool     // and waiting for a key frame in the end
	}{
		{"RH-01 STAP-A", func(f *feed) { f.send(true, stapA(sei, slice)) }, [][]byte{prefixed(sei, slice)}, false},
		{"RH-01 STAP-A, size 0", func(f *feed) { f.send(true, append(stapA(slice), 0, 0)) }, nil, true},
		{"RH-01 STAP-A, size past the end", func(f *feed) { f.send(true, append(stapA(slice), 0, 9, 0x41)) }, nil, true},
		{"RH-01 STAP-A, one byte of a size", func(f *feed) { f.send(true, append(stapA(slice), 0)) }, nil, true},
		{"RH-01 STAP-A, a NAL unit of one byte", func(f *feed) { f.send(true, stapA([]byte{9}, slice)) }, [][]byte{prefixed(slice)}, false},
		{"RH-01 STAP-A within STAP-A", func(f *feed) { f.send(true, stapA(stapA(slice))) }, nil, true},
		{"RH-02 FU-A", func(f *feed) { f.send(true, parts...) }, [][]byte{prefixed(long)}, false},
		{"RH-02 FU-A without its start", func(f *feed) { f.send(true, parts[1:]...) }, nil, true},
		{"RH-02 FU-A, middle lost", func(f *feed) {
			f.send(false, parts[0])
			f.lose()
			f.send(true, parts[2])
		}, nil, true},
		{"RH-02 FU-A, end lost", func(f *feed) {
			f.send(false, parts[:2]...)
			f.lose()
			f.tick()
			f.send(true, slice)
		}, nil, true},
		{"RH-02 FU-A, end left out", func(f *feed) { f.send(true, parts[0], parts[1], slice) }, nil, true},
		{"RH-02 FU-A, end left out at the marker", func(f *feed) { f.send(true, parts[:2]...) }, nil, true},
		{"RH-02 FU-A, a second start", func(f *feed) { f.send(true, append(parts[:1:1], parts...)...) }, nil, true},
		{"RH-02 FU-A, start and end in one", func(f *feed) { f.send(true, []byte{0x5c, 0xc1, 0x9a, 1, 2}) }, nil, true},
		{"RH-02 FU-A of type 28", func(f *feed) { f.send(true, []byte{0x5c, 0x9c, 0x9a, 1}, []byte{0x5c, 0x5c, 1}) }, nil, true},
		{"RH-02 FU-A, another type in the middle", func(f *feed) { f.send(true, parts[0], []byte{0x5c, 0x05, 1}, parts[2]) }, nil, true},
		{"RH-02 FU-A without payload", func(f *feed) { f.send(true, []byte{0x5c, 0x81}) }, nil, true},
		{"RH-03 NRI of the fragments", func(f *feed) { f.send(true, fuA(append([]byte{0x01}, long[1:]...), 40)...) }, [][]byte{prefixed(append([]byte{0x01}, long[1:]...))}, false},
		{"RH-03 F in the fragments", func(f *feed) { f.send(true, fuA(append([]byte{0xc1}, long[1:]...), 40)...) }, nil, true},
		{"RH-04 no marker: the timestamp ends the unit", func(f *feed) {
			f.send(false, slice)
			f.tick()
			f.send(true, slice)
		}, [][]byte{prefixed(slice), prefixed(slice)}, false},
		{"RH-04 two slices of a picture", func(f *feed) { f.send(true, slice, second) }, [][]byte{prefixed(slice, second)}, false},
		{"RH-07 first slice lost", func(f *feed) {
			f.lose()
			f.send(true, second)
		}, nil, true},
		{"RH-07 last slice lost", func(f *feed) {
			f.send(false, slice)
			f.lose()
			f.tick()
			f.send(true, slice)
		}, nil, true},
		{"RH-07 a whole picture lost: what follows depends on it", func(f *feed) {
			f.lose()
			f.tick()
			f.send(true, slice)
			f.tick()
			f.send(true, slice)
		}, nil, true},
		{"RH-07 freeze until the key frame", func(f *feed) {
			f.lose()
			f.tick()
			f.send(true, slice)
			f.tick()
			f.key()
			f.send(true, slice)
		}, [][]byte{prefixed(idr), prefixed(slice)}, false},
		{"RH-07 loss right before a whole key frame", func(f *feed) {
			f.lose()
			f.key()
		}, [][]byte{prefixed(idr)}, false},
		{"RH-07 loss inside a key frame", func(f *feed) {
			f.send(false, sps, pps)
			f.lose()
			f.send(true, append([]byte{0x65, 0x1a}, 1, 2, 3))
		}, nil, true},
		{"RH-07 loss right before a key frame, its sets with it", func(f *feed) {
			f.lose()
			f.send(true, idr)
			f.tick()
			f.send(true, slice)
		}, nil, true},
		{"RH-07 loss before SEI, the sets with it", func(f *feed) {
			f.lose()
			f.send(true, sei)
			f.tick()
			f.send(true, idr)
		}, nil, true},
		{"RH-08 SPS lost, PPS there", func(f *feed) {
			f.lose()
			f.send(true, pps, idr)
		}, nil, true},
		{"RH-08 sets from before the loss are not the key frame's own", func(f *feed) {
			f.send(true, sps, pps)
			f.tick()
			f.lose()
			f.send(true, idr)
		}, nil, true},
		{"RH-08 sets behind the loss, of their own timestamp", func(f *feed) {
			f.lose()
			f.send(true, sps, pps)
			f.tick()
			f.send(true, idr)
		}, [][]byte{prefixed(idr)}, false},
		{"RH-08 a sender need not repeat its sets", func(f *feed) {
			f.send(true, idr)
			f.tick()
			f.send(true, slice)
		}, [][]byte{prefixed(idr), prefixed(slice)}, false},
		{"RH-08 parameter sets in packets of their own timestamp", func(f *feed) {
			f.send(true, sps, pps)
			f.tick()
			f.send(true, idr)
		}, [][]byte{prefixed(idr)}, false},
		{"RH-08 delimiter and filler are left out", func(f *feed) { f.send(true, []byte{9, 0xf0}, slice, []byte{12, 0xff, 0x80}) }, [][]byte{prefixed(slice)}, false},
		{"RH-10 unit larger than the bound", func(f *feed) {
			big := bytes.Repeat([]byte{0x41}, 64<<10)
			for range maxUnitSize/len(big) + 1 {
				f.send(false, big)
			}
			f.send(true, slice)
		}, nil, true},
		{"RH-10 fragments without end", func(f *feed) {
			f.send(false, parts[0])
			for range 10000 {
				f.send(false, append([]byte{0x5c, 0x01}, make([]byte, 1000)...))
			}
			f.send(true, parts[2])
		}, nil, true},
		{"RH-11 STAP-B, MTAP and FU-B are ignored", func(f *feed) {
			f.send(true, []byte{25, 0, 0, 1, 2}, []byte{26, 1, 2, 3}, []byte{27, 1}, []byte{29, 1, 2}, []byte{30}, []byte{0}, slice)
		}, [][]byte{prefixed(slice)}, false},
		{"RH-12 padding alone opens no gap", func(f *feed) {
			f.send(false, slice[:0])
			f.send(true, slice)
			f.tick()
			f.send(false, nil, nil)
			f.tick()
			f.send(true, slice)
		}, [][]byte{prefixed(slice), prefixed(slice)}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFeed()
			f.key()
			c.send(f)
			f.settle()
			if len(f.got.units) == 0 || !f.got.units[0].Key {
				t.Fatal("the key frame before is missing")
			}
			got := f.got.units[1:]
			if len(got) != len(c.units) {
				t.Fatalf("%d units, want %d (%+v)", len(got), len(c.units), f.vid.Stats())
			}
			for i := range got {
				if !bytes.Equal(got[i].Data, c.units[i]) {
					t.Errorf("unit %d is %x, want %x", i, got[i].Data, c.units[i])
				}
			}
			if f.vid.broken != c.broken || c.broken && f.got.broken == 0 {
				t.Errorf("broken %v, told %d times", f.vid.broken, f.got.broken)
			}
			f.tick()
			n := len(f.got.units)
			f.key() // whatever came before, a key frame mends it
			if len(f.got.units) != n+1 || f.vid.broken {
				t.Error("a key frame does not mend it")
			}
		})
	}
}

// TestWraps is RH-05: newFeed begins 6 packets before 2^16 and three pictures before 2^32.
func TestWraps(t *testing.T) {
	f := newFeed()
	f.key()
	c := new(Sync).Clock(90000, false)
	at, _ := c.At(&Unit{Timestamp: f.ts, Arrival: f.now})
	for i := range 100 {
		f.send(true, slice)
		if got, _ := c.At(&Unit{Timestamp: f.ts, Arrival: f.now}); got < at {
			t.Fatalf("picture %d goes back from %v to %v", i, at, got)
		} else {
			at = got
		}
		f.tick()
	}
	if len(f.got.units) != 101 {
		t.Errorf("RH-05: %d units over the wrap", len(f.got.units))
	}
}

// TestParameterSetChange is RH-08: a new SPS counts from its key frame on; a repeated one changes nothing.
func TestParameterSetChange(t *testing.T) {
	wide := splitUnits("testdata/bframes.h264")[0][0]
	f := newFeed()
	f.key()
	f.key()
	f.send(true, wide, pps, idr)
	f.tick()
	f.send(true, wide, slice) // repeated with a picture: nothing new
	f.tick()
	f.send(true, sps, slice) // another one without a key frame: cannot be shown
	f.tick()
	f.key()
	u := f.got.units
	if len(u) != 5 {
		t.Fatalf("%d units", len(u))
	}
	for i, width := range []int{640, 0, 64, 0, 640} {
		switch {
		case (u[i].Config != nil) != (width > 0):
			t.Errorf("unit %d: configuration %+v", i, u[i].Config)
		case width > 0 && u[i].Config.Width != width:
			t.Errorf("unit %d: %d wide, want %d", i, u[i].Config.Width, width)
		}
	}
	if s, p, err := h264.ParseConfig(u[2].Config.Config); err != nil || !bytes.Equal(s[0], wide) || len(p) != 1 {
		t.Errorf("the record is %x (%v)", u[2].Config.Config, err)
	}
}

// TestAnnouncedParameterSets is RH-08: a sender that describes its sets out of band need not send them at all.
func TestAnnouncedParameterSets(t *testing.T) {
	f := newFeed()
	f.vid.Announce([][]byte{sps, pps})
	f.send(true, idr)
	f.tick()
	f.lose()
	f.send(true, idr)
	if f.settle(); len(f.got.units) != 2 || f.got.units[0].Config == nil {
		t.Errorf("%d units with the announced sets", len(f.got.units))
	}
	if f.vid.Announce([][]byte{sps, pps}); f.vid.sets.missing() {
		t.Error("announced sets count as sent before each key frame")
	}
}

// TestParameterSetsInForce is RH-08: the record has the sets that came with the last key frame, and none of before.
func TestParameterSetsInForce(t *testing.T) {
	wide := splitUnits("testdata/bframes.h264")[0][0]
	ppsOf := func(id uint32) []byte { return append([]byte{0x68}, bits(ue(id)+"1100111000111100")...) }
	spsOf := func(id uint32) []byte {
		return append([]byte{0x67, 66, 0xc0, 30}, bits(ue(id)+"1 011 010 0 00100 00100 1 1 0 0 1")...)
	}
	many := make([][]byte, 0, 256)
	for id := range uint32(256) {
		many = append(many, ppsOf(id))
	}
	type sets [][]byte
	for _, c := range []struct {
		name     string
		keys     []sets // in front of each key frame
		sps, pps sets   // of the last record
		records  int
	}{
		{"repeated", []sets{{sps, pps}, {sps, pps}}, sets{sps}, sets{pps}, 1},
		{"not repeated", []sets{{sps, pps}, {}}, sets{sps}, sets{pps}, 1},
		{"another PPS id", []sets{{sps, ppsOf(1)}, {sps, ppsOf(2)}}, sets{sps}, sets{ppsOf(2)}, 2},
		{"another SPS id", []sets{{spsOf(1), pps}, {spsOf(2), pps}}, sets{spsOf(2)}, sets{pps}, 2},
		{"one of two left out", []sets{{sps, ppsOf(1), ppsOf(2)}, {sps, ppsOf(1)}}, sets{sps}, sets{ppsOf(1)}, 2},
		{"a further PPS without its SPS", []sets{{sps, ppsOf(1)}, {ppsOf(2)}}, sets{sps}, sets{ppsOf(1), ppsOf(2)}, 2},
		{"a new picture size", []sets{{sps, pps}, {wide, pps}}, sets{wide}, sets{pps}, 2},
		{"7.4.2.2: PPS ids to 255", []sets{append(sets{sps}, many[1:]...)}, sets{sps}, many[1:], 1},
		{"7.4.2.2: PPS id 256", []sets{{sps, pps, ppsOf(256)}}, sets{sps}, sets{pps}, 1},
		{"7.4.2.1.1: SPS ids to 31", []sets{{spsOf(31), pps}}, sets{spsOf(31)}, sets{pps}, 1},
		{"7.4.2.1.1: SPS id 32 is not the newest", []sets{{sps, spsOf(32), pps}}, sets{sps}, sets{pps}, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFeed()
			for _, key := range c.keys {
				f.send(true, append(key[:len(key):len(key)], idr)...)
				f.tick()
			}
			if len(f.got.units) != len(c.keys) {
				t.Fatalf("%d of %d key frames", len(f.got.units), len(c.keys))
			}
			var record []byte
			records := 0
			for _, u := range f.got.units {
				if u.Config != nil {
					record = u.Config.Config
					records++
				}
			}
			s, p, err := h264.ParseConfig(record)
			if err != nil || records != c.records {
				t.Fatalf("%d records, want %d (%v)", records, c.records, err)
			}
			if !slices.EqualFunc(s, c.sps, bytes.Equal) || !slices.EqualFunc(p, c.pps, bytes.Equal) {
				t.Errorf("SPS %x, PPS %x", s, p)
			}
		})
	}
}

// TestNoParameterSets is RH-08: a key frame without its SPS cannot be decoded.
func TestNoParameterSets(t *testing.T) {
	for name, payloads := range map[string][][]byte{
		"none": {idr}, "no PPS": {sps, idr}, "no SPS": {pps, idr}, "damaged SPS": {sps[:5], pps, idr},
	} {
		f := newFeed()
		f.send(true, payloads...)
		if len(f.got.units) != 0 || f.got.broken != 1 {
			t.Errorf("%s: %d units, asked %d times", name, len(f.got.units), f.got.broken)
		}
	}
}

func TestStartInTheMiddle(t *testing.T) {
	f := newFeed()
	f.send(true, slice)
	f.tick()
	f.send(true, second)
	f.tick()
	f.key()
	if len(f.got.units) != 1 || f.got.broken != 2 {
		t.Errorf("%d units, broken %d times", len(f.got.units), f.got.broken)
	}
}

// TestImpairments sends a real stream over a lossy, reordering, duplicating path: every unit that is handed on is
// the source's, byte for byte, in order, and begins at a key frame behind each hole.
func TestImpairments(t *testing.T) {
	for _, c := range []struct{ loss, reorder, dup float64 }{
		{0, 0, 0}, {0, 0.05, 0}, {0.01, 0, 0}, {0.01, 0.05, 0.02}, {0.05, 0.05, 0.05}, {0.3, 0.1, 0.1},
	} {
		t.Run(fmt.Sprintf("loss=%v,reorder=%v,dup=%v", c.loss, c.reorder, c.dup), func(t *testing.T) {
			rnd := rand.New(rand.NewPCG(1, 2))
			f := newFeed()
			sent := impaired(f, rnd, c.loss, c.reorder, c.dup)
			f.settle()
			next, needKey := 0, true
			for _, u := range f.got.units {
				i := next
				for i < len(sent) && !bytes.Equal(sent[i], u.Data) {
					i++
				}
				if i == len(sent) {
					t.Fatal("a unit that was not sent, or out of order")
				}
				if (i != next || needKey) && !u.Key {
					t.Fatalf("unit %d follows a hole and is no key frame", i)
				}
				next, needKey = i+1, false
			}
			if c.loss == 0 && len(f.got.units) != len(sent) {
				t.Errorf("%d of %d units without loss", len(f.got.units), len(sent))
			}
			if c.loss > 0 && f.got.broken == 0 {
				t.Error("loss went unnoticed")
			}
			t.Logf("%d of %d units, %+v, %+v", len(f.got.units), len(sent), f.vid.Stats(), f.ring.Stats())
		})
	}
}

// impaired sends the sample's packets with faults and returns the units sent.
func impaired(f *feed, rnd *rand.Rand, loss, reorder, dup float64) (sent [][]byte) {
	var late []*Packet
	pay := new(codecs.H264Payloader)
	for _, au := range sampleUnits("bars-360p.h264") {
		var payloads [][]byte
		for _, nal := range au {
			payloads = append(payloads, pay.Payload(600, nal)...)
		}
		for i, b := range payloads {
			p := &Packet{Seq: f.seq, Timestamp: f.ts, Marker: i == len(payloads)-1, Payload: b, Arrival: f.now}
			f.seq++
			switch r := rnd.Float64(); {
			case r < loss:
			case r < loss+reorder:
				late = append(late, p)
			default:
				f.ring.Push(p)
				if rnd.Float64() < dup {
					f.ring.Push(p)
				}
			}
			if len(late) > 0 && rnd.Float64() < 0.4 {
				late[0].Arrival = f.now
				f.ring.Push(late[0])
				late = late[1:]
			}
		}
		f.tick()
		f.ring.Expire(f.now)
		sent = append(sent, prefixed(au[len(au)-1]))
	}
	for _, p := range late {
		f.ring.Push(p)
	}
	return sent
}

// FuzzH264 pushes arbitrary payloads: nothing panics, and what comes out is length-prefixed NAL units.
func FuzzH264(f *testing.F) {
	f.Add(uint8(0), stapA(sps, pps, idr))
	f.Add(uint8(1), fuA(idr, 3)[0])
	f.Add(uint8(2), []byte{28, 0x40, 1})
	f.Add(uint8(3), []byte{24, 0, 1, 9, 0, 0})
	f.Fuzz(func(t *testing.T, flags uint8, b []byte) {
		f := newFeed()
		f.key()
		for i, cut := 0, len(b); i < 8; i++ {
			if flags>>i&1 != 0 {
				f.lose()
			}
			n := min(cut, len(b))
			f.send(i%2 == 0, b[:n], b[len(b)-n:])
			cut /= 2
			if flags>>(7-i)&1 != 0 {
				f.tick()
			}
		}
		f.settle()
		for _, u := range f.got.units {
			d := u.Data
			for len(d) > 0 {
				if len(d) < 5 {
					t.Fatalf("%d bytes left", len(d))
				}
				n := int(uint32(d[0])<<24 | uint32(d[1])<<16 | uint32(d[2])<<8 | uint32(d[3]))
				if n == 0 || n > len(d)-4 {
					t.Fatalf("a NAL unit of %d in %d bytes", n, len(d)-4)
				}
				d = d[4+n:]
			}
		}
	})
}

// TestH264Allocations: packets that come in order cost an allocation only for a new chunk now and then.
func TestH264Allocations(t *testing.T) {
	f := newFeed()
	f.key()
	long := fuA(append([]byte{0x41, 0x9a}, make([]byte, 5000)...), 1100)
	p := make([]Packet, len(long))
	units := f.got.units[:0]
	n := testing.AllocsPerRun(200, func() {
		for i := range long {
			p[i] = Packet{Seq: f.seq, Timestamp: f.ts, Marker: i == len(long)-1, Payload: long[i], Arrival: f.now}
			f.ring.Push(&p[i])
			f.seq++
		}
		f.got.units = units // count the depacketizer, not the test's list
		f.tick()
	})
	if n > 0.5 {
		t.Errorf("a picture of %d packets allocates %v times", len(long), n)
	}
}

func BenchmarkH264(b *testing.B) {
	f := newFeed()
	f.key()
	long := fuA(append([]byte{0x41, 0x9a}, make([]byte, 8000)...), 1150)
	b.ReportAllocs()
	b.SetBytes(8000)
	units := f.got.units[:0]
	for b.Loop() {
		for i := range long {
			p := Packet{Seq: f.seq, Timestamp: f.ts, Marker: i == len(long)-1, Payload: long[i], Arrival: f.now}
			f.ring.Push(&p)
			f.seq++
		}
		f.got.units = units
		f.tick()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(long)), "ns/packet")
}
