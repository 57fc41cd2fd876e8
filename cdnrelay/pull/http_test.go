package pull

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"weir/room/dial"
)

// TestCookies: what a playlist sets is sent with its segments, in bounds.
func TestCookies(t *testing.T) {
	t.Parallel()
	from := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/list" {
			http.SetCookie(w, &http.Cookie{Name: "session", Value: "one", Path: "/"})
			_, _ = w.Write([]byte(listOf(0, "0", ends)))
			return
		}
		if c, err := r.Cookie("session"); err != nil || c.Value != "one" {
			http.Error(w, "no session", http.StatusForbidden)
			return
		}
		_, _ = w.Write([]byte("no media"))
	})
	if err := open(t.Context(), from+"/list", guards{source: dial.Trusted}, patience, make(places), &heard{}); !errors.Is(err, ErrFormat) {
		t.Errorf("its segment was not asked for with the cookie: %v", err)
	}
	jar := newCookies()
	u := &url.URL{Scheme: "http", Host: "origin.example.com", Path: "/live/a.ts"}
	jar.SetCookies(u, []*http.Cookie{{Name: "long", Value: "x", Raw: strings.Repeat("x", maxCookie+1)}})
	for i := range 10 * maxCookies {
		jar.SetCookies(u, []*http.Cookie{{Name: fmt.Sprint("c", i), Value: "x"}, {Name: "c0", Value: fmt.Sprint(i)}})
	}
	all := jar.Cookies(u)
	if len(all) != maxCookies {
		t.Errorf("%d cookies are kept", len(all))
	}
	for _, c := range all {
		if c.Name == "c0" && c.Value != fmt.Sprint(10*maxCookies-1) || c.Name == "long" {
			t.Errorf("%v", c)
		}
	}
}

// TestLogin: a user and a password are sent to the source wherever it leads on the same server, and nowhere else.
func TestLogin(t *testing.T) {
	t.Parallel()
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, _, ok := r.BasicAuth(); ok {
			t.Errorf("another server is told the password with %s", r.URL.Path)
		}
		_, _ = w.Write([]byte("no media"))
	}))
	defer other.Close()
	var own string
	var came atomic.Bool // to a segment whose address names no user
	own = serve(t, func(w http.ResponseWriter, r *http.Request) {
		if user, pass, _ := r.BasicAuth(); user != "me" || pass != "secret" {
			http.Error(w, "who are you", http.StatusUnauthorized)
			return
		}
		switch r.URL.Path {
		case "/":
			w.Header().Set("Location", own+"/list")
			w.WriteHeader(http.StatusFound)
		case "/list":
			_, _ = w.Write([]byte(listOf(0, "#EXTINF:1", own+"/here", "#EXTINF:1", other.URL+"/there", ends)))
		default:
			came.Store(true)
			http.Error(w, "gone", http.StatusNotFound)
		}
	})
	from := strings.Replace(own, "://", "://me:secret@", 1)
	if err := open(t.Context(), from+"/", guards{dial.Trusted, dial.Trusted}, patience, make(places), &heard{}); !errors.Is(err, ErrFormat) || !came.Load() {
		t.Errorf("it did not come to all segments: %v, %t", err, came.Load())
	}
}
