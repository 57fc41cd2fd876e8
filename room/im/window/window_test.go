package window

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"weir/room/im"
)

var begin = time.Unix(1_700_000_000, 0)

func random(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 1)) }

// message is what the tests send.
type message struct {
	n      int
	p      im.Priority
	sender int
}

// feed sends so many of each class a second, evenly mixed, for some seconds, and counts what goes by class in each
// second of the windows' ends. A flow of one window's length is offset by phase.
func feed(w *Window[message], perSecond map[im.Priority]int, seconds int, length, phase time.Duration) (went [][classes]int) {
	total := 0
	for _, n := range perSecond {
		total += n
	}
	due := map[im.Priority]int{}
	went = make([][classes]int, seconds+1)
	end := begin.Add(phase)
	takeUntil := func(now time.Time) {
		for !end.After(now) {
			chosen, _ := w.Take(end, nil, nil)
			for _, m := range chosen {
				went[int(end.Add(-1).Sub(begin)/time.Second)][m.p.Rank()]++
			}
			end = end.Add(length)
		}
	}
	order := []im.Priority{im.Low, im.Normal, im.High, im.Lowest}
	for i := range total * seconds {
		now := begin.Add(time.Duration(i) * time.Second / time.Duration(total))
		takeUntil(now)
		// Whose share is the furthest behind.
		best, most := im.Normal, -1
		for _, p := range order {
			due[p] += perSecond[p]
			if due[p] > most && perSecond[p] > 0 {
				best, most = p, due[p]
			}
		}
		due[best] -= total
		w.Add(now, best, false, message{n: i, p: best})
	}
	takeUntil(begin.Add(time.Duration(seconds)*time.Second + length))
	return went
}

// 80 messages a second: all of High, all of Normal, and nothing of Low, from the first second on, however the windows
// lie.
func TestD05_EightyASecond(t *testing.T) {
	for _, length := range []time.Duration{100 * time.Millisecond, 125 * time.Millisecond, 200 * time.Millisecond, 250 * time.Millisecond} {
		w := New[message](Options{Random: random(1), Length: length})
		went := feed(w, map[im.Priority]int{im.High: 10, im.Normal: 30, im.Low: 40}, 10, length, length)
		for second, got := range went[:10] {
			if want := [classes]int{10, 30, 0, 0}; got != want {
				t.Errorf("%v, second %d: %v, want %v", length, second, got, want)
			}
		}
	}
}

// At 40 messages a second, of whatever priorities, nothing is cut.
func TestD05_FortyASecond(t *testing.T) {
	for _, mix := range []map[im.Priority]int{
		{im.High: 5, im.Normal: 15, im.Low: 20},
		{im.Low: 40},
		{im.Normal: 40},
		{im.High: 40},
		{im.High: 1, im.Normal: 2, im.Low: 3, im.Lowest: 34},
	} {
		w := New[message](Options{Random: random(1)})
		sum := [classes]int{}
		for _, got := range feed(w, mix, 20, 250*time.Millisecond, 250*time.Millisecond) {
			for rank, n := range got {
				sum[rank] += n
			}
		}
		for p, n := range mix {
			if sum[p.Rank()] != 20*n {
				t.Errorf("%v: %v went in 20 s: %d of %s, want %d", mix, sum, sum[p.Rank()], p, 20*n)
			}
		}
	}
}

// A room that was quiet has its quota of a second at once, and the more important messages get it.
func TestBurst(t *testing.T) {
	for _, test := range []struct {
		name string
		came map[im.Priority]int
		want [classes]int
	}{
		{"the quota of one class", map[im.Priority]int{im.Low: 40}, [classes]int{0, 0, 40, 0}},
		{"the quota, mixed", map[im.Priority]int{im.High: 5, im.Normal: 15, im.Low: 20}, [classes]int{5, 15, 20, 0}},
		{"twice the quota", map[im.Priority]int{im.High: 10, im.Normal: 30, im.Low: 40}, [classes]int{10, 30, 0, 0}},
		{"High alone is more", map[im.Priority]int{im.High: 50, im.Normal: 5}, [classes]int{40, 0, 0, 0}},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := New[message](Options{Random: random(1)})
			n := 0
			for p, count := range test.came {
				for range count {
					w.Add(begin, p, false, message{n: n, p: p})
					n++
				}
			}
			chosen, _ := w.Take(begin.Add(250*time.Millisecond), nil, nil)
			got := [classes]int{}
			for _, m := range chosen {
				got[m.p.Rank()]++
			}
			if got != test.want {
				t.Errorf("went: %v, want %v", got, test.want)
			}
		})
	}
}

// High that finds no quota goes as soon as there is some, before all others, and after a second in any case.
func TestHighWaitsForQuota(t *testing.T) {
	w := New[message](Options{Random: random(1)})
	at := begin
	window := func(high, normal int) (chosen [classes]int) {
		for i := range high + normal {
			p := im.High
			if i >= high {
				p = im.Normal
			}
			w.Add(at, p, false, message{p: p})
		}
		at = at.Add(250 * time.Millisecond)
		got, cut := w.Take(at, nil, nil)
		for _, m := range got {
			chosen[m.p.Rank()]++
		}
		for _, m := range cut {
			if m.p == im.High {
				t.Error("High was cut")
			}
		}
		return chosen
	}
	for i, step := range []struct {
		high, normal int
		want         [classes]int
	}{
		{0, 40, [classes]int{0, 40}},
		{3, 5, [classes]int{}}, // the quota is used up
		{2, 5, [classes]int{}},
		{0, 0, [classes]int{}},
		{0, 60, [classes]int{5, 27}}, // with what High may bring left out
		{50, 0, [classes]int{8, 0}},  // what the quota has
		{0, 0, [classes]int{}},
		{0, 0, [classes]int{}},
		{0, 0, [classes]int{42, 0}}, // waited for a second
	} {
		if got := window(step.high, step.normal); got != step.want {
			t.Fatalf("window %d: went %v, want %v", i, got, step.want)
		}
	}
}

// What comes after the planned end of a window, and before a timer fires, waits for the next one.
func TestLateIsOfTheNextWindow(t *testing.T) {
	w := New[int](Options{Random: random(1)})
	end := begin.Add(250 * time.Millisecond)
	for i, at := range []int{0, 250, 251, 260} {
		w.Add(begin.Add(time.Duration(at)*time.Millisecond), [...]im.Priority{im.Low, im.Normal, im.High, im.Low}[i], false, i)
	}
	if chosen, _ := w.Take(end, nil, nil); !slices.Equal(chosen, []int{0, 1}) {
		t.Errorf("went: %v", chosen)
	}
	if all, high := w.Waiting(); all != 2 || high != 1 {
		t.Errorf("%d wait, %d of High", all, high)
	}
	if chosen, _ := w.Take(end.Add(250*time.Millisecond), nil, nil); !slices.Equal(chosen, []int{2, 3}) {
		t.Errorf("then went: %v", chosen)
	}
}

// Each class below High has a quota of its own, which exempt messages do not use.
func TestPerClass(t *testing.T) {
	w := New[message](Options{PerSecond: 100, PerClass: 10, Random: random(1)})
	for i := range 30 {
		w.Add(begin, im.Normal, i < 5, message{n: i, sender: i})
		w.Add(begin, im.High, false, message{p: im.High})
		w.Add(begin, im.Lowest, false, message{p: im.Lowest})
	}
	chosen, cut := w.Take(begin.Add(time.Millisecond), nil, nil)
	exempt, normal := 0, 0
	for _, m := range chosen {
		if m.p == im.Normal && m.sender < 5 {
			exempt++
		} else if m.p == im.Normal {
			normal++
		}
	}
	if exempt != 5 || normal != 10 || len(chosen) != 30+5+10+10 || len(cut) != 15+20 {
		t.Errorf("went: %d exempt, %d of Normal, %d in all, %d were cut", exempt, normal, len(chosen), len(cut))
	}
}

// Whatever comes: the quota holds in every second, no message is lost or goes twice, High is never cut, nothing goes
// before what came before it, and nothing goes in the place of something more important.
func TestRule(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		quota := rapid.IntRange(1, 50).Draw(t, "quota")
		length := time.Duration(rapid.IntRange(20, 300).Draw(t, "length")) * time.Millisecond
		w := New[message](Options{PerSecond: quota, PerClass: quota, Length: length, Random: random(rapid.Uint64().Draw(t, "seed"))})
		type went struct {
			at time.Time
			n  int
		}
		var (
			now     = begin
			log     []went
			came    = map[int]time.Time{}
			waiting = map[int]bool{}
			last    = -1
			n       int
		)
		for range rapid.IntRange(1, 25).Draw(t, "windows") {
			most := rapid.SampledFrom([]int{0, 2, quota / 3, 2 * quota}).Draw(t, "most")
			at := now
			for i := range rapid.IntRange(0, most).Draw(t, "messages") {
				if i == 0 || rapid.IntRange(0, 9).Draw(t, "pause") == 0 {
					at = at.Add(time.Duration(rapid.IntRange(0, int(length/2)).Draw(t, "at")))
				}
				m := message{n: n, p: rapid.SampledFrom([]im.Priority{im.High, im.Normal, im.Low, im.Lowest}).Draw(t, "priority")}
				n++
				came[m.n], waiting[m.n] = at, true
				if cut, full := w.Add(at, m.p, rapid.Bool().Draw(t, "exempt"), m); full {
					delete(waiting, cut.n)
				}
			}
			now = now.Add(time.Duration(rapid.IntRange(1, 3).Draw(t, "step")) * length)
			chosen, cut := w.Take(now, nil, nil)

			overdue := 0
			worst := -1
			for _, m := range chosen {
				if !waiting[m.n] {
					t.Fatalf("message %d goes twice, or was cut", m.n)
				}
				delete(waiting, m.n)
				if m.n <= last {
					t.Fatalf("message %d goes after message %d", m.n, last)
				}
				last = m.n
				worst = max(worst, m.p.Rank())
				if m.p == im.High && now.Sub(came[m.n]) >= time.Second {
					overdue++
				}
			}
			for _, m := range cut {
				if !waiting[m.n] {
					t.Fatalf("message %d is cut after it went or was cut", m.n)
				}
				delete(waiting, m.n)
				if m.p == im.High {
					t.Fatalf("message %d of High was cut", m.n)
				}
				if m.p.Rank() < worst {
					t.Fatalf("message %d of %s was cut, and something less important went", m.n, m.p)
				}
			}
			log = append(log, went{now, len(chosen)})
			sum := 0
			for _, l := range log {
				if now.Sub(l.at) < time.Second {
					sum += l.n
				}
			}
			if sum > quota && overdue < len(chosen) {
				t.Fatalf("%d messages in a second, the quota is %d", sum, quota)
			}
			if all, _ := w.Waiting(); all != len(waiting) {
				t.Fatalf("%d wait, want %d", all, len(waiting))
			}
		}
	})
}

// Of one priority alone nothing is cut while no second of windows has more than the quota.
func TestNothingIsCutWithinQuota(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const quota, perSecond = 40, 4
		p := rapid.SampledFrom([]im.Priority{im.High, im.Normal, im.Low, im.Lowest}).Draw(t, "priority")
		w := New[message](Options{Random: random(1)})
		var came []int
		for i := range 30 {
			room := quota
			for _, n := range came[max(0, len(came)-perSecond+1):] {
				room -= n
			}
			n := rapid.IntRange(0, room).Draw(t, "messages")
			came = append(came, n)
			at := begin.Add(time.Duration(i) * 250 * time.Millisecond)
			for range n {
				w.Add(at.Add(time.Duration(rapid.IntRange(0, 249).Draw(t, "ms"))*time.Millisecond), p, false, message{p: p})
			}
			chosen, cut := w.Take(at.Add(250*time.Millisecond), nil, nil)
			if len(chosen) != n || len(cut) > 0 {
				t.Fatalf("window %d of %v: %d went, %d were cut", i, came, len(chosen), len(cut))
			}
		}
	})
}

// Of the class that is cut each message has the same chance, also where more came than wait.
func TestChoiceIsUniform(t *testing.T) {
	const runs = 4000
	for _, came := range []int{80, 400} {
		r := random(7)
		times := make([]int, came)
		for range runs {
			w := New[int](Options{Random: r})
			for i := range came {
				w.Add(begin, im.Low, false, i)
			}
			chosen, _ := w.Take(begin.Add(250*time.Millisecond), nil, nil)
			if len(chosen) != 40 || !slices.IsSorted(chosen) {
				t.Fatalf("went: %v", chosen)
			}
			for _, i := range chosen {
				times[i]++
			}
		}
		// Pearson's chi square of came-1 degrees of freedom, which samples without replacement stay below: not above its
		// mean by more than four standard deviations. The seed is fixed: the figure is the same in each run.
		want := float64(runs*40) / float64(came)
		chi := 0.0
		for _, n := range times {
			chi += (float64(n) - want) * (float64(n) - want) / want
		}
		if df := float64(came - 1); chi > df+4*math.Sqrt(2*df) {
			t.Errorf("of %d messages the choice is not even: chi square %.0f", came, chi)
		}
	}
}

// What waits is bounded, High by more, and what is given back is what is gone.
func TestMemoryIsBounded(t *testing.T) {
	w := New[int](Options{PerSecond: 10, Random: random(1)})
	for _, test := range []struct {
		p     im.Priority
		bound int
	}{{im.High, 160}, {im.Normal, 40}, {im.Low, 40}, {im.Lowest, 40}} {
		before, _ := w.Waiting()
		gone := 0
		for i := range 1000 {
			if _, full := w.Add(begin, test.p, false, i); full {
				gone++
			}
		}
		after, _ := w.Waiting()
		if got := after - before; got != test.bound || gone != 1000-test.bound {
			t.Errorf("%s: %d of 1000 wait and %d were cut, want %d waiting", test.p, got, gone, test.bound)
		}
	}
}

// A sustained flood of one class goes evenly, after the first second.
func TestFloodGoesEvenly(t *testing.T) {
	w := New[message](Options{Random: random(1)})
	for i := range 40 {
		at := begin.Add(time.Duration(i) * 250 * time.Millisecond)
		for j := range 25 {
			w.Add(at.Add(time.Duration(j)*10*time.Millisecond), im.Normal, false, message{})
		}
		chosen, _ := w.Take(at.Add(250*time.Millisecond), nil, nil)
		if i >= 8 && len(chosen) != 10 {
			t.Errorf("window %d: %d went, want 10", i, len(chosen))
		}
	}
}

func TestSteadyUseDoesNotAllocate(t *testing.T) {
	w := New[message](Options{Random: random(1)})
	at := begin
	var chosen, cut []message
	window := func() {
		for i := range 40 {
			w.Add(at.Add(time.Duration(i)*time.Millisecond), im.Priority(i%4), i%5 == 0, message{n: i})
		}
		at = at.Add(250 * time.Millisecond)
		chosen, cut = w.Take(at, chosen[:0], cut[:0])
	}
	for range 20 {
		window()
	}
	if n := testing.AllocsPerRun(100, window); n > 0 {
		t.Errorf("%.1f allocations a window, want none", n)
	}
}

func BenchmarkWindow(b *testing.B) {
	for _, n := range []int{10, 20, 160} {
		b.Run(map[int]string{10: "10", 20: "20", 160: "160"}[n], func(b *testing.B) {
			w := New[message](Options{Random: random(1)})
			at := begin
			var chosen, cut []message
			b.ReportAllocs()
			for b.Loop() {
				for i := range n {
					w.Add(at, im.Priority(i%4), false, message{n: i})
				}
				at = at.Add(250 * time.Millisecond)
				chosen, cut = w.Take(at, chosen[:0], cut[:0])
			}
		})
	}
}
