package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestAudience: who comes first waits, everybody is counted once, and the room hears of it.
func TestAudience(t *testing.T) {
	s := start(t, "WEIR_PLAYBACK_WAIT=30s")
	events := s.listen(t, "audience")

	early := make(chan *viewer, 1)
	go func() {
		defer close(early)
		early <- watch(t, s.http+"/live/audience/cam.flv")
	}()
	eventually(t, "a viewer waits", func() bool { return s.metric(t, "weir_viewers_waiting") == "1" })
	src := s.publish(t, "audience/cam", media{video: true, audio: true})
	events.until(t, "the stream is live", func(e roomEvent) bool { return e.Type == "stream.live" && e.Stream == "cam" })
	v, ok := <-early
	if !ok {
		t.FailNow()
	}
	v.until(t, "a picture", func(tags []tag) bool { return firstPicture(tags) != nil })
	if _, tags := v.snapshot(); !firstPicture(tags).key() {
		t.Error("the first picture is no key frame")
	}

	token := "?usersig=" + s.userSig(t, "ann")
	byFLV := watch(t, s.http+"/live/audience/cam.flv"+token)
	play(t, s.http+"/live/audience/cam.m3u8"+token).reload(t)
	beacon := `{"room":"audience","stream":"cam","viewer":"behind-a-cdn","form":"hls"}`
	for _, who := range []string{"", "", token} { // the last one is known already, and a busy machine may forget it
		if a := ask(t, http.MethodPost, s.http+"/api/v1/beacon"+who, request{body: beacon}); a.StatusCode != http.StatusNoContent {
			t.Errorf("beacon: %s %s", a.Status, a.body)
		}
	}
	// Two by FLV and two by HLS; one of them is the same.
	want := func(e roomEvent) bool { return e.Watching == 3 && e.Viewers["flv"] == 2 && e.Viewers["hls"] == 2 }
	events.until(t, "three watch", want)
	info, _ := s.info(t, "audience", "cam")
	if !want(roomEvent{Watching: info.Watching, Viewers: info.Viewers}) {
		t.Errorf("the list has %d, %v", info.Watching, info.Viewers)
	}
	if one, by := s.metric(t, "weir_viewers_unique"), s.metric(t, `weir_viewers{form="flv"}`); one != "3" || by != "2" {
		t.Errorf("the metrics have %s and %s by FLV", one, by)
	}
	byFLV.leave()
	events.until(t, "one by FLV, and three in all", func(e roomEvent) bool { return e.Watching == 3 && e.Viewers["flv"] == 1 })
	src.delete(t)
	events.until(t, "the stream is over", func(e roomEvent) bool { return e.Type == "stream.ended" && e.Reason == "deleted" })
}

// roomEvent is an event of a room as clients get it.
type roomEvent struct {
	Type, Stream, Reason string
	Viewers              map[string]int
	Watching             int
}

// listener reads the events of a room.
type listener struct{ events chan roomEvent }

// listen begins to listen to a room until the test ends.
func (s *server) listen(t *testing.T, room string) *listener {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.http+"/api/v1/rooms/"+room+"/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	l := &listener{events: make(chan roomEvent, 1000)}
	go func() {
		defer close(l.events)
		for lines := bufio.NewScanner(res.Body); lines.Scan(); {
			data, ok := strings.CutPrefix(lines.Text(), "data: ")
			var e roomEvent
			if ok && json.Unmarshal([]byte(data), &e) == nil {
				l.events <- e
			}
		}
	}()
	t.Cleanup(func() {
		cancel()
		_ = res.Body.Close()
	})
	return l
}

// until waits for an event.
func (l *listener) until(t *testing.T, what string, is func(roomEvent) bool) {
	t.Helper()
	deadline := time.After(patience)
	for {
		select {
		case e, ok := <-l.events:
			if !ok {
				t.Fatalf("%s: the events are over", what)
			}
			if is(e) {
				return
			}
		case <-deadline:
			t.Fatalf("%s: not within %v", what, patience)
		}
	}
}
