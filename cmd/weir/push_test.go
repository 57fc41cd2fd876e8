package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"weir/config"
	"weir/mux/av"
	"weir/room/auth"
	"weir/room/live"
	"weir/testdata/samples"
)

// relayList is what of GET /api/v1/relays these tests look at.
type relayList struct {
	Relays []struct {
		ID, Origin, To string
		Destinations   []struct {
			Stream, URL, State, Reason, Error string
			Frames, Tries                     int
		}
	}
}

// roll publishes a film over and over, in real time, until the test ends.
func roll(t *testing.T, s *server, k live.Key, user string) (*live.Publisher, []*av.Frame) {
	t.Helper()
	track, film := samples.H264(t)
	p, err := s.hub.Publish(k, live.PublishOptions{User: user, Tracks: 1})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Write(&av.Frame{Track: track.ID, Kind: av.KindConfig, Codec: track.Codec, Config: &track}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var camera sync.WaitGroup
	t.Cleanup(func() {
		cancel()
		camera.Wait()
	})
	camera.Go(func() {
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for i := 0; ; i++ {
			select {
			case <-tick.C:
			case <-ctx.Done():
				return
			}
			f := *film[i%len(film)]
			f.DTS = time.Duration(i+1) * 20 * time.Millisecond
			f.PTS = f.DTS
			if p.Write(&f) != nil {
				return
			}
		}
	})
	return p, film
}

// eventually waits for something to come true.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !is(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("not within the patience of this test: " + what)
		}
	}
}

// TestPush: one weir pushes a stream to another, at an address that it signs by itself; what arrives is what was published, who
// listens hears of each state, and when the relay is deleted the stream is over there.
func TestPush(t *testing.T) {
	var mu sync.Mutex
	var told []string
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		var e struct {
			Type string
			Data struct {
				Relay struct{ State, URL string }
			}
		}
		if json.Unmarshal(body, &e) == nil && e.Type == "weir.relay.changed" {
			mu.Lock()
			told = append(told, e.Data.Relay.State)
			mu.Unlock()
		}
		if strings.Contains(string(body), "sign=") || strings.Contains(string(body), "the-key-of-the-other-one") {
			t.Errorf("a secret was told: %s", body)
		}
	}))
	t.Cleanup(receiver.Close)
	far := local(t)
	far.Auth.Keys.Publish = "the-key-of-the-other-one-0123456789"
	to, _ := start(t, far)
	cfg := local(t)
	cfg.Relay.ConnectTimeout, cfg.Relay.WriteTimeout, cfg.Relay.MaxLag = time.Minute, time.Minute, time.Minute // on a busy machine
	cfg.Outgoing.Allow = []string{"127.0.0.0/8"}
	cfg.Hook.URLs = config.URLs{config.URL(receiver.URL)}
	s, _ := start(t, cfg)
	key := live.Key{App: "1400000000", Room: "demo", Stream: "cam"}
	_, film := roll(t, s, key, "host")

	admin := userSig(t, "administrator")
	body := `{"room": "demo", "stream": "*", "to": "rtmp://` + to.rtmpAddr.String() + `/live/copy/{stream}?sdkappid=1400000000",
		"sign": {"dialect": "weir", "key": "the-key-of-the-other-one-0123456789"}}`
	var made struct{ ID string }
	must(t, s, admin, "POST", "/api/v1/relays", body, &made)
	if status, code := do(t, s, admin, "POST", "/api/v1/relays", body, nil); status != http.StatusConflict || code != "relay_exists" {
		t.Errorf("a second one to the same address: %d %s", status, code)
	}
	copied := live.Key{App: "1400000000", Room: "copy", Stream: "cam"}
	eventually(t, "the stream arrives", func() bool {
		c, there := to.hub.Stream(copied)
		return there && c.Info().State == live.StateLive
	})
	c, _ := to.hub.Stream(copied)
	r := c.NewReader(live.ReaderOptions{Name: "test", Start: live.StartOldest})
	defer r.Close()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for n := 0; n < 50; {
		frames := make([]live.Frame, 10)
		got, err := r.ReadBatch(ctx, frames)
		if err != nil && !errors.Is(err, live.ErrLagged) { // on a busy machine
			t.Fatal(err)
		}
		for _, f := range frames[:got] {
			if f.Kind != av.KindMedia || !f.Codec.IsVideo() {
				continue
			}
			if n++; !holds(film, f.Data) {
				t.Fatalf("picture %d is none of those that were published", n)
			}
		}
	}
	var list relayList
	eventually(t, "it is counted", func() bool {
		must(t, s, admin, "GET", "/api/v1/relays", "", &list)
		return len(list.Relays) == 1 && len(list.Relays[0].Destinations) == 1 && list.Relays[0].Destinations[0].Frames >= 50
	})
	if d := list.Relays[0].Destinations[0]; list.Relays[0].ID != made.ID || d.State != "running" || d.Tries != 1 || d.URL != "rtmp://"+to.rtmpAddr.String()+"/live/copy/***" {
		t.Errorf("listed: %+v", d)
	}
	must(t, s, admin, "DELETE", "/api/v1/relays/"+made.ID, "", nil)
	eventually(t, "the stream is over there", func() bool {
		_, there := to.hub.Stream(copied)
		return !there
	})
	eventually(t, "all is told", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return strings.Join(told, " ") == "connecting running ended"
	})
}

func holds(film []*av.Frame, data []byte) bool {
	for _, f := range film {
		if bytes.Equal(f.Data, data) {
			return true
		}
	}
	return false
}

// TestPushIsGuarded: an administrator cannot have a stream pushed to where the operator has not allowed it, nor to an address of SRT
// that nothing would come of, and neither can the answer of a callback.
func TestPushIsGuarded(t *testing.T) {
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"code": 0, "data": {"urls": ["rtmp://localhost:1/live/x"]}}`)
	}))
	t.Cleanup(receiver.Close)
	cfg := local(t)
	cfg.Hook.Ask = []string{"forward"}
	cfg.Hook.URLs = config.URLs{config.URL("srs=" + receiver.URL)}
	s, _ := start(t, cfg)
	admin := userSig(t, "administrator")
	if status, code := do(t, s, admin, "POST", "/api/v1/relays", `{"room": "*", "stream": "*", "to": "rtmp://[::1]/live/x"}`, nil); status != http.StatusBadRequest {
		t.Errorf("an address in numbers: %d %s", status, code)
	}
	for query, fine := range map[string]bool{
		"": true, "?streamid={streamid}&passphrase={stream}": true,
		"?passphrase=short": false, "?passphrase=" + strings.Repeat("x", 80): false,
		"?latency=x": false, "?latency=-1": false, "?pbkeylen=17": false, "?streamid=" + strings.Repeat("x", 513): false,
	} {
		body := `{"room": "none", "stream": "*", "to": "srt://localhost:9000` + query + `"}`
		var made struct{ ID string }
		status, code := do(t, s, admin, "POST", "/api/v1/relays", body, &made)
		if fine && status != http.StatusCreated || !fine && (status != http.StatusBadRequest || code != "bad_request") {
			t.Errorf("srt with %.30q: %d %s", query, status, code)
		}
		if fine {
			must(t, s, admin, "DELETE", "/api/v1/relays/"+made.ID, "", nil)
		}
	}
	must(t, s, admin, "POST", "/api/v1/relays", `{"room": "*", "stream": "*", "to": "rtmp://localhost/live/{stream}"}`, nil)
	roll(t, s, live.Key{App: auth.AppName(cfg.Auth.AppID), Room: "demo", Stream: "cam"}, "host")
	eventually(t, "both have failed", func() bool {
		var list relayList
		must(t, s, admin, "GET", "/api/v1/relays", "", &list)
		failed := 0
		for _, r := range list.Relays {
			for _, d := range r.Destinations {
				if d.State == "failed" && d.Reason == "address" {
					failed++
				}
			}
		}
		return failed == 2
	})
}
