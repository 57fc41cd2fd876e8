package httpflv

import (
	"runtime"
	"slices"
	"sync"
	"time"

	"weir/room/live"
)

// pumpShare is how many viewers a pump has before another one shares the work: a round of so many takes one or two
// milliseconds.
const pumpShare = 128

// pumps are the pumps of all streams. Those of one waker share its viewers.
type pumps struct {
	handler *Handler

	mu  sync.Mutex // guards the field below, and coming and size of every pump
	all map[*live.Waker][]*pump
}

// take gives a viewer to the pump with the fewest, starting one where there is none, or where all have much to do and
// there are processors left.
func (ps *pumps) take(v *viewer) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	waker := v.reader.Waker()
	p := ps.leastLocked(waker)
	if p == nil || p.size >= pumpShare && len(ps.all[waker]) < runtime.GOMAXPROCS(0) {
		p = newPump(ps.handler, waker, v.join)
		ps.all[waker] = append(ps.all[waker], p)
		ps.handler.tasks.Go(p.run)
	}
	p.coming = append(p.coming, v)
	p.size++
	if v.ctx.Err() != nil || v.conn.talk.asks() || !v.reader.Idle() {
		p.nudge() // nobody else will tell: the wake for what has come meanwhile may be over
	}
}

// nudge lets the pumps of a waker look at their viewers without waiting for it.
func (ps *pumps) nudge(w *live.Waker) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	for _, p := range ps.all[w] {
		p.nudge()
	}
}

func (ps *pumps) leastLocked(w *live.Waker) (least *pump) {
	for _, p := range ps.all[w] {
		if least == nil || p.size < least.size {
			least = p
		}
	}
	return least
}

// admit gives the pump the viewers to come. With none at all it is over: who comes later gets another one.
func (ps *pumps) admit(p *pump) (goes bool) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	p.members = append(p.members, p.coming...)
	clear(p.coming)
	p.coming = p.coming[:0]
	if p.size = len(p.members); p.size > 0 {
		return true
	}
	rest := slices.DeleteFunc(ps.all[p.waker], func(o *pump) bool { return o == p })
	if ps.all[p.waker] = rest; len(rest) == 0 {
		delete(ps.all, p.waker)
	}
	return false
}

// slowest is the longest of the present joinings, and the worst by which a pump's last round ended late.
func (ps *pumps) slowest() (join, late time.Duration) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	for _, of := range ps.all {
		for _, p := range of {
			join, late = max(join, p.tempo.joining()), max(late, p.tempo.late())
		}
	}
	return join, late
}
