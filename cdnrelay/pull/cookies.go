package pull

import (
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"path"
	"sync"
)

// maxCookies is how many cookies are kept of a connection, and maxCookie how long each may be (RFC 6265 6.1).
const maxCookies, maxCookie = 64, 4096

// cookies are those that a source sets, for as long as the connection lasts: CDNs let a session begin with the playlist and ask
// for its cookie with each segment. It is an http.CookieJar whose size is bounded.
type cookies struct {
	jar *cookiejar.Jar

	mu    sync.Mutex // guards known
	known map[string]struct{}
}

func newCookies() *cookies {
	jar, _ := cookiejar.New(nil) // it fails never
	return &cookies{jar: jar, known: make(map[string]struct{})}
}

// SetCookies implements http.CookieJar. What is beyond the bounds is left out.
func (c *cookies) SetCookies(u *url.URL, all []*http.Cookie) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var some []*http.Cookie
	for _, one := range all {
		if len(one.Raw) > maxCookie {
			continue
		}
		at := one.Path
		if at == "" || at[0] != '/' {
			at = path.Dir(u.Path) // RFC 6265 5.1.4
		}
		key := u.Hostname() + " " + one.Domain + " " + at + " " + one.Name
		if _, known := c.known[key]; !known && len(c.known) == maxCookies {
			continue
		}
		c.known[key] = struct{}{}
		some = append(some, one)
	}
	c.jar.SetCookies(u, some)
}

// Cookies implements http.CookieJar.
func (c *cookies) Cookies(u *url.URL) []*http.Cookie { return c.jar.Cookies(u) }
