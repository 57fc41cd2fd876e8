package push

import (
	"sync/atomic"
	"time"
)

// Progress counts what was sent to a destination, over all its connections. One goroutine writes, any may read.
type Progress struct {
	bytes  atomic.Uint64
	frames atomic.Uint64
	lags   atomic.Uint64
	at     atomic.Int64 // decoding time of what was sent last, on the stream's clock
	began  atomic.Bool  // something was sent over the present connection
}

// Sent counts access units that were handed to the connection, and the bytes that this took; at is the decoding time of
// the last of them on the stream's clock.
func (p *Progress) Sent(frames, bytes int, at time.Duration) {
	p.frames.Add(uint64(frames)) //nolint:gosec // counts are not negative
	p.bytes.Add(uint64(bytes))   //nolint:gosec // counts are not negative
	p.at.Store(int64(at))
	p.began.Store(true)
}

// Lagged counts that the destination fell behind and skipped to a later key frame.
func (p *Progress) Lagged() { p.lags.Add(1) }
