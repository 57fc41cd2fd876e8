package transcode

import (
	"fmt"
	"math"

	"github.com/thesyncim/gopus"

	"weir/mux/av"
	"weir/mux/codec/aac"
	"weir/mux/codec/opus"
)

const (
	opusFrame = 20 * millis
	// opusBitrate keeps stereo music transparent to most ears, opusComplexity is where more costs a third more CPU
	// for nothing that was measured (docs/adr/0008-aac-to-opus.md).
	opusBitrate    = 96_000
	opusComplexity = 5
	maxOpusPacket  = 1275 // RFC 6716 3.2.1: one frame
)

// AACToOpus decodes the AAC access units of one track and encodes Opus, 48 kHz stereo in packets of 20 ms, always, so
// that the configuration never changes whatever the publisher sends.
//
// Of HE-AAC it decodes the AAC-LC part: the treble above a quarter of the output's rate is missing, and with parametric
// stereo the sound is mono. More than two channels are not taken.
//
// The output has no holes: units that are damaged or missing become silence, what comes twice is dropped, and where the
// stream's clock drifts against the count of samples the sound is stretched by single samples. Only after a hole of
// more than 10 s does the output's time jump. PTS always rise. The Opus encoder's delay is taken out of the PTS.
//
// An AACToOpus holds about 1 MB and is used by one goroutine at a time.
type AACToOpus struct {
	enc    *gopus.Encoder
	delay  int64 // of the Opus encoder, in samples
	config []byte

	dec      Decoder
	resample *resampler // nil at 48 kHz
	rate     int64      // of the present AAC
	mono     bool

	timeline
	last [channels]float32
	cut  bool // the next sample fed does not continue the last one

	frame [opusFrame * channels]float32
	fill  int   // samples in frame
	at    stamp // of frame's first sample

	out       []Packet // the caller's dst, during a call
	err       error    // why the encoder can no longer be used
	decoded   []float32
	sound     []float32
	stretched []float32
	coded     [maxOpusPacket]byte
	units     arena
}

// NewAACToOpus makes a transcoder for AAC with the AudioSpecificConfig asc.
//
// Errors: ErrSource for AAC that cannot be decoded, ErrNoDecoder.
func NewAACToOpus(asc []byte) (*AACToOpus, error) {
	enc, err := gopus.NewEncoder(gopus.EncoderConfig{
		SampleRate: sampleRate, Channels: channels, Application: gopus.ApplicationAudio,
	})
	if err != nil {
		return nil, fmt.Errorf("cannot make an Opus encoder: %w", err)
	}
	if err := enc.SetBitrate(opusBitrate); err != nil {
		return nil, fmt.Errorf("cannot set the Opus bitrate: %w", err)
	}
	if err := enc.SetComplexity(opusComplexity); err != nil {
		return nil, fmt.Errorf("cannot set the Opus complexity: %w", err)
	}
	t := &AACToOpus{enc: enc, delay: int64(enc.Lookahead())}
	t.config = opus.AppendHead(nil, channels, 0) // a live stream has nothing to skip
	return t, t.Source(asc)
}

// Config is the OpusHead of every packet; it never changes.
func (t *AACToOpus) Config() []byte { return t.config }

// Source changes the AudioSpecificConfig of what is pushed from now on.
//
// Errors: those of NewAACToOpus; the AACToOpus is then as it was.
func (t *AACToOpus) Source(asc []byte) error {
	if err := Decodes(asc); err != nil {
		return err
	}
	c, err := aac.ParseConfig(asc)
	if err != nil {
		return err
	}
	// The AAC-LC part of HE-AAC is AAC-LC of its own; what it does not know lies in elements that decoders skip.
	dec, err := newDecoder(aac.AppendConfig(nil, c.Rate, c.Channels), c.Channels)
	if err != nil {
		return err
	}
	t.dec, t.rate, t.mono = dec, int64(c.Rate), c.Channels == 1
	t.resample = newResampler(c.Rate)
	t.cut = true
	return nil
}

// Push appends to dst the packets that the AAC access unit in completes. A unit that cannot be decoded is silence and
// counted, it is no error; an error means that the encoder has failed for good.
func (t *AACToOpus) Push(dst []Packet, in Packet) ([]Packet, error) {
	t.out = dst
	t.push(in)
	out := t.out
	t.out = nil
	return out, t.err
}

func (t *AACToOpus) push(in Packet) {
	t.stats.Packets++
	if in.PTS > maxPTS || in.PTS < -maxPTS {
		t.stats.Dropped++
		return
	}
	n := FrameSamples * sampleRate / t.rate
	at := av.Ticks(in.PTS, sampleRate)
	if !t.begin(at, n) {
		return
	}
	trim, slew := t.place(at, n, in)
	pcm := t.decode(in.Data, n)
	if trim = min(trim, int64(len(pcm)/channels)); trim > 0 {
		t.stats.Trimmed += uint64(trim)
		pcm, t.cut = pcm[trim*channels:], true
	}
	if k := int64(len(pcm)/channels) + slew; slew != 0 && k > 2 {
		t.stretched = sized(t.stretched, int(k)*channels)
		stretch(t.stretched, pcm)
		pcm = t.stretched
	}
	t.feed(pcm)
}

// sized returns b with a length of n.
func sized(b []float32, n int) []float32 {
	if cap(b) < n {
		b = make([]float32, n)
	}
	return b[:n]
}

// place brings the count of samples to at, where a unit of n samples begins: it fills what is missing, and tells how
// many samples of the unit are of the past and by how many it should be longer (or shorter).
func (t *AACToOpus) place(at, n int64, in Packet) (trim, slew int64) {
	ahead := at - t.pos
	if ahead > maxFill {
		t.stats.Jumps++
		t.silence(int64(opusFrame-t.fill) % opusFrame)
		t.pos, ahead = at, 0
	}
	t.anchor = stamp{at, in.Wall}
	switch {
	case ahead > slack(n):
		t.silence(ahead)
		return 0, 0
	case ahead < -slack(n):
		return -ahead, 0
	default:
		return 0, t.slew(ahead, n)
	}
}

// decode returns a unit's sound as interleaved 48 kHz stereo; n samples of silence when it is damaged.
func (t *AACToOpus) decode(unit []byte, n int64) []float32 {
	var err error
	if t.decoded, err = t.dec.Decode(t.decoded[:0], unit); err != nil {
		t.stats.Damaged++
		t.stats.Silence += uint64(n)
		t.cut = true
		t.sound = sized(t.sound, int(n)*channels)
		clear(t.sound)
		return t.sound
	}
	pcm := t.decoded
	if t.mono {
		t.sound = t.sound[:0]
		for _, v := range pcm {
			t.sound = append(t.sound, v, v)
		}
		pcm = t.sound
	}
	if t.resample == nil {
		return pcm
	}
	t.stretched = t.resample.append(t.stretched[:0], pcm)
	// The slewing writes to t.stretched: what it reads must lie elsewhere.
	t.stretched, t.sound = t.sound, t.stretched
	return t.sound
}

// silence feeds n samples of it, faded into and out of.
func (t *AACToOpus) silence(n int64) {
	if n <= 0 {
		return
	}
	t.stats.Silence += uint64(n)
	t.cut = true
	for n > 0 {
		k := min(n, opusFrame)
		t.sound = sized(t.sound, int(k)*channels)
		clear(t.sound)
		t.feed(t.sound)
		n -= k
	}
	t.cut = true
}

// feed takes interleaved samples into the frame and encodes each frame that is full. It may write to pcm.
func (t *AACToOpus) feed(pcm []float32) {
	if len(pcm) == 0 {
		return
	}
	if t.cut {
		splice(pcm, t.last)
		t.cut = false
	}
	t.last = [channels]float32(pcm[len(pcm)-channels:])
	for len(pcm) > 0 {
		if t.fill == 0 {
			t.at = t.stampAt(t.pos)
		}
		k := copy(t.frame[t.fill*channels:], pcm) / channels
		pcm = pcm[k*channels:]
		t.fill += k
		t.pos += int64(k)
		if t.fill == opusFrame {
			t.fill = 0
			t.encode()
		}
	}
}

// encode gives the full frame to the encoder. What a decoder plays is behind that by the encoder's delay.
func (t *AACToOpus) encode() {
	if t.err != nil {
		return
	}
	for i, v := range t.frame { // no decoder of ours makes such, and an encoder could go astray on one
		if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
			t.frame[i] = 0
		}
	}
	n, err := t.enc.Encode(t.frame[:], t.coded[:])
	if err != nil {
		t.err = fmt.Errorf("cannot encode Opus: %w", err)
		return
	}
	at := t.stampAt(t.at.pos - t.delay)
	if n == 0 || at.pos < 0 { // before the start of the stream's clock
		return
	}
	t.stats.Units++
	t.out = append(t.out, Packet{PTS: av.Duration(at.pos, sampleRate), Wall: at.wall, Data: t.units.keep(t.coded[:n])})
}
