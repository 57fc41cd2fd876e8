package segmenter

import (
	"slices"
	"testing"
	"time"
)

// encoder is a publisher in stream time: it makes a key frame every group (0: never by itself) and answer after it
// was asked.
type encoder struct {
	group, answer time.Duration
	lastKey       time.Duration
	due           time.Duration // of an asked key frame; 0 when none
}

func (e *encoder) key(at time.Duration) bool {
	key := at == 0 || e.group > 0 && at-e.lastKey >= e.group || e.due > 0 && at >= e.due
	if key {
		e.lastKey, e.due = at, 0
	}
	return key
}

// run drives a cutter with 25 pictures a second.
func run(c *cutter, e *encoder, seconds int) (cuts, asks []time.Duration, forced int) {
	c.video = true
	for i := range seconds * 25 {
		at := time.Duration(i) * 40 * time.Millisecond
		m := mark{dts: at, lead: true, key: e.key(at)}
		if i == 0 {
			c.begin(at)
			c.keys.came(at)
			continue
		}
		last := c.last
		v, ask := c.frame(m)
		switch v {
		case cutSegment:
			cuts = append(cuts, at-c.start)
			c.begin(at)
			c.hurry = false
		case cutForced:
			cuts = append(cuts, last-c.start)
			c.begin(last)
			forced++
		}
		if ask {
			asks = append(asks, at)
			if e.answer > 0 && e.due == 0 {
				e.due = at + e.answer
			}
		}
	}
	return cuts, asks, forced
}

func TestCutterAsks(t *testing.T) {
	cases := []struct {
		name   string
		enc    encoder
		asks   int // in 20 s
		forced int
	}{
		{"browser without key frames of its own, near", encoder{answer: 80 * time.Millisecond}, 10, 0},
		{"browser far away", encoder{answer: 400 * time.Millisecond}, 9, 0},
		{"group of 2 s fits by itself", encoder{group: 2 * time.Second, answer: 80 * time.Millisecond}, 0, 0},
		{"group of 1 s fits by itself", encoder{group: time.Second, answer: 80 * time.Millisecond}, 0, 0},
		{"group of 10 s", encoder{group: 10 * time.Second, answer: 80 * time.Millisecond}, 10, 0},
		{"group of 10 s, deaf", encoder{group: 10 * time.Second}, 16, 8},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			cut := newCutter(2*time.Second, 200*time.Millisecond)
			enc := c.enc
			cuts, asks, forced := run(&cut, &enc, 20)
			if len(asks) > c.asks || c.asks > 3 && len(asks) == 0 {
				t.Errorf("asked %d times, want at most %d: %v", len(asks), c.asks, asks)
			}
			if forced != c.forced {
				t.Errorf("%d forced cuts, want %d", forced, c.forced)
			}
			for _, d := range cuts {
				if d.Round(time.Second) > 2*time.Second {
					t.Errorf("HL-02: a segment of %v with a target duration of 2 s", d)
				}
			}
		})
	}
}

// What was asked for in a hurry does not hide the rhythm that the encoder has.
func TestCutterLearnsRhythmAfterHurry(t *testing.T) {
	c := newCutter(2*time.Second, 200*time.Millisecond)
	c.hurry = true
	_, asks, _ := run(&c, &encoder{group: 2 * time.Second, answer: 120 * time.Millisecond}, 20)
	if len(asks) != 1 {
		t.Errorf("asked at %v, although key frames come every 2 s", asks)
	}
}

// The lead follows the answers: after a few the key frame comes near the boundary.
func TestCutterLearnsLead(t *testing.T) {
	for _, answer := range []time.Duration{80 * time.Millisecond, 240 * time.Millisecond, 400 * time.Millisecond} {
		c := newCutter(2*time.Second, 200*time.Millisecond)
		cuts, _, _ := run(&c, &encoder{answer: answer}, 30)
		for _, d := range cuts[5:] {
			if d < 1900*time.Millisecond || d > 2100*time.Millisecond {
				t.Errorf("answers after %v: segments %v", answer, cuts)
				break
			}
		}
	}
}

func TestCutterLeadIsBounded(t *testing.T) {
	c := newCutter(2*time.Second, 200*time.Millisecond)
	c.keys.lead = startLead
	for i := range 20 {
		at := time.Duration(i) * 10 * time.Second
		c.keys.ask(at)
		c.keys.came(at + 5*time.Second)
	}
	if c.keys.lead > maxLead {
		t.Errorf("lead %v", c.keys.lead)
	}
	for i := range 20 {
		at := time.Duration(i) * 10 * time.Second
		c.keys.ask(at)
		c.keys.came(at)
	}
	if c.keys.lead < minLead {
		t.Errorf("lead %v", c.keys.lead)
	}
}

// In a hurry the first segment ends at a key frame at about 200 ms, which is asked for in time.
func TestCutterHurry(t *testing.T) {
	c := newCutter(2*time.Second, 200*time.Millisecond)
	c.hurry = true
	cuts, asks, _ := run(&c, &encoder{answer: 120 * time.Millisecond}, 6)
	if cuts[0] != 200*time.Millisecond || asks[0] > 80*time.Millisecond {
		t.Errorf("first segment %v, first asked after %v", cuts[0], asks[0])
	}
	if cuts[1] < 1900*time.Millisecond {
		t.Errorf("second segment %v", cuts[1])
	}
}

func TestTargetSeconds(t *testing.T) {
	var got []int
	for _, d := range ms(100, 1000, 1499, 2000, 6000) {
		got = append(got, targetSeconds(d))
		if c := newCutter(d, d); int(c.limit.Round(time.Second)/time.Second) != targetSeconds(d) {
			t.Errorf("HL-02: limit %v for target duration %d", c.limit, targetSeconds(d))
		}
	}
	if want := []int{1, 1, 1, 2, 6}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}
