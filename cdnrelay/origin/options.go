package origin

import (
	"log/slog"
	"net/http"
	"net/netip"
	"time"

	"weir/room/auth"
)

// Options say which domains there are and who pulls. Now and Log may be nil.
type Options struct {
	Domains []Domain
	Pullers []Puller
	// DefaultApp is the id of the app that a path means where neither a query nor a domain says another.
	DefaultApp int
	// Host is the host that a request is for, as its client wrote it.
	Host func(r *http.Request) string
	// Peer is who sent a request to this server, a proxy if one did.
	Peer func(r *http.Request) netip.Addr
	// Problem answers with an error (RFC 9457).
	Problem func(w http.ResponseWriter, r *http.Request, status int, code, detail string)
	Now     func() time.Time
	Log     *slog.Logger
}

// Domain is a name by which the server is asked.
type Domain struct {
	Host   string // such as play.example.com, in lower case; the port does not matter
	App    int    // whose streams are played there; auth.DefaultApp, or an id
	Puller string // the only one who may ask there; empty: everybody
}

// Puller is a CDN.
type Puller struct {
	Name string // in figures and logs
	App  int    // whose streams it pulls; auth.DefaultApp, or an id
	// Secret is what it sends as the header X-Weir-Puller; empty: nothing.
	Secret auth.Secret
	// Dialect and Keys are how it signs addresses; without a primary key it does not.
	Dialect auth.Dialect
	Keys    auth.KeyPair
	// Networks are where it asks from; empty: anywhere, as far as a secret or a signature says that it is the puller.
	Networks []netip.Prefix
	// Trusted lets it pull by its address alone. Without that, and without a secret and keys, what it asks for needs
	// the proof of the viewer whose request it passes on.
	Trusted bool
	// MaxPulls is how many requests may be under way at once.
	MaxPulls int
}
