package transcode

import (
	"errors"
	"math"
	"slices"
	"testing"
	"time"
)

// at puts packets of n samples at their times, from start on.
func at(start time.Duration, n int, packets [][]byte) []Packet {
	out := make([]Packet, len(packets))
	for i, p := range packets {
		out[i] = Packet{PTS: start + samples(int64(i*n)), Data: p}
	}
	return out
}

// without returns the packets but those from lo to hi-1.
func without(in []Packet, lo, hi int) []Packet { return slices.Delete(slices.Clone(in), lo, hi) }

// shifted returns the packets with those from lo on by d later.
func shifted(in []Packet, lo int, d time.Duration) []Packet {
	out := slices.Clone(in)
	for i := lo; i < len(out); i++ {
		out[i].PTS += d
	}
	return out
}

// with returns the packets, the one at i having the data.
func with(in []Packet, i int, data []byte) []Packet {
	out := slices.Clone(in)
	out[i].Data = data
	return out
}

func TestTimeline(t *testing.T) {
	t.Parallel()
	const ms = time.Millisecond
	whole := at(time.Second, 960, sine(t, music20, 100, 440))
	voice := at(time.Second, 960, sine(t, opusKind{samples: 960, voice: true, fec: true}, 100, 440))
	dtx := []byte{whole[0].Data[0] &^ 3}
	late := slices.Clone(whole)
	late[50], late[51] = late[51], late[50]
	for _, c := range []struct {
		name string
		in   []Packet
		// want are the counts but Packets and Units, which follow from the rest.
		want Stats
		// length is of the sound made, in samples.
		length int64
	}{
		{"nothing lost", whole, Stats{}, 96000},
		{"RO-02 one packet lost is concealed", without(whole, 50, 51), Stats{Concealed: 960}, 96000},
		{"RO-02 100 ms lost are concealed", without(whole, 50, 55), Stats{Concealed: 4800}, 96000},
		{"RO-02 past 100 ms comes silence", without(whole, 50, 60), Stats{Concealed: 4800, Silence: 4800}, 96000},
		{"RO-05 9 s of nothing are silence", shifted(whole, 50, 9*time.Second), Stats{Concealed: 4800, Silence: 9*48000 - 4800}, 96000 + 9*48000},
		{"RO-03 a DTX pause is comfort noise", with(without(whole, 50, 70), 49, dtx), Stats{Concealed: 20 * 960}, 96000},
		{"RO-03 past 1 s of DTX comes silence", with(shifted(whole, 50, 2*time.Second), 49, dtx), Stats{Concealed: 48000, Silence: 48000}, 96000 + 96000},
		{"RFC 6716 2.1.7 one lost packet is recovered", without(voice, 50, 51), Stats{Recovered: 960}, 96000},
		{"RFC 6716 2.1.7 the last of three is recovered", without(voice, 50, 53), Stats{Concealed: 1920, Recovered: 960}, 96000},
		{"a packet that comes twice is dropped", slices.Insert(slices.Clone(whole), 51, whole[50]), Stats{Dropped: 1}, 96000},
		{"a packet that comes too late is dropped", late, Stats{Dropped: 1, Concealed: 960}, 96000},
		{"a packet that overlaps is trimmed", shifted(whole, 50, -12*ms), Stats{Trimmed: 576}, 96000 - 576},
		{"packets that lie behind are dropped", shifted(whole, 50, -200*ms), Stats{Dropped: 10}, 96000 - 10*960},
		{"8 ms ahead is followed", shifted(whole, 50, 8*ms), Stats{Inserted: 100}, 96000 + 100},
		{"8 ms behind is followed", shifted(whole, 50, -8*ms), Stats{Removed: 100}, 96000 - 100},
		{"1 ms ahead is let be", shifted(whole, 50, 1*ms), Stats{}, 96000},
		{"RO-02 an empty packet is concealed", with(whole, 50, nil), Stats{Damaged: 1, Concealed: 960}, 96000},
		{"RO-02 code 3 without a count is concealed", with(whole, 50, []byte{0xff}), Stats{Damaged: 1, Concealed: 960}, 96000},
		{"RO-02 code 3 with no frames is concealed", with(whole, 50, []byte{0xff, 0, 1, 2}), Stats{Damaged: 1, Concealed: 960}, 96000},
		{"RO-02 more than 120 ms are concealed", with(whole, 50, []byte{0xff, 48, 1, 2}), Stats{Damaged: 1, Concealed: 960}, 96000},
		{"RFC 6716 3.2.2 [R3] code 1 of odd length is concealed", with(whole, 50, []byte{0x01, 1, 2, 3}), Stats{Damaged: 1, Concealed: 960}, 96000},
		{"a time past all clocks is dropped", shifted(whole, 99, math.MaxInt64/4*3), Stats{Dropped: 1}, 96000 - 960},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			x, e := taped(t)
			var units []Packet
			for _, p := range c.in {
				var err error
				if units, err = x.Push(units, p); err != nil {
					t.Fatal(err)
				}
			}
			units, err := x.Flush(units)
			must(t, err)
			checkSteps(t, units)

			got := x.Stats()
			pad := int64(got.Silence) - int64(c.want.Silence) // what Flush added
			if length := int64(len(e.pcm)) - pad; length != c.length {
				t.Errorf("%d samples of sound, want %d", length, c.length)
			}
			if pad < 2*FrameSamples || pad >= 3*FrameSamples {
				t.Errorf("%d samples of silence, want %d and less than three frames of padding", got.Silence, c.want.Silence)
			}
			if first := units[0].PTS; first != time.Second-samples(encoderDelay) {
				t.Errorf("the first unit has PTS %v, want the delay before 1 s", first)
			}
			c.want.Packets, c.want.Units, c.want.Silence = uint64(len(c.in)), uint64(len(units)), got.Silence
			if got != c.want {
				t.Errorf("counts\n%+v, want\n%+v", got, c.want)
			}
			// A tone of half scale and 440 Hz moves by 0.0288 a sample.
			if step := maxStep(e.pcm); step > 0.06 {
				t.Errorf("the sound jumps by %.3f in one sample", step)
			}
		})
	}
}

func TestJumpAfterLongHole(t *testing.T) {
	x, e := taped(t)
	in := shifted(at(0, 960, sine(t, music20, 100, 440)), 50, 11*time.Second)
	var units []Packet
	for _, p := range in {
		var err error
		units, err = x.Push(units, p)
		must(t, err)
	}
	units, err := x.Flush(units)
	must(t, err)
	checkRising(t, units)
	if got := x.Stats(); got.Jumps != 1 || got.Concealed != 0 {
		t.Errorf("counts %+v, want one jump and nothing concealed", got)
	}
	resumed := slices.IndexFunc(units, func(u Packet) bool { return u.PTS >= 12*time.Second })
	if resumed < 0 || units[resumed].PTS != 12*time.Second {
		t.Fatalf("no unit begins at 12 s, where the sound does")
	}
	checkSteps(t, units[:resumed])
	checkSteps(t, units[resumed:])
	if before := units[resumed-1].PTS; before > time.Second {
		t.Errorf("a unit at %v inside the hole", before)
	}
	if step := maxStep(e.pcm); step > 0.06 {
		t.Errorf("the sound jumps by %.3f in one sample", step)
	}
}

func TestFirstUnitBeforeStreamStartIsDropped(t *testing.T) {
	x, _ := taped(t)
	var units []Packet
	for _, p := range at(0, 960, sine(t, music20, 10, 440)) {
		var err error
		units, err = x.Push(units, p)
		must(t, err)
	}
	if len(units) == 0 || units[0].PTS != 0 {
		t.Fatalf("units %v, want the first at 0", units)
	}
}

func TestWallIsCarried(t *testing.T) {
	x, _ := taped(t)
	origin := time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC)
	var units []Packet
	for _, p := range shifted(at(time.Second, 960, sine(t, music20, 100, 440)), 50, 20*time.Second) {
		p.Wall = origin.Add(p.PTS)
		var err error
		units, err = x.Push(units, p)
		must(t, err)
	}
	for _, u := range units {
		if off := u.Wall.Sub(origin.Add(u.PTS)); off < -time.Microsecond || off > time.Microsecond {
			t.Fatalf("the unit at %v has a wall time %v off", u.PTS, off)
		}
	}
}

func TestPacketDurations(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		kind opusKind
	}{
		{"2.5 ms", opusKind{samples: 120}},
		{"5 ms", opusKind{samples: 240}},
		{"10 ms", opusKind{samples: 480}},
		{"20 ms mono", opusKind{samples: 960, mono: true}},
		{"40 ms", opusKind{samples: 1920}},
		{"60 ms", opusKind{samples: 2880}},
		{"60 ms mono voice", opusKind{samples: 2880, mono: true, voice: true}},
		{"120 ms", opusKind{samples: 5760}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			x, e := taped(t)
			n := 48000 / c.kind.samples
			var units []Packet
			for _, p := range at(0, c.kind.samples, sine(t, c.kind, n, 440)) {
				var err error
				units, err = x.Push(units, p)
				must(t, err)
			}
			checkSteps(t, units)
			if s := x.Stats(); s != (Stats{Packets: uint64(n), Units: s.Units}) {
				t.Errorf("counts %+v, want none but packets and units", s)
			}
			if want := n * c.kind.samples / FrameSamples * FrameSamples; len(e.pcm) != want {
				t.Errorf("%d samples of sound, want %d", len(e.pcm), want)
			}
			for side, pcm := range map[string][]float32{"left": e.pcm, "right": e.right} {
				if a := goertzel(pcm[24000:], 440); a < 0.45 || a > 0.55 {
					t.Errorf("440 Hz has amplitude %.3f on the %s, want 0.5", a, side)
				}
			}
		})
	}
}

// RO-04: the output stays stereo at full level when the publisher switches to mono and back.
func TestMonoStereoSwitch(t *testing.T) {
	x, e := taped(t)
	stereo := sine(t, music20, 100, 440)
	mono := sine(t, opusKind{samples: 960, mono: true}, 100, 440)
	var mixed [][]byte
	for i := range stereo {
		mixed = append(mixed, [][]byte{stereo[i], mono[i]}[i/25%2])
	}
	for _, p := range at(0, 960, mixed) {
		_, err := x.Push(nil, p)
		must(t, err)
	}
	if s := x.Stats(); s.Damaged != 0 {
		t.Errorf("counts %+v, want nothing damaged", s)
	}
	for _, lo := range []int{12000, 36000, 60000, 84000} {
		if a := goertzel(e.right[lo:lo+9600], 440); a < 0.45 || a > 0.55 {
			t.Errorf("440 Hz has amplitude %.3f on the right at %d, want 0.5", a, lo)
		}
	}
}

// The forward error correction is nearer to the lost sound than concealment is.
func TestRecoveryBeatsConcealment(t *testing.T) {
	sweep := func(fec bool) [][]byte {
		var out [][]byte
		for i := range 10 { // the pitch moves every 200 ms, right where a packet is lost
			out = append(out, sine(t, opusKind{samples: 960, voice: true, fec: fec}, 10, 200+90*float64(i))...)
		}
		return out
	}
	packets := at(0, 960, sweep(true))
	play := func(in []Packet) []float32 {
		x, e := taped(t)
		for _, p := range in {
			_, err := x.Push(nil, p)
			must(t, err)
		}
		return e.pcm
	}
	whole := play(packets)
	holes := slices.Clone(packets)
	for i := 90; i > 0; i -= 10 {
		holes = slices.Delete(holes, i+1, i+2)
	}
	recovered := play(holes)
	concealed := play(withDamage(packets))
	if r, c := distance(whole, recovered), distance(whole, concealed); r > c/2 {
		t.Errorf("recovered sound is %.4f off, concealed %.4f: recovery should halve it", r, c)
	}
}

// withDamage returns the packets, every tenth of them damaged.
func withDamage(in []Packet) []Packet {
	out := slices.Clone(in)
	for i := 90; i > 0; i -= 10 {
		out[i+1].Data = nil
	}
	return out
}

// distance is the root of the mean square of the difference.
func distance(a, b []float32) float64 {
	var sum float64
	n := min(len(a), len(b))
	for i := range n {
		d := float64(a[i] - b[i])
		sum += d * d
	}
	return math.Sqrt(sum / float64(n))
}

// The sound follows a clock that drifts and is never 5 ms from it.
func TestDrift(t *testing.T) {
	t.Parallel()
	dtx := []byte{3<<3 | 3, 1} // SILK narrowband, one frame of 60 ms, nothing coded
	for _, ppm := range []float64{-300, 100} {
		x, e := taped(t)
		e.blank = true
		const n = 3 * 60 * 1000 / 60
		var last time.Duration = -1
		var units []Packet
		for i := range n {
			pts := time.Duration(float64(i) * 60e6 * (1 + ppm/1e6))
			var err error
			units, err = x.Push(units[:0], Packet{PTS: pts, Data: dtx})
			must(t, err)
			for _, u := range units {
				if last >= 0 && u.PTS-last < samples(FrameSamples)-1 {
					t.Fatalf("%v after %v", u.PTS, last)
				}
				last = u.PTS
			}
			if off := pts + 60*time.Millisecond - samples(x.pos); off > 5*time.Millisecond || off < -5*time.Millisecond {
				t.Fatalf("%.0f ppm: %v off after %v", ppm, off, pts)
			}
		}
		s := x.Stats()
		want := math.Abs(ppm) / 1e6 * float64(n) * 2880
		if got := float64(s.Inserted + s.Removed); math.Abs(got-want) > deadBand+2 {
			t.Errorf("%.0f ppm: %v samples in or out, want %.0f", ppm, got, want)
		}
		if s.Concealed+s.Silence+s.Dropped+s.Trimmed != 0 {
			t.Errorf("%.0f ppm: counts %+v, want only slewing", ppm, s)
		}
	}
}

// The same over a day, by the bookkeeping alone.
func TestDriftOverADay(t *testing.T) {
	t.Parallel()
	for _, ppm := range []float64{-1000, -100, 30, 1000} {
		x, _ := taped(t)
		for i := range 24 * 3600 * 50 {
			at := int64(float64(i) * 960 * (1 + ppm/1e6))
			trim, slew := x.place(at, 960, Packet{})
			x.pos += 960 - trim + slew
			if off := at + 960 - x.pos; off > 5*millis || off < -5*millis {
				t.Fatalf("%.0f ppm: %d samples off after packet %d", ppm, off, i)
			}
		}
		if s := x.Stats(); s.Concealed+s.Silence+s.Jumps != 0 {
			t.Errorf("%.0f ppm: counts %+v, want only slewing", ppm, s)
		}
	}
}

// Following a clock leaves no click: the sharpest corner of the sound is as without.
func TestSlewHasNoClick(t *testing.T) {
	t.Parallel()
	packets := sine(t, music20, 300, 3000)
	play := func(ppm float64) []float32 {
		x, e := taped(t)
		for i, p := range packets {
			_, err := x.Push(nil, Packet{PTS: time.Duration(float64(i) * 20e6 * (1 + ppm/1e6)), Data: p})
			must(t, err)
		}
		if s := x.Stats(); ppm != 0 && s.Inserted+s.Removed < 100 {
			t.Fatalf("%.0f ppm: counts %+v, want slewing", ppm, s)
		}
		return e.pcm[4800:]
	}
	still := maxCorner(play(0))
	for _, ppm := range []float64{-1500, 1500} {
		if got := maxCorner(play(ppm)); got > still*1.1 {
			t.Errorf("%.0f ppm: the sharpest corner is %.4f, without drift %.4f", ppm, got, still)
		}
	}
}

// maxCorner is the largest difference between neighbouring steps: a click shows in it long before it shows in
// the steps themselves.
func maxCorner(pcm []float32) float64 {
	var m float64
	for i := 2; i < len(pcm); i++ {
		m = max(m, math.Abs(float64(pcm[i]-2*pcm[i-1]+pcm[i-2])))
	}
	return m
}

func TestRefusedFrameIsSilenceOfTheSameLength(t *testing.T) {
	for _, frame := range []int{0, 1, 20} {
		x, e := taped(t)
		e.refuse = func(n int) bool { return n == frame }
		var units []Packet
		for _, p := range at(0, 960, sine(t, music20, 50, 440)) {
			var err error
			units, err = x.Push(units, p)
			must(t, err)
		}
		checkSteps(t, units)
		if units[0].PTS != 0 || len(units) != 46-2 {
			t.Errorf("frame %d refused: %d units from %v, want 44 from 0", frame, len(units), units[0].PTS)
		}
		if x.Stats().Restarts != 1 || e.resets != 1 {
			t.Errorf("frame %d refused: %d restarts, want 1", frame, x.Stats().Restarts)
		}
	}
}

func TestEncoderThatFailsForGoodIsAnError(t *testing.T) {
	x, e := taped(t)
	e.refuse, e.broken = func(n int) bool { return n >= 3 }, true
	packets := at(0, 960, sine(t, music20, 50, 440))
	var units []Packet
	var err error
	for _, p := range packets {
		if units, err = x.Push(units, p); err != nil {
			break
		}
	}
	if !errors.Is(err, errRefused) {
		t.Fatalf("error %v, want the encoder's", err)
	}
	if again, err := x.Push(units, packets[49]); err == nil || len(again) != len(units) {
		t.Errorf("%d units and error %v after the failure, want none and the error", len(again)-len(units), err)
	}
}

func TestFlushOfNothing(t *testing.T) {
	x, _ := taped(t)
	if units, err := x.Flush(nil); err != nil || len(units) != 0 {
		t.Errorf("%d units and %v, want none", len(units), err)
	}
}

// Data that came out is not written to again.
func TestUnitsAreImmutable(t *testing.T) {
	var a arena
	var kept [][]byte
	for i := range 2000 {
		b := []byte{byte(i), byte(i >> 8), 7}
		kept = append(kept, a.keep(b))
		clear(b)
	}
	for i, b := range kept {
		if len(b) != 3 || cap(b) != 3 || b[0] != byte(i) || b[1] != byte(i>>8) || b[2] != 7 {
			t.Fatalf("copy %d is %v with capacity %d", i, b, cap(b))
		}
	}
	if big := a.keep(make([]byte, 3*arenaSize)); len(big) != 3*arenaSize {
		t.Errorf("a copy of %d bytes, want %d", len(big), 3*arenaSize)
	}
}

// Apart from the sound that it makes nothing is allocated for a packet: a chunk of the arena now and then.
func TestPushAllocs(t *testing.T) {
	x, e := taped(t)
	e.blank = true
	packets := sine(t, music20, 100, 440)
	var units []Packet
	i := 0
	push := func() {
		units, _ = x.Push(units[:0], Packet{PTS: samples(int64(i) * 960), Data: packets[i%len(packets)]})
		i++
	}
	for range 200 {
		push()
	}
	if n := testing.AllocsPerRun(1000, push); n > 0.1 {
		t.Errorf("%v allocations a packet, want none", n)
	}
}
