package transcode

import "math"

const (
	// tapsEach is how many samples of the lower of both rates make an output sample: enough for 80 dB beyond the edge
	// of the band.
	tapsEach = 32
	// passband is the part of the band that is left as it is; the edge lies between it and the whole.
	passband = 0.92
	// kaiserBeta is the window's shape: about 80 dB.
	kaiserBeta = 8.0
)

// resampler turns interleaved stereo of one rate into 48 kHz: a polyphase filter for the ratio up/down in lowest
// terms. Its output is aligned with its input: the first sample out is at the time of the first sample in.
type resampler struct {
	up, down int
	taps     int         // input samples that make an output sample
	filter   [][]float32 // a phase each
	phase    int         // of the next output sample
	in       []float32   // history, then what was not used yet
}

// newResampler returns a resampler from rate, or nil when there is nothing to do.
func newResampler(rate int) *resampler {
	if rate == sampleRate {
		return nil
	}
	g := gcd(rate, sampleRate)
	r := &resampler{up: sampleRate / g, down: rate / g, taps: tapsEach * ((rate + sampleRate - 1) / sampleRate)}
	r.filter = polyphase(r.up, r.taps, min(1, float64(sampleRate)/float64(rate)))
	// Half a filter of silence stands before the first sample, so that the filter's middle falls on it.
	r.in = make([]float32, (r.taps/2-1)*channels)
	return r
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// polyphase is a low-pass at band (1 is half the input's rate) cut into up phases of n taps.
func polyphase(up, n int, band float64) [][]float32 {
	phases := make([][]float32, up)
	cutoff := band * (1 + passband) / 2
	for p := range phases {
		taps, sum := make([]float32, n), 0.0
		for i := range taps {
			// The distance from tap i to the output sample, in input samples.
			x := float64(i-(n/2-1)) - float64(p)/float64(up)
			v := cutoff * sinc(cutoff*x) * kaiser(x/float64(n/2))
			taps[i] = float32(v)
			sum += v
		}
		for i := range taps { // every phase lets a constant through as it is
			taps[i] /= float32(sum)
		}
		phases[p] = taps
	}
	return phases
}

func sinc(x float64) float64 {
	if x == 0 {
		return 1
	}
	return math.Sin(math.Pi*x) / (math.Pi * x)
}

// kaiser is the window at x in -1..1.
func kaiser(x float64) float64 {
	if x <= -1 || x >= 1 {
		return 0
	}
	return bessel(kaiserBeta*math.Sqrt(1-x*x)) / bessel(kaiserBeta)
}

// bessel is the modified Bessel function of the first kind and order 0.
func bessel(x float64) float64 {
	sum, term := 1.0, 1.0
	for k := 1.0; term > 1e-12*sum; k++ {
		term *= x / (2 * k) * x / (2 * k)
		sum += term
	}
	return sum
}

// append appends the output that pcm completes to dst.
func (r *resampler) append(dst, pcm []float32) []float32 {
	r.in = append(r.in, pcm...)
	n, at := len(r.in)/channels, 0
	for at+r.taps <= n {
		taps, in := r.filter[r.phase], r.in[at*channels:(at+r.taps)*channels]
		var left, right float32
		for i, tap := range taps {
			left += tap * in[2*i]
			right += tap * in[2*i+1]
		}
		dst = append(dst, left, right)
		r.phase += r.down
		at += r.phase / r.up
		r.phase %= r.up
	}
	r.in = r.in[:copy(r.in, r.in[min(at, n)*channels:])]
	return dst
}
