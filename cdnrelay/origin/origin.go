package origin

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"weir/room/auth"
)

// HealthPath answers whether the server can be asked, on every domain.
const HealthPath = "/health"

// mediaPath is what the paths of streams begin with.
const mediaPath = "/live/"

// retryAfter is when a puller that has too many pulls may ask again, in seconds.
const retryAfter = "1"

// Origin knows domains and pullers. Its methods may be called from several goroutines.
type Origin struct {
	opts    Options
	domains map[string]*domain
	pullers []*puller
	log     *slog.Logger
}

type domain struct {
	app    int
	puller *puller // nil: everybody may ask
}

// New returns an Origin.
func New(o Options) (*Origin, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	g := &Origin{opts: o, log: o.Log, domains: make(map[string]*domain, len(o.Domains))}
	for _, p := range o.Pullers {
		g.pullers = append(g.pullers, newPuller(p, o.DefaultApp))
	}
	for _, d := range o.Domains {
		if d.App == auth.DefaultApp {
			d.App = o.DefaultApp
		}
		own := &domain{app: d.App, puller: g.named(d.Puller)}
		switch {
		case d.Puller != "" && own.puller == nil:
			return nil, fmt.Errorf("cannot serve the domain %s: there is no puller %q", d.Host, d.Puller)
		case own.puller != nil && own.puller.App != d.App:
			return nil, fmt.Errorf("cannot serve the domain %s: its puller %q is of another app", d.Host, d.Puller)
		}
		g.domains[d.Host] = own
	}
	return g, nil
}

func (o *Origin) named(name string) *puller {
	for _, p := range o.pullers {
		if p.Name == name {
			return p
		}
	}
	return nil
}

// domainKey is where a request's context has how it came by a domain.
type domainKey struct{}

// arrival is how a request came by a domain.
type arrival struct {
	*domain
	named bool // the app was named by the domain alone
}

// Domains gives requests to a domain the app of it, as if they named it by ?sdkappid=. Who asks for another one there is
// refused, and so is everything but streams on a puller's own domain.
func (o *Origin) Domains(next http.Handler) http.Handler {
	if len(o.domains) == 0 {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d, ok := o.domains[hostname(o.opts.Host(r))]
		if !ok {
			next.ServeHTTP(w, r)
			return
		}
		path := r.URL.Path
		if d.puller != nil && !strings.HasPrefix(path, mediaPath) && path != HealthPath {
			o.opts.Problem(w, r, http.StatusNotFound, "not_found", "a CDN finds streams here, and nothing else")
			return
		}
		query, err := d.naming(r.URL.RawQuery)
		if err != nil {
			status, code := auth.Status(err)
			o.opts.Problem(w, r, status, code, err.Error())
			return
		}
		came := &arrival{domain: d, named: query != r.URL.RawQuery}
		r = r.WithContext(context.WithValue(r.Context(), domainKey{}, came))
		next.ServeHTTP(w, withQuery(r, query))
	})
}

// naming is a query that names the domain's app.
func (d *domain) naming(query string) (string, error) {
	switch auth.AppOf(query) {
	case d.app:
		return query, nil
	case auth.DefaultApp:
		return strings.TrimSuffix("sdkappid="+strconv.Itoa(d.app)+"&"+query, "&"), nil
	default:
		return "", auth.ErrUnknownApp
	}
}

// AsAsked is the request without the app that its domain alone has named, for a door that knows it by now and hands the query
// on to addresses on the same domain.
func AsAsked(r *http.Request) *http.Request {
	if came, _ := r.Context().Value(domainKey{}).(*arrival); came == nil || !came.named {
		return r
	}
	var kept []string
	for pair := range strings.SplitSeq(r.URL.RawQuery, "&") {
		if !strings.HasPrefix(pair, "sdkappid=") && pair != "" {
			kept = append(kept, pair)
		}
	}
	return withQuery(r, strings.Join(kept, "&"))
}

// hostname is a Host without its port, in lower case.
func hostname(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return strings.ToLower(strings.TrimSuffix(host, "."))
}

// withQuery is the request with another query.
func withQuery(r *http.Request, query string) *http.Request {
	own := r.WithContext(r.Context()) // a copy, path values included
	own.URL = new(url.URL)
	*own.URL = *r.URL
	own.URL.RawQuery = query
	return own
}
