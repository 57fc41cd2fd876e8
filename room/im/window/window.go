package window

import (
	"math/rand/v2"
	"time"

	"weir/room/im"
)

const (
	// classes is how many priorities there are; index them by im.Priority.Rank.
	classes = 4
	// second is the time that the quota is for.
	second = time.Second
	// keep times the quota is how many messages of a class below High wait at most; of more a random choice does.
	keep = 4
	// keepHigh times the quota is the same of High. Only what comes beyond it is ever cut.
	keepHigh = 16
)

// Options are what a Window needs. All are optional.
type Options struct {
	// PerSecond is how many messages go in any second; 0: 40.
	PerSecond int
	// PerClass is how many of each priority below High go in any second, those that are exempt apart; 0: 40.
	PerClass int
	// Length is how long a window usually is; 0: 250 ms.
	Length time.Duration
	// Random makes the choice; nil: a source of its own.
	Random *rand.Rand
}

// Window is the messages of one room that wait for the end of the present window, and what went in the last second.
//
// The rule, at the end of a window: all of High goes, as far as the quota of the last second has room, and what it has
// no room for goes first in the next windows, without regard to the quota once it waited for a second. The classes
// below get what is left of the quota, in their order, but for what the classes above them are expected to bring in the
// rest of a second, by what they brought in the last one. What is not chosen is cut for good, so that messages go in
// the order in which they came, all priorities together. A room that was quiet may use its quota of a second at once;
// one that has too much all the time uses it evenly.
//
// It is not safe for concurrent use. In steady use it allocates nothing.
type Window[T any] struct {
	o       Options
	waiting [classes][]item[T]
	ready   [classes][]item[T] // of them, during Take: those that came in the window
	came    [classes]int       // in this window
	latest  [classes]time.Time // when the last of them did
	order   uint64
	opened  time.Time // of a window in which something came
	takes   []take    // of the last second, in order
}

// item is a message that waits.
type item[T any] struct {
	order  uint64
	at     time.Time
	exempt bool
	chosen bool
	value  T
}

// take is what one window brought.
type take struct {
	opened, at time.Time
	taken      int
	counted    [classes]int // taken and not exempt
	came       [classes]int
	cut        [classes]bool
}

// New makes a Window in which nothing waits.
func New[T any](o Options) *Window[T] {
	if o.PerSecond <= 0 {
		o.PerSecond = 40
	}
	if o.PerClass <= 0 {
		o.PerClass = 40
	}
	if o.Length <= 0 {
		o.Length = 250 * time.Millisecond
	}
	if o.Random == nil {
		o.Random = rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64())) //nolint:gosec // a lot, not a secret
	}
	return &Window[T]{o: o}
}

// Waiting is how many messages wait, and how many of High among them.
func (w *Window[T]) Waiting() (all, high int) {
	for _, list := range w.waiting {
		all += len(list)
	}
	return all, len(w.waiting[0])
}

// Add has a message wait for the end of the window. Where more wait than may, one of its class, perhaps itself, is cut
// at once and given back. An exempt message is not counted for its class, only for the room.
func (w *Window[T]) Add(now time.Time, p im.Priority, exempt bool, value T) (cut T, full bool) {
	rank := p.Rank()
	w.open(now)
	w.came[rank]++
	w.latest[rank] = now
	w.order++
	list := &w.waiting[rank]
	it := item[T]{order: w.order, at: now, exempt: exempt, value: value}
	if bound := w.bound(rank); len(*list) >= bound {
		if rank == 0 {
			return value, true
		}
		// A reservoir: each of those that came is among those that wait with the same chance.
		i := w.o.Random.IntN(w.came[rank])
		if i >= bound {
			return value, true
		}
		cut, full = (*list)[i].value, true
		*list = append((*list)[:i], (*list)[i+1:]...)
	}
	*list = append(*list, it)
	return cut, full
}

func (w *Window[T]) bound(rank int) int {
	if rank == 0 {
		return keepHigh * w.o.PerSecond
	}
	return keep * w.o.PerSecond
}

// open notes when the window began in which something comes: with the one before when that just ended.
func (w *Window[T]) open(now time.Time) {
	if !w.opened.IsZero() {
		return
	}
	w.opened = now
	if n := len(w.takes); n > 0 && now.Sub(w.takes[n-1].at) <= w.o.Length {
		w.opened = w.takes[n-1].at
	}
}

// Take ends the window at a time, which is the planned one rather than that at which a timer fired, so that windows are
// even: what came later waits for the next. It appends the messages that go to chosen and those that never will to cut,
// both in the order in which they came.
func (w *Window[T]) Take(at time.Time, chosen, cut []T) (_, _ []T) {
	w.forget(at)
	later := w.split(at)
	t := take{opened: w.opened, at: at}
	for rank := range w.came {
		t.came[rank] = max(w.came[rank]-later[rank], 0)
	}
	for rank := range w.waiting {
		w.choose(rank, w.allowed(rank, &t), &t)
	}
	chosen, cut = w.part(chosen, cut)
	if t.came != [classes]int{} || t.taken > 0 {
		w.remember(t)
	}
	w.came, w.opened = later, time.Time{}
	if later != [classes]int{} {
		w.opened = at
	}
	return chosen, cut
}

// split finds out which messages came until a time, and how many of each class later.
func (w *Window[T]) split(at time.Time) (later [classes]int) {
	for rank, list := range w.waiting {
		n := len(list)
		for n > 0 && list[n-1].at.After(at) {
			n--
		}
		w.ready[rank], later[rank] = list[:n], len(list)-n
	}
	return later
}

// merged is the time within which windows are remembered as one, so that few are, however often somebody takes.
const merged = 10 * time.Millisecond

// remember notes a window.
func (w *Window[T]) remember(t take) {
	if t.opened.IsZero() {
		t.opened = t.at
	}
	if n := len(w.takes); n > 0 && t.at.Sub(w.takes[n-1].opened) < merged {
		last := &w.takes[n-1]
		last.at = t.at
		last.taken += t.taken
		for rank := range last.came {
			last.came[rank] += t.came[rank]
			last.counted[rank] += t.counted[rank]
			last.cut[rank] = last.cut[rank] || t.cut[rank]
		}
		return
	}
	w.takes = append(w.takes, t)
}

// forget drops what is no longer of the last second.
func (w *Window[T]) forget(at time.Time) {
	n := 0
	for n < len(w.takes) && at.Sub(w.takes[n].at) >= second {
		n++
	}
	w.takes = append(w.takes[:0], w.takes[n:]...)
}

// choose marks n messages of a class at random.
func (w *Window[T]) choose(rank, n int, t *take) {
	list := w.ready[rank]
	if rank == 0 {
		for i := range n { // the oldest: the others go next
			list[i].chosen = true
		}
		t.taken += n
		return
	}
	gate := w.o.PerClass
	for i := range w.takes {
		gate -= w.takes[i].counted[rank]
	}
	w.pick(list, max(gate, 0), func(it *item[T]) bool { return !it.exempt })
	for i := range list {
		list[i].chosen = list[i].chosen || list[i].exempt
	}
	w.pick(list, n, func(it *item[T]) bool { return it.chosen })
	for i := range list {
		if list[i].chosen {
			t.taken++
			if !list[i].exempt {
				t.counted[rank]++
			}
		} else {
			t.cut[rank] = true
		}
	}
}

// pick marks n of those of the list that are eligible, and no others of them: each choice of n is as likely as any
// other.
func (w *Window[T]) pick(list []item[T], n int, eligible func(*item[T]) bool) {
	left := 0
	for i := range list {
		if eligible(&list[i]) {
			left++
		}
	}
	for i := range list {
		if !eligible(&list[i]) {
			continue
		}
		// Each of those left is taken with the share of what is still to be taken.
		list[i].chosen = n > 0 && (n >= left || w.o.Random.IntN(left) < n)
		if list[i].chosen {
			n--
		}
		left--
	}
}

// part hands out what was chosen and what was not, but for High that waits on, by merging the classes, each of which is
// in order.
func (w *Window[T]) part(chosen, cut []T) (_, _ []T) {
	var next [classes]int
	for {
		rank := -1
		for r, list := range w.ready {
			if next[r] < len(list) && (r > 0 || list[next[r]].chosen) && (rank < 0 || list[next[r]].order < w.ready[rank][next[rank]].order) {
				rank = r
			}
		}
		if rank < 0 {
			break
		}
		it := &w.ready[rank][next[rank]]
		next[rank]++
		if it.chosen {
			chosen = append(chosen, it.value)
		} else {
			cut = append(cut, it.value)
		}
	}
	for r := range w.waiting {
		left := copy(w.waiting[r], w.waiting[r][next[r]:])
		clear(w.waiting[r][left:]) // lets go of the values
		w.waiting[r], w.ready[r] = w.waiting[r][:left], nil
	}
	return chosen, cut
}
