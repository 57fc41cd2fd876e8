package segmenter

import (
	"hash/maphash"
	"net"
	"net/http"
	"sync"
	"time"
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
	seen  map[uint64]time.Time
	swept time.Time
}

func newViewers() *viewers {
	return &viewers{seed: maphash.MakeSeed(), seen: make(map[uint64]time.Time)}
}

// saw notes a playlist request. Its remote address must be the client's: behind a proxy that is for the
// middleware to restore.
func (v *viewers) saw(r *http.Request) {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	var h maphash.Hash
	h.SetSeed(v.seed)
	h.WriteString(host)
	h.WriteByte(0)
	h.WriteString(r.URL.Path)
	h.WriteByte(0)
	h.WriteString(r.UserAgent())

	now := time.Now()
	v.mu.Lock()
	defer v.mu.Unlock()
	if now.Sub(v.swept) > viewerAge {
		v.sweepLocked(now)
	}
	if _, known := v.seen[h.Sum64()]; known || len(v.seen) < maxViewers {
		v.seen[h.Sum64()] = now
	}
}

func (v *viewers) count() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.sweepLocked(time.Now())
	return len(v.seen)
}

func (v *viewers) sweepLocked(now time.Time) {
	for id, at := range v.seen {
		if now.Sub(at) > viewerAge {
			delete(v.seen, id)
		}
	}
	v.swept = now
}
