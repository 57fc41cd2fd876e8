package transcode

import (
	"bytes"
	"errors"
	"io"
	"math"
	"os"
	"testing"
	"time"

	"github.com/thesyncim/gopus"
	"github.com/thesyncim/gopus/container/ogg"

	"weir/mux/av"
	"weir/testdata"
)

// tape is an Encoder that keeps the sound it was given. Its units are one byte, a running number.
type tape struct {
	pcm    []float32 // left channel
	right  []float32
	calls  int
	refuse func(frame int) bool // makes Encode fail, by the number of the frame
	frames int
	resets int
	broken bool // Reset fails
	blank  bool // the sound is not kept
}

var errRefused = errors.New("refused")

func (e *tape) Encode(dst []byte, left, right []float32) ([]byte, error) {
	frame := e.frames
	e.frames++
	if e.refuse != nil && e.refuse(frame) {
		return dst, errRefused
	}
	if !e.blank {
		e.pcm, e.right = append(e.pcm, left...), append(e.right, right...)
	}
	e.calls++
	if e.calls == 1 {
		return dst, nil
	}
	return append(dst, byte(e.calls)), nil
}

func (e *tape) Config() []byte { return []byte{0x11, 0x90} }

func (e *tape) Reset() error {
	e.calls = 0
	e.resets++
	if e.broken {
		return errRefused
	}
	return nil
}

// taped returns a transcoder onto a tape.
func taped(t testing.TB) (*OpusToAAC, *tape) {
	t.Helper()
	e := &tape{}
	x, err := NewOpusToAACWith(e)
	if err != nil {
		t.Fatal(err)
	}
	return x, e
}

// opusKind says how sine codes its sound.
type opusKind struct {
	samples int // of one packet
	voice   bool
	fec     bool
	mono    bool
}

var music20 = opusKind{samples: 960}

// sine returns n Opus packets of a tone of hz at half of full scale.
func sine(t testing.TB, kind opusKind, n int, hz float64) [][]byte {
	t.Helper()
	cfg := gopus.EncoderConfig{SampleRate: sampleRate, Channels: channels, Application: gopus.ApplicationAudio}
	if kind.voice {
		cfg.Application = gopus.ApplicationVoIP
	}
	if kind.mono {
		cfg.Channels = 1
	}
	enc, err := gopus.NewEncoder(cfg)
	if err != nil {
		t.Fatal(err)
	}
	must(t, enc.SetFrameSize(kind.samples))
	must(t, enc.SetBitrate(96_000))
	if kind.voice {
		must(t, enc.SetBitrate(24_000))
		must(t, enc.SetMode(gopus.EncoderModeSILK))
		must(t, enc.SetBandwidth(gopus.BandwidthWideband))
	}
	if kind.fec {
		enc.SetFEC(true)
		must(t, enc.SetPacketLoss(20))
	}
	pcm := make([]float32, kind.samples*cfg.Channels)
	var out [][]byte
	for p := range n {
		for i := range kind.samples {
			v := float32(0.5 * math.Sin(2*math.Pi*hz*float64(p*kind.samples+i)/sampleRate))
			for c := range cfg.Channels {
				pcm[i*cfg.Channels+c] = v
			}
		}
		packet, err := enc.EncodeFloat32(pcm)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, bytes.Clone(packet))
	}
	return out
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// oggPackets returns the Opus packets of an Ogg file and how many samples its encoder put before the sound.
func oggPackets(t testing.TB, name string) (packets [][]byte, preSkip int) {
	t.Helper()
	f, err := os.Open(name)
	must(t, err)
	defer f.Close()
	r, err := ogg.NewReader(f)
	must(t, err)
	for {
		p, _, err := r.ReadPacket()
		if errors.Is(err, io.EOF) {
			return packets, int(r.Header.PreSkip)
		}
		must(t, err)
		packets = append(packets, p)
	}
}

// tone is the beginning of the sample, of toneSeconds: the race detector makes codecs slow.
func tone(t testing.TB) ([][]byte, int) {
	packets, preSkip := oggPackets(t, testdata.Path("tone.ogg"))
	return packets[:toneSeconds*50], preSkip
}

const toneSeconds = 5

// samples is the duration of n samples.
func samples(n int64) time.Duration { return av.Duration(n, sampleRate) }

// checkSteps fails unless the units are exactly FrameSamples apart and none lies before the stream's start.
func checkSteps(t testing.TB, units []Packet) {
	t.Helper()
	for i, u := range units {
		if u.PTS < 0 {
			t.Fatalf("unit %d has PTS %v", i, u.PTS)
		}
		if i == 0 {
			continue
		}
		first := av.Ticks(units[0].PTS, sampleRate)
		if want := samples(first + int64(i)*FrameSamples); u.PTS != want {
			t.Fatalf("unit %d has PTS %v, want %v", i, u.PTS, want)
		}
	}
}

// checkRising fails unless the units' PTS strictly rise.
func checkRising(t testing.TB, units []Packet) {
	t.Helper()
	for i := 1; i < len(units); i++ {
		if units[i].PTS <= units[i-1].PTS {
			t.Fatalf("unit %d has PTS %v after %v", i, units[i].PTS, units[i-1].PTS)
		}
	}
}

// maxStep is the largest difference between neighbouring samples.
func maxStep(pcm []float32) float64 {
	var m float64
	for i := 1; i < len(pcm); i++ {
		m = max(m, math.Abs(float64(pcm[i]-pcm[i-1])))
	}
	return m
}

// goertzel is the amplitude of hz in pcm.
func goertzel(pcm []float32, hz float64) float64 {
	var re, im float64
	for i, v := range pcm {
		s, c := math.Sincos(2 * math.Pi * hz * float64(i) / sampleRate)
		re, im = re+float64(v)*c, im+float64(v)*s
	}
	return 2 * math.Hypot(re, im) / float64(len(pcm))
}
