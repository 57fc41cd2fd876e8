package window

import "time"

// allowed is how many of a class may go now. t is this window so far: what it took of the classes above.
func (w *Window[T]) allowed(rank int, t *take) int {
	waiting := len(w.ready[rank])
	if rank == 0 {
		room := w.o.PerSecond - w.takenFrom(0)
		overdue := 0
		for overdue < waiting && t.at.Sub(w.ready[0][overdue].at) >= second {
			overdue++
		}
		return min(waiting, max(room, overdue))
	}
	return min(waiting, max(0, w.limit(rank, t)-t.taken))
}

// limit is how many messages of a class and those above it may go now, so that at no time in the second to come the
// quota is short of what is expected of the classes above. The times to look at are those just before an earlier window
// is a second past, and the one before this window is.
func (w *Window[T]) limit(rank int, t *take) int {
	quota := w.o.PerSecond
	length := w.length(t)
	reserve := w.reserve(rank, t, length)
	flood := w.flood(rank, length)
	all := windowsWithin(second, length)
	limit := quota
	for i := 0; i <= len(w.takes); i++ {
		until := second
		if i < len(w.takes) {
			until = w.takes[i].at.Add(second).Sub(t.at)
		}
		to := windowsWithin(until, length)
		room := quota - w.takenFrom(i)
		if flood {
			limit = min(limit, room/(to+1)) // as many in each of the windows until then
		}
		if all > 0 {
			room -= ceil(reserve*to, all)
		}
		limit = min(limit, room)
	}
	return limit
}

// takenFrom is how many messages the windows of the last second took, from one on.
func (w *Window[T]) takenFrom(first int) int {
	n := 0
	for i := first; i < len(w.takes); i++ {
		n += w.takes[i].taken
	}
	return n
}

// length is how long the windows are at present.
func (w *Window[T]) length(t *take) time.Duration {
	if t.opened.IsZero() {
		return w.o.Length
	}
	return min(max(t.at.Sub(t.opened), time.Millisecond), w.o.Length)
}

// shortest is how long messages have to come before that says how many come in a second.
const shortest = 100 * time.Millisecond

// reserve is how many messages the classes above one are expected to bring in the windows of the second that this
// window begins: as many as in those of the second that it ends. Where less than half of that is known, as many as came
// so far say, if they keep coming; but Normal leaves room for nothing that is only expected so, since more than a
// second's quota at once is a burst more often than a beginning.
func (w *Window[T]) reserve(rank int, t *take, length time.Duration) int {
	came, seen, ahead := w.cameAbove(rank), time.Duration(0), second-length
	if n := len(w.takes); n > 0 {
		seen = w.takes[n-1].at.Sub(w.takes[0].opened)
	}
	if 2*seen < ahead {
		if rank < 2 || !w.keepsComing(rank, t.at) {
			return 0
		}
		for above := range rank {
			came += t.came[above]
		}
		seen = max(seen+length, shortest)
	}
	return ceil(came*millis(ahead), max(millis(min(seen, ahead)), 1))
}

// keepsComing tells whether the classes above one brought something in the second half of the window.
func (w *Window[T]) keepsComing(rank int, at time.Time) bool {
	for above := range rank {
		if w.came[above] > 0 && 2*at.Sub(w.latest[above]) < at.Sub(w.opened) {
			return true
		}
	}
	return false
}

// flood tells whether a class and those above it bring clearly more than the quota all the time, and were cut for it.
// Then none of it waits for the quota of a second in one window and finds none in the next.
func (w *Window[T]) flood(rank int, length time.Duration) bool {
	if length >= second || !w.wasCut(rank) {
		return false
	}
	came := w.cameAbove(rank + 1)
	return came*millis(second) > (w.o.PerSecond+w.o.PerSecond/8)*millis(second-length)
}

// wasCut tells whether anything of a class or those above it was cut in the last second.
func (w *Window[T]) wasCut(rank int) bool {
	for i := range w.takes {
		for above := range rank + 1 {
			if w.takes[i].cut[above] {
				return true
			}
		}
	}
	return false
}

// cameAbove is how many messages of the classes above a rank came in the windows of the last second.
func (w *Window[T]) cameAbove(rank int) int {
	n := 0
	for i := range w.takes {
		for above := range rank {
			n += w.takes[i].came[above]
		}
	}
	return n
}

// windowsWithin is how many windows end before some time has passed.
func windowsWithin(d, length time.Duration) int {
	return max(ceil(int(d), int(length))-1, 0)
}

func millis(d time.Duration) int { return int(d.Milliseconds()) }

func ceil(a, b int) int { return (a + b - 1) / b }
