package srt

import "time"

// sent is a packet that may be asked for again. It shares its payload with all targets.
type sent struct {
	sequence, number uint32
	stamp            uint32
	at               time.Time
	payload          []byte
}

// window are the packets that were sent last and were not acknowledged.
type window struct {
	packets [flowWindow]sent // by sequence modulo its size
	next    uint32           // sequence number
	oldest  uint32           // not yet acknowledged
}

func (w *window) slot(sequence uint32) *sent { return &w.packets[sequence%flowWindow] }

// distance is how far b is ahead of a, of 31 bits.
func distance(a, b uint32) int32 { return int32((b-a)<<1) >> 1 } //nolint:gosec // the sign is meant

// add notes the next packet and returns it. What stands in its place was sent too long ago.
func (w *window) add(payload []byte, number, stamp uint32, at time.Time) *sent {
	p := w.slot(w.next)
	*p = sent{w.next, number, stamp, at, payload}
	w.next = (w.next + 1) & sequenceMask
	return p
}

// find returns a packet that is held, or nil.
func (w *window) find(sequence uint32) *sent {
	if p := w.slot(sequence); p.payload != nil && p.sequence == sequence {
		return p
	}
	return nil
}

// acknowledged lets go of the packets before a sequence number, which has to be one that was sent.
func (w *window) acknowledged(before uint32) {
	if d := distance(w.oldest, before); d <= 0 || distance(before, w.next) < 0 {
		return
	}
	for w.oldest != before {
		if p := w.slot(w.oldest); p.sequence == w.oldest {
			p.payload = nil
		}
		w.oldest = (w.oldest + 1) & sequenceMask
	}
}
