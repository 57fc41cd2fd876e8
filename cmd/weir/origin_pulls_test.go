package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"weir/config"
	"weir/room/auth"
	"weir/room/live"
)

// TestStreamsArePulled: whatever is asked for below /live passes the wrapper that knows CDNs: on the domain of one only that
// one gets it, whatever auth.play says, it is counted, and max_pulls bounds it.
func TestStreamsArePulled(t *testing.T) {
	const host, secret = "origin.example.com", "a secret that a CDN sends"
	cfg := local(t)
	cfg.Auth.Play, cfg.Playback.Wait = playSigned, time.Millisecond
	cfg.Origin.Pullers = config.Pullers{{Name: "cdn", Secret: secret, MaxPulls: 1}}
	cfg.Origin.Domains = config.Domains{{Host: host, Puller: "cdn"}}
	s, _ := start(t, cfg)
	pull := func(r *http.Request, proof string) *httptest.ResponseRecorder {
		r.Host = host
		r.Header.Set("X-Weir-Puller", proof)
		w := httptest.NewRecorder()
		s.public.server.Handler.ServeHTTP(w, r)
		return w
	}
	// One pull is under way all the while.
	over, stop := context.WithCancel(t.Context())
	began, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		r := httptest.NewRequest(http.MethodGet, "/live/r/s.flv", nil)
		r.Header.Set("X-Weir-Puller", secret)
		s.origin.Streams(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
			close(began)
			<-over.Done()
		})).ServeHTTP(httptest.NewRecorder(), r)
	}()
	defer func() { stop(); <-ended }()
	<-began
	asked := 0
	for _, route := range routes(doors{}) {
		if !strings.HasPrefix(route.pattern, "GET /live/") {
			continue
		}
		for _, r := range requests(route.pattern) {
			asked++
			if w := pull(r, "wrong"); w.Code != http.StatusForbidden || codeOf(t, w) != "pull_refused" {
				t.Errorf("%s for anybody: %d %s", r.URL.Path, w.Code, w.Body)
			}
			if w := pull(r, secret); w.Code != http.StatusServiceUnavailable || codeOf(t, w) != "pulls_full" {
				t.Errorf("%s for one who has as many as there may be: %d %s", r.URL.Path, w.Code, w.Body)
			}
		}
	}
	if asked < 8 {
		t.Errorf("asked for %d", asked)
	}
	stop()
	<-ended
	poster := httptest.NewRequest(http.MethodGet, "/live/r/s/poster.mp4", nil)
	if w := pull(poster, secret); w.Code != http.StatusNotFound || codeOf(t, w) != "stream_not_found" {
		t.Errorf("the poster of no stream: %d %s", w.Code, w.Body)
	}
	roll(t, s, live.Key{App: "1400000000", Room: "r", Stream: "s"}, "ann")
	eventually(t, "the poster is there", func() bool {
		w := pull(poster, secret)
		return w.Code == http.StatusOK && w.Body.Len() > 0
	})
}

// TestPullsByIDAreOfItsApp: an id of the cloud's form names its app, so the CDN of that app is known by its secret without
// ?sdkappid=, and that of another app is not.
func TestPullsByIDAreOfItsApp(t *testing.T) {
	const own, others, id = "a secret of the app's CDN", "a secret of another's CDN", "1400000001_r_ann_main"
	cfg := local(t)
	cfg.Auth.Play, cfg.Playback.Wait = playSigned, time.Millisecond
	cfg.Auth.Apps = config.Apps{{ID: otherApp, Key: otherKey}}
	cfg.Origin.Pullers = config.Pullers{{Name: "own", Secret: own, App: otherApp, MaxPulls: 9}, {Name: "others", Secret: others, MaxPulls: 9}}
	s, _ := start(t, cfg)
	if _, err := s.namer.Publish(live.Key{App: auth.AppName(otherApp), Room: "r", Stream: "s"}, live.PublishOptions{User: "ann", ID: id}); err != nil {
		t.Fatal(err)
	}
	for secret, isPull := range map[string]bool{own: true, others: false} {
		r := httptest.NewRequest(http.MethodHead, "/live/"+id+".flv", nil)
		r.Header.Set("X-Weir-Puller", secret)
		w := httptest.NewRecorder()
		if s.public.server.Handler.ServeHTTP(w, r); refused(w) == isPull {
			t.Errorf("with %s: %d %s", secret, w.Code, w.Body)
		}
	}
}
