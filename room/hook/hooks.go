package hook

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"weir/room/store"
)

// apps knows the settings of apps that were made at run time; *store.Store does.
type apps interface {
	App(ctx context.Context, id int) (store.App, error)
}

// Options is what Hooks needs.
type Options struct {
	// IM is the receiver of the callbacks of DefaultApp, from the operator's configuration: its address is trusted. It may
	// be the zero Receiver.
	IM         Receiver
	DefaultApp int
	// Apps knows other apps, whose receivers are in their settings; see ParseSettings. Their addresses are not trusted.
	// nil: there are none.
	Apps apps
	// Streams are the receivers of stream events. Their addresses are trusted.
	Streams []StreamReceiver
	// AskPublish and AskPlay have the receivers of SRS's form asked before a stream is published or played.
	AskPublish, AskPlay bool
	// Key signs what goes to Streams.
	Key string
	// Server is the name of this server, for its receivers.
	Server string
	// Timeout bounds what is told, 5 s when 0. What is asked of an app's receiver has 2 s whatever is set.
	Timeout time.Duration
	// MaxAge is how long is tried to deliver an event, 24 h when 0.
	MaxAge time.Duration
	// Mine tells whether this process delivers what is in the queue, of all that share one; nil: it does.
	Mine func() bool
	// Problem answers a request with an error (RFC 9457). Required for the handlers.
	Problem func(w http.ResponseWriter, r *http.Request, status int, code, detail string)
	// Now tells the time; time.Now when nil.
	Now func() time.Time
	Log *slog.Logger
}

// Receiver is where the callbacks of an app go.
type Receiver struct {
	// URL is http or https; empty: there is no receiver.
	URL string `json:"callback_url"`
	// Token signs the address of each call; empty: it is not signed.
	Token string `json:"callback_token"`
	// Commands are those that are on; empty: all are.
	Commands []string `json:"callbacks"`
}

// Form is how stream events are rendered.
type Form string

// The forms.
const (
	FormWeir Form = "weir"
	FormCSS  Form = "css" // the stream callbacks of the cloud
	FormSRS  Form = "srs"
)

// StreamReceiver is where stream events go, and how they look.
type StreamReceiver struct {
	Form Form
	URL  string
}

// Hooks calls other programs. It is safe for concurrent use.
type Hooks struct {
	opts Options
}

// New checks the options.
func New(opts Options) (*Hooks, error) {
	if opts.Now == nil {
		opts.Now = time.Now
	}
	return &Hooks{opts: opts}, nil
}

// Run delivers what is told until ctx is done.
func (h *Hooks) Run(ctx context.Context) error {
	<-ctx.Done()
	return nil
}

// Wants tells whether the app has a receiver for which the command is on, so that nobody makes a body for nothing.
func (h *Hooks) Wants(_ int, _ string) bool { return false }

// Ask has the app's receiver decide. It takes at most two seconds, and lets happen what nobody refuses in that time.
func (h *Hooks) Ask(_ context.Context, _ Call) Verdict { return Verdict{} }

// Tell has the app's receiver told, later. It never waits for the receiver.
func (h *Hooks) Tell(_ Call) {}

// Stream has the receivers of stream events told, later. It never waits for them.
func (h *Hooks) Stream(_ ...Event) {}

// MayPublish asks those who may refuse a publish. An error is a refusal.
func (h *Hooks) MayPublish(_ context.Context, _ Event) error { return nil }

// MayPlay asks those who may refuse a viewer. An error is a refusal.
func (h *Hooks) MayPlay(_ context.Context, _ Event) error { return nil }
