package room

import (
	"time"

	"weir/room/hook"
	"weir/room/live"
)

// The types of hook.Fault.
const (
	faultMissing = 1
	faultClock   = 2
	faultSlow    = 3
)

// slowBy is by how much a stream may fall behind its clock between two looks. What is lost or shaken on the way is less.
const slowBy = time.Second

// health is how a publisher's media had come in when it was looked at.
type health struct {
	session string
	missing uint64        // access units that did not come whole, and holes in the sound
	jumps   uint64        // of clocks
	behind  time.Duration // of the newest media, behind the stream's clock
}

// healthOf looks at a stream. ok is false when its door tells nothing, or nobody publishes it.
func healthOf(s *live.Stream) (h health, ok bool) {
	in, ok := s.Ingest()
	if !ok {
		return health{}, false
	}
	h = health{session: s.Info().Origin.Session, behind: s.Now() - s.Newest()}
	for i := range in.Tracks {
		t := &in.Tracks[i]
		h.missing += t.Damaged + t.Dropped + t.Gaps
		h.jumps += t.Jumps
	}
	return h, true
}

// since are the types of what went wrong since the look before, of the same publisher's media.
func (h health) since(before health) []int {
	if h.session != before.session || h.missing < before.missing || h.jumps < before.jumps {
		return nil // another publisher's counts
	}
	var types []int
	if h.missing > before.missing {
		types = append(types, faultMissing)
	}
	if h.jumps > before.jumps {
		types = append(types, faultClock)
	} else if h.behind > before.behind+slowBy { // a clock that jumps puts media anywhere
		types = append(types, faultSlow)
	}
	return types
}

// tellFaults tells other programs of the live streams whose media came with faults since it last looked.
func (b *Bridge) tellFaults() {
	for s, stream := range b.toLookAt() {
		now, ok := healthOf(stream) // without the lock: the hub calls add with its own held
		if e, wrong := b.noteHealth(s, now, ok); wrong {
			b.parts.Hooks.Stream(e)
		}
	}
}

// toLookAt are the live streams that are published here.
func (b *Bridge) toLookAt() map[*onAir]*live.Stream {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := make(map[*onAir]*live.Stream)
	for _, streams := range b.air {
		for _, s := range streams {
			switch {
			case s.mirror || s.stream == nil:
			case s.live:
				out[s] = s.stream
			default:
				s.health = nil // what it misses while it is interrupted is told by that
			}
		}
	}
	return out
}

// noteHealth remembers how a stream is and makes the event of what went wrong, if anything did.
func (b *Bridge) noteHealth(s *onAir, now health, ok bool) (e hook.Event, wrong bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	before := s.health
	if s.health = nil; !ok || !s.live {
		return hook.Event{}, false
	}
	s.health = &now
	if before == nil {
		return hook.Event{}, false
	}
	types := now.since(*before)
	if len(types) == 0 {
		return hook.Event{}, false
	}
	e = s.event
	e.Kind, e.At = hook.Abnormal, b.now()
	for _, t := range types {
		e.Faults = append(e.Faults, hook.Fault{Type: t, At: []time.Time{e.At}})
	}
	return e, true
}
