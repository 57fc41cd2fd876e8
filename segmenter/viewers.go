package segmenter

import (
	"hash/maphash"
	"net"
	"net/http"
	"sync"
	"time"

	"weir/room/live"
)

const (
	// viewerAge is how long after its last playlist a viewer still counts: five reloads.
	viewerAge = 10 * time.Second
	// maxViewers bounds what is remembered; more are not counted.
	maxViewers = 1 << 18
)

// viewers estimates how many viewers there are: distinct addresses and user agents that reload a playlist. HLS has
// no sessions, so that those behind one address with one browser count once.
type viewers struct {
	seed maphash.Seed

	mu    sync.Mutex // guards the fields below
	seen  map[live.Key]map[uint64]time.Time
	total int
	swept time.Time
}

func newViewers() *viewers {
	return &viewers{seed: maphash.MakeSeed(), seen: make(map[live.Key]map[uint64]time.Time)}
}

// saw notes a playlist request. Its remote address must be the client's: behind a proxy that is for the
// middleware to restore.
func (v *viewers) saw(key live.Key, r *http.Request) {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	var h maphash.Hash
	h.SetSeed(v.seed)
	h.WriteString(host)
	h.WriteByte(0)
	h.WriteString(r.UserAgent())

	now := time.Now()
	v.mu.Lock()
	defer v.mu.Unlock()
	if now.Sub(v.swept) > viewerAge {
		v.sweepLocked(now)
	}
	of := v.seen[key]
	if of == nil {
		of = make(map[uint64]time.Time)
		v.seen[key] = of
	}
	if _, known := of[h.Sum64()]; !known {
		if v.total >= maxViewers {
			return
		}
		v.total++
	}
	of[h.Sum64()] = now
}

// count is the number of viewers of all streams.
func (v *viewers) count() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.sweepLocked(time.Now())
	return v.total
}

// of is the number of viewers of one stream.
func (v *viewers) of(key live.Key) int {
	v.mu.Lock()
	defer v.mu.Unlock()
	n, now := 0, time.Now()
	for _, at := range v.seen[key] {
		if now.Sub(at) <= viewerAge {
			n++
		}
	}
	return n
}

func (v *viewers) sweepLocked(now time.Time) {
	v.total = 0
	for key, of := range v.seen {
		for id, at := range of {
			if now.Sub(at) > viewerAge {
				delete(of, id)
			}
		}
		if len(of) == 0 {
			delete(v.seen, key)
		}
		v.total += len(of)
	}
	v.swept = now
}
