package segmenter

import "time"

const (
	// hasty is how long the first segment is meant to be when viewers wait for it. shortest is what it must
	// be: the key frame that ends it may come sooner than it was needed, and another one costs a second.
	hasty, shortest = 200 * time.Millisecond, 100 * time.Millisecond

	minLead, startLead, maxLead = 50 * time.Millisecond, 150 * time.Millisecond, 500 * time.Millisecond
	// askAgain is when a request for a key frame counts as lost.
	askAgain = 500 * time.Millisecond
	// late is by how much an encoder may miss the key frame that its own rhythm promised.
	late = 50 * time.Millisecond
)

// verdict is what a frame means for the segment that is open.
type verdict uint8

const (
	// goOn: the frame belongs to the open part.
	goOn verdict = iota
	// cutPart: a new part begins with the frame.
	cutPart
	// cutSegment: a new segment begins with the frame, and can be played from there.
	cutSegment
	// cutForced: the segment would become too long. A new one begins with the last frame before this one.
	cutForced
	// cutHole: nothing came for longer than a segment lasts. A new segment begins with the frame, after a
	// discontinuity.
	cutHole
)

// mark is what the cutter must know of a frame. lead says that it is of the track that segments are cut by:
// video, if there is any.
type mark struct {
	dts       time.Duration
	lead, key bool
}

// cutter decides where segments and parts end and when a key frame is to be asked for. It sees one mark for each
// frame, in order of arrival, and has no clock: its time is the frames' DTS.
type cutter struct {
	target, part time.Duration
	limit        time.Duration // no segment may be as long
	video        bool
	hurry        bool // viewers wait for the first segment
	past         bool // the frames are old: nothing can be asked for

	start     time.Duration // of the open segment
	partStart time.Duration // of the open part
	last      time.Duration // highest DTS seen
	keys      keyRhythm
}

func newCutter(target, part time.Duration) cutter {
	return cutter{
		target: target, part: part,
		// RFC 8216bis 4.4.3.1: the duration, rounded to the nearest second, must not exceed the target.
		limit: time.Duration(targetSeconds(target))*time.Second + 499*time.Millisecond,
		keys:  keyRhythm{lead: startLead},
	}
}

// targetSeconds is the EXT-X-TARGETDURATION that goes with a segment target.
func targetSeconds(target time.Duration) int {
	return max(1, int(target.Round(time.Second)/time.Second))
}

// begin opens a segment.
func (c *cutter) begin(at time.Duration) {
	c.start, c.partStart = at, at
	c.last = max(c.last, at)
}

// frame gives the verdict on a frame, and says whether to ask for a key frame now. After a cut the caller calls
// begin; after cutPart the part has begun by itself.
func (c *cutter) frame(m mark) (v verdict, ask bool) {
	v = c.judge(m)
	if m.lead && m.key && c.video {
		c.keys.came(m.dts)
	}
	switch {
	case !c.video || c.past || m.key && m.lead:
	case v == cutHole:
		ask = c.keys.ask(m.dts) // what follows does not decode
	case m.lead:
		ask = c.wants(m.dts) && c.keys.ask(m.dts)
		if ask && m.dts > c.boundary() && !c.hurry {
			c.keys.missed()
		}
	}
	if v == cutPart {
		c.partStart = m.dts
	}
	c.last = max(c.last, m.dts)
	return v, ask
}

func (c *cutter) judge(m mark) verdict {
	age := m.dts - c.start
	switch {
	case m.dts-c.last > c.target:
		return cutHole
	case age >= c.limit:
		return cutForced
	case m.lead && m.key && age >= c.soonest():
		return cutSegment
	case m.lead && m.dts-c.partStart >= c.part:
		return cutPart
	default:
		return goOn
	}
}

// soonest is how old the segment must be to end at a key frame. A key frame somewhat before the target is taken:
// the encoder's next one may be past the limit.
func (c *cutter) soonest() time.Duration {
	switch {
	case c.hurry:
		return min(shortest, c.target)
	case c.video:
		return c.target * 3 / 4
	default:
		return c.target
	}
}

// boundary is where the segment is meant to end.
func (c *cutter) boundary() time.Duration {
	if c.hurry {
		return c.start + min(hasty, c.target)
	}
	return c.start + c.target
}

// wants tells whether the segment needs a key frame that must be asked for: its end is near, and no key frame of
// the encoder's own rhythm is due there.
func (c *cutter) wants(now time.Duration) bool {
	if now < c.boundary()-c.keys.lead {
		return false
	}
	if c.hurry {
		return true
	}
	own, ok := c.keys.next(c.boundary())
	fits := own >= c.start+c.soonest() && own+late < c.start+c.limit
	return !ok || !fits || now > own+late
}

// keyRhythm learns when key frames come: by themselves, and after they were asked for.
type keyRhythm struct {
	lead time.Duration // how far ahead of its need a key frame is asked for

	asked   bool
	askedAt time.Duration

	seen, regular  bool
	silent         bool          // it had the chance to come by itself at a boundary, and did not
	last, interval time.Duration // when it came; how long before it the one before, if both came by themselves
}

// ask notes a request, unless one is under way.
func (k *keyRhythm) ask(now time.Duration) bool {
	if k.asked && now-k.askedAt < askAgain {
		return false
	}
	k.asked, k.askedAt = true, now
	return true
}

// came notes a key frame.
func (k *keyRhythm) came(at time.Duration) {
	if k.asked {
		took := min(max(at-k.askedAt, minLead), maxLead)
		k.lead = (k.lead + took) / 2
	} else if k.seen {
		interval := at - k.last
		k.regular = (interval - k.interval).Abs() <= interval/20
		k.interval, k.silent = interval, false
	}
	k.asked, k.seen, k.last = false, true, at
}

// missed notes that no key frame came by itself where one was given the chance.
func (k *keyRhythm) missed() { k.regular, k.silent = false, true }

// next is when a key frame may come by itself; ok is false when none is expected. An encoder whose rhythm is not
// known yet, since it was not left alone long enough, may have one that fits the boundary: it is given the chance
// once, for asking would hide it.
func (k *keyRhythm) next(boundary time.Duration) (at time.Duration, ok bool) {
	if k.regular {
		return k.last + k.interval, true
	}
	return boundary, !k.silent
}
