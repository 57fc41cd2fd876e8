// Package rest makes addresses for administrators over HTTP: of this server, and of CDNs whose keys they bring along. It keeps
// nothing of either. It starts no goroutine.
package rest

import (
	"crypto/rand"
	"errors"
	"net/http"
	"time"

	"weir/cdnrelay/address"
	"weir/cdnrelay/admin"
	"weir/room/auth"
)

const (
	// usualTTL is the life of addresses when none is asked for.
	usualTTL = 24 * time.Hour
	// maxHost and maxKey are the longest domain and key, in bytes, maxURL is the longest address.
	maxHost, maxKey, maxURL = 255 + 6, 256, 1024
)

// builder builds this server's addresses; *auth.Authorizer is one.
type builder interface {
	PlayURLs(site auth.Site, o auth.Address) (auth.PlayURLs, error)
	PublishURLs(site auth.Site, o auth.Address) (auth.PublishURLs, error)
}

// Generator makes addresses. Its fields are required.
type Generator struct {
	Builder builder
	// Site is where whoever sent a request reaches this server.
	Site func(r *http.Request) (auth.Site, error)
	Now  func() time.Time
}

// asked is the body of a request: a stream of this server, or with a domain one of a CDN.
type asked struct {
	Room     string `json:"room"`
	Stream   string `json:"stream"`
	StreamID string `json:"streamid"`
	Dialect  string `json:"dialect"`
	TTL      string `json:"ttl"`
	// Of this server.
	User string `json:"user"`
	Once bool   `json:"once"`
	End  bool   `json:"end"`
	// Of a CDN.
	PushHost string `json:"push_host"`
	PlayHost string `json:"play_host"`
	App      string `json:"app"`
	SDKAppID int    `json:"sdkappid"` // of another weir
	PushKey  string `json:"push_key"`
	PlayKey  string `json:"play_key"`
	WHIP     string `json:"whip"`
	Insecure bool   `json:"insecure"`
}

// answer are the addresses.
type answer struct {
	// Room and Stream are left out of those of a CDN.
	Room    string           `json:"room,omitempty"`
	Stream  string           `json:"stream"`
	Dialect string           `json:"dialect"`
	Expires time.Time        `json:"expires"`
	Push    address.PushURLs `json:"push"`
	Play    any              `json:"play"`
}

// Create answers POST /api/v1/addresses.
func (g *Generator) Create(r *admin.Request) (any, error) {
	var q asked
	if err := r.Decode(&q); err != nil {
		return nil, err
	}
	ttl := usualTTL
	if q.TTL != "" {
		var err error
		if ttl, err = time.ParseDuration(q.TTL); err != nil || ttl < time.Second || ttl > auth.MaxTTL {
			return nil, admin.Bad("ttl must be a time such as 90s or 24h, from 1s to %v", auth.MaxTTL)
		}
	}
	expires := g.Now().Add(ttl).Truncate(time.Second)
	var out *answer
	var err error
	if q.PushHost+q.PlayHost != "" {
		out, err = q.outside(expires)
	} else {
		out, err = g.inside(r, &q, expires)
	}
	if errors.Is(err, address.ErrAddress) {
		return nil, admin.Bad("%v", err)
	}
	return out, err
}

func (q *asked) outside(expires time.Time) (*answer, error) {
	stream := q.Stream
	if stream == "" {
		stream = q.StreamID
	}
	switch {
	case q.Room+q.User != "" || q.Once || q.End || q.Stream != "" && q.StreamID != "":
		return nil, admin.Bad("a CDN's address has a stream or a streamid; it knows no room, user, once or end")
	case len(q.PushHost) > maxHost || len(q.PlayHost) > maxHost || len(q.PushKey) > maxKey || len(q.PlayKey) > maxKey || len(q.WHIP) > maxURL:
		return nil, admin.Bad("a domain has at most %d bytes, a key %d, whip %d", maxHost, maxKey, maxURL)
	case q.Dialect == "":
		return nil, admin.Bad("dialect must be plain, tencent, alibaba or weir")
	case (q.Dialect == string(address.Weir)) != (q.SDKAppID != 0):
		return nil, admin.Bad("sdkappid is the app's number at another weir: the dialect weir needs it, and no other has one")
	case q.Dialect != string(address.Plain) && q.PushHost != "" && q.PushKey == "":
		return nil, admin.Bad("push_key, the key of the domain push_host, is missing; the dialect plain signs nothing")
	}
	push, play, err := address.Outside{
		PushHost: q.PushHost, PlayHost: q.PlayHost, App: q.App, AppID: q.SDKAppID, Stream: stream, Dialect: address.Dialect(q.Dialect),
		PushKey: auth.Secret(q.PushKey), PlayKey: auth.Secret(q.PlayKey), Expires: expires, WHIP: q.WHIP, Insecure: q.Insecure,
	}.URLs()
	if err != nil {
		return nil, err
	}
	return &answer{Stream: stream, Dialect: q.Dialect, Expires: expires.UTC(), Push: push, Play: play}, nil
}

// inside are the addresses of a stream here. An app's administrators speak for the app, so an address need not name anybody.
func (g *Generator) inside(r *admin.Request, q *asked, expires time.Time) (*answer, error) {
	if q.App+q.PushKey+q.PlayKey+q.WHIP != "" || q.SDKAppID != 0 || q.Insecure {
		return nil, admin.Bad("push_host or play_host, a CDN's domain, is missing: app, sdkappid, push_key, play_key, whip and insecure are of a CDN")
	}
	site, err := g.Site(r.Request)
	if err != nil {
		return nil, admin.Bad("Host must be that of this server")
	}
	o := auth.Address{
		App: r.Grant.App, Room: q.Room, Stream: q.Stream, ID: q.StreamID, User: q.User, Expires: expires, Ends: q.End,
	}
	if q.Dialect != "" {
		if o.Dialect, err = auth.ParseDialect(q.Dialect); err != nil {
			return nil, err
		}
	}
	if o.Room == "" && o.Stream == "" && o.ID != "" {
		if o.Room, o.Stream, err = auth.RoomOfID(o.ID); err != nil {
			return nil, err
		}
	}
	play, err := g.Builder.PlayURLs(site, o)
	if err != nil {
		return nil, err
	}
	if q.Once {
		o.Once = rand.Text()
	}
	publish, err := g.Builder.PublishURLs(site, o)
	if err != nil {
		return nil, err
	}
	out := &answer{Room: o.Room, Stream: o.Stream, Dialect: o.Dialect.String(), Expires: expires.UTC(), Play: play}
	out.Push.RTMP, out.Push.WHIP = publish.RTMP, publish.WHIP
	out.Push.Server, out.Push.Key = address.Cut(publish.RTMP)
	return out, nil
}
