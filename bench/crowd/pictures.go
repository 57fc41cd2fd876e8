package crowd

import (
	"hash/maphash"
	"sync"
	"time"
)

// The slice types of RFC 6184 5.2 (ITU-T H.264 table 7-1).
const (
	nalSlice = 1
	nalIDR   = 5
)

// Pictures know when each picture was sent, by its bytes: a server passes them on unchanged. Where a source repeats
// itself, it is the last time that counts. It may be used by several goroutines.
type Pictures struct {
	seed maphash.Seed

	mu   sync.Mutex // guards the fields below
	sent map[uint64]Picture
	n    int
}

// Picture is one that was sent.
type Picture struct {
	N    int // its number, from 1
	Sent time.Time
	Key  bool
}

// NewPictures knows of none.
func NewPictures() *Pictures {
	return &Pictures{seed: maphash.MakeSeed(), sent: make(map[uint64]Picture)}
}

// Send notes a NAL unit that is sent now, if it is the slice of a picture; pictures have one.
func (p *Pictures) Send(nal []byte) { p.SendAt(nal, time.Now()) }

// SendAt is Send at a given time.
func (p *Pictures) SendAt(nal []byte, at time.Time) {
	if !isSlice(nal) {
		return
	}
	id := maphash.Bytes(p.seed, nal)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.n++
	p.sent[id] = Picture{N: p.n, Sent: at, Key: nal[0]&0x1f == nalIDR}
}

// Count is how many were sent.
func (p *Pictures) Count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.n
}

// Find looks for the picture of a NAL unit that came.
func (p *Pictures) Find(nal []byte) (Picture, bool) {
	if !isSlice(nal) {
		return Picture{}, false
	}
	id := maphash.Bytes(p.seed, nal)
	p.mu.Lock()
	defer p.mu.Unlock()
	found, ok := p.sent[id]
	return found, ok
}

func isSlice(nal []byte) bool {
	return len(nal) > 0 && (nal[0]&0x1f == nalSlice || nal[0]&0x1f == nalIDR)
}
