package push

import (
	"context"
	"log/slog"
	"net/url"
	"time"

	"weir/mux/av"
	"weir/room/dial"
	"weir/room/live"
)

// Output speaks one protocol to targets. It is used by several goroutines at once.
type Output interface {
	// Open connects to a target and gets its leave to publish. ctx bounds Open alone; the session outlives it. Nothing of
	// a target's answers may take more memory or time than the protocol needs.
	//
	// Errors wrap one of ErrAddress, ErrConnect, ErrRefused, ErrTimeout, ErrClosed, ErrProtocol and ErrUnfit, and hold
	// nothing that is secret in the address.
	Open(ctx context.Context, t Target) (Session, error)
}

// Checker is an Output that can tell of an address, before it connects, that nothing will come of it.
type Checker interface {
	// Check looks at an address with samples in its places.
	//
	// Errors wrap ErrAddress and say what is wrong, and nothing that is secret in the address.
	Check(u *url.URL) error
}

// Session is a connection over which one stream is published. It is for one goroutine, the destination's.
type Session interface {
	// Send sends the stream from a key frame on, until the stream is over, ctx is done or the connection fails. It goes on
	// through pauses of the publisher and changes of the tracks, never holds the stream up, and tells what it has sent.
	//
	// Errors: what wraps live.ErrEnded when the stream is over and was sent to its end; the context's cause; else what
	// wraps ErrTimeout, ErrClosed, ErrProtocol, ErrRefused, ErrSlow, ErrChanged or ErrUnfit.
	Send(ctx context.Context, p *Progress) error
	// Close says goodbye while ctx allows, and gives back all that the session holds. It is called once, after Send has
	// returned or in place of it.
	Close(ctx context.Context)
}

// Target is what Open connects to, and what for.
type Target struct {
	// URL is the address with its placeholders filled in and freshly signed. It is secret: no log line and no error may have
	// its user, password or query, nor what of its path is a key; see address.Masked.
	URL *url.URL
	// Token goes with the request where the protocol has a place for one (the bearer token of WHIP); empty: none.
	Token string
	// Guard lets connections pass: all of them go through its Dialer.
	Guard *dial.Guard
	// Stream is what is published there.
	Stream *live.Stream
	// Audio is the sound that the target wants, AAC or Opus; CodecNone leaves it to the output.
	Audio av.Codec
	// Reader says how the stream is to be read; the output gives it no other name.
	Reader live.ReaderOptions
	// WriteTimeout is how long the target may take nothing of what is written.
	WriteTimeout time.Duration
	// MaxLags is how often within a minute the session may lag before it ends with ErrSlow; see Forward.
	MaxLags int
	// Log has the destination's attributes already.
	Log *slog.Logger
}
