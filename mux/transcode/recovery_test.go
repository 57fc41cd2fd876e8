package transcode

import (
	"slices"
	"testing"

	"github.com/thesyncim/gopus"

	"weir/mux/codec/opus"
)

// noSound puts packets of no sound in the place of every tenth one, as ingest/depacket does for lost packets, and
// tells how many of the packets behind them have a copy of what was lost.
func noSound(t *testing.T, in []Packet) (out []Packet, copies int) {
	t.Helper()
	out = slices.Clone(in)
	for i := 10; i+1 < len(out); i += 10 {
		toc, d := opus.Lost(in[i-1].Data[0], samples(960))
		if d != samples(960) {
			t.Fatalf("a packet of %v stands for one of 20 ms", d)
		}
		out[i].Data = []byte{toc}
		if gopus.PacketHasLBRR(out[i+1].Data) {
			copies++
		}
	}
	return out, copies
}

// RFC 6716 2.1.7: a lost packet, for which one of no sound stands, is decoded from the copy in the next. What that
// is worth is measured on speech of 20 kbit/s, made by libopus for a loss of 10 %.
func TestRecoveryOfSpeech(t *testing.T) {
	raw, _ := oggPackets(t, "testdata/speech.ogg")
	packets := at(0, 960, raw)
	lossy, copies := noSound(t, packets)
	if copies < 10 {
		t.Fatalf("%d packets have a copy of the one before: the sample tests nothing", copies)
	}
	play := func(in []Packet, clean bool) (Stats, []float32) {
		x, e := taped(t)
		for i, p := range in {
			if clean && i > 0 && len(in[i-1].Data) == 1 {
				// As if the copy were not there: the decoder is told of the loss at once.
				x.release(nil)
			}
			_, err := x.Push(nil, p)
			must(t, err)
		}
		_, err := x.Flush(nil)
		must(t, err)
		return x.Stats(), e.pcm
	}
	_, whole := play(packets, false)
	with, recovered := play(lossy, false)
	without, concealed := play(lossy, true)
	if with.Recovered != uint64(copies)*960 || without.Recovered != 0 {
		t.Errorf("%d samples recovered from %d copies, %d from none", with.Recovered, copies, without.Recovered)
	}
	if len(recovered) != len(whole) || len(concealed) != len(whole) {
		t.Errorf("%d and %d samples of %d: a loss moves the sound", len(recovered), len(concealed), len(whole))
	}
	r, c := distance(whole, recovered), distance(whole, concealed)
	t.Logf("recovered %.4f off, concealed %.4f", r, c)
	if r > 0.7*c {
		t.Errorf("recovered sound is %.4f off, concealed %.4f", r, c)
	}
}

// A packet of no sound is kept for the next packet only: its time comes out whatever follows.
func TestPacketsOfNoSound(t *testing.T) {
	voice := at(0, 960, sine(t, opusKind{samples: 960, voice: true, fec: true}, 50, 440))
	toc, _ := opus.Lost(voice[0].Data[0], samples(960))
	none := func(in []Packet, lo, hi int) []Packet {
		out := slices.Clone(in)
		for i := lo; i < hi; i++ {
			out[i].Data = []byte{toc}
		}
		return out
	}
	for _, c := range []struct {
		name      string
		in        []Packet
		recovered uint64
		length    int
	}{
		{"one", none(voice, 20, 21), 960, 48000},
		{"five: the last is recovered", none(voice, 20, 25), 960, 48000},
		{"at the end", none(voice, 45, 50), 0, 48000},
		{"at the start", none(voice, 0, 2), 960, 48000},
		{"a hole behind it: the copy is of another", append(none(voice[:21], 20, 21), voice[23:]...), 960, 48000},
		{"nothing else", none(voice, 0, 50), 0, 48000},
	} {
		t.Run(c.name, func(t *testing.T) {
			x, e := taped(t)
			var units []Packet
			var err error
			for _, p := range c.in {
				units, err = x.Push(units, p)
				must(t, err)
			}
			units, err = x.Flush(units)
			must(t, err)
			checkSteps(t, units)
			if got := x.Stats(); got.Recovered != c.recovered || got.Damaged+got.Dropped+got.Trimmed != 0 {
				t.Errorf("counts %+v", got)
			}
			if n := len(e.pcm); n < c.length || n > c.length+4*FrameSamples {
				t.Errorf("%d samples, want %d and the end's padding", n, c.length)
			}
		})
	}
}
