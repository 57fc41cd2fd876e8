package crowd

import (
	"sync"
	"time"

	"weir/bench/measure"
)

// Source knows when pictures were sent: Pictures or Rounds.
type Source interface {
	// Find looks for the picture of a NAL unit that came just now. It may be called by several goroutines.
	Find(nal []byte) (Picture, bool)
}

// Record is what a probe saw. It may be read while the probe runs.
type Record struct {
	pictures Source

	mu     sync.Mutex // guards the fields below
	delays []float64  // ms since the picture was sent
	last   Picture
	count  int
	missed int // between the first picture and the last
	joined time.Time
	first  time.Duration // from the request to the first key frame; 0 before it
}

func newRecord(p Source) *Record { return &Record{pictures: p, joined: time.Now()} }

// saw notes a NAL unit that came whole just now.
func (r *Record) saw(nal []byte) {
	now := time.Now()
	p, ok := r.pictures.Find(nal)
	if !ok {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.first == 0 && p.Key {
		r.first = now.Sub(r.joined)
	}
	if r.count > 0 && p.N > r.last.N+1 {
		r.missed += p.N - r.last.N - 1
	}
	r.last = p
	r.count++
	r.delays = append(r.delays, measure.Milliseconds(now.Sub(p.Sent)))
}

// Reset forgets the delays so far, which are those of joining.
func (r *Record) Reset() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.delays = nil
}

// Delays are the times in ms that the pictures since the last Reset took.
func (r *Record) Delays() []float64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]float64(nil), r.delays...)
}

// Count is how many pictures came, Missed how many of those between the first and the last did not.
func (r *Record) Count() (came, missed int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.count, r.missed
}

// First is the time from the request to the first key frame; 0 when there was none yet.
func (r *Record) First() time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.first
}

// Last is the newest picture that came.
func (r *Record) Last() Picture {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.last
}
