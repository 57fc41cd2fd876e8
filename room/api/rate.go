package api

import (
	"hash/maphash"
	"net"
	"net/http"
	"sync"
	"time"
)

// maxAddresses bounds what is remembered of a second; those beyond it have to wait for the next one.
const maxAddresses = 1 << 14

// rate bounds how much one address may ask in each second.
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
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	key, second := maphash.String(l.seed, host), l.now().Unix()
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
