package transcode

// stretch writes the interleaved stereo src over len(dst)/channels samples by cubic interpolation; the ends
// stay where they are. Taking one sample in or out of a packet so spreads over the whole packet: its pitch
// moves by a thousandth and nothing clicks, where a doubled or missing sample would at high frequencies.
func stretch(dst, src []float32) {
	n, m := len(src)/channels, len(dst)/channels
	step := float64(n-1) / float64(m-1)
	for j := range m {
		x := float64(j) * step
		i := min(int(x), n-1)
		f := float32(x - float64(i))
		before, after, beyond := max(i-1, 0), min(i+1, n-1), min(i+2, n-1)
		for c := range channels {
			dst[j*channels+c] = hermite(src[before*channels+c], src[i*channels+c], src[after*channels+c], src[beyond*channels+c], f)
		}
	}
}

// hermite is the Catmull-Rom cubic through b (f = 0) and c (f = 1).
func hermite(a, b, c, d, f float32) float32 {
	k1 := (c - a) / 2
	k2 := a - 2.5*b + 2*c - d/2
	k3 := (d-a)/2 + 1.5*(b-c)
	return ((k3*f+k2)*f+k1)*f + b
}

// spliceSamples is how long the step at a splice takes to fade: 2.5 ms is too short to be heard as a fade and
// too long to be heard as a click.
const spliceSamples = sampleRate / 400

// splice takes the step away between last, the sample of each channel before pcm, and pcm's first: the
// difference is added to pcm and fades out.
func splice(pcm []float32, last [channels]float32) {
	if len(pcm) == 0 {
		return
	}
	n := min(len(pcm)/channels, spliceSamples)
	for c := range channels {
		gap := last[c] - pcm[c]
		for i := range n {
			pcm[i*channels+c] += gap * float32(n-i) / float32(n)
		}
	}
}
