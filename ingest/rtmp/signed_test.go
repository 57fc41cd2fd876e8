package rtmp

import (
	"context"
	"sync"
	"testing"
	"time"

	"weir/room/auth"
	"weir/room/live"
)

// once is an auth.Uses of one test.
type once struct {
	mu   sync.Mutex
	seen map[string]bool
}

func (o *once) Use(name string, _ time.Time) (bool, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	there := o.seen[name]
	o.seen[name] = true
	return !there, nil
}

// TestSignedAddresses: an encoder publishes with an address in any dialect, with one for one use only once.
func TestSignedAddresses(t *testing.T) {
	a, err := auth.New(auth.Options{
		App: auth.App{ID: testApp, Key: testKey}, Dialects: []auth.Dialect{auth.DialectTencent, auth.DialectAlibaba},
		Uses: &once{seen: make(map[string]bool)},
	})
	if err != nil {
		t.Fatal(err)
	}
	d := newDoor(t, func(o *Options, _ *live.Options) { o.Auth = a })
	sign := func(d auth.Dialect, p auth.Pass) string {
		p.Room, p.Stream, p.Expires = "demo", "cam", time.Now().Add(time.Hour)
		query, err := a.SignQuery(d, p, "/live/demo/cam")
		if err != nil {
			t.Fatal(err)
		}
		return query
	}
	publish := auth.Pass{Action: auth.ActionPublish}
	single := sign(auth.DialectWeir, auth.Pass{Action: auth.ActionPublish, User: "host", Once: "n"})
	for _, tc := range []struct{ name, app, key, code string }{
		{"weir", "live", "demo/cam?" + sign(auth.DialectWeir, publish), "Start"},
		{"tencent, behind the server", "live?" + sign(auth.DialectTencent, publish), "demo/cam", "Start"},
		{"alibaba", "live/demo", "cam?" + sign(auth.DialectAlibaba, publish), "Start"},
		{"of another stream", "live", "demo/cam2?" + sign(auth.DialectTencent, publish), "Denied"},
		{"for playing", "live", "demo/cam?" + sign(auth.DialectWeir, auth.Pass{Action: auth.ActionPlay}), "Denied"},
		{"once", "live", "demo/cam?" + single, "Start"},
		{"twice", "live", "demo/cam?" + single, "Denied"},
	} {
		c := d.dial()
		c.ask(tc.app, tc.key)
		if code, text := c.status(); code != "NetStream.Publish."+tc.code {
			t.Errorf("%s: got %s: %s", tc.name, code, text)
		}
		if tc.code == "Start" {
			c.command("FCUnpublish", 6.0, nil, "demo/cam")
			if code, text := c.status(); code != "NetStream.Unpublish.Success" {
				t.Errorf("%s: got %s: %s", tc.name, code, text)
			}
		}
		_ = c.Close()
	}
}

// until grants everything until a time.
type until time.Time

func (u until) Authorize(context.Context, auth.Request) (auth.Grant, error) {
	return auth.Grant{App: testApp, Rights: auth.RightsAll, Ends: time.Time(u)}, nil
}

// TestExpired: an address that promised an end ends its stream, and the encoder is told why.
func TestExpired(t *testing.T) {
	d := newDoor(t, func(o *Options, _ *live.Options) { o.Auth = until(time.Now().Add(300 * time.Millisecond)) })
	c := d.dial()
	c.ask("live", "demo/cam")
	c.started()
	if code, text := c.status(); code != "NetStream.Publish.Rejected" || text != auth.ErrEnds.Error() {
		t.Errorf("got %s: %s", code, text)
	}
	c.ended()
	await(t, "it is counted", func() bool { return d.metric("weir_rtmp_session_ends_total", "expired") == 1 })
	await(t, "the stream is over", func() bool {
		_, there := d.hub.Stream(live.Key{App: testSDK, Room: "demo", Stream: "cam"})
		return !there
	})
}
