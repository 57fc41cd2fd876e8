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
	nudged  chan struct{} // capacity 1: a viewer wants more than media

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
		for more := true; more && len(p.members) > 0; { // no wake tells of what a full batch has left
			more = p.round()
		}
		p.tempo.took(time.Since(due))
		if p.await(gate) {
			due = p.tempo.rest(gate.OpenedAt())
		}
	}
}

// await waits for the gate, which opens at the latest when the stream is over, and attends to nudges. It is not ok
// when nobody is left.
func (p *pump) await(gate *live.Gate) (ok bool) {
	for len(p.members) > 0 {
		select {
		case <-gate.Open():
			return true
		case <-p.nudged:
			p.handler.pumps.admit(p) // who comes may be the one
			p.keep(p.inStep)
		}
	}
	return false
}

// nudge lets the pump look whether a viewer wants more than media.
func (p *pump) nudge() {
	select {
	case p.nudged <- struct{}{}:
	default:
	}
}

// round writes to all members what there is for them, a full batch at most; it tells whether there may be more.
func (p *pump) round() (more bool) {
	if p.lead == nil {
		p.lead = p.members[0].reader.Lead()
	}
	if err := p.batch.take(p.lead); err != nil || !p.batch.plain {
		p.releaseAll()
	}
	p.keep(p.serve)
	more = p.batch.full()
	p.batch.clear()
	p.handler.stats.bytes.Add(float64(p.sent))
	p.sent = 0
	return more
}

// keep lets go of the members that do not stay.
func (p *pump) keep(stays func(*viewer) bool) {
	kept := p.members[:0]
	for _, v := range p.members {
		if stays(v) {
			kept = append(kept, v)
		}
	}
	clear(p.members[len(kept):])
	if p.members = kept; len(kept) == 0 {
		p.lead = nil
	}
}

// inStep lets a viewer go who came behind a round that had media for him, or needs attention. Nothing is written:
// between two rounds that would cost the others their joining.
func (p *pump) inStep(v *viewer) (stays bool) {
	if !p.attend(v) {
		return false
	}
	if v.reader.Behind(p.lead) {
		v.release()
		return false
	}
	return true
}

// attend lets a viewer go whose time is over, or who waits for a pong.
func (p *pump) attend(v *viewer) (stays bool) {
	switch {
	case v.ctx.Err() != nil:
		v.dismiss(ending(context.Cause(v.ctx)))
		return false
	case v.conn.talk.asks():
		v.release()
		return false
	}
	return true
}

// serve writes the batch to one viewer; it tells whether that stays.
func (p *pump) serve(v *viewer) (stays bool) {
	if !p.attend(v) { // before the viewer follows: it has still to get this batch
		return false
	}
	if v.begin > p.batch.oldest && p.batch.n > 0 { // there may be sound from before its first picture: see choose
		v.release()
		return false
	}
	had, ok := v.reader.Follow(p.lead)
	switch {
	case !ok:
		v.release()
		return false
	case had == p.batch.n:
		return true
	}
	form := p.batch.in(v.conn.framing, had)
	n, err := p.nozzle.send(v.conn.raw, &form.vector)
	p.sent += n
	v.pull.Sent(n)
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
