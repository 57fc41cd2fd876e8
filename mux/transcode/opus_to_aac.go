// Package transcode turns the audio of one stream from one codec into another: Opus into AAC-LC, and AAC into Opus.
//
// It is pure: no goroutine, no clock, no log. It takes packets with their times and gives packets with their
// times; when to transcode, and for whom, is its caller's business. Its types belong to one goroutine at a time.
package transcode

import (
	"fmt"
	"math"
	"time"

	"github.com/thesyncim/gopus"

	"weir/mux/av"
)

const (
	sampleRate = 48000
	channels   = 2
	millis     = sampleRate / 1000
)

const (
	// encoderDelay is how many samples the decoded AAC is behind what the encoder was given.
	encoderDelay = FrameSamples
	// plcStep is the shortest Opus frame; the decoder conceals whole multiples of it (RFC 6716 2.1.4).
	plcStep = sampleRate / 400
	// plcChunk is how much is concealed by one call: the decoder's own frame of 20 ms.
	plcChunk = 20 * millis
	// maxConceal is how long a made-up sound stands in for a lost one before it turns into a drone.
	maxConceal = 100 * millis
	// maxComfort is the same behind a DTX packet, where the decoder makes comfort noise and a refresh is due
	// every 400 ms.
	maxComfort = 1000 * millis
	// maxFill is the longest hole filled with silence. Past it the output's time jumps as the input's did.
	maxFill = 10_000 * millis
	// deadBand is the difference between the stream's clock and the count of samples that is let be: well
	// below what is seen as a lip-sync error and above the jitter of senders that stamp in milliseconds.
	deadBand = 2 * millis
	// slewEvery allows one sample in or out per 10 ms: 2,000 ppm, far more than any crystal is off.
	slewEvery = 10 * millis
	// maxSlew is the most samples that one packet can gain.
	maxSlew = maxOpusSamples / slewEvery
	// maxPTS keeps all sums of times inside an int64.
	maxPTS = time.Duration(math.MaxInt64 / 2)
)

// OpusToAAC decodes the Opus packets of one track and encodes AAC-LC, 48 kHz stereo always, so that the
// configuration never changes however the publisher switches between mono and stereo.
//
// The output has no holes and its units are exactly 1024/48000 s apart: what is lost is recovered, concealed
// or silent, what comes twice is dropped, and where the stream's clock drifts against the count of samples the
// sound is stretched by single samples. Only after a hole of more than 10 s does the output's time jump.
// PTS always rise. The encoder's delay is taken out of the PTS; the delay that the publisher's Opus encoder adds
// (6.5 ms as a rule, RFC 7845 4.2) is not told by RTP and stays in.
//
// An OpusToAAC holds about 1.3 MB and is used by one goroutine at a time.
type OpusToAAC struct {
	dec *gopus.Decoder
	enc Encoder

	out []Packet // the caller's dst, during a call
	err error    // why the encoder can no longer be used

	timeline

	frame   [channels][FrameSamples]float32
	fill    int               // samples in frame
	at      stamp             // of frame's first sample
	pending [2]stamp          // of the frames inside the encoder, the older one first
	primed  bool              // pending is valid
	last    [channels]float32 // the last sample fed
	cut     bool              // the next sample fed does not continue the last one
	units   arena

	held    Packet // of no sound, until it is known what the next one tells of its time; see push
	heldTOC [1]byte
	holding bool

	lastSamples int64 // the duration of the last good packet
	lastDTX     bool  // the last packet announced silence

	pcm       []float32 // decoded, interleaved
	stretched []float32
	coded     []byte
}

// NewOpusToAAC makes a transcoder with the encoder of this build. It returns ErrNoEncoder if there is none.
func NewOpusToAAC() (*OpusToAAC, error) {
	enc, err := newEncoder()
	if err != nil {
		return nil, err
	}
	return NewOpusToAACWith(enc)
}

// NewOpusToAACWith makes a transcoder that encodes with enc, which is its own from now on.
func NewOpusToAACWith(enc Encoder) (*OpusToAAC, error) {
	cfg := gopus.DefaultDecoderConfig(sampleRate, channels)
	cfg.MaxPacketBytes = 1 << 16 // the default of 1500 refuses long packets of a high bitrate
	cfg.MaxPacketSamples = maxOpusSamples
	dec, err := gopus.NewDecoder(cfg)
	if err != nil {
		return nil, fmt.Errorf("cannot make an Opus decoder: %w", err)
	}
	return &OpusToAAC{
		dec:         dec,
		enc:         enc,
		lastSamples: plcChunk,
		pcm:         make([]float32, maxOpusSamples*channels),
		stretched:   make([]float32, (maxOpusSamples+maxSlew)*channels),
	}, nil
}

// Config is the AudioSpecificConfig (ISO/IEC 14496-3 1.6.2.1) of every unit; it never changes.
func (t *OpusToAAC) Config() []byte { return t.enc.Config() }

// Push appends to dst the access units that the Opus packet in completes. A packet that cannot be decoded is
// concealed and counted, it is no error; an error means that the encoder has failed for good.
func (t *OpusToAAC) Push(dst []Packet, in Packet) ([]Packet, error) {
	t.out = dst
	t.push(in)
	return t.taken()
}

// Flush appends to dst what is still inside the encoder, the last unit padded with silence. Push may go on
// afterwards; the padding, at most 64 ms, then counts as time that is filled.
func (t *OpusToAAC) Flush(dst []Packet) ([]Packet, error) {
	t.out = dst
	t.release(nil)
	if t.started {
		t.silence(int64(FrameSamples-t.fill)%FrameSamples + int64(len(t.pending))*FrameSamples)
	}
	return t.taken()
}

func (t *OpusToAAC) taken() ([]Packet, error) {
	out := t.out
	t.out = nil
	return out, t.err
}

// push takes a packet, and keeps one of no sound until the next comes: it may stand for a lost one, of which the
// next has a copy (RFC 6716 2.1.7).
func (t *OpusToAAC) push(in Packet) {
	t.stats.Packets++
	if in.PTS > maxPTS || in.PTS < -maxPTS {
		t.stats.Dropped++
		return
	}
	t.release(&in)
	if len(in.Data) == 1 {
		t.heldTOC[0] = in.Data[0]
		t.held, t.holding = Packet{PTS: in.PTS, Wall: in.Wall, Data: t.heldTOC[:]}, true
		return
	}
	t.take(in, nil)
}

// release takes the packet that was kept, if there is one; next is the one behind it, or nil.
func (t *OpusToAAC) release(next *Packet) {
	if !t.holding {
		return
	}
	t.holding = false
	if next != nil && gopus.PacketHasLBRR(next.Data) {
		n := opusSamples(t.held.Data)
		if gap := av.Ticks(next.PTS-t.held.PTS, sampleRate) - n; max(gap, -gap) <= slack(n) {
			t.take(t.held, next.Data)
			return
		}
	}
	t.take(t.held, nil)
}

// take decodes a packet at its place; one of no sound from the copy in next, unless that is nil.
func (t *OpusToAAC) take(in Packet, next []byte) {
	n := opusSamples(in.Data)
	damaged := n == 0
	if damaged {
		n = t.lastSamples
	}
	at := av.Ticks(in.PTS, sampleRate)
	if !t.begin(at, n) {
		return
	}
	trim, slew := t.place(at, n, in)
	switch {
	case damaged:
		t.damaged(n)
	case next != nil && trim == 0:
		t.recover(next, n)
	default:
		t.decode(in.Data, n, trim, slew)
	}
	t.lastDTX = !damaged && isDTX(in.Data)
}

// place brings the count of samples to at, where a packet of n samples begins: it fills what is missing, and
// tells how many samples of the packet are of the past and by how many it should be longer (or shorter).
func (t *OpusToAAC) place(at, n int64, in Packet) (trim, slew int64) {
	ahead := at - t.pos
	if ahead > maxFill {
		t.jump(at)
		ahead = 0
	}
	t.anchor = stamp{at, in.Wall}
	switch {
	case ahead > slack(n):
		t.bridge(ahead, n, in.Data)
		return 0, 0
	case ahead < -slack(n):
		return -ahead, 0
	default:
		return 0, t.slew(ahead, n)
	}
}

// jump moves on to at over a hole too long to fill. The frame under way is completed with silence; the
// encoder goes on, so what it still holds comes out with its old times.
func (t *OpusToAAC) jump(at int64) {
	t.stats.Jumps++
	t.silence(int64(FrameSamples-t.fill) % FrameSamples)
	t.pos = at
}

// bridge fills the gap before a packet of n samples: with what the decoder makes up for a while, then with
// silence, and the last packet's length with the next one's forward error correction if it has any. The gap is
// filled in whole steps of the decoder; the rest, at most 1.25 ms, is left to the slewing.
func (t *OpusToAAC) bridge(gap, n int64, next []byte) {
	gap = (gap + plcStep/2) / plcStep * plcStep
	var recovered int64
	if gap >= n && gopus.PacketHasLBRR(next) {
		recovered = n
	}
	limit := int64(maxConceal)
	if t.lastDTX {
		limit = maxComfort
	}
	concealed := min(gap-recovered, limit)
	t.conceal(concealed)
	t.silence(gap - recovered - concealed)
	if recovered > 0 {
		t.recover(next, recovered)
	}
}

// decode feeds the packet, which says that it has n samples, without its first trim samples and longer by slew.
func (t *OpusToAAC) decode(data []byte, n, trim, slew int64) {
	got, err := t.dec.Decode(data, t.pcm)
	if err != nil || int64(got) != n {
		t.damaged(n)
		return
	}
	t.lastSamples = n
	pcm := t.pcm[:n*channels]
	if trim > 0 {
		t.stats.Trimmed += uint64(trim)
		pcm, t.cut = pcm[trim*channels:], true
	}
	if slew != 0 {
		stretch(t.stretched[:(n+slew)*channels], pcm)
		pcm = t.stretched[:(n+slew)*channels]
	}
	t.feed(pcm)
}

// damaged stands in for a packet of n samples that cannot be decoded.
func (t *OpusToAAC) damaged(n int64) {
	t.stats.Damaged++
	t.conceal(n)
}

// conceal feeds n samples that the decoder makes up.
func (t *OpusToAAC) conceal(n int64) {
	for n > 0 {
		k := min(n, plcChunk)
		pcm := t.pcm[:k*channels]
		if got, err := t.dec.Decode(nil, pcm); err != nil || int64(got) != k {
			t.silence(k)
		} else {
			t.stats.Concealed += uint64(k)
			t.feed(pcm)
		}
		n -= k
	}
}

// recover feeds the n samples before the packet next from its forward error correction (RFC 6716 2.1.7).
func (t *OpusToAAC) recover(next []byte, n int64) {
	pcm := t.pcm[:n*channels]
	if got, err := t.dec.DecodeWithFEC(next, pcm, true); err != nil || int64(got) != n {
		t.conceal(n)
		return
	}
	t.stats.Recovered += uint64(n)
	t.feed(pcm)
}

// silence feeds n samples of it, faded into and out of.
func (t *OpusToAAC) silence(n int64) {
	if n <= 0 {
		return
	}
	t.stats.Silence += uint64(n)
	t.cut = true
	for n > 0 {
		k := min(n, FrameSamples)
		pcm := t.pcm[:k*channels]
		clear(pcm)
		t.feed(pcm)
		n -= k
	}
	t.cut = true
}

// feed takes interleaved samples into the frame and encodes each frame that is full. It may write to pcm.
func (t *OpusToAAC) feed(pcm []float32) {
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
		k := min(FrameSamples-t.fill, len(pcm)/channels)
		left, right := t.frame[0][t.fill:t.fill+k], t.frame[1][t.fill:t.fill+k]
		for i := range k {
			left[i], right[i] = pcm[i*channels], pcm[i*channels+1]
		}
		pcm = pcm[k*channels:]
		t.fill += k
		t.pos += int64(k)
		if t.fill == FrameSamples {
			t.fill = 0
			t.encode()
		}
	}
}

// encode gives the full frame to the encoder and emits what comes out: the unit whose sound is that of the
// frame before the one before it.
func (t *OpusToAAC) encode() {
	if t.err != nil {
		return
	}
	unit, err := t.enc.Encode(t.coded[:0], t.frame[0][:], t.frame[1][:])
	if err != nil {
		unit, err = t.restart()
	}
	if err != nil {
		t.err = err
		return
	}
	t.coded = unit[:0]
	if t.primed {
		t.emit(t.pending[0], unit)
		t.pending = [2]stamp{t.pending[1], t.at}
		return
	}
	t.primed = true
	t.pending = [2]stamp{t.stampAt(t.at.pos - encoderDelay), t.at}
}

// emit appends a unit with its stamp. What lies before the start of the stream's clock can only be the
// encoder's priming and is left out.
func (t *OpusToAAC) emit(s stamp, unit []byte) {
	if s.pos < 0 {
		return
	}
	t.stats.Units++
	t.out = append(t.out, Packet{PTS: av.Duration(s.pos, sampleRate), Wall: s.wall, Data: t.units.keep(unit)})
}

// restart resets both codecs after the encoder refused a frame (not-a-number samples can only come out of a
// decoder that has gone astray) and returns the unit that is due, of silence: the frames on their way are lost,
// their time is not.
func (t *OpusToAAC) restart() ([]byte, error) {
	t.stats.Restarts++
	t.dec.Reset()
	t.cut = true
	for c := range channels {
		clear(t.frame[c][:])
		t.last[c] = 0
	}
	if err := t.enc.Reset(); err != nil {
		return nil, fmt.Errorf("cannot reset the AAC encoder: %w", err)
	}
	unit, err := t.enc.Encode(t.coded[:0], t.frame[0][:], t.frame[1][:])
	if err == nil && t.primed {
		unit, err = t.enc.Encode(unit[:0], t.frame[0][:], t.frame[1][:])
	}
	if err != nil {
		return nil, fmt.Errorf("cannot encode silence: %w", err)
	}
	return unit, nil
}
