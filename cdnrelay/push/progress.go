package push

import (
	"sync/atomic"
	"time"
)

// Progress counts what was sent to a destination, over all its connections. One goroutine writes, any may read.
type Progress struct {
	counts

	total *counts      // of all destinations of the protocol
	at    atomic.Int64 // decoding time of what was sent last, on the stream's clock
	first func()       // hears of the first media of the present connection; nil when it has
}

// counts are what was sent.
type counts struct{ bytes, frames, lags atomic.Uint64 }

func (c *counts) sent(frames, bytes int) {
	c.frames.Add(uint64(frames)) //nolint:gosec // counts are not negative
	c.bytes.Add(uint64(bytes))   //nolint:gosec // counts are not negative
}

// NewProgress returns a Progress that belongs to no destination, for tests of outputs.
func NewProgress() *Progress { return &Progress{total: new(counts)} }

// Sent counts access units that were handed to the connection, and the bytes that this took; at is the decoding time of
// the last of them on the stream's clock. With the first of them the destination is one that runs.
func (p *Progress) Sent(frames, bytes int, at time.Duration) {
	p.sent(frames, bytes)
	p.total.sent(frames, bytes)
	p.at.Store(int64(at))
	if p.first != nil && frames > 0 {
		first := p.first
		p.first = nil
		first()
	}
}

// Lagged counts that the destination fell behind and skipped to a later key frame.
func (p *Progress) Lagged() {
	p.lags.Add(1)
	p.total.lags.Add(1)
}

// Totals are what was counted: access units, bytes, and how often the destination lagged.
func (p *Progress) Totals() (frames, bytes, lags uint64) {
	return p.frames.Load(), p.bytes.Load(), p.lags.Load()
}

// begin is called for each connection; first hears of its first media.
func (p *Progress) begin(first func()) { p.first = first }

func (p *Progress) newest() time.Duration { return time.Duration(p.at.Load()) }

func (p *Progress) fill(s *Status) { s.Frames, s.Bytes, s.Lags = p.Totals() }
