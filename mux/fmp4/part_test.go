package fmp4

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4/seekablebuffer"
)

var casesPart = []struct {
	name string
	part Part
}{
	{"audio", Part{Sequence: 1, Tracks: []PartTrack{{ID: 2, BaseTime: 960, Samples: []Sample{
		{Duration: 960, Key: true, Data: []byte{1, 2, 3}}, {Duration: 960, Key: true, Data: []byte{4}},
	}}}}},
	{"video from a key frame", Part{Sequence: 7, Tracks: []PartTrack{{ID: 1, BaseTime: 1 << 33, Samples: []Sample{
		{Duration: 3000, Key: true, Data: []byte{1, 2, 3}}, {Duration: 3001, Data: []byte{4}},
	}}}}},
	{"video between key frames, reordered", Part{Sequence: 1<<32 - 1, Tracks: []PartTrack{{ID: 1, Samples: []Sample{
		{Duration: 3000, PTSOffset: 6000, Data: []byte{1}}, {Duration: 3000, PTSOffset: -3000, Data: []byte{4, 5}},
	}}}}},
	{"video and audio", Part{Sequence: 2, Tracks: []PartTrack{
		{ID: 1, BaseTime: 90000, Samples: []Sample{{Duration: 3000, Key: true, Data: []byte{1, 2}}, {Duration: 3000, Data: []byte{3}}}},
		{ID: 2, BaseTime: 48000, Samples: []Sample{{Duration: 960, Key: true, Data: []byte{9}}}},
	}}},
	{"no samples", Part{Sequence: 3}},
}

// oracle is the part as mediacommon writes it.
func oracle(t testing.TB, p Part) (fmp4.Part, []byte) {
	t.Helper()
	o := fmp4.Part{SequenceNumber: p.Sequence}
	for _, tr := range p.Tracks {
		ot := &fmp4.PartTrack{ID: int(tr.ID), BaseTime: tr.BaseTime}
		for _, s := range tr.Samples {
			ot.Samples = append(ot.Samples, &fmp4.Sample{
				Duration: s.Duration, PTSOffset: s.PTSOffset, IsNonSyncSample: !s.Key, Payload: s.Data,
			})
		}
		o.Tracks = append(o.Tracks, ot)
	}
	var buf seekablebuffer.Buffer
	if err := o.Marshal(&buf); err != nil {
		t.Fatal(err)
	}
	return o, buf.Bytes()
}

// checkPart reads b with mediacommon and compares it with the part it was made of.
func checkPart(t testing.TB, b []byte, p Part) {
	t.Helper()
	var got fmp4.Parts
	if err := got.Unmarshal(b); err != nil {
		t.Fatalf("mediacommon cannot read the part: %v", err)
	}
	want, _ := oracle(t, p)
	if len(got) != 1 || got[0].SequenceNumber != want.SequenceNumber || len(got[0].Tracks) != len(want.Tracks) {
		t.Fatalf("read back as %+v", got)
	}
	for i, gt := range got[0].Tracks {
		wt := want.Tracks[i]
		if gt.ID != wt.ID || gt.BaseTime != wt.BaseTime || len(gt.Samples) != len(wt.Samples) {
			t.Fatalf("track %d read back as ID %d, time %d, %d samples", i, gt.ID, gt.BaseTime, len(gt.Samples))
		}
		for j, gs := range gt.Samples {
			ws := wt.Samples[j]
			if gs.Duration != ws.Duration || gs.PTSOffset != ws.PTSOffset ||
				gs.IsNonSyncSample != ws.IsNonSyncSample || !bytes.Equal(gs.Payload, ws.Payload) {
				t.Fatalf("track %d sample %d read back as %+v, want %+v", i, j, gs, ws)
			}
		}
	}
}

// withoutDependence takes sample_depends_on, which mediacommon leaves 0, out of the flags of all samples.
func withoutDependence(b []byte, p Part) []byte {
	b = bytes.Clone(b)
	at := 0
	for i := range p.Tracks {
		tr := &p.Tracks[i]
		at += bytes.Index(b[at:], []byte("trun")) + 4
		if tr.trunFlags()&trunFlags != 0 {
			size := (tr.trunSize() - trunHead) / len(tr.Samples)
			for j := range tr.Samples {
				b[at+12+j*size+8] &^= 0x03
			}
		}
	}
	return b
}

func TestAppendPart(t *testing.T) {
	for _, c := range casesPart {
		t.Run(c.name, func(t *testing.T) {
			got := AppendPart([]byte("before"), c.part)
			got, ok := bytes.CutPrefix(got, []byte("before"))
			if !ok {
				t.Fatal("what stood in dst was changed")
			}
			if len(got) != c.part.Size() {
				t.Errorf("%d bytes, Size said %d", len(got), c.part.Size())
			}
			if len(c.part.Tracks) > 0 {
				checkPart(t, got, c.part)
			}
			if _, want := oracle(t, c.part); !bytes.Equal(withoutDependence(got, c.part), want) {
				t.Errorf("bytes differ from mediacommon's:\n%x\n%x", got, want)
			}
		})
	}
}

func TestAppendPartSampleFlags(t *testing.T) {
	b := AppendPart(nil, Part{Tracks: []PartTrack{{ID: 1, Samples: []Sample{
		{Duration: 1, Key: true, Data: []byte{1}}, {Duration: 2, Data: []byte{2}},
	}}}})
	at := bytes.Index(b, []byte("trun")) + 4 + 4 + 8 // version and flags, sample_count, data_offset
	for i, want := range []uint32{0x02000000, 0x01010000} {
		if got := binary.BigEndian.Uint32(b[at+12*i+8:]); got != want {
			t.Errorf("flags of sample %d are %#08x, want %#08x (ISO/IEC 14496-12 8.8.3.1)", i, got, want)
		}
	}
}

func TestAppendPartLeavesOutTrackWithoutSamples(t *testing.T) {
	with := Part{Sequence: 1, Tracks: []PartTrack{{ID: 1}, {ID: 2, Samples: []Sample{{Duration: 1, Key: true, Data: []byte{5}}}}}}
	without := Part{Sequence: 1, Tracks: with.Tracks[1:]}
	if got, want := AppendPart(nil, with), AppendPart(nil, without); !bytes.Equal(got, want) {
		t.Errorf("%x, want %x", got, want)
	}
}

func FuzzAppendPart(f *testing.F) {
	f.Add(uint64(1), uint8(1), uint8(6))
	f.Add(uint64(2), uint8(2), uint8(10))
	f.Add(uint64(3), uint8(8), uint8(1))
	f.Fuzz(func(t *testing.T, seed uint64, tracks, samples uint8) {
		r := rand.New(rand.NewPCG(seed, 0))
		p := Part{Sequence: r.Uint32()}
		for i := range uint32(tracks%8) + 1 {
			tr := PartTrack{ID: i + 1, BaseTime: r.Uint64()}
			for range int(samples%32) + 1 {
				s := Sample{
					Duration: r.Uint32(), Key: r.IntN(2) == 0, Data: make([]byte, 1+r.IntN(300)),
				}
				if r.IntN(2) == 0 {
					s.PTSOffset = int32(r.Uint32())
				}
				tr.Samples = append(tr.Samples, s)
			}
			p.Tracks = append(p.Tracks, tr)
		}
		b := AppendPart(nil, p)
		if len(b) != p.Size() {
			t.Fatalf("%d bytes, Size said %d", len(b), p.Size())
		}
		checkPart(t, b, p)
	})
}

// part200ms is 200 ms of 720p at 2 Mbit/s with Opus.
func part200ms() Part {
	v, a := PartTrack{ID: 1}, PartTrack{ID: 2}
	for i := range 6 {
		v.Samples = append(v.Samples, Sample{Duration: 3000, Key: i == 0, Data: make([]byte, 8300)})
	}
	for range 10 {
		a.Samples = append(a.Samples, Sample{Duration: 960, Key: true, Data: make([]byte, 160)})
	}
	return Part{Sequence: 1, Tracks: []PartTrack{v, a}}
}

func TestAppendPartAllocs(t *testing.T) {
	p := part200ms()
	room := make([]byte, 0, p.Size())
	if n := testing.AllocsPerRun(100, func() { AppendPart(room, p) }); n != 0 {
		t.Errorf("%v allocations with room in dst, want 0", n)
	}
	// One, and another in slices.Grow as the race detector's build has it.
	if n := testing.AllocsPerRun(100, func() { AppendPart(nil, p) }); n > 2 {
		t.Errorf("%v allocations without room, want 1", n)
	}
}

func BenchmarkAppendPart(b *testing.B) {
	p := part200ms()
	room := make([]byte, 0, p.Size())
	b.ReportAllocs()
	b.SetBytes(int64(p.Size()))
	for b.Loop() {
		AppendPart(room, p)
	}
}
