package live

import (
	"sync"
	"time"
)

const (
	// askEvery is the steady rate at which a publisher is asked for key frames: one costs several times the
	// bits of another picture, and one serves everyone who waits. It is a little more than a second, so that no ten
	// seconds have more than eleven requests, the burst included.
	askEvery = 1100 * time.Millisecond
	// askBurst requests may go out without a pause: the first for who joins, the second to close the group
	// that the first one opened (an HLS playlist needs one whole segment).
	askBurst = 2
)

// keyAsker passes key frame requests on to the publisher, merged and at a bounded rate.
type keyAsker struct {
	stats *Stats
	now   func() time.Time

	mu     sync.Mutex // guards the fields below
	ask    func()     // the present publisher's; nil while there is none
	tokens float64
	last   time.Time   // when tokens was brought up to date
	later  *time.Timer // a request that waits for its turn; nil when none does
}

// reset points the asker to another publisher (nil: none). A request that waits is dropped.
func (k *keyAsker) reset(ask func()) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.ask, k.tokens, k.last = ask, askBurst, k.now()
	k.cancelLocked()
}

// came notes that there is a key frame: who waits has it.
func (k *keyAsker) came() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.cancelLocked()
}

// want asks for a key frame now, or as soon as the rate allows.
func (k *keyAsker) want(reason string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.ask == nil {
		return
	}
	k.stats.keyFrameWants.WithLabelValues(reason).Inc()
	if k.later != nil {
		return // merged with the one that waits
	}
	k.refillLocked()
	if k.tokens >= 1 {
		k.sendLocked()
		return
	}
	wait := time.Duration((1 - k.tokens) * float64(askEvery))
	k.later = time.AfterFunc(wait, k.due)
}

func (k *keyAsker) due() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.later == nil || k.ask == nil {
		return
	}
	k.later = nil
	k.refillLocked()
	k.sendLocked()
}

func (k *keyAsker) refillLocked() {
	now := k.now()
	k.tokens = min(askBurst, k.tokens+float64(now.Sub(k.last))/float64(askEvery))
	k.last = now
}

func (k *keyAsker) sendLocked() {
	k.tokens--
	k.stats.keyFrameAsks.Inc()
	k.ask()
}

func (k *keyAsker) cancelLocked() {
	if k.later != nil {
		k.later.Stop()
		k.later = nil
	}
}
