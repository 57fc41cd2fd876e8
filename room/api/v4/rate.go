package v4

import (
	"hash/maphash"
	"net/netip"
	"sync"
	"time"
)

// maxCounted bounds what is counted at a time; what is beyond it has to wait for the next period.
const maxCounted = 1 << 14

// counter counts by key, anew in each period.
type counter[K comparable] struct {
	period time.Duration
	now    func() time.Time
	seed   maphash.Seed

	mu     sync.Mutex // guards the fields below
	began  int64      // which period it is, in periods since 1970
	counts map[uint64]int
}

func newCounter[K comparable](period time.Duration, now func() time.Time) *counter[K] {
	return &counter[K]{period: period, now: now, seed: maphash.MakeSeed(), counts: make(map[uint64]int)}
}

// allow counts one more of a key and tells whether there were not more than most in this period.
func (c *counter[K]) allow(key K, most int) bool {
	hash, period := maphash.Comparable(c.seed, key), c.now().UnixNano()/int64(c.period)
	c.mu.Lock()
	defer c.mu.Unlock()
	if period != c.began {
		c.began = period
		clear(c.counts)
	}
	n, known := c.counts[hash]
	if n >= most || !known && len(c.counts) >= maxCounted {
		return false
	}
	c.counts[hash] = n + 1
	return true
}

// network is what an address is known by: that of a request, with its port. For IPv6 that is one /64, which a single
// client may have.
func network(remote string) netip.Prefix {
	ap, err := netip.ParseAddrPort(remote)
	if err != nil {
		return netip.Prefix{}
	}
	ip := ap.Addr().Unmap().WithZone("")
	p, _ := ip.Prefix(min(ip.BitLen(), 64)) // in range, so there is no error
	return p
}
