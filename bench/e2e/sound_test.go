package e2e

import (
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"testing"
	"time"

	"weir/mux/av"
	"weir/testdata"
)

const (
	sampleRate = 48000
	tone       = 440.0 // Hz of the sample
	beep       = 1760.0
)

// testSound: "Audio through Opus→AAC: right pitch and length within 0.1 %, A/V offset within 20 ms of the source, no
// click at joins." Two viewers join at different times; each must get sound that is right from its first sample on.
func testSound(t *testing.T, s *server) {
	// No longer than the sample, so that its beeps stand where they do in the file.
	src := s.publish(t, "sound/cam", media{video: true, audio: true})
	first := watch(t, s.http+"/live/sound/cam.flv")
	first.untilLength(t, 3300*time.Millisecond)
	second := watch(t, s.http+"/live/sound/cam.flv")
	second.untilLength(t, 9*time.Second)
	original := decode(t, testdata.Path("tone.ogg"))
	for _, v := range []*viewer{first, second} {
		v.leave()
		checkSound(t, v, src, original)
	}
}

func checkSound(t *testing.T, v *viewer, src *source, original []float64) {
	t.Helper()
	video, audio := v.frames(t)
	pcm := decode(t, v.file(t))
	checkLength(t, audio, len(pcm))
	checkTone(t, pcm, original)
	i := src.find(slicesOf(t, dataOf(video)...), video[0].PTS)
	if i < 0 {
		t.Fatal("the pictures are not the source's")
	}
	checkSync(t, pcm, audio[0].PTS, original, video[0].PTS-src.at(i).pts)
}

// checkTone fails unless the pitch is right and nothing clicks.
func checkTone(t *testing.T, pcm, original []float64) {
	t.Helper()
	if hz := pitch(pcm[sampleRate/10:]); math.Abs(hz-tone) > tone/1000 {
		t.Errorf("pitch %.3f Hz, want %.0f", hz, tone)
	}
	if got, limit := click(pcm), 1.5*click(original); got > limit {
		t.Errorf("a jump of %.4f from a sample to the next, want at most %.4f", got, limit)
	}
}

// decode is a file's sound, one channel of it, at 48 kHz.
func decode(t *testing.T, path string) []float64 {
	t.Helper()
	out := filepath.Join(t.TempDir(), "sound.f32")
	if said, err := tool(t, "ffmpeg", "-v", "error", "-nostdin", "-i", path, "-vn", "-af", "pan=mono|c0=c0",
		"-ar", "48000", "-f", "f32le", out); err != nil || said != "" {
		t.Fatalf("ffmpeg: %v\n%s", err, said)
	}
	raw, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	pcm := make([]float64, len(raw)/4)
	for i := range pcm {
		pcm[i] = float64(math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:])))
	}
	return pcm
}

// checkLength compares the samples that came out with the time that the tags say they last.
func checkLength(t *testing.T, audio []*av.Frame, samples int) {
	t.Helper()
	const frame = 1024 * time.Second / sampleRate
	said := audio[len(audio)-1].PTS - audio[0].PTS + frame
	lasts := time.Duration(samples) * time.Second / sampleRate
	if off := (lasts - said).Abs(); off > said/1000 {
		t.Errorf("%d tags that last %v decode to %v", len(audio), said, lasts)
	}
	for i := 1; i < len(audio); i++ {
		if gap := audio[i].PTS - audio[i-1].PTS - frame; gap.Abs() > 2*time.Millisecond {
			t.Errorf("a gap of %v behind tag %d", gap, i-1)
		}
	}
}

// pitch is the frequency near that of the tone at which the sound is strongest.
func pitch(pcm []float64) float64 {
	const step, by = 0.02, 16 // Hz; a mean of so many samples is enough for a tone this low
	low := make([]float64, len(pcm)/by)
	for i := range low {
		for _, x := range pcm[by*i : by*(i+1)] {
			low[i] += x
		}
	}
	best, at := 0.0, 0.0
	for hz := tone - 5; hz <= tone+5; hz += step {
		if p := power(low, hz, sampleRate/by); p > best {
			best, at = p, hz
		}
	}
	return at
}

// power is how much of a frequency is in the sound (Goertzel's algorithm).
func power(pcm []float64, hz, rate float64) float64 {
	k := 2 * math.Cos(2*math.Pi*hz/rate)
	var a, b float64
	for _, x := range pcm {
		a, b = x+k*a-b, a
	}
	return a*a + b*b - k*a*b
}

// click is the largest jump from a sample to the next.
func click(pcm []float64) float64 {
	jump := 0.0
	for i := 1; i < len(pcm); i++ {
		jump = max(jump, math.Abs(pcm[i]-pcm[i-1]))
	}
	return jump
}

// onsets are the places, in samples, where beeps begin.
func onsets(pcm []float64) []int {
	const window, hop = 480, 24
	var strength []float64
	loudest := 0.0
	for i := 0; i+window <= len(pcm); i += hop {
		p := power(pcm[i:i+window], beep, sampleRate)
		strength = append(strength, p)
		loudest = max(loudest, p)
	}
	var out []int
	for i := 1; i < len(strength); i++ {
		if strength[i-1] < loudest/4 && strength[i] >= loudest/4 {
			out = append(out, i*hop)
		}
	}
	return out
}

// checkSync fails unless each beep stands at its time: a whole number of seconds and the first one's place in the
// original, on the clock on which the pictures are offset behind the source's time.
func checkSync(t *testing.T, pcm []float64, begin time.Duration, original []float64, offset time.Duration) {
	t.Helper()
	// RFC 7845 4.2: a file's decoder leaves out the samples of pre-skip, which a live decoder gives out.
	const preSkip = 312
	want := time.Duration(onsets(original)[1]+preSkip) * time.Second / sampleRate % time.Second
	found := onsets(pcm)
	if n := len(pcm) / sampleRate; len(found) < n-1 || len(found) > n+1 {
		t.Errorf("%d beeps in %d s", len(found), n)
	}
	worst := time.Duration(0)
	for _, at := range found {
		if at < sampleRate/10 { // a beep that the capture begins in
			continue
		}
		heard := begin + time.Duration(at)*time.Second/sampleRate - offset
		off := (heard-want+time.Second/2)%time.Second - time.Second/2
		if off.Abs() > worst.Abs() {
			worst = off
		}
	}
	t.Logf("sound is %v off the picture", worst)
	if worst.Abs() > 20*time.Millisecond {
		t.Errorf("sound is %v off the picture, want at most 20ms", worst)
	}
}
