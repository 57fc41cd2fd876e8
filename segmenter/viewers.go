package segmenter

import (
	"crypto/rand"
	"net/http"
	"time"

	"weir/room/audience"
	"weir/room/live"
)

// viewerAge is how long after its last playlist a viewer still counts: five reloads.
const viewerAge = 10 * time.Second

// saw notes who reloads a playlist.
func (m *Segmenters) saw(key live.Key, r *http.Request) {
	if m.opts.Audience == nil || audience.PullOf(r.Context()) != nil {
		return
	}
	id := audience.FromRequest(r)
	if id == (audience.ID{}) {
		id = audience.Address(r)
	}
	m.opts.Audience.Saw(key, audience.HLS, id, viewerAge)
}

// session is a query for the media playlists of a viewer who has no id, or nothing. Behind a cache all have to ask
// for the same addresses; there players say by themselves that they watch.
func (m *Segmenters) session(r *http.Request) string {
	if !m.opts.Sessions || isShared(r) || audience.PullOf(r.Context()) != nil || audience.FromRequest(r) != (audience.ID{}) {
		return ""
	}
	return audience.Param + "=" + rand.Text()
}

// isShared tells whether a request came through a cache or a CDN, which say so (RFC 9110 7.6.3, RFC 8586 2).
func isShared(r *http.Request) bool {
	return r.Header.Get("Via") != "" || r.Header.Get("CDN-Loop") != ""
}

// join puts two queries together.
func join(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + "&" + b
}
