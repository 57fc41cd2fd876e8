package signaling

import (
	"net/http"
	"net/netip"
	"sync"

	"weir/room/auth"
)

// CodeConnecting is the stable code of a refusal by Connecting.
const CodeConnecting = "too_many_connecting"

// Connecting bounds how many sessions of one network (auth.NetworkOf) are connecting at once: an offer costs who posts it
// next to nothing, and holds a place until the time of the handshake is over. Its methods may be called from several
// goroutines.
type Connecting struct {
	most int

	mu   sync.Mutex // guards from
	from map[netip.Prefix]int
}

// NewConnecting returns a Connecting of so many sessions a network at most.
func NewConnecting(most int) *Connecting {
	return &Connecting{most: most, from: make(map[netip.Prefix]int)}
}

// Enter takes a place for whoever sent a request. The session gives it back by leave when it is connected or over, whichever
// comes first; further calls do nothing.
//
// Errors: a refusal (429).
func (c *Connecting) Enter(r *http.Request) (leave func(), err error) {
	from := auth.NetworkOf(r.RemoteAddr)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.from[from] >= c.most {
		return nil, Refuse(http.StatusTooManyRequests, CodeConnecting, "too many sessions of this address are connecting")
	}
	c.from[from]++
	return sync.OnceFunc(func() { c.leave(from) }), nil
}

func (c *Connecting) leave(from netip.Prefix) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.from[from]--; c.from[from] == 0 {
		delete(c.from, from)
	}
}
