//go:build !nolgpl

package transcode

import (
	"bytes"
	"encoding/binary"
	"math"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	aac "github.com/tphakala/go-aac"

	"weir/testdata"
)

// ffmpeg runs it and returns what it writes to its standard output. It fails the test if ffmpeg is not there or
// says anything.
func ffmpeg(t testing.TB, stdin []byte, args ...string) []byte {
	t.Helper()
	program, err := exec.LookPath("ffmpeg")
	if err != nil {
		t.Fatal("this test needs ffmpeg (with libopus) in the PATH: apt-get install ffmpeg")
	}
	cmd := exec.Command(program, append([]string{"-nostdin", "-v", "error"}, args...)...)
	if stdin != nil {
		cmd = exec.Command(program, append([]string{"-v", "error"}, args...)...)
		cmd.Stdin = bytes.NewReader(stdin)
	}
	var out, complaints bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaints
	if err := cmd.Run(); err != nil || complaints.Len() > 0 {
		t.Fatalf("ffmpeg %v: %v\n%s", args, err, complaints.Bytes())
	}
	return out.Bytes()
}

// decodeMono returns the left channel that ffmpeg decodes.
func decodeMono(t testing.TB, stdin []byte, input ...string) []float32 {
	t.Helper()
	raw := ffmpeg(t, stdin, append(input, "-map", "0:a", "-f", "f32le", "-af", "pan=mono|c0=c0", "-")...)
	pcm := make([]float32, len(raw)/4)
	for i := range pcm {
		pcm[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:]))
	}
	return pcm
}

// adts frames the units as a file that ffmpeg reads.
func adts(t testing.TB, units []Packet) []byte {
	t.Helper()
	var out []byte
	for _, u := range units {
		var err error
		out, err = aac.AppendADTSHeader(out, sampleRate, channels, len(u.Data))
		must(t, err)
		out = append(out, u.Data...)
	}
	return out
}

// transcode turns the packets of n samples each into AAC. The sound behind the encoder's preSkip begins at start.
func transcode(t testing.TB, packets [][]byte, preSkip, n int, start time.Duration) []Packet {
	t.Helper()
	x, err := NewOpusToAAC()
	must(t, err)
	if got := x.Config(); !bytes.Equal(got, []byte{0x11, 0x90}) {
		t.Fatalf("config % x, want 11 90", got)
	}
	var units []Packet
	for _, p := range at(start-samples(int64(preSkip)), n, packets) {
		units, err = x.Push(units, p)
		must(t, err)
	}
	units, err = x.Flush(units)
	must(t, err)
	if s := x.Stats(); s.Damaged+s.Dropped+s.Concealed+s.Restarts != 0 {
		t.Fatalf("counts %+v, want nothing lost", s)
	}
	checkSteps(t, units)
	return units
}

// onset is where a tone of hz begins in pcm, in samples: where its amplitude first passes half of the most.
func onset(pcm []float32, hz float64) int {
	const window, hop = 240, 24
	var level []float64
	for i := 0; i+window <= len(pcm); i += hop {
		level = append(level, goertzel(pcm[i:i+window], hz))
	}
	half := slices.Max(level) / 2
	return slices.IndexFunc(level, func(a float64) bool { return a > half }) * hop
}

// frequency of pcm by its rising zero crossings.
func frequency(pcm []float32) float64 {
	first, last, n := -1.0, 0.0, 0
	for i := 1; i < len(pcm); i++ {
		if pcm[i-1] < 0 && pcm[i] >= 0 {
			last = float64(i) - float64(pcm[i])/float64(pcm[i]-pcm[i-1])
			if first < 0 {
				first = last
			} else {
				n++
			}
		}
	}
	return float64(n) * sampleRate / (last - first)
}

// The whole way: the tone's pitch, its length, its place in time and its smoothness are those of the source as
// ffmpeg decodes it.
func TestToneThroughAAC(t *testing.T) {
	t.Parallel()
	packets, preSkip := tone(t)
	source := decodeMono(t, nil, "-i", testdata.Path("tone.ogg"))[:len(packets)*960-preSkip]
	const start = time.Second
	units := transcode(t, packets, preSkip, 960, start)
	sound := decodeMono(t, adts(t, units), "-f", "aac", "-i", "-")
	// Where the source's first sample is in the decoded AAC, by the PTS alone.
	lead := int(math.Round((start - units[0].PTS).Seconds() * sampleRate))
	sound = sound[lead:]

	// Nothing is added but the padding of the last unit, and nothing is missing.
	want := len(source)
	if n := len(sound); n < want || n-want >= FrameSamples {
		t.Errorf("%d samples, want %d and less than a frame of padding", n, want)
	}
	const from, to = 24000, 43200 // between two beeps
	if got, want := frequency(sound[from:to]), frequency(source[from:to]); math.Abs(got-440) > 0.2 || math.Abs(want-440) > 0.2 {
		t.Errorf("pitch %.2f Hz, source %.2f Hz, want 440", got, want)
	}
	for second := 1; second < toneSeconds-1; second++ {
		lo, hi := second*sampleRate-12000, second*sampleRate+12000
		got, want := onset(sound[lo:hi], 1760), onset(source[lo:hi], 1760)
		if diff := got - want; diff > 5*millis || diff < -5*millis {
			t.Errorf("the beep of second %d is %.1f ms off", second, float64(diff)/millis)
		}
	}
	if got, want := maxStep(sound[4800:len(source)-4800]), maxStep(source); got > 1.5*want {
		t.Errorf("the sound jumps by %.4f in one sample, the source by %.4f", got, want)
	}
	if d := distance(sound[4800:len(source)-4800], source[4800:len(source)-4800]); d > 0.02 {
		t.Errorf("the sound differs by %.4f (root mean square) from the source", d)
	}
}

// A hole of 100 ms each second leaves the sound's later parts where they were and makes no click.
func TestToneWithHoles(t *testing.T) {
	t.Parallel()
	packets, preSkip := tone(t)
	source := decodeMono(t, nil, "-i", testdata.Path("tone.ogg"))[:len(packets)*960-preSkip]
	x, err := NewOpusToAAC()
	must(t, err)
	var units []Packet
	for i, p := range at(time.Second-samples(int64(preSkip)), 960, packets) {
		if i%50 >= 25 && i%50 < 30 {
			continue
		}
		units, err = x.Push(units, p)
		must(t, err)
	}
	checkSteps(t, units)
	sound := decodeMono(t, adts(t, units), "-f", "aac", "-i", "-")
	sound = sound[int(math.Round((time.Second-units[0].PTS).Seconds()*sampleRate)):]
	for second := 1; second < toneSeconds-1; second++ {
		lo, hi := second*sampleRate-4800, second*sampleRate+12000
		got, want := onset(sound[lo:hi], 1760), onset(source[lo:hi], 1760)
		if diff := got - want; diff > 5*millis || diff < -5*millis {
			t.Errorf("the beep of second %d is %.1f ms off", second, float64(diff)/millis)
		}
	}
	if got, want := maxStep(sound[4800:len(sound)-4800]), maxStep(source); got > 1.5*want {
		t.Errorf("the sound jumps by %.4f in one sample, the source by %.4f", got, want)
	}
}

// Packets of other encoders' shapes: libopus, 60 ms, mono.
func TestLibopusShapes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name      string
		args      []string
		samples   int
		amplitude float64 // lavfi's sine has 1/8; ffmpeg takes 3 dB off when it makes it stereo
	}{
		{"60 ms mono voice", []string{"-ac", "1", "-b:a", "24k", "-application", "voip", "-frame_duration", "60"}, 2880, 0.125},
		{"60 ms stereo", []string{"-ac", "2", "-b:a", "96k", "-frame_duration", "60"}, 2880, 0.0884},
		{"10 ms mono", []string{"-ac", "1", "-b:a", "64k", "-frame_duration", "10"}, 480, 0.125},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "made.ogg")
			ffmpeg(t, nil, slices.Concat([]string{"-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000:duration=2"},
				[]string{"-c:a", "libopus"}, c.args, []string{file})...)
			packets, preSkip := oggPackets(t, file)
			units := transcode(t, packets, preSkip, c.samples, 0)
			sound := decodeMono(t, adts(t, units), "-f", "aac", "-i", "-")
			if want := 2 * sampleRate; math.Abs(float64(len(sound)-want)) > float64(want)/1000+2*float64(c.samples) {
				t.Errorf("%d samples, want about %d", len(sound), want)
			}
			if got := frequency(sound[24000:86400]); math.Abs(got-440) > 0.2 {
				t.Errorf("pitch %.2f Hz, want 440", got)
			}
			if a := goertzel(sound[24000:86400], 440); math.Abs(a-c.amplitude) > 0.1*c.amplitude {
				t.Errorf("amplitude %.3f, want %.3f", a, c.amplitude)
			}
		})
	}
}

// What is not a number never reaches a listener, and the encoder works on after it.
func TestNotANumber(t *testing.T) {
	t.Parallel()
	enc, err := newEncoder()
	must(t, err)
	x, err := NewOpusToAACWith(&poisoned{Encoder: enc, frame: 20})
	must(t, err)
	packets, preSkip := tone(t)
	var units []Packet
	for _, p := range at(time.Second-samples(int64(preSkip)), 960, packets[:100]) {
		units, err = x.Push(units, p)
		must(t, err)
	}
	checkSteps(t, units)
	if got := x.Stats(); got.Restarts != 1 {
		t.Errorf("counts %+v, want one restart", got)
	}
	sound := decodeMono(t, adts(t, units), "-f", "aac", "-i", "-")
	if a := goertzel(sound[48000:57600], 440); a < 0.07 {
		t.Errorf("440 Hz has amplitude %.3f after the restart, want the tone back", a)
	}
}

// poisoned puts a not-a-number into one frame.
type poisoned struct {
	Encoder
	frame, n int
}

func (p *poisoned) Encode(dst []byte, left, right []float32) ([]byte, error) {
	if p.n++; p.n == p.frame {
		left = slices.Clone(left)
		left[7] = float32(math.NaN())
	}
	return p.Encoder.Encode(dst, left, right)
}

func TestAvailable(t *testing.T) {
	if !Available() {
		t.Error("not available in a build with the encoder")
	}
	if _, err := NewOpusToAAC(); err != nil {
		t.Error(err)
	}
}

// With the real encoder, too, a packet costs no allocation but its share of the arena.
func TestTranscodeAllocs(t *testing.T) {
	x, err := NewOpusToAAC()
	must(t, err)
	packets, _ := tone(t)
	in := at(0, 960, packets)
	var units []Packet
	i := 0
	push := func() {
		units, _ = x.Push(units[:0], in[i])
		i++
	}
	for range 60 {
		push()
	}
	if n := testing.AllocsPerRun(100, push); n > 0.1 {
		t.Errorf("%v allocations a packet, want at most the arena's share", n)
	}
}

func BenchmarkOpusToAAC(b *testing.B) {
	x, err := NewOpusToAAC()
	must(b, err)
	packets, _ := tone(b)
	var units []Packet
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		units, _ = x.Push(units[:0], Packet{PTS: samples(int64(i) * 960), Data: packets[i%len(packets)]})
		i++
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)*50/1000, "ms/s-of-audio")
}
