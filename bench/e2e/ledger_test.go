package e2e

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4"

	"weir/mux/av"
)

// entry is a picture or a packet of sound, and when it is shown or heard.
type entry struct {
	sum [sha256.Size]byte
	at  time.Duration
}

// ledger is what was sent, or what came, in the order of decoding.
type ledger struct{ pictures, sounds []entry }

// ledgerOf is the ledger of frames of H.264 and of sound.
func ledgerOf(t *testing.T, video, audio []*av.Frame) (l ledger) {
	t.Helper()
	for _, f := range video {
		l.pictures = append(l.pictures, pictureEntry(t, f.Data, f.PTS))
	}
	for _, f := range audio {
		l.sounds = append(l.sounds, entry{sha256.Sum256(f.Data), f.PTS})
	}
	return l
}

// pictureEntry is the entry of an access unit of H.264 behind lengths.
func pictureEntry(t *testing.T, unit []byte, at time.Duration) entry {
	t.Helper()
	return entry{sha256.Sum256(bytes.Join(slicesOf(t, unit), nil)), at}
}

// ledger is that of what a viewer got.
func (v *viewer) ledger(t *testing.T) ledger {
	t.Helper()
	video, audio := v.frames(t)
	return ledgerOf(t, video, audio)
}

// encoderLedger is what push sends of encoderSample, read once.
var encoderLedger struct {
	once sync.Once
	ledger
}

// encoderSent is what push sends of encoderSample in some minutes, and half a minute of it before the stream began: so whichever
// turn pictures are taken for, there is sound beside them.
func encoderSent(t *testing.T) ledger {
	t.Helper()
	const turns, before = 15, 36 * time.Second
	file := encoderSample(t)
	encoderLedger.once.Do(func() {
		again := filepath.Join(t.TempDir(), "again.flv")
		if said, err := tool(t, "ffmpeg", "-v", "error", "-nostdin", "-stream_loop", strconv.Itoa(turns), "-i", file, "-c", "copy", again); err != nil {
			t.Fatalf("ffmpeg: %v\n%s", err, said)
		}
		video, audio, _ := framesOf(t, again)
		for _, f := range slices.Concat(video, audio) {
			f.PTS -= before
		}
		encoderLedger.ledger = ledgerOf(t, video, audio)
	})
	return encoderLedger.ledger
}

// ledger is that of all segments so far.
func (p *player) ledger(t *testing.T) (l ledger) {
	t.Helper()
	for _, s := range p.segments {
		l.addFragments(t, p.inits[s.init], s.data)
	}
	return l
}

// ledgerOfMP4 is the ledger of a fragmented MP4.
func ledgerOfMP4(t *testing.T, raw []byte) (l ledger) {
	t.Helper()
	l.addFragments(t, raw, raw)
	return l
}

func (l *ledger) addFragments(t *testing.T, initSection, data []byte) {
	t.Helper()
	var init fmp4.Init
	if err := init.Unmarshal(bytes.NewReader(initSection)); err != nil {
		t.Fatal(err)
	}
	var parts fmp4.Parts
	if err := parts.Unmarshal(data); err != nil {
		t.Fatal(err)
	}
	for _, part := range parts {
		for _, track := range part.Tracks {
			scale := timescale(init, track.ID)
			dts := int64(track.BaseTime)
			for _, s := range track.Samples {
				at := av.Duration(dts+int64(s.PTSOffset), scale)
				dts += int64(s.Duration)
				if scale == 90000 {
					l.pictures = append(l.pictures, pictureEntry(t, s.Payload, at))
				} else {
					l.sounds = append(l.sounds, entry{sha256.Sum256(s.Payload), at})
				}
			}
		}
	}
}

// passage is where what came stands in what was sent.
type passage struct {
	came, missing, foreign int           // entries; missing ones stand between others, foreign ones were not sent
	begin, end             time.Duration // how much later than the source has it the first and the last one are
	worst                  time.Duration // the most that a step differs from the source's
}

func (p passage) String() string {
	return fmt.Sprintf("%d came, %d missing, %d foreign, shift %v to %v, a step is %v off",
		p.came, p.missing, p.foreign, p.begin.Round(time.Millisecond), p.end.Round(time.Millisecond), p.worst.Round(100*time.Microsecond))
}

// pass finds what came in what was sent. Sources repeat: of places where as much of it fits, the one nearest to a shift counts.
func pass(sent, came []entry, shift time.Duration) (best passage) {
	if len(came) == 0 {
		return passage{missing: len(sent)}
	}
	cost := func(p passage) int { return p.missing + 10*p.foreign }
	found := false
	for first := 0; first < min(len(came), 20) && !found; first++ {
		for i, e := range sent {
			if e.sum != came[first].sum {
				continue
			}
			p := passAt(sent, came[first:], i)
			p.foreign += first
			if !found || cost(p) < cost(best) ||
				cost(p) == cost(best) && (p.begin-shift).Abs() < (best.begin-shift).Abs() {
				best, found = p, true
			}
		}
	}
	if !found {
		return passage{foreign: len(came)}
	}
	return best
}

// holds tells whether so much of what was sent between the first and the last one came, and nothing else.
func (p passage) holds(least float64) bool {
	return p.came > 1 && p.foreign == 0 && float64(p.came) >= least*float64(p.came+p.missing)
}

// checkWhole fails unless what came is one piece of what was sent, byte for byte, in pictures and in sound, and both are as
// far apart as they were; a packet of sound more or less, since those of an encoder whose file begins again do not fit into each
// other.
func checkWhole(t *testing.T, sent, came ledger) {
	t.Helper()
	checkPart(t, sent, came, 1, 50*time.Millisecond)
}

// checkPart is checkWhole where a share is enough, since packets may be lost for good, and where pictures and sound may be so
// far apart.
func checkPart(t *testing.T, sent, came ledger, least float64, apart time.Duration) {
	t.Helper()
	pictures := pass(sent.pictures, came.pictures, 0)
	sounds := pass(sent.sounds, came.sounds, pictures.begin)
	if !pictures.holds(least) || !sounds.holds(least) {
		t.Errorf("pictures: %v; sound: %v", pictures, sounds)
	}
	for _, off := range []time.Duration{sounds.begin - pictures.begin, sounds.end - pictures.end} {
		if off.Abs() > apart {
			t.Errorf("sound is %v off the picture", off)
		}
	}
}

// checkShare fails unless entries, which follow each other at one pace, are there for so much of the time from the first to the
// last.
func checkShare(t *testing.T, what string, all []entry, least float64) {
	t.Helper()
	if len(all) < 10 {
		t.Fatalf("%d %s", len(all), what)
	}
	at := make([]time.Duration, len(all))
	for i, e := range all {
		at[i] = e.at
	}
	slices.Sort(at) // B pictures come in another order
	steps := make([]time.Duration, len(at)-1)
	for i := range steps {
		steps[i] = at[i+1] - at[i]
	}
	took := at[len(at)-1] - at[0]
	slices.Sort(steps)
	usual := steps[len(steps)/2]
	if share := float64(usual) * float64(len(at)-1) / float64(took); share < least {
		t.Errorf("%d %s in %v, mostly %v apart and up to %v: %.0f %%, want %.0f", len(at), what, took, usual, steps[len(steps)-1], 100*share, 100*least)
	}
}

// passAt is pass from the place of the first one on.
func passAt(sent, came []entry, at int) passage {
	const window = 400 // entries that may be missing in a row
	p := passage{came: 1, begin: came[0].at - sent[at].at}
	p.end = p.begin
	for _, e := range came[1:] {
		next := at + 1
		for next < min(len(sent), at+window) && sent[next].sum != e.sum {
			next++
		}
		if next >= min(len(sent), at+window) {
			p.foreign++
			continue
		}
		p.came++
		p.missing += next - at - 1
		shift := e.at - sent[next].at
		p.worst = max(p.worst, (shift - p.end).Abs())
		p.end, at = shift, next
	}
	return p
}

// ledger is that of the whole pictures and the packets of sound that came, at the sender's times.
func (v *watcher) ledger(t *testing.T) (l ledger) {
	t.Helper()
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.videoReport.rtp == 0 || v.soundReport.rtp == 0 {
		t.Error("no sender reports")
	}
	for _, run := range v.runsLocked() {
		first, last := v.packets[run[0]], v.packets[run[len(run)-1]]
		if !last.marker || run[len(run)-1]-run[0] != len(run)-1 || !beginsPicture(first.payload) {
			continue
		}
		slice, _ := v.sliceLocked(run)
		l.pictures = append(l.pictures, entry{sha256.Sum256(slice), v.videoReport.at(v.begin+uint32(first.ticks), 90000)})
	}
	for i, p := range v.sound {
		l.sounds = append(l.sounds, entry{sha256.Sum256(p), v.soundReport.at(v.soundAt[i], 48000)})
	}
	return l
}

// report is what a sender says of its clocks (RFC 3550 6.4.1).
type report struct {
	ntp uint64
	rtp uint32
}

// at is the sender's time of a timestamp, within the 18 hours that 16 bits of seconds count.
func (r report) at(rtp uint32, rate int64) time.Duration {
	seconds := time.Duration(r.ntp>>32&0xffff) * time.Second
	return seconds + time.Duration(r.ntp&0xffffffff)*time.Second>>32 + time.Duration(int64(int32(rtp-r.rtp))*int64(time.Second)/rate)
}
