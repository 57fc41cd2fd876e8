package segmenter

import (
	"log/slog"
	"net/http"
	"time"

	"weir/mux/av"
	"weir/room/audience"
)

// Options say how streams are segmented and served. Those without a default are required.
type Options struct {
	// Segment is how long segments are meant to be (2 s by default), Part how long the parts in them are
	// (200 ms). EXT-X-TARGETDURATION is Segment in whole seconds.
	Segment, Part time.Duration
	// Window is how many segments stand in a playlist: at least 3, 6 by default.
	Window int
	// MaxBytes is how much media one stream may hold, 256 MiB by default. Beyond it segments go before their
	// time.
	MaxBytes int
	// Audio is the codec that sound is served in: CodecOpus by default, or CodecAAC.
	Audio av.Codec
	// Idle is how long a segmenter goes on without a request, 60 s by default. Linger is how long the last
	// window of a stream that ended can be fetched, 30 s by default.
	Idle, Linger time.Duration
	// Wait is how long a first request waits for a segment, 10 s by default.
	Wait time.Duration
	// Sessions gives viewers about whom nothing is known an id in the addresses of their media playlists, so that
	// they can be told from others.
	Sessions bool
	// Audience is told of who reloads a playlist; nobody is counted without it.
	Audience *audience.Audience
	// Signed says that playing needs a signature or a token. What proves a viewer's right is then carried into every
	// address in a playlist, and no cache may give one viewer's playlist to another.
	Signed bool
	// Elsewhere has the objects of streams that are not published here; nil: nobody has.
	Elsewhere Elsewhere
	// Problem answers a request with an error: all doors do it alike.
	Problem func(w http.ResponseWriter, r *http.Request, status int, code, detail string)
	Log     *slog.Logger // nothing is logged by default
}

func (o Options) withDefaults() Options {
	setDefault(&o.Segment, 2*time.Second)
	setDefault(&o.Part, 200*time.Millisecond)
	setDefault(&o.Window, 6)
	o.Window = max(o.Window, 3) // RFC 8216bis 6.2.2
	setDefault(&o.MaxBytes, 256<<20)
	setDefault(&o.Audio, av.CodecOpus)
	setDefault(&o.Idle, time.Minute)
	setDefault(&o.Linger, 30*time.Second)
	setDefault(&o.Wait, 10*time.Second)
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}

func setDefault[T comparable](v *T, to T) {
	var zero T
	if *v == zero {
		*v = to
	}
}
