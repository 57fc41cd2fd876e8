package depacket

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/pion/rtp/codecs"

	"weir/mux/av"
	"weir/mux/codec/h265"
	"weir/testdata"
)

// sample is a real stream of one codec with a foreign packetizer.
type sample struct {
	name  string
	codec av.Codec
	keys  int // of 60 pictures
	// units are what the packetizer takes of each access unit, and what is to come out; nil for what is left out.
	units     func() (in, want [][]byte)
	packetize func() func(unit []byte) [][]byte
}

var samples = []sample{
	{"H.265", av.CodecH265, 2, func() (in, want [][]byte) { return hevcUnits("bars-360p.h265") }, packetizeH265},
	{"H.265 with an open group", av.CodecH265, 2, func() (in, want [][]byte) { return hevcUnits("bars-360p-open.h265") }, packetizeH265},
	{"AV1", av.CodecAV1, 2, func() (in, want [][]byte) {
		for _, unit := range ivfFrames("bars-360p-av1.ivf") {
			in = append(in, unit)
			want = append(want, unit[2:]) // behind the temporal delimiter
		}
		return in, want
	}, func() func([]byte) [][]byte {
		p := new(codecs.AV1Payloader)
		return func(unit []byte) [][]byte { return p.Payload(600, unit) }
	}},
	{"VP9", av.CodecVP9, 2, vp9Units, packetizeVP9(false)},
	{"VP9 in flexible mode", av.CodecVP9, 2, vp9Units, packetizeVP9(true)},
}

func vp9Units() (in, want [][]byte) {
	in = ivfFrames("bars-360p-vp9.ivf")
	return in, in
}

func packetizeH265() func([]byte) [][]byte {
	p := new(codecs.H265Payloader)
	return func(unit []byte) [][]byte { return p.Payload(600, unit) }
}

func packetizeVP9(flexible bool) func() func([]byte) [][]byte {
	return func() func([]byte) [][]byte {
		p := &codecs.VP9Payloader{FlexibleMode: flexible}
		return func(unit []byte) [][]byte { return p.Payload(600, unit) }
	}
}

// hevcUnits splits an Annex B file into access units of one slice each.
func hevcUnits(name string) (in, want [][]byte) {
	raw, err := os.ReadFile(testdata.Path(name))
	if err != nil {
		panic(err)
	}
	var unit, out []byte
	for nal := range bytes.SplitSeq(raw, []byte{0, 0, 1}) {
		nal = bytes.TrimRight(nal, "\x00") // of a start code of four bytes
		if len(nal) == 0 {
			continue
		}
		unit = append(append(unit, 0, 0, 0, 1), nal...)
		t := h265.NALType(nal[0])
		if !h265.IsParameterSet(t) {
			out = append(out, prefixed(nal)...)
		}
		if t <= h265.NALVCL {
			if h265.IsRASL(t) {
				out = nil
			}
			in, want = append(in, unit), append(want, out)
			unit, out = nil, nil
		}
	}
	return in, want
}

// ivfFrames reads an IVF file: a header of 32 bytes, and 12 before each frame.
func ivfFrames(name string) (frames [][]byte) {
	raw, err := os.ReadFile(testdata.Path(name))
	if err != nil {
		panic(err)
	}
	for raw = raw[32:]; len(raw) > 12; {
		n := int(binary.LittleEndian.Uint32(raw))
		frames = append(frames, raw[12:12+n:12+n])
		raw = raw[12+n:]
	}
	return frames
}

// videoFeed is a depacketizer of any codec behind a reorder ring, with a packetizer's counters that wrap soon.
type videoFeed struct {
	got  collector
	vid  Video
	ring *Reorder
	seq  uint16
	ts   uint32
	now  time.Duration
}

func newVideoFeed(c av.Codec) *videoFeed {
	f := &videoFeed{seq: 65530, ts: 1<<32 - 9000}
	f.vid = NewVideo(c, &f.got)
	f.ring = NewReorder(512, 200*time.Millisecond, f.vid)
	return f
}

// send pushes payloads as the packets of one access unit and goes on to the next picture.
func (f *videoFeed) send(payloads ...[]byte) {
	f.push(true, payloads...)
	f.tick()
}

func (f *videoFeed) push(marker bool, payloads ...[]byte) {
	for i, b := range payloads {
		f.ring.Push(&Packet{Seq: f.seq, Timestamp: f.ts, Marker: marker && i == len(payloads)-1, Payload: b, Arrival: f.now})
		f.seq++
	}
}

func (f *videoFeed) tick() { f.ts += 3000; f.now += time.Second / 30 }

// lose leaves out a packet for good.
func (f *videoFeed) lose() { f.seq++; f.now += time.Second }

func (f *videoFeed) settle() { f.ring.Expire(f.now + time.Hour) }

// TestVideoStreams packetizes real streams with a foreign packetizer and compares every unit.
func TestVideoStreams(t *testing.T) {
	for _, c := range samples {
		t.Run(c.name, func(t *testing.T) {
			in, want := c.units()
			f, pay := newVideoFeed(c.codec), c.packetize()
			var left [][]byte
			for i, unit := range in {
				f.send(pay(unit)...)
				if want[i] != nil {
					left = append(left, want[i])
				}
			}
			if len(f.got.units) != len(left) || len(in) != 60 || f.got.broken > 0 {
				t.Fatalf("%d units of %d, broken %d times, %+v", len(f.got.units), len(left), f.got.broken, f.vid.Stats())
			}
			keys, configs := 0, 0
			for i, u := range f.got.units {
				if !bytes.Equal(u.Data, left[i]) {
					t.Fatalf("unit %d differs:\n got %.20x (%d)\nwant %.20x (%d)", i, u.Data, len(u.Data), left[i], len(left[i]))
				}
				if u.Key {
					keys++
				}
				if u.Config != nil {
					configs++
				}
			}
			if keys != c.keys || configs != 1 || f.got.units[0].Config == nil {
				t.Fatalf("%d key frames, %d configurations", keys, configs)
			}
			track := f.got.units[0].Config
			if track.Codec != c.codec || track.Width != 640 || track.Height != 360 || track.ClockRate != 90000 {
				t.Errorf("track %+v", track)
			}
		})
	}
}

// TestVideoImpairments sends real streams over a lossy, reordering, duplicating path: every unit that is handed on is
// the source's, byte for byte, in order, and begins at a key frame behind each hole.
func TestVideoImpairments(t *testing.T) {
	for _, c := range samples {
		for _, p := range []struct{ loss, reorder, dup float64 }{{0, 0.05, 0.02}, {0.01, 0.05, 0.02}, {0.05, 0.05, 0.05}, {0.3, 0.1, 0.1}} {
			t.Run(fmt.Sprintf("%s, loss=%v", c.name, p.loss), func(t *testing.T) {
				for seed := range uint64(20) {
					rnd := rand.New(rand.NewPCG(seed, 2))
					f := newVideoFeed(c.codec)
					want := f.impair(&c, rnd, p.loss, p.reorder, p.dup)
					f.check(t, want, p.loss == 0)
				}
			})
		}
	}
}

// impair sends the sample's packets with faults and returns the units that there would be without.
func (f *videoFeed) impair(c *sample, rnd *rand.Rand, loss, reorder, dup float64) (want [][]byte) {
	var late []*Packet
	in, out := c.units()
	pay := c.packetize()
	for i, unit := range in {
		payloads := pay(unit)
		for j, b := range payloads {
			p := &Packet{Seq: f.seq, Timestamp: f.ts, Marker: j == len(payloads)-1, Payload: b, Arrival: f.now}
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
		if out[i] != nil {
			want = append(want, out[i])
		}
	}
	for _, p := range late {
		f.ring.Push(p)
	}
	f.settle()
	return want
}

func (f *videoFeed) check(t *testing.T, want [][]byte, all bool) {
	t.Helper()
	next, needKey := 0, true
	for _, u := range f.got.units {
		i := next
		for i < len(want) && !bytes.Equal(want[i], u.Data) {
			i++
		}
		if i == len(want) {
			t.Fatal("a unit that was not sent, or out of order")
		}
		if (i != next || needKey) && !u.Key {
			t.Fatalf("unit %d follows a hole and is no key frame", i)
		}
		next, needKey = i+1, false
	}
	if all && len(f.got.units) != len(want) {
		t.Errorf("%d of %d units without loss", len(f.got.units), len(want))
	}
}

// TestVideoAllocations: packets that come in order cost an allocation only for a new chunk now and then.
func TestVideoAllocations(t *testing.T) {
	for _, c := range samples {
		t.Run(c.name, func(t *testing.T) {
			in, _ := c.units()
			f, pay := newVideoFeed(c.codec), c.packetize()
			f.send(pay(in[0])...)
			second := pay(in[1])
			units := f.got.units[:0]
			p := make([]Packet, len(second))
			n := testing.AllocsPerRun(200, func() {
				for i := range second {
					p[i] = Packet{Seq: f.seq, Timestamp: f.ts, Marker: i == len(second)-1, Payload: second[i], Arrival: f.now}
					f.ring.Push(&p[i])
					f.seq++
				}
				f.got.units = units // count the depacketizer, not the test's list
				f.tick()
			})
			if n > 0.5 {
				t.Errorf("a picture of %d packets allocates %v times", len(second), n)
			}
		})
	}
}

func BenchmarkVideo(b *testing.B) {
	for _, c := range samples {
		b.Run(c.codec.String(), func(b *testing.B) {
			in, _ := c.units()
			f, pay := newVideoFeed(c.codec), c.packetize()
			f.send(pay(in[0])...)
			second := pay(in[1])
			units := f.got.units[:0]
			b.ReportAllocs()
			for b.Loop() {
				for i := range second {
					f.ring.Push(&Packet{Seq: f.seq, Timestamp: f.ts, Marker: i == len(second)-1, Payload: second[i], Arrival: f.now})
					f.seq++
				}
				f.got.units = units
				f.tick()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(second)), "ns/packet")
		})
	}
}
