package api

import (
	"hash/maphash"
	"net/http"
	"sync"
	"time"

	"weir/room/auth"
)

// maxAddresses bounds what is remembered of a second; those beyond it have to wait for the next one.
const maxAddresses = 1 << 14

// rate bounds how much one address may ask in each second. For IPv6 that is one /64, which a single client may have.
type rate struct {
	most int
	now  func() time.Time
	seed maphash.Seed

	mu     sync.Mutex // guards the fields below
	second int64
	asked  map[uint64]int // of this second, by the hash of the address
}

func newRate(most int) *rate {
	return &rate{most: most, now: time.Now, seed: maphash.MakeSeed(), asked: make(map[uint64]int)}
}

// allow counts a request and tells whether its address may ask.
func (l *rate) allow(r *http.Request) bool {
	key, second := maphash.Comparable(l.seed, auth.NetworkOf(r.RemoteAddr)), l.now().Unix()
	l.mu.Lock()
	defer l.mu.Unlock()
	if second != l.second {
		l.second = second
		clear(l.asked)
	}
	n, known := l.asked[key]
	if n >= l.most || !known && len(l.asked) >= maxAddresses {
		return false
	}
	l.asked[key] = n + 1
	return true
}
