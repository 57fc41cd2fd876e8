//go:build !nolgpl

package transcode

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/thesyncim/gopus"

	"weir/mux/codec/aac"
	"weir/testdata"
)

// aacUnits are the access units of a file of ADTS frames (ISO/IEC 13818-7 6.2) without CRC.
func aacUnits(t testing.TB, file []byte) (units [][]byte) {
	t.Helper()
	for len(file) > 7 {
		n := int(file[3]&3)<<11 | int(file[4])<<3 | int(file[5])>>5
		if n < 7 || n > len(file) {
			t.Fatalf("an ADTS frame of %d in %d bytes", n, len(file))
		}
		units = append(units, file[7:n])
		file = file[n:]
	}
	return units
}

// toneAs is the tone of the samples as AAC, and as what ffmpeg makes of that at 48 kHz.
func toneAs(t testing.TB, rate, n int) (units [][]byte, source []float32) {
	t.Helper()
	file, err := os.ReadFile(testdata.Path("tone.aac"))
	must(t, err)
	if rate != sampleRate || n != channels {
		file = ffmpeg(t, file, "-f", "aac", "-i", "-", "-t", "4", "-ar", strconv.Itoa(rate), "-ac", strconv.Itoa(n), "-c:a", "aac", "-b:a", "96k", "-f", "adts", "-")
	}
	units = aacUnits(t, file)
	units = units[:min(len(units), 4*rate/FrameSamples)]
	source = decodeMono(t, file, "-f", "aac", "-i", "-", "-ar", "48000")
	return units, source[:min(len(source), 4*sampleRate)]
}

// timed puts units at their times.
func timed(units [][]byte, rate int, start time.Duration) []Packet {
	out := make([]Packet, len(units))
	for i, u := range units {
		out[i] = Packet{PTS: start + time.Duration(i)*FrameSamples*time.Second/time.Duration(rate), Data: u}
	}
	return out
}

// toOpus turns packets into Opus and fails unless those are exactly 20 ms apart.
func toOpus(t testing.TB, asc []byte, in []Packet) ([]Packet, Stats) {
	t.Helper()
	x, err := NewAACToOpus(asc)
	must(t, err)
	var out []Packet
	for _, p := range in {
		out, err = x.Push(out, p)
		must(t, err)
	}
	for i := 1; i < len(out); i++ {
		if step := out[i].PTS - out[i-1].PTS; (step-20*time.Millisecond).Abs() > 1 && x.Stats().Jumps == 0 {
			t.Fatalf("packet %d comes %v behind the one before", i, step)
		}
	}
	checkRising(t, out)
	return out, x.Stats()
}

// heard is the left channel of Opus packets as gopus decodes it, beginning at start.
func heard(t testing.TB, packets []Packet, start time.Duration) []float32 {
	t.Helper()
	dec, err := gopus.NewDecoder(gopus.DefaultDecoderConfig(sampleRate, channels))
	must(t, err)
	pcm, out := make([]float32, maxOpusSamples*channels), []float32(nil)
	for _, p := range packets {
		n, err := dec.Decode(p.Data, pcm)
		must(t, err)
		for i := range n {
			out = append(out, pcm[2*i])
		}
	}
	return out[int(math.Round((start-packets[0].PTS).Seconds()*sampleRate)):]
}

// The whole way, at every rate that encoders send: pitch, length, place in time and smoothness are the source's as
// ffmpeg decodes it.
func TestToneThroughOpus(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ rate, channels int }{
		{48000, 2}, {44100, 2}, {44100, 1}, {22050, 2}, {96000, 2},
	} {
		t.Run(fmt.Sprint(tc.rate, "x", tc.channels), func(t *testing.T) {
			t.Parallel()
			units, source := toneAs(t, tc.rate, tc.channels)
			units, source = units[:3*tc.rate/FrameSamples], source[:3*sampleRate]
			const start = time.Second
			out, stats := toOpus(t, aac.AppendConfig(nil, tc.rate, tc.channels), timed(units, tc.rate, start))
			if stats.Damaged+stats.Dropped+stats.Silence+stats.Jumps != 0 {
				t.Errorf("counts %+v, want nothing lost", stats)
			}
			sound := heard(t, out, start)
			if d := len(source) - len(sound); d < 0 || d > 3*opusFrame {
				t.Errorf("%d samples of %d", len(sound), len(source))
			}
			const from, to = 24000, 43200 // between two beeps
			if got := frequency(sound[from:to]); math.Abs(got-440) > 0.2 {
				t.Errorf("pitch %.2f Hz, want 440", got)
			}
			for second := 1; second < len(source)/sampleRate-1; second++ {
				lo, hi := second*sampleRate-12000, second*sampleRate+12000
				got, want := onset(sound[lo:hi], 1760), onset(source[lo:hi], 1760)
				if diff := got - want; diff > 2*millis || diff < -2*millis {
					t.Errorf("the beep of second %d is %.1f ms off", second, float64(diff)/millis)
				}
			}
			n := min(len(sound), len(source)) - 4800
			if got, want := maxStep(sound[4800:n]), maxStep(source[4800:n]); got > 1.5*want {
				t.Errorf("the sound jumps by %.4f in one sample, the source by %.4f", got, want)
			}
			if d := distance(sound[4800:n], source[4800:n]); d > 0.02 {
				t.Errorf("the sound differs by %.4f (root mean square) from the source", d)
			}
		})
	}
}

func TestOpusTimeline(t *testing.T) {
	t.Parallel()
	units, _ := toneAs(t, 48000, 2)
	asc := aac.AppendConfig(nil, 48000, 2)
	whole := timed(units[:90], 48000, time.Second)
	plain, _ := toOpus(t, asc, whole)
	later := func(in []Packet, from int, by time.Duration) []Packet {
		out := slices.Clone(in)
		for i := from; i < len(out); i++ {
			out[i].PTS += by
		}
		return out
	}
	damaged := slices.Clone(whole)
	damaged[60].Data = []byte{0xff, 0xff, 0xff}
	damaged[70].Data = nil
	for _, tc := range []struct {
		name  string
		in    []Packet
		check func(s Stats) bool
		more  time.Duration // by which the last packet is later
	}{
		{"nothing happens", whole, func(s Stats) bool { return s.Silence == 0 }, 0},
		{"units are lost", slices.Delete(slices.Clone(whole), 60, 65), func(s Stats) bool { return s.Silence == 5*FrameSamples }, 0},
		{"units come twice", slices.Insert(slices.Clone(whole), 70, whole[65:70]...), func(s Stats) bool { return s.Dropped == 5 }, 0},
		{"units are damaged", damaged, func(s Stats) bool { return s.Damaged == 2 && s.Silence == 2*FrameSamples }, 0},
		{"the clock steps on by 3 s", later(whole, 70, 3*time.Second), func(s Stats) bool { return s.Silence == 3*sampleRate }, 3 * time.Second},
		{"the clock steps on by a minute", later(whole, 70, time.Minute), func(s Stats) bool { return s.Jumps == 1 }, time.Minute},
		{"the clock steps back a little", later(whole, 70, -15*time.Millisecond), func(s Stats) bool { return s.Trimmed > 0 }, 0},
		{"an impossible time", append(slices.Clone(whole), Packet{PTS: math.MaxInt64, Data: units[0]}), func(s Stats) bool { return s.Dropped == 1 }, 0},
	} {
		out, stats := toOpus(t, asc, tc.in)
		if !tc.check(stats) {
			t.Errorf("%s: counts %+v", tc.name, stats)
		}
		if off := out[len(out)-1].PTS - plain[len(plain)-1].PTS - tc.more; off.Abs() > 41*time.Millisecond {
			t.Errorf("%s: the end is off by %v", tc.name, off)
		}
	}
}

// Where the encoder's clock drifts against the count of samples, the sound follows it.
func TestOpusFollowsDrift(t *testing.T) {
	t.Parallel()
	units, _ := toneAs(t, 44100, 2)
	for _, ppm := range []float64{1500, -1500} {
		in := timed(units, 44100, time.Second)
		for i := range in {
			in[i].PTS += time.Duration(float64(in[i].PTS-time.Second) * ppm / 1e6)
		}
		x, err := NewAACToOpus(aac.AppendConfig(nil, 44100, 2))
		must(t, err)
		for _, p := range in {
			if _, err := x.Push(nil, p); err != nil {
				t.Fatal(err)
			}
			ahead := p.PTS + FrameSamples*time.Second/44100 - samples(x.pos)
			if ahead.Abs() > 5*time.Millisecond {
				t.Fatalf("%v ppm: %v off at %v", ppm, ahead, p.PTS)
			}
		}
		if s := x.Stats(); s.Silence+s.Trimmed+s.Dropped != 0 || s.Inserted+s.Removed == 0 {
			t.Errorf("%v ppm: counts %+v", ppm, s)
		}
	}
}

// HE-AAC, as phones and hardware send it at low bitrates: its AAC-LC part is heard.
func TestHighEfficiencyAAC(t *testing.T) {
	t.Parallel()
	units, _ := toneAs(t, 24000, 2)
	// AudioSpecificConfig of HE-AAC: object type 5, 24 kHz, stereo, then 48 kHz and object type 2.
	asc := []byte{0x2b, 0x11, 0x88, 0}
	if c, err := aac.ParseConfig(asc); err != nil || c.ObjectType != 5 || c.Rate != 24000 {
		t.Fatalf("the configuration is %+v, %v", c, err)
	}
	out, stats := toOpus(t, asc, timed(units, 24000, time.Second))
	sound := heard(t, out, time.Second)
	if got := frequency(sound[24000:43200]); math.Abs(got-440) > 0.2 || stats.Damaged != 0 {
		t.Errorf("pitch %.2f Hz, counts %+v", got, stats)
	}
}

func TestAACThatCannotBeDecoded(t *testing.T) {
	for name, asc := range map[string][]byte{
		"nothing":              nil,
		"5.1":                  aac.AppendConfig(nil, 48000, 6),
		"AAC Main":             {1<<3 | 3>>1, 3<<7&0xff | 2<<3},
		"frames of 960":        {2<<3 | 3>>1, 3<<7&0xff | 2<<3 | 4},
		"channels told within": {2<<3 | 3>>1, 3 << 7 & 0xff},
	} {
		if _, err := NewAACToOpus(asc); !errors.Is(err, ErrSource) {
			t.Errorf("%s: got %v, want ErrSource", name, err)
		}
		if err := Decodes(asc); !errors.Is(err, ErrSource) {
			t.Errorf("%s: Decodes says %v", name, err)
		}
	}
}

// A publisher that changes its configuration changes nothing for the outputs.
func TestSourceChanges(t *testing.T) {
	stereo, _ := toneAs(t, 48000, 2)
	mono, _ := toneAs(t, 44100, 1)
	x, err := NewAACToOpus(aac.AppendConfig(nil, 48000, 2))
	must(t, err)
	before := bytes.Clone(x.Config())
	var out []Packet
	for _, p := range timed(stereo[:100], 48000, 0) {
		out, err = x.Push(out, p)
		must(t, err)
	}
	if err := x.Source(aac.AppendConfig(nil, 48000, 6)); !errors.Is(err, ErrSource) {
		t.Errorf("got %v for 5.1", err)
	}
	must(t, x.Source(aac.AppendConfig(nil, 44100, 1)))
	for _, p := range timed(mono[:100], 44100, 100*FrameSamples*time.Second/48000) {
		out, err = x.Push(out, p)
		must(t, err)
	}
	checkRising(t, out)
	if !bytes.Equal(before, x.Config()) || x.Stats().Silence > 200 || len(out) < 218 {
		t.Errorf("%d packets, counts %+v", len(out), x.Stats())
	}
}

func TestResampler(t *testing.T) {
	t.Parallel()
	if newResampler(sampleRate) != nil {
		t.Error("48 kHz is resampled")
	}
	for _, rate := range []int{8000, 11025, 16000, 22050, 32000, 44100, 64000, 88200, 96000} {
		for _, hz := range []float64{100, 1000, 0.4 * min(float64(rate), sampleRate)} {
			r := newResampler(rate)
			var in, out []float32
			for i := range rate / 2 {
				v := float32(math.Sin(2 * math.Pi * hz * float64(i) / float64(rate)))
				in = append(in, v, -v)
			}
			for len(in) > 0 { // in pieces of any size
				n := min(2*(1+rand.IntN(1500)), len(in))
				out = r.append(out, in[:n])
				in = in[n:]
			}
			if n := len(out) / 2; n < sampleRate/2-100 || n > sampleRate/2 {
				t.Errorf("%d Hz: %d samples", rate, n)
			}
			worst := 0.0
			for i := 1000; i < len(out)/2-1000; i++ {
				want := math.Sin(2 * math.Pi * hz * float64(i) / sampleRate)
				worst = max(worst, math.Abs(float64(out[2*i])-want), math.Abs(float64(out[2*i+1])+want))
			}
			if worst > 0.001 {
				t.Errorf("%d Hz: a tone of %.0f Hz is off by %.5f", rate, hz, worst)
			}
		}
	}
}

func TestAACToOpusAllocs(t *testing.T) {
	units, _ := toneAs(t, 44100, 2)
	x, err := NewAACToOpus(aac.AppendConfig(nil, 44100, 2))
	must(t, err)
	var out []Packet
	i := 0
	push := func() {
		out, _ = x.Push(out[:0], Packet{PTS: time.Duration(i) * FrameSamples * time.Second / 44100, Data: units[i%len(units)]})
		i++
	}
	for range 60 {
		push()
	}
	// go-aac makes one of 8 bytes a unit.
	if n := testing.AllocsPerRun(100, push); n > 1.2 {
		t.Errorf("%v allocations a unit", n)
	}
}

func FuzzAACToOpus(f *testing.F) {
	units, _ := toneAs(f, 48000, 2)
	f.Add([]byte{0x11, 0x90}, units[10], int64(0))
	f.Add([]byte{0x12, 0x08}, units[11], int64(time.Hour))
	f.Add([]byte{0x2b, 0x11, 0x88}, []byte{0xff}, int64(-1))
	f.Fuzz(func(t *testing.T, asc, unit []byte, start int64) {
		x, err := NewAACToOpus(asc)
		if err != nil {
			return
		}
		last := time.Duration(-1)
		for i := range 3 {
			out, err := x.Push(nil, Packet{PTS: time.Duration(start) + time.Duration(i)*21*time.Millisecond, Data: unit})
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range out {
				if p.PTS <= last {
					t.Fatalf("PTS %v behind %v", p.PTS, last)
				}
				last = p.PTS
			}
		}
	})
}

func BenchmarkAACToOpus(b *testing.B) {
	for _, rate := range []int{48000, 44100} {
		b.Run(strconv.Itoa(rate), func(b *testing.B) {
			units, _ := toneAs(b, rate, 2)
			x, err := NewAACToOpus(aac.AppendConfig(nil, rate, 2))
			must(b, err)
			var out []Packet
			step := FrameSamples * time.Second / time.Duration(rate)
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				out, _ = x.Push(out[:0], Packet{PTS: time.Duration(i) * step, Data: units[i%len(units)]})
				i++
			}
			b.ReportMetric(float64(b.Elapsed().Milliseconds())/(float64(b.N)*step.Seconds()), "ms/s-of-audio")
		})
	}
}
