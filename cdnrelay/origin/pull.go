package origin

import (
	"context"
	"net/http"

	"weir/room/audience"
	"weir/room/auth"
)

// Streams is what a request for a stream or a file of one passes before its door: a pull is known as one from here on. The
// request has the path values of its route: {room} and {stream} or {file}, or {file} alone. A nil Origin
// knows no puller.
func (o *Origin) Streams(next http.Handler) http.Handler {
	if o == nil || len(o.pullers) == 0 {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p, by := o.pullerOf(r)
		switch {
		case p == nil:
			next.ServeHTTP(w, r)
		case by == none:
			p.counts[refused].Add(1)
			o.opts.Problem(w, r, http.StatusForbidden, "pull_refused", "streams are given here to a CDN that proves who it is")
		default:
			o.serve(w, r, next, p, by)
		}
	})
}

// pullerOf is who pulls; nil for a viewer. On a puller's own domain it is always that one.
func (o *Origin) pullerOf(r *http.Request) (*puller, claim) {
	asked, peer, now := o.asked(r), o.opts.Peer(r), o.opts.Now()
	if came, _ := r.Context().Value(domainKey{}).(*arrival); came != nil && came.puller != nil {
		return came.puller, came.puller.claims(r.Header, peer, &asked, now)
	}
	for _, p := range o.pullers {
		if by := p.claims(r.Header, peer, &asked, now); by != none {
			return p, by
		}
	}
	return nil, none
}

// asked is what a request asks for, as a signature names it.
func (o *Origin) asked(r *http.Request) auth.Request {
	room, stream := r.PathValue("room"), r.PathValue("stream")
	if stream == "" {
		stream, _, _ = auth.SplitFile(r.PathValue("file"))
	}
	a := auth.RequestOf(r, auth.ActionPlay, room, stream)
	if room == "" {
		a.Stream, a.ID = "", stream
	}
	if a.App == auth.DefaultApp {
		a.App = o.opts.DefaultApp
	}
	return a
}

func (o *Origin) serve(w http.ResponseWriter, r *http.Request, next http.Handler, p *puller, by claim) {
	pull := p.begin(by)
	if pull == nil {
		p.counts[full].Add(1)
		w.Header().Set("Retry-After", retryAfter)
		o.opts.Problem(w, r, http.StatusServiceUnavailable, "pulls_full", "this CDN has as many pulls under way as it may have")
		return
	}
	defer pull.Returned()
	p.counts[served].Add(1)
	r = audience.WithPull(r, pull)
	if by == proven {
		// Its proof is of this one address: nothing that is answered may carry it to viewers.
		r = withQuery(r, auth.WithoutProof(r.URL.RawQuery))
		r.Header = r.Header.Clone()
		r.Header.Del("Authorization")
		r.Header.Del(secretHeader)
		r = r.WithContext(context.WithValue(r.Context(), grantKey{}, auth.Grant{App: p.App, Rights: auth.RightsAll}))
	}
	if _, form, _ := auth.SplitFile(r.PathValue("file")); form != auth.FormFLV {
		w = &counting{w, pull} // the door of FLV counts by itself: it takes the connection
	}
	next.ServeHTTP(w, r)
}

// counting counts what is written to a pull.
type counting struct {
	http.ResponseWriter
	pull *audience.Pull
}

// Unwrap lets http.ResponseController reach what this writer does not have.
func (c *counting) Unwrap() http.ResponseWriter { return c.ResponseWriter }

func (c *counting) Write(b []byte) (int, error) {
	n, err := c.ResponseWriter.Write(b)
	c.pull.Sent(n)
	return n, err
}

// grantKey is where a request's context has what a proven pull is granted.
type grantKey struct{}

// authorizer decides on requests.
type authorizer interface {
	Authorize(ctx context.Context, r auth.Request) (auth.Grant, error)
}

// Gate grants what proven pulls ask for, and asks another one about everything else. Programs that are asked about viewers
// are not asked about pulls.
type Gate struct{ next authorizer }

// NewGate returns a Gate before another one.
func NewGate(next authorizer) Gate { return Gate{next} }

// Authorize grants the request or says why not.
func (g Gate) Authorize(ctx context.Context, r auth.Request) (auth.Grant, error) {
	if grant, ok := ctx.Value(grantKey{}).(auth.Grant); ok && r.Action == auth.ActionPlay {
		return grant, nil
	}
	return g.next.Authorize(ctx, r)
}
