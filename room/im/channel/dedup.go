package channel

import "time"

const (
	// dedupFor is how long a message is remembered, so that it is not taken twice.
	dedupFor = 5 * time.Minute
	// dedupMost is how many are remembered of a room: in one that gets more, the oldest are forgotten before their time.
	dedupMost = 1 << 14
)

// dedup remembers the messages of a room by their senders' own numbers. It keeps two generations, each of half of
// dedupMost at most, and forgets the older one when the younger one is full or old.
type dedup struct {
	young, old map[dedupKey]known
	since      time.Time // when young began
}

type dedupKey struct {
	from   string
	random uint32
}

// known is what became of a message.
type known struct {
	sent Sent
	at   time.Time
	// kept is closed when it is durable, or forgotten since it could not be kept; nil: nobody waits for that.
	kept <-chan struct{}
}

func (d *dedup) find(k dedupKey, now time.Time) (known, bool) {
	for _, m := range [...]map[dedupKey]known{d.young, d.old} {
		if was, ok := m[k]; ok && now.Sub(was.at) < dedupFor {
			return was, true
		}
	}
	return known{}, false
}

func (d *dedup) add(k dedupKey, m known) {
	if d.young == nil {
		d.young, d.since = make(map[dedupKey]known), m.at
	}
	if len(d.young) >= dedupMost/2 || m.at.Sub(d.since) >= dedupFor {
		d.young, d.old = d.old, d.young
		if d.young == nil {
			d.young = make(map[dedupKey]known)
		}
		clear(d.young)
		d.since = m.at
	}
	d.young[k] = m
}

func (d *dedup) forget(k dedupKey) {
	delete(d.young, k)
	delete(d.old, k)
}
