package whip

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"weir/mux/av"
	"weir/room/auth"
	"weir/room/live"
	"weir/rtc"
	"weir/rtc/signaling"
)

// publish offers a captured browser's offer for the user; no media ever comes.
func (s *server) publish(user string) (location string) {
	s.t.Helper()
	w := s.post(token(s.t, user), readFile(s.t, "offers/chromium.sdp"))
	if w.Code != http.StatusCreated {
		s.t.Fatalf("the offer was refused with %d %s", w.Code, w.Body)
	}
	return w.Header().Get("Location")
}

// WH-01, WH-02, WH-19.
func publishAndDelete(t *testing.T) {
	s := newServer(t)
	sig := token(t, "host")
	seen := make(map[string]bool)
	for range 3 {
		leavesNothing(t, func() {
			w := s.post(sig, readFile(t, "offers/chromium.sdp"))
			if w.Code != http.StatusCreated || w.Header().Get("Content-Type") != "application/sdp" || w.Header().Get("Cache-Control") != "no-store" {
				t.Fatalf("%d %v %s", w.Code, w.Header(), w.Body)
			}
			location := w.Header().Get("Location")
			id, ok := strings.CutPrefix(location, "/whip/room/cam/")
			// WH-02: at least 122 random bits, which are 25 of the 32 characters.
			if !ok || len(id) < 25 || seen[id] || strings.ContainsAny(id, "/?#") || strings.Contains(strings.ToLower(id), "cam") {
				t.Errorf("the session is at %q", location)
			}
			seen[id] = true
			stream, ok := s.hub.Stream(key("cam"))
			if !ok || stream.Info().User != "host" || stream.Info().State != live.StateWaiting {
				t.Fatalf("the hub has %+v, %v", stream, ok)
			}
			if s.sessions() != 1 {
				t.Errorf("%d sessions", s.sessions())
			}
			if w := s.delete(location, sig); w.Code != http.StatusOK {
				t.Errorf("DELETE gives %d %s", w.Code, w.Body)
			}
			select {
			case <-stream.Done():
			default:
				t.Error("WH-19: the stream outlives the DELETE")
			}
			if err := stream.Err(); live.Reason(err) != "deleted" {
				t.Errorf("the stream ended with %v", err)
			}
			if w := s.delete(location, sig); w.Code != http.StatusNotFound || w.Header().Get("Code") != "session_not_found" {
				t.Errorf("a second DELETE gives %d %s", w.Code, w.Body)
			}
			s.isEmpty(t)
		})
	}
	if n := metric(t, s.handler.Stats(), "weir_whip_session_ends_total", "reason=deleted"); n != 3 {
		t.Errorf("%v ends by DELETE are counted", n)
	}
}

func (s *server) isEmpty(t *testing.T) {
	t.Helper()
	if n := len(s.hub.Streams()); n != 0 || s.sessions() != 0 {
		t.Errorf("%d streams and %d sessions are left", n, s.sessions())
	}
}

// The Location resolves whatever the room is called, and however the path was written (WH-02).
func locationResolves(t *testing.T) {
	s := newServer(t)
	sig := token(t, "host")
	for _, room := range []string{"room", "my room", "a#b&c=d", "~!$'()*+,;:@", `"<>`} {
		w := s.call(call{
			method: "POST", path: "/whip/" + url.PathEscape(room) + "/cam", kind: "application/sdp", token: sig, body: offerText(t),
		})
		if w.Code != http.StatusCreated {
			t.Errorf("%q is refused with %d %s", room, w.Code, w.Body)
			continue
		}
		if _, ok := s.hub.Stream(live.Key{App: testSDK, Room: room, Stream: "cam"}); !ok {
			t.Errorf("there is no stream in %q", room)
		}
		base := must(url.Parse("http://weir.example/whip/" + url.PathEscape(room) + "/cam"))
		location := base.ResolveReference(must(url.Parse(w.Header().Get("Location"))))
		if w := s.delete(location.RequestURI(), sig); w.Code != http.StatusOK {
			t.Errorf("DELETE %s gives %d %s", location, w.Code, w.Body)
		}
	}
	s.isEmpty(t)
}

// What a 401 says beside its status (WWW-Authenticate) is Options.Problem's and tested in room/api.
func TestPublishRefuses(t *testing.T) {
	s := newServer(t)
	chromium := readFile(t, "offers/chromium.sdp")
	host := token(t, "host")
	const sdpKind = "application/sdp"
	const path = "/whip/room/cam"
	for _, tc := range []struct {
		name   string
		call   call
		status int
		code   string
	}{
		{"WH-03 JSON", call{kind: "application/json", token: host, body: chromium}, 415, "not_sdp"},
		{"WH-03 no type", call{token: host, body: chromium}, 415, "not_sdp"},
		{"WH-03 a broken type", call{kind: "application/sdp; charset", token: host, body: chromium}, 415, "not_sdp"},
		{"WH-03 trickle", call{kind: "application/trickle-ice-sdpfrag", token: host, body: chromium}, 415, "not_sdp"},
		{"too large", call{kind: sdpKind, token: host, body: chromium + strings.Repeat("a=x\r\n", signaling.MaxOffer/5)}, 413, "offer_too_large"},
		{"WH-04 empty", call{kind: sdpKind, token: host}, 400, "bad_offer"},
		{"WH-04 not SDP", call{kind: sdpKind, token: host, body: "hello"}, 400, "bad_offer"},
		{"WH-04 a fingerprint without a hash", call{kind: sdpKind, token: host, body: offerText(t, "fingerprint:sha-256 ", "fingerprint:")}, 400, "bad_offer"},
		{"WH-04 no mid", call{kind: sdpKind, token: host, body: offerText(t, "a=mid:0\n", "")}, 422, "bundle_required"},
		{"WH-10 VP8 alone", call{kind: sdpKind, token: host, body: readFile(t, "offers/chromium-vp8.sdp")}, 422, "no_common_codec"},
		{"WH-23 no token", call{kind: sdpKind, body: chromium}, 401, "token_missing"},
		{"WH-23 no token, not SDP", call{kind: sdpKind}, 401, "token_missing"},
		{"WH-23 a bad token", call{kind: sdpKind, token: "x", body: chromium}, 401, "token_invalid"},
		{"WH-23 a token of another key", call{kind: sdpKind, token: host[:len(host)-8] + "00000000", body: chromium}, 401, "token_invalid"},
		{"WH-23 another room", call{kind: sdpKind, token: limited(t, "host", "other", auth.RightsAll), body: chromium}, 403, "forbidden"},
		{"WH-23 a viewer", call{kind: sdpKind, token: limited(t, "host", "room", auth.RightReceiveAudio|auth.RightReceiveVideo), body: chromium}, 403, "forbidden"},
		{"WH-23 sound only, with video", call{kind: sdpKind, token: limited(t, "host", "room", auth.RightSendAudio), body: chromium}, 403, "forbidden"},
		{"WH-23 video only, with sound", call{kind: sdpKind, token: limited(t, "host", "room", auth.RightSendVideo), body: chromium}, 403, "forbidden"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			leavesNothing(t, func() {
				tc.call.method, tc.call.path = "POST", path
				w := s.call(tc.call)
				if w.Code != tc.status || w.Header().Get("Code") != tc.code {
					t.Errorf("%d %s %q, want %d %s", w.Code, w.Header().Get("Code"), w.Body, tc.status, tc.code)
				}
				if w.Header().Get("Location") != "" {
					t.Error("a refusal has a Location")
				}
				s.isEmpty(t)
			})
			if n := metric(t, s.handler.Stats(), "weir_whip_refusals_total", "code="+tc.code); n < 1 {
				t.Error("it is not counted")
			}
		})
	}
	if n := metric(t, s.handler.Stats(), "weir_whip_sessions_total"); n != 0 {
		t.Errorf("%v sessions are counted", n)
	}
}

// The same offers with what they need, so that the table above refuses for the reason it means.
func TestPublishTakes(t *testing.T) {
	s := newServer(t)
	audio := offerText(t, videoPart, "", "BUNDLE 0 1", "BUNDLE 1")
	for _, tc := range []struct {
		name string
		call call
	}{
		{"WH-03 a type with parameters", call{kind: "Application/SDP; charset=utf-8", token: token(t, "host"), body: offerText(t)}},
		{"sound with the right to sound", call{kind: "application/sdp", token: limited(t, "host", "room", auth.RightSendAudio), body: audio}},
		{"all with the right to both", call{kind: "application/sdp", token: limited(t, "host", "room", auth.RightSendAudio|auth.RightSendVideo), body: offerText(t)}},
		{"as large as may be", call{kind: "application/sdp", token: token(t, "host"), body: padded(t, signaling.MaxOffer)}},
	} {
		tc.call.method, tc.call.path = "POST", "/whip/room/cam"
		w := s.call(tc.call)
		if w.Code != http.StatusCreated {
			t.Errorf("%s: %d %s", tc.name, w.Code, w.Body)
			continue
		}
		s.delete(w.Header().Get("Location"), tc.call.token)
	}
	s.isEmpty(t)
}

// padded is an offer of n bytes.
func padded(t *testing.T, n int) string {
	text := offerText(t)
	const line = "a=x:\r\n"
	return text + "a=x:" + strings.Repeat("x", n-len(text)-len(line)) + "\r\n"
}

// WH-20: a session belongs to its user; only an administrator may end another's.
func deleteNeedsTheSameAuthority(t *testing.T) {
	s := newServer(t)
	location := s.publish("host")
	for _, tc := range []struct {
		name, location, token string
		status                int
		code                  string
	}{
		{"no token", location, "", 401, "token_missing"},
		{"a bad token", location, "x", 401, "token_invalid"},
		{"another user", location, token(t, "guest"), 403, "forbidden"},
		{"another room's token", location, limited(t, "host", "other", auth.RightsAll), 403, "forbidden"},
		{"another session", location + "X", token(t, "host"), 404, "session_not_found"},
		{"by another stream", strings.Replace(location, "/cam/", "/other/", 1), token(t, "host"), 404, "session_not_found"},
		{"by another room", strings.Replace(location, "/room/", "/other/", 1), token(t, "host"), 404, "session_not_found"},
	} {
		w := s.delete(tc.location, tc.token)
		if w.Code != tc.status || w.Header().Get("Code") != tc.code {
			t.Errorf("%s: %d %s %q, want %d %s", tc.name, w.Code, w.Header().Get("Code"), w.Body, tc.status, tc.code)
		}
	}
	if s.sessions() != 1 {
		t.Fatal("a refused DELETE ended the session")
	}
	if w := s.delete(location, token(t, "administrator")); w.Code != http.StatusOK {
		t.Errorf("an administrator's DELETE gives %d %s", w.Code, w.Body)
	}
	s.isEmpty(t)
}

// WH-27: a stream that another user publishes is busy; the one who has it is not disturbed.
func publishBusy(t *testing.T) {
	s := newServer(t)
	location := s.publish("host")
	stream, _ := s.hub.Stream(key("cam"))
	leavesNothing(t, func() {
		w := s.post(token(t, "guest"), offerText(t))
		if w.Code != http.StatusConflict || w.Header().Get("Code") != "stream_busy" {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	})
	if now, ok := s.hub.Stream(key("cam")); !ok || now != stream || now.Info().User != "host" || s.sessions() != 1 {
		t.Error("the stream changed hands")
	}
	s.delete(location, token(t, "host"))
	s.isEmpty(t)
}

// WH-24.
func publishWhenFull(t *testing.T) {
	s := newServer(t, func(_ *Options, hub *live.Options) { hub.MaxStreams = 1 })
	location := s.publish("host")
	leavesNothing(t, func() {
		w := s.call(call{method: "POST", path: "/whip/room/other", kind: "application/sdp", token: token(t, "host"), body: offerText(t)})
		if w.Code != http.StatusServiceUnavailable || w.Header().Get("Code") != "server_full" || w.Header().Get("Retry-After") == "" {
			t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
		}
	})
	s.delete(location, token(t, "host"))
	s.isEmpty(t)
}

// WH-24.
func publishWhenStopping(t *testing.T) {
	s := newServer(t)
	s.stopHandler()
	leavesNothing(t, func() {
		w := s.post(token(t, "host"), offerText(t))
		if w.Code != http.StatusServiceUnavailable || w.Header().Get("Code") != "shutting_down" || w.Header().Get("Retry-After") == "" {
			t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
		}
		s.isEmpty(t)
	})
}

// failing is a hub that cannot do its work.
type failing struct{}

func (failing) Publish(live.Key, live.PublishOptions) (*live.Publisher, error) {
	return nil, errors.New("a secret of the inside")
}

// What goes wrong inside is a 500 that tells nothing of the inside.
func TestPublishKeepsFaultsInside(t *testing.T) {
	s := newServer(t)
	s.handler.opts.Hub = failing{}
	leavesNothing(t, func() {
		w := s.post(token(t, "host"), offerText(t))
		if w.Code != http.StatusInternalServerError || w.Header().Get("Code") != "internal" || strings.Contains(w.Body.String(), "secret") {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	})
}

// A client that goes away while it is answered leaves nothing behind.
func TestPublishWhenTheClientIsGone(t *testing.T) {
	s := newServer(t)
	leavesNothing(t, func() {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/whip/room/cam", strings.NewReader(offerText(t)))
		r.Header.Set("Content-Type", "application/sdp")
		r.Header.Set("Authorization", "Bearer "+token(t, "host"))
		w := httptest.NewRecorder()
		s.mux.ServeHTTP(w, r)
		if w.Code == http.StatusCreated { // the answer was ready as well
			s.delete(w.Header().Get("Location"), token(t, "host"))
		}
		s.isEmpty(t)
	})
}

// hangup is a hub at which the client hangs up.
type hangup struct{ now context.CancelFunc }

func (h hangup) Publish(live.Key, live.PublishOptions) (*live.Publisher, error) {
	h.now()
	return nil, context.Canceled
}

// A client that hangs up is no fault of the server's and no refusal.
func TestPublishWhenTheClientHangsUp(t *testing.T) {
	var logs bytes.Buffer
	s := newServer(t, func(o *Options, _ *live.Options) { o.Log = slog.New(slog.NewTextHandler(&logs, nil)) })
	ctx, cancel := context.WithCancel(t.Context())
	s.handler.opts.Hub = hangup{cancel}
	leavesNothing(t, func() {
		r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/whip/room/cam", strings.NewReader(offerText(t)))
		r.Header.Set("Content-Type", "application/sdp")
		r.Header.Set("Authorization", "Bearer "+token(t, "host"))
		w := httptest.NewRecorder()
		s.mux.ServeHTTP(w, r)
		if w.Body.Len() != 0 || logs.Len() != 0 {
			t.Errorf("%d %s is answered, and logged is %q", w.Code, w.Body, logs.String())
		}
	})
	if n := metric(t, s.handler.Stats(), "weir_whip_refusals_total", "code=internal"); n != 0 {
		t.Errorf("%v refusals are counted", n)
	}
}

// logged is what was logged so far; parts of a connection may go on for a moment.
type logged struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *logged) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// Who knows a session's id can end it, with a token: no log has the whole of it.
func TestSessionIDIsNotLogged(t *testing.T) {
	var logs logged
	log := slog.New(slog.NewTextHandler(&logs, &slog.HandlerOptions{Level: slog.LevelDebug - 4}))
	s := newServer(t, func(o *Options, hub *live.Options) {
		o.Log, hub.Log = log, log
		o.Engine = must(rtc.NewEngine(rtc.Options{Listen: "127.0.0.1:0", Logs: rtc.LogTo(log)}))
		t.Cleanup(func() { _ = o.Engine.Close() })
	})
	p, _ := s.startLive(t)
	if err := p.Delete(t.Context()); err != nil {
		t.Error(err)
	}
	s.stopHandler()
	id := p.URL()[strings.LastIndex(p.URL(), "/")+1:]
	if !strings.Contains(logs.String(), "session="+id[:6]) || strings.Contains(logs.String(), id) {
		t.Errorf("the id %s is logged in full, or its beginning is not", id)
	}
}

// A publisher says which tracks it brings: one without video does not go on in a stream that has it.
func TestPublishSaysWhatItBrings(t *testing.T) {
	for _, tc := range []struct {
		name, text string
		want       []av.TrackID
	}{
		{"both", offerText(t), []av.TrackID{videoID, audioID}},
		{"video", offerText(t, audioPart, "", "BUNDLE 0 1", "BUNDLE 0"), []av.TrackID{videoID}},
		{"audio", offerText(t, videoPart, "", "BUNDLE 0 1", "BUNDLE 1"), []av.TrackID{audioID}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := newServer(t)
			var said live.PublishOptions
			s.handler.opts.Hub = listening{s.hub, &said}
			w := s.post(token(t, "host"), tc.text)
			if w.Code != http.StatusCreated {
				t.Fatalf("%d %s", w.Code, w.Body)
			}
			if !slices.Equal(said.Brings, tc.want) || said.Tracks != len(tc.want) {
				t.Errorf("%d tracks are announced, %v, want %v", said.Tracks, said.Brings, tc.want)
			}
			s.delete(w.Header().Get("Location"), token(t, "host"))
		})
	}
}

// listening is a hub that notes what is said to it.
type listening struct {
	hub  publisher
	said *live.PublishOptions
}

func (l listening) Publish(k live.Key, o live.PublishOptions) (*live.Publisher, error) {
	*l.said = o
	return l.hub.Publish(k, o)
}

// The ids of the architecture's "Public face", at this door.
func TestPublishChecksIDs(t *testing.T) {
	s := newServer(t)
	long := func(n int) string { return strings.Repeat("x", n) }
	for _, tc := range []struct {
		room, stream string
		ok           bool
	}{
		{"r", "s", true},
		{long(48), long(128), true},
		{"my room", "1400000000_room_user_main", true},
		{"a.b", "a.b", true},
		{"!#$&'()*+,;=:@[]", "-s", true},
		{"room.flv", "_", true},
		{"", "cam", false},
		{long(49), "cam", false},
		{"a/b", "cam", false},
		{`a\b`, "cam", false},
		{"a%2fb", "cam", false},
		{"a?b", "cam", false},
		{" room", "cam", false},
		{"room ", "cam", false},
		{".room", "cam", false},
		{"..", "cam", false},
		{"r\u00f6om", "cam", false},
		{"a\nb", "cam", false},
		{"a\x00b", "cam", false},
		{"room", "", false},
		{"room", long(129), false},
		{"room", ".cam", false},
		{"room", "..", false},
		{"room", "a b", false},
		{"room", "a/b", false},
		{"room", "a%20b", false},
		{"room", "cam.flv", false},
		{"room", "cam.m3u8", false},
		{"room", "c\u00e4m", false},
		{"room", "cam\n", false},
	} {
		for _, door := range []struct {
			method string
			serve  http.HandlerFunc
		}{{"POST", s.handler.Publish}, {"DELETE", s.handler.Delete}} {
			name := fmt.Sprintf("%s %q/%q", door.method, tc.room, tc.stream)
			// Straight to the handler: a mux has rules of its own for some of these paths.
			r := httptest.NewRequest(door.method, "/whip/x/y", strings.NewReader(""))
			r.SetPathValue("room", tc.room)
			r.SetPathValue("stream", tc.stream)
			r.SetPathValue("session", "none")
			r.Header.Set("Authorization", "Bearer "+token(t, "host"))
			w := httptest.NewRecorder()
			door.serve(w, r)
			if got := w.Code == http.StatusBadRequest && w.Header().Get("Code") == "bad_id"; got == tc.ok {
				t.Errorf("%s: %d %s %s", name, w.Code, w.Header().Get("Code"), w.Body)
			}
			if tc.ok && w.Code != http.StatusUnsupportedMediaType && w.Code != http.StatusNotFound {
				t.Errorf("%s: %d %s, want what comes behind the check of the ids", name, w.Code, w.Body)
			}
		}
	}
	s.isEmpty(t)
}

// A listener may be open a moment before the door runs: a publisher that comes then is taken all the same.
func TestPublishBeforeRun(t *testing.T) {
	s := newServer(t)
	early := NewHandler(s.handler.opts)
	mux := http.NewServeMux()
	mux.HandleFunc("POST /whip/{room}/{stream}", early.Publish)
	post := func(ctx context.Context) *httptest.ResponseRecorder {
		r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/whip/room/cam", strings.NewReader(offerText(t)))
		r.Header.Set("Content-Type", "application/sdp")
		r.Header.Set("Authorization", "Bearer "+token(t, "host"))
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r)
		return w
	}
	hungUp, cancel := context.WithCancel(t.Context())
	cancel()
	if w := post(hungUp); w.Code == http.StatusCreated {
		t.Error("a client that hung up has a session")
	}
	answered := make(chan int)
	go func() { answered <- post(t.Context()).Code }()
	run(t, early.Run)
	if code := <-answered; code != http.StatusCreated {
		t.Errorf("%d", code)
	}
}
