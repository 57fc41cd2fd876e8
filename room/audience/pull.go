package audience

import (
	"context"
	"net/http"
	"sync/atomic"
)

// Pull is a request of a CDN that takes a stream to give it to its own viewers: it plays and is no viewer. Its methods
// may be called on nil, as of a request that is none.
type Pull struct {
	// Shared says that what it gets is for whomever the CDN gives it to: no signature of one viewer stands in it.
	Shared bool

	sent *atomic.Uint64 // bytes, of all pulls of this CDN
	done func()
	kept bool
}

// NewPull returns a pull that adds to sent; done is called once it is over, see Keep.
func NewPull(sent *atomic.Uint64, done func()) *Pull { return &Pull{sent: sent, done: done} }

type pullKey struct{}

// WithPull is the request as one of a pull.
func WithPull(r *http.Request, p *Pull) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), pullKey{}, p))
}

// PullOf is the pull that a request is of; nil when it is a viewer's.
func PullOf(ctx context.Context) *Pull {
	p, _ := ctx.Value(pullKey{}).(*Pull)
	return p
}

// IsShared tells whether it is a pull of what is for everybody.
func (p *Pull) IsShared() bool { return p != nil && p.Shared }

// Sent counts bytes.
func (p *Pull) Sent(n int) {
	if p != nil {
		p.sent.Add(uint64(n))
	}
}

// Keep lets the pull go on when its handler returns, until done is called. The handler's goroutine calls it.
func (p *Pull) Keep() (done func()) {
	p.kept = true
	return p.done
}

// Returned is called when the handler has returned.
func (p *Pull) Returned() {
	if !p.kept {
		p.done()
	}
}
