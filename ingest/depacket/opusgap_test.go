package depacket

import (
	"strings"
	"testing"
	"time"

	"weir/mux/av"
	"weir/mux/codec/opus"
)

// came is an Opus packet at its time in ms.
type came struct {
	at, arrival int // ms
	data        []byte
	lost        int
}

// checkWhole fails unless the units follow on one another without a hole or an overlap of more than the shortest
// frame, and returns where they end.
func checkWhole(t *testing.T, units []Unit) uint32 {
	t.Helper()
	var next uint32
	for i, u := range units {
		d, err := opus.PacketDuration(u.Data)
		if err != nil {
			t.Fatalf("unit %d: %v", i, err)
		}
		if hole := int32(u.Timestamp - next); i > 0 && (hole < -120 || hole >= 120) {
			t.Fatalf("unit %d of %d begins %d samples off", i, len(units), hole)
		}
		if !u.Key {
			t.Errorf("unit %d cannot be joined at", i)
		}
		next = u.Timestamp + uint32(av.Ticks(d, opus.ClockRate))
	}
	return next
}

// TestOpusGaps is RO-03 and what goes with it: no hole in the sound, whatever is missing.
func TestOpusGaps(t *testing.T) {
	const ms = time.Millisecond
	var (
		music  = []byte{31 << 3, 1, 2, 3}               // CELT, 20 ms
		stereo = []byte{31<<3 | 4, 1, 2, 3}             // the same in stereo
		voice  = []byte{9 << 3, 1, 2, 3}                // SILK, 20 ms
		long   = []byte{11 << 3, 1, 2, 3}               // SILK, 60 ms
		many   = []byte{31<<3 | 3, 6, 1, 2, 3, 4, 5, 6} // CELT, 6 times 20 ms
		pause  = []byte{9 << 3}                         // SILK, 20 ms, nothing coded
		bad    = []byte{31<<3 | 3, 0}                   // no frames
		cases  = []struct {
			name  string
			in    []came
			end   int // ms
			units int
			stats AudioStats // but Units
		}{
			{"one lost", []came{{0, 0, music, 0}, {40, 40, music, 1}}, 60, 3, AudioStats{Gaps: 1, Concealed: 20 * ms}},
			{"in stereo", []came{{0, 0, stereo, 0}, {60, 40, stereo, 2}}, 80, 4, AudioStats{Gaps: 1, Concealed: 40 * ms}},
			{"RO-02 60 ms", []came{{0, 0, long, 0}, {120, 120, long, 1}}, 180, 3, AudioStats{Gaps: 1, Concealed: 60 * ms}},
			{"RO-02 120 ms", []came{{0, 0, many, 0}, {240, 240, many, 1}}, 360, 8, AudioStats{Gaps: 1, Concealed: 120 * ms}},
			{"lost while the packets become shorter", []came{{0, 0, long, 0}, {100, 80, voice, 1}}, 120, 3, AudioStats{Gaps: 1, Concealed: 40 * ms}},
			{"a packet that is none", []came{{0, 0, music, 0}, {20, 20, bad, 0}, {40, 40, music, 0}}, 60, 3, AudioStats{Damaged: 1, Gaps: 1, Concealed: 20 * ms}},
			{"RO-03 DTX", []came{{0, 0, pause, 0}, {420, 420, voice, 0}}, 440, 22, AudioStats{Paused: 400 * ms}},
			{"RO-03 a refresh lost in a pause", []came{{0, 0, pause, 0}, {820, 820, voice, 1}}, 840, 42, AudioStats{Gaps: 1, Concealed: 800 * ms}},
			{"came twice", []came{{0, 0, music, 0}, {20, 20, music, 0}, {20, 21, music, 0}, {40, 40, music, 0}}, 60, 3, AudioStats{Dropped: 1}},
			{"an outage of 3 s", []came{{0, 0, music, 0}, {3020, 3020, music, 150}}, 3040, 152, AudioStats{Gaps: 1, Concealed: 3 * time.Second}},
			{"another time: an outage of 6 s", []came{{0, 0, music, 0}, {6020, 6020, music, 300}}, 6040, 2, AudioStats{}},
			{"another source before", []came{{5000, 0, music, 0}, {0, 20, music, 0}}, 20, 2, AudioStats{}},
			{"another source behind", []came{{0, 0, music, 0}, {5000, 20, music, 0}}, 5020, 2, AudioStats{}},
		}
	)
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var got collector
			d := NewOpus(&got, 1)
			const base = 1<<32 - 480 // RH-05: wraps
			for _, p := range c.in {
				d.packet(&Packet{Timestamp: base + uint32(48*p.at), Arrival: time.Duration(p.arrival) * ms, Payload: p.data}, p.lost)
			}
			c.stats.Units = uint64(c.units)
			if s := d.Stats(); s != c.stats || len(got.units) != c.units {
				t.Errorf("%d units, %+v\nwant %d, %+v", len(got.units), s, c.units, c.stats)
			}
			if !strings.HasPrefix(c.name, "another") {
				checkWhole(t, got.units)
			}
			u := got.units[len(got.units)-1]
			d1, _ := opus.PacketDuration(u.Data)
			if end := u.Timestamp + uint32(av.Ticks(d1, 48000)) - base; end != uint32(48*c.end) {
				t.Errorf("ends at %d ms, want %d", end/48, c.end)
			}
		})
	}
}

// RO-03: a pause is filled while it lasts, behind the jitter that may be; what comes after all is dropped, and what
// goes on is not disturbed.
func TestOpusPauseIsFilledInTime(t *testing.T) {
	const ms = time.Millisecond
	var got collector
	d := NewOpus(&got, 1)
	voice, pause := []byte{9 << 3, 1, 2, 3}, []byte{9 << 3, 0}
	send := func(at, arrival int, data []byte) {
		d.packet(&Packet{Timestamp: uint32(48 * at), Arrival: time.Duration(arrival) * ms, Payload: data}, 0)
	}
	send(0, 50, voice)
	d.Tick(time.Second)
	if len(got.units) != 1 {
		t.Fatalf("%d units: a sender that said nothing of a pause is not filled", len(got.units))
	}
	send(20, 70, pause)
	for now := 100; now <= 400; now += 100 {
		d.Tick(time.Duration(now) * ms)
		// Packets of before now-fillDelay would have come.
		if end, want := int(checkWhole(t, got.units)/48)+50, now-120; end > max(want, 90) || end < want-20 {
			t.Errorf("at %d ms it is filled up to %d, want %d", now, end, want)
		}
	}
	send(200, 410, voice) // a spurt of which the start comes too late
	send(220, 411, voice)
	send(240, 412, voice)
	send(260, 420, pause)
	if s := d.Stats(); s.Dropped != 1 || checkWhole(t, got.units) != 48*280 {
		t.Errorf("%+v, ends at %d ms", s, checkWhole(t, got.units)/48)
	}
	d.Tick(time.Hour)
	if end := checkWhole(t, got.units); end != 48*2280 {
		t.Errorf("a pause without end is filled up to %d ms", end/48)
	}
	n := len(got.units)
	d.Tick(2 * time.Hour)
	send(60000, 7200000, voice)
	if len(got.units) != n+1 || !got.units[n-1].Made || got.units[n].Made {
		t.Errorf("%d units behind a pause without end", len(got.units)-n)
	}
	if s := d.Stats(); s.Gaps != 0 || s.Concealed != 0 {
		t.Errorf("a pause is no loss: %+v", s)
	}
}

// FuzzOpusGaps has packets at any time, with ticks in between: what comes out is well formed, and of bounded number.
func FuzzOpusGaps(f *testing.F) {
	f.Add([]byte{9 << 3, 1, 9 << 3, 2, 0x80, 200, 31<<3 | 3, 7})
	f.Add([]byte{0, 0, 255, 255, 13 << 3, 90, 12 << 3, 3})
	f.Fuzz(func(t *testing.T, steps []byte) {
		var got collector
		d := NewOpus(&got, 1)
		ts, now := uint32(0), time.Duration(0)
		for i := 0; i+1 < len(steps) && i < 64; i += 2 {
			n := len(got.units)
			ts += uint32(int32(int8(steps[i+1]))) * 120
			now += time.Duration(steps[i+1]) * time.Millisecond
			if steps[i] == 0x80 {
				d.Tick(now)
			} else {
				d.packet(&Packet{Timestamp: ts, Arrival: now, Payload: []byte{steps[i] &^ 3}}, int(steps[i]&3))
			}
			if made := len(got.units) - n; made > 1+int(maxOutage/(2500*time.Microsecond)) {
				t.Fatalf("%d units at once", made)
			}
		}
		for _, u := range got.units {
			if _, err := opus.PacketDuration(u.Data); err != nil {
				t.Fatal(err)
			}
		}
	})
}
