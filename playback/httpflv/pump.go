package httpflv

import (
	"context"
	"time"

	"weir/mux/flv"
	"weir/room/live"
)

// pump writes to viewers who keep up, one after another, without waiting for any. What they are to get is framed once
// for all of them, and one system call sends it to each. A viewer whose connection has no room for all of it leaves
// the pump for a goroutine of its own, as do all when something else than media comes; back they come when they have
// caught up. So all that can take time or thought is in one place, viewer.run.
type pump struct {
	handler *Handler
	waker   *live.Waker
	tempo   *tempo

	members []*viewer
	lead    *live.Lead[flv.Tag] // nil without members
	batch   batch
	nozzle  *nozzle
	sent    int           // bytes of this round
	nudged  chan struct{} // capacity 1: a viewer's time is over

	coming []*viewer // guarded by pumps.mu
	size   int       // guarded by pumps.mu: viewers, those to come included
}

func newPump(h *Handler, w *live.Waker, join time.Duration) *pump {
	return &pump{handler: h, waker: w, tempo: newTempo(join, h.opts.MaxJoin), nozzle: newNozzle(), nudged: make(chan struct{}, 1)}
}

// run writes at each wake, until there is nobody left.
func (p *pump) run() {
	due := time.Now()
	for p.handler.pumps.admit(p) {
		gate := p.waker.Gate()
		p.round()
		p.tempo.took(time.Since(due))
		if len(p.members) == 0 {
			continue
		}
		select {
		case <-gate.Open(): // at the latest when the stream is over
			due = p.tempo.rest(gate.OpenedAt())
		case <-p.nudged:
			due = time.Now()
		}
	}
}

// wake begins a round now.
func (p *pump) wake() {
	select {
	case p.nudged <- struct{}{}:
	default:
	}
}

// round writes to all members what there is for them.
func (p *pump) round() {
	if p.lead == nil {
		p.lead = p.members[0].reader.Lead()
	}
	if err := p.batch.take(p.lead); err != nil || !p.batch.plain {
		p.releaseAll()
	}
	kept := p.members[:0]
	for _, v := range p.members {
		if p.serve(v) {
			kept = append(kept, v)
		}
	}
	clear(p.members[len(kept):])
	if p.members = kept; len(kept) == 0 {
		p.lead = nil
	}
	p.batch.clear()
	p.handler.stats.bytes.Add(float64(p.sent))
	p.sent = 0
}

// serve writes the batch to one viewer; it tells whether that stays.
func (p *pump) serve(v *viewer) (stays bool) {
	if v.begin > p.batch.oldest && p.batch.n > 0 { // there may be sound from before its first picture: see choose
		v.release()
		return false
	}
	if v.conn.talk.asks() { // before the viewer follows: it has still to get this batch
		v.release()
		return false
	}
	had, ok := v.reader.Follow(p.lead)
	switch {
	case v.ctx.Err() != nil:
		v.dismiss(ending(context.Cause(v.ctx)))
		return false
	case !ok:
		v.release()
		return false
	case had == p.batch.n:
		return true
	}
	form := p.batch.in(v.conn.framing, had)
	n, err := p.nozzle.send(v.conn.raw, &form.vector)
	p.sent += n
	switch {
	case err != nil:
		v.dismiss(broken(err))
		return false
	case n < form.framed.size:
		v.rest = form.framed.rest(n)
		v.release()
		return false
	}
	return true
}

func (p *pump) releaseAll() {
	for _, v := range p.members {
		v.release()
	}
	clear(p.members)
	p.members = p.members[:0]
}
