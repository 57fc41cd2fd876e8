package edge

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"weir/room/live"
)

// onDemand is something that brings one stream when it is waited for, and counts how often it is asked whether it does.
type onDemand struct {
	key   live.Key
	asked atomic.Int64
}

func (d *onDemand) brings(k live.Key) bool {
	d.asked.Add(1)
	return k == d.key
}

// bring publishes the stream once somebody waits for it, with a playlist.
func (d *onDemand) bring(t *testing.T, n *node) {
	t.Helper()
	wanted := n.hub.Wanted()
	t.Cleanup(wanted.Close)
	ctx, stop := context.WithCancel(context.Background())
	var bringing sync.WaitGroup
	t.Cleanup(func() {
		stop()
		bringing.Wait()
	})
	bringing.Go(func() {
		for {
			k, err := wanted.Next(ctx)
			if err != nil {
				return
			}
			if k == d.key {
				n.files.set("index.m3u8", "#EXTM3U")
				newShow(t, n.publish(t, live.PublishOptions{})).run(5)
			}
		}
	})
}

// TestPlaylistsWake: who begins to play by HLS has a stream brought as viewers of other forms do, here and at the node behind.
func TestPlaylistsWake(t *testing.T) {
	for name, front := range map[string]func(t *testing.T, behind *node) *node{
		"at the node itself": func(_ *testing.T, behind *node) *node { return behind },
		"from the node in front": func(t *testing.T, behind *node) *node {
			t.Helper()
			return run(t, nil, behind.url())
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := &onDemand{key: testKey}
			behind := run(t, func(o *Options, _ *live.Options) { o.Brings = d.brings })
			d.bring(t, behind)
			at := front(t, behind)
			if _, err := at.edge.File(t.Context(), testKey, "a_1.m4s"); !errors.Is(err, live.ErrNoStream) || d.asked.Load() > 0 {
				t.Errorf("a segment of nothing: %v, and it is looked for", err)
			}
			other := testKey
			other.Stream = "other"
			if _, err := at.edge.File(t.Context(), other, "index.m3u8"); !errors.Is(err, live.ErrNoStream) {
				t.Errorf("what nothing brings: %v", err)
			}
			if _, ok := behind.hub.Stream(testKey); ok {
				t.Error("it came unasked")
			}
			eventually(t, "the playlist", func() bool { // the first question wakes it
				b, err := at.edge.File(t.Context(), testKey, "index.m3u8")
				_, there := behind.hub.Stream(testKey)
				return err == nil && string(b) == "#EXTM3U" && there
			})
		})
	}
}

// TestNothingIsWokenInVain: what a node has, of its own or of its origins, is given without a look at what could be brought.
func TestNothingIsWokenInVain(t *testing.T) {
	d := &onDemand{key: testKey}
	brings := func(o *Options, _ *live.Options) { o.Brings = d.brings }
	origin := run(t, nil)
	newShow(t, origin.publish(t, live.PublishOptions{})).run(5)
	origin.files.set("main.m3u8", "#EXTM3U")
	middle := run(t, brings, origin.url())
	front := run(t, nil)
	over := run(t, brings) // its stream has ended, and the last playlist is left
	over.files.set("main.m3u8", "#EXTM3U")
	for name, c := range map[string]struct{ method, address string }{
		"is it there":               {http.MethodHead, address(middle.url(), testKey)},
		"a playlist of the origin":  {http.MethodGet, address(middle.url(), testKey, "main.m3u8")},
		"the last playlist":         {http.MethodGet, address(over.url(), testKey, "main.m3u8")},
		"a segment that is no more": {http.MethodGet, address(over.url(), testKey, "a_1.m4s")},
	} {
		resp, err := front.edge.client.do(t.Context(), c.method, c.address, nil)
		if err == nil {
			resp.Body.Close()
		} else if !errors.Is(err, live.ErrNoStream) {
			t.Errorf("%s: %v", name, err)
		}
		if d.asked.Load() > 0 {
			t.Fatalf("%s: it is woken", name)
		}
	}
}

// TestWakingIsNoSilence: nodes that wait for what is brought answer before those that ask them give up, however many stand one
// before the other.
func TestWakingIsNoSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := runIn(t, nil, func(o *Options, _ *live.Options) {
			o.Brings = func(live.Key) bool { return true }
			o.Problem = func(w http.ResponseWriter, _ *http.Request, status int, _, _ string) { w.WriteHeader(status) }
		})
		var all time.Duration
		for via := "a"; len(via) < 2*maxHops; via += ",b" {
			r := httptest.NewRequest(http.MethodHead, "/", nil)
			r.SetPathValue("app", testKey.App)
			r.SetPathValue("room", testKey.Room)
			r.SetPathValue("stream", testKey.Stream)
			r.Header.Set("Authorization", "Bearer "+testSecret)
			r.Header.Set(headerVia, via)
			w, began := httptest.NewRecorder(), time.Now()
			n.edge.ServeStream(w, r)
			if w.Code != http.StatusNotFound {
				t.Errorf("%s: %d", via, w.Code)
			}
			all += time.Since(began)
		}
		if all < time.Second || all >= askTimeout {
			t.Errorf("all together wait for %v", all)
		}
	})
}
