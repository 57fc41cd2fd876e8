package e2e

import (
	"context"
	"net/http"
	"sync"
	"testing"
	"time"

	"weir/bench/publish"
	"weir/testdata"
)

// publishes starts a publication of one of the samples by the user "host", as publish does, from whatever goroutine.
func (s *server) publishes(ctx context.Context, path, sample string) (*publish.Session, error) {
	return publish.Start(ctx, publish.Options{
		URL: s.http + "/whip/" + path, Token: s.token, Loop: true, StereoFmtp: true,
		H264: testdata.Path(sample), Ogg: testdata.Path("tone.ogg"),
	})
}

// testTakeover: a publisher of the same user takes the stream over at once, while the one before still sends. Viewers
// stay: a sequence header where the pictures are others, none where they are the same.
func testTakeover(t *testing.T, s *server) {
	ctx, cancel := context.WithTimeout(t.Context(), 4*patience)
	defer cancel()
	first := s.publish(t, "takeover/cam", media{video: true, audio: true})
	v := watch(t, s.http+"/live/takeover/cam.flv")
	v.untilLength(t, 2*time.Second)
	p := play(t, s.http+"/live/takeover/cam.m3u8")
	before := first
	for _, c := range []struct{ sample, headers string }{
		{"bars-360p.h264", "V1A1"},
		{"bars-720p.h264", "V2A1"},
	} {
		_, tags := v.snapshot()
		begin := span(tags)
		next, err := s.publishes(ctx, "takeover/cam", c.sample)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(next.Close)
		v.until(t, "pictures of the next publisher", func(tags []tag) bool {
			return span(tags) >= begin+3*time.Second && headersOf(tags) == c.headers
		})
		eventually(t, "the session that was replaced to be gone", func() bool {
			a := ask(t, http.MethodDelete, before.URL(), request{header: map[string]string{"Authorization": "Bearer " + s.token}})
			return a.StatusCode == http.StatusNotFound
		})
		before = &source{Session: next}
	}
	p.until(t, len(p.segments)+3) // reload checks the numbers
	before.delete(t)
	if err := v.ended(t); err != nil {
		t.Errorf("the viewer's response was cut: %v", err)
	}
	p.untilEnd(t)
	_, tags := v.snapshot()
	checkRising(t, tags)
	if got := v.headers(); got != "V2A1" {
		t.Errorf("sequence headers %s, want V2A1", got)
	}
	path := v.file(t)
	checkDecodes(t, path, "-enc_time_base", "-1")
	checkFLV(t, path)
}

// testRace: of many publishers of one user that come at once, one holds the stream in the end, and viewers get its
// pictures. The others are told by the end of their connection.
func testRace(t *testing.T, s *server) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var (
		all sync.WaitGroup
		mu  sync.Mutex
		won []*publish.Session
	)
	for range 8 {
		all.Go(func() {
			session, err := s.publishes(ctx, "race/cam", "bars-360p.h264")
			if err != nil {
				return // replaced before its connection was up
			}
			mu.Lock()
			defer mu.Unlock()
			won = append(won, session)
		})
	}
	all.Wait()
	for _, session := range won {
		t.Cleanup(session.Close)
	}
	eventually(t, "the stream to be live", func() bool {
		info, ok := s.info(t, "race", "cam")
		return ok && info.State == "live"
	})
	v := watch(t, s.http+"/live/race/cam.flv")
	v.untilLength(t, 2*time.Second)
	for _, session := range won { // but the one that holds the stream they are gone, or about to
		ask(t, http.MethodDelete, session.URL(), request{header: map[string]string{"Authorization": "Bearer " + s.token}})
	}
	if err := v.ended(t); err != nil {
		t.Errorf("the viewer's response was cut: %v", err)
	}
	if _, ok := s.info(t, "race", "cam"); ok {
		t.Error("the stream is still there")
	}
}
