package live

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"weir/mux/av"
	"weir/mux/codec/aac"
	"weir/mux/codec/opus"
)

var (
	stereoTrack = av.Track{ID: 2, Codec: av.CodecOpus, ClockRate: 48000, Channels: 2, Config: opus.AppendHead(nil, 2, 0)}
	aacTrack    = av.Track{ID: 2, Codec: av.CodecAAC, ClockRate: 44100, Channels: 1, Config: aac.AppendConfig(nil, 44100, 1)}
)

// sound is a packet of 20 ms, or a unit of AAC.
func sound(tr av.Track, at time.Duration) *av.Frame {
	data := opus.Silence(2)
	if tr.Codec == av.CodecAAC {
		data = []byte{1}
	}
	return &av.Frame{Track: tr.ID, Codec: tr.Codec, Key: true, DTS: at, PTS: at, Data: data}
}

// length is how long a packet of the track is.
func length(tr av.Track) time.Duration {
	if tr.Codec == av.CodecAAC {
		return av.Duration(aac.SamplesPerFrame, 44100)
	}
	return 20 * ms
}

// stretch is pictures and sounds from one time to another.
type stretch struct {
	from, to     int // ms
	video, audio bool
	skew         int // ms by which sound is stamped later than it is written
}

// perform writes what the stretches say, 25 pictures a second, and returns how many sounds were dropped as late.
func perform(t testing.TB, p *Publisher, tr av.Track, stretches ...stretch) (late int) {
	t.Helper()
	for _, s := range stretches {
		next := time.Duration(s.from) * ms
		for at := s.from; at < s.to; at++ {
			now := time.Duration(at) * ms
			if s.video && (at-s.from)%40 == 0 {
				mustWrite(t, p, video(now, (at-s.from)%1000 == 0))
			}
			for ; s.audio && next <= now; next += length(tr) {
				err := p.Write(sound(tr, next+time.Duration(s.skew)*ms))
				if errors.Is(err, ErrLate) {
					late++
				} else if err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	return late
}

// audioOf checks the sound that readers get and returns it: times rise, no two packets overlap, and what lies between
// two packets is less than one, but for holes of which there may be some.
func audioOf(t testing.TB, frames []Frame, tr av.Track, holes int) (all []Frame, silent int) {
	t.Helper()
	packet := opus.Silence(2)
	if tr.Codec == av.CodecAAC {
		packet = aac.AppendSilence(nil, 1)
	}
	for _, f := range frames {
		if f.Kind != av.KindMedia || f.Track != tr.ID {
			continue
		}
		if string(f.Data) == string(packet) {
			silent++
		}
		if n := len(all); n > 0 {
			switch gap := f.DTS - all[n-1].DTS - length(tr); {
			case gap < -time.Microsecond:
				t.Errorf("the packet at %v begins %v before the one before it ends", f.DTS, -gap)
			case gap >= length(tr):
				holes--
			}
		}
		all = append(all, f)
	}
	if holes < 0 {
		t.Errorf("%d holes too many in the sound", -holes)
	}
	return all, silent
}

func TestSilence(t *testing.T) {
	for _, c := range []struct {
		name      string
		tr        av.Track
		stretches []stretch
		fill      bool
		holes     int
		late      int
		from, to  int // ms: where the sound begins and ends, within a packet
	}{
		{
			name: "sound all along", tr: stereoTrack, to: 5000,
			stretches: []stretch{{0, 5000, true, true, 0}},
		},
		{
			name: "sound far behind the pictures", tr: stereoTrack, from: -900, to: 4100,
			stretches: []stretch{{0, 5000, true, true, -900}},
		},
		{
			name: "a pause of 460 ms, as of an encoder that leaves silence out", tr: stereoTrack, to: 3000, holes: 1,
			stretches: []stretch{{0, 1000, true, true, 0}, {1000, 1460, true, false, 0}, {1460, 3000, true, true, 0}},
		},
		{
			name: "held back for 600 ms behind a lost packet", tr: stereoTrack, to: 2360,
			stretches: []stretch{{0, 1000, true, true, 0}, {1000, 1640, true, false, 0}, {1640, 3000, true, true, -640}},
		},
		{
			name: "muted for 10 s", tr: stereoTrack, fill: true, to: 13000,
			stretches: []stretch{{0, 1000, true, true, 0}, {1000, 11010, true, false, 0}, {11010, 13000, true, true, 0}},
		},
		{
			name: "muted for 10 s, AAC of 44.1 kHz", tr: aacTrack, fill: true, to: 13000,
			stretches: []stretch{{0, 1000, true, true, 0}, {1000, 11010, true, false, 0}, {11010, 13000, true, true, 0}},
		},
		{
			name: "sound comes back too early for its time", tr: stereoTrack, fill: true, late: 10, to: 5700,
			stretches: []stretch{{0, 1000, true, true, 0}, {1000, 3001, true, false, 0}, {3001, 6000, true, true, -300}},
		},
		{
			name: "sound was far behind, and is so again", tr: stereoTrack, fill: true, from: -900, to: 5100,
			stretches: []stretch{{0, 1000, true, true, -900}, {1000, 3001, true, false, 0}, {3001, 6000, true, true, -900}},
		},
		{
			name: "announced, comes 10 s late", tr: stereoTrack, fill: true, to: 12000,
			stretches: []stretch{{0, 10000, true, false, 0}, {10000, 12000, true, true, 0}},
		},
		{
			name: "announced, never comes", tr: aacTrack, fill: true, to: 4860,
			stretches: []stretch{{0, 5000, true, false, 0}},
		},
		{
			name: "pictures stand still as well: a hole in both", tr: stereoTrack, holes: 1, to: 6000,
			stretches: []stretch{{0, 1000, true, true, 0}, {4000, 6000, true, true, 0}},
		},
		{
			name: "one picture in 3 s", tr: stereoTrack, fill: true, to: 15880,
			stretches: []stretch{{0, 1000, true, true, 0}, {1000, 1001, true, false, 0}, {4000, 4001, true, false, 0}, {7000, 7001, true, false, 0}, {10000, 10001, true, false, 0}, {13000, 13001, true, false, 0}, {16000, 16001, true, false, 0}},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			inBubble(t, testOptions(), func(t *testing.T, reg *Registry) {
				p := mustPublish(t, reg, PublishOptions{Tracks: 2, Audio: &c.tr})
				mustWrite(t, p, config(videoTrack, 0))
				announced := !c.stretches[0].audio
				if !announced {
					mustWrite(t, p, config(c.tr, 0))
				}
				late := perform(t, p, c.tr, c.stretches[0])
				if announced {
					time.Sleep(time.Second) // simulated: the track wait
					synctest.Wait()
					mustWrite(t, p, video(time.Duration(c.stretches[0].to)*ms-1, false))
				}
				r := p.Stream().NewReader(ReaderOptions{Start: StartOldest})
				defer r.Close()
				got := readAll(t, r)
				for _, s := range c.stretches[1:] {
					late += perform(t, p, c.tr, s)
					got = append(got, readAll(t, r)...)
				}
				all, _ := audioOf(t, got, c.tr, c.holes)
				if late != c.late {
					t.Errorf("%d packets were late, want %d", late, c.late)
				}
				if len(all) == 0 {
					t.Fatal("no sound")
				}
				from, to := time.Duration(c.from)*ms, time.Duration(c.to)*ms
				if at := all[0].DTS; (at - from).Abs() >= length(c.tr) {
					t.Errorf("sound begins at %v, want %v", at, from)
				}
				if end := all[len(all)-1].DTS + length(c.tr); (end - to).Abs() > 2*length(c.tr) {
					t.Errorf("sound ends at %v, want %v", end, to)
				}
				if i := p.Stream().Info(); (i.Silent > 0) != c.fill || i.Misfits != uint64(c.late) {
					t.Errorf("%d packets of silence, %d misfits", i.Silent, i.Misfits)
				}
			})
		})
	}
}

// TestSilenceIsNotMadeForAPause: what a publisher did not send while it was away is no hole in its sound.
func TestSilenceIsNotMadeForAPause(t *testing.T) {
	p := mustPublish(t, runRegistry(t, testOptions()), PublishOptions{Tracks: 2})
	mustWrite(t, p, config(videoTrack, 0), config(stereoTrack, 0))
	perform(t, p, stereoTrack, stretch{0, 1000, true, true, 0})
	p.Interrupt(errTest)
	perform(t, p, stereoTrack, stretch{9000, 12000, true, false, 0})
	// Silence from where pictures came back, less by how far sound is behind them, up to now.
	if n := p.Stream().Info().Silent; n < 140 || n > 150 {
		t.Errorf("%d packets of silence for 3 s", n)
	}
}

// TestSilenceBeforeAPause is not drawn out over it by the sound that ends it.
func TestSilenceBeforeAPause(t *testing.T) {
	p := mustPublish(t, runRegistry(t, testOptions()), PublishOptions{Tracks: 2})
	mustWrite(t, p, config(videoTrack, 0), config(stereoTrack, 0))
	perform(t, p, stereoTrack, stretch{0, 1000, true, true, 0}, stretch{1000, 3000, true, false, 0})
	before := p.Stream().Info().Silent
	p.Interrupt(errTest)
	mustWrite(t, p, sound(stereoTrack, 8000*ms))
	if n := p.Stream().Info().Silent - before; before == 0 || n != 0 {
		t.Errorf("%d packets of silence for the pause, %d before it", n, before)
	}
}

// TestSilenceBehindAPauseThatSoundEnded: the pause is over with the first sound, and what lacks behind that is a hole.
func TestSilenceBehindAPauseThatSoundEnded(t *testing.T) {
	p := mustPublish(t, runRegistry(t, longOptions()), PublishOptions{Tracks: 2})
	r := p.Stream().NewReader(ReaderOptions{Start: StartOldest})
	defer r.Close()
	mustWrite(t, p, config(videoTrack, 0), config(stereoTrack, 0))
	perform(t, p, stereoTrack, stretch{0, 1000, true, true, 0})
	p.Interrupt(errTest)
	mustWrite(t, p, sound(stereoTrack, 5000*ms))
	perform(t, p, stereoTrack, stretch{5900, 9000, true, false, 0})
	audioOf(t, readAll(t, r), stereoTrack, 1) // of the pause
}

// TestPromisedTrackIsThere: who joins behind the track wait is told of sound, of the kind that was announced, and the
// real sound changes nothing.
func TestPromisedTrackIsThere(t *testing.T) {
	inBubble(t, testOptions(), func(t *testing.T, reg *Registry) {
		p := mustPublish(t, reg, PublishOptions{Tracks: 2, Audio: &stereoTrack})
		mustWrite(t, p, config(videoTrack, 0))
		perform(t, p, stereoTrack, stretch{0, 900, true, false, 0})
		r := p.Stream().NewReader(ReaderOptions{})
		defer r.Close()
		ts, err := r.Start(t.Context())
		if err != nil || ts.Audio() == nil || !ts.Audio().Same(&stereoTrack) {
			t.Fatalf("the joiner gets %+v, %v", ts, err)
		}
		readAll(t, r)
		mustWrite(t, p, config(stereoTrack, 1000*ms))
		perform(t, p, stereoTrack, stretch{1000, 2000, true, true, 0})
		if got := changes(readAll(t, r)); len(got) != 0 {
			t.Errorf("readers are told %v", got)
		}
	})
}

// TestSilenceProperties: whatever comes, the sound's times rise, nothing overlaps, there is less than a packet between
// silence and sound, and once pictures have gone on for a second without sound there is silence up to shortly before them.
func TestSilenceProperties(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var (
			s      silence
			tr     = rapid.SampledFrom([]av.Track{stereoTrack, aacTrack}).Draw(rt, "track")
			end    time.Duration // of the sound so far
			silent bool          // the newest packet
			joined bool          // there must be no hole before the next sound
			alone  time.Duration // pictures since the last sound
			heard  time.Duration // where the publisher's sound stands
			at     time.Duration
			made   []*av.Frame
		)
		take := func(frames []*av.Frame, sentBy string) {
			if len(frames) > int(maxSilence/length(tr))+1 {
				rt.Fatalf("%d packets for one %s", len(frames), sentBy)
			}
			for _, f := range frames {
				if f.DTS < end-time.Microsecond {
					rt.Fatalf("silence at %v before %v", f.DTS, end)
				}
				end, silent, joined = f.DTS+length(tr), true, true
			}
		}
		s.configure(&tr, 0)
		for range rapid.IntRange(1, 300).Draw(rt, "events") {
			step := time.Duration(rapid.IntRange(0, 60_000).Draw(rt, "step")) * time.Microsecond
			if rapid.IntRange(0, 30).Draw(rt, "stop") == 0 {
				step += time.Duration(rapid.IntRange(0, 12_000).Draw(rt, "stopped")) * ms
			}
			at += step
			switch rapid.IntRange(0, 5).Draw(rt, "event") {
			case 0:
				heard = max(heard+time.Microsecond, at+time.Duration(rapid.IntRange(-1500, 200).Draw(rt, "skew"))*ms)
				f := sound(tr, heard)
				if alone = 0; s.late(f) {
					if !silent || f.DTS >= end+time.Microsecond {
						rt.Fatalf("sound at %v is late behind %v", f.DTS, end)
					}
					continue
				}
				must := joined
				take(s.sound(made[:0], f), "sound")
				if gap := f.DTS - end; must && (gap < -time.Microsecond || gap >= length(tr) && gap <= maxSilence) {
					rt.Fatalf("%v between silence and sound", gap)
				}
				end, silent, joined, heard = f.DTS+length(tr), false, false, f.DTS+length(tr)
			case 1:
				if rapid.IntRange(0, 5).Draw(rt, "away") == 0 {
					s.resume()
					alone, joined = 0, false
				}
			default:
				if s.pictures {
					alone += min(max(at-s.newest, 0), silenceStep)
				}
				f := video(at, false)
				fill := s.picture(made[:0], f)
				take(fill, "picture")
				if len(fill) > 0 && end > at-minLag+time.Microsecond {
					rt.Fatalf("silence to %v before a picture at %v", end, at)
				}
				if gap := at - end; alone > time.Second && silent && gap > maxLag+length(tr) && gap <= maxSilence {
					rt.Fatalf("silence ends at %v, pictures are at %v", end, at)
				}
			}
		}
	})
}
