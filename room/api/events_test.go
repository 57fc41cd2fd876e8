package api

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"weir/room"
	"weir/room/audience"
	"weir/room/auth"
	"weir/room/live"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// stage is a server of events and beacons with everything behind it.
type stage struct {
	*httptest.Server
	events   *room.Events
	audience *audience.Audience
	hub      *live.Registry
}

// newStage serves what the lister lists; signed closes playing.
func newStage(t *testing.T, l Lister, signed, http2 bool) *stage {
	t.Helper()
	gate, err := auth.New(auth.Options{App: auth.App{ID: 1, Key: key}, PlaySigned: signed})
	if err != nil {
		t.Fatal(err)
	}
	s := &stage{events: room.NewEvents(2), audience: audience.New(audience.Options{MaxSeen: 10})}
	s.hub = live.NewRegistry(live.Options{RingBytes: 1 << 20, RingTime: time.Second, MaxStreams: 9})
	a := New(Options{
		Lister: l, Auth: gate, Log: slog.New(slog.DiscardHandler), Hub: s.hub, Audience: s.audience, Events: s.events,
	})
	mux := http.NewServeMux()
	mux.HandleFunc("GET /rooms/{room}/events", a.Events)
	mux.HandleFunc("POST /beacon", a.Beacon)
	s.Server = httptest.NewUnstartedServer(mux)
	s.EnableHTTP2 = http2
	if http2 {
		s.StartTLS()
	} else {
		s.Start()
	}
	t.Cleanup(s.Close)
	return s
}

// listener reads the events of one answer.
type listener struct {
	t     *testing.T
	resp  *http.Response
	lines *bufio.Scanner
}

func (s *stage) listen(t *testing.T, path string) *listener {
	t.Helper()
	resp, err := s.Client().Get(s.URL + path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = resp.Body.Close() })
	return &listener{t, resp, bufio.NewScanner(resp.Body)}
}

// next is the next event as its type, its stream and who watches; empty at the end of the answer.
func (l *listener) next() string {
	l.t.Helper()
	for l.lines.Scan() {
		name, ok := strings.CutPrefix(l.lines.Text(), "event: ")
		if !ok {
			continue
		}
		var data struct {
			Type, Stream string
			Viewers      map[string]int
		}
		l.lines.Scan()
		text, _ := strings.CutPrefix(l.lines.Text(), "data: ")
		if err := json.Unmarshal([]byte(text), &data); err != nil || data.Type != name {
			l.t.Errorf("event %s: %v in %s", name, err, text)
		}
		if data.Viewers == nil {
			return name + " " + data.Stream
		}
		return name + " " + data.Stream + " " + strings.Repeat("|", data.Viewers["flv"])
	}
	return ""
}

func (l *listener) want(events ...string) {
	l.t.Helper()
	for _, want := range events {
		if got := l.next(); got != want {
			l.t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestEvents(t *testing.T) {
	for name, http2 := range map[string]bool{"HTTP/1.1": false, "HTTP/2": true} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, streams, false, http2)
			cam, z := live.Key{App: "1", Room: "b", Stream: "cam"}, live.Key{App: "1", Room: "a", Stream: "z"}
			s.audience.Enter(z, audience.FLV, audience.ID{})
			a, b := s.listen(t, "/rooms/a/events?stream=z"), s.listen(t, "/rooms/b/events")
			if b.resp.Proto != "HTTP/1.1" != http2 || b.resp.Header.Get("Content-Type") != "text/event-stream" ||
				b.resp.Header.Get("Cache-Control") != "no-store" || b.resp.Header.Get("X-Accel-Buffering") != "no" {
				t.Errorf("%s %v", b.resp.Proto, b.resp.Header)
			}
			a.want("stream.live z", "stream.viewers z |")
			b.want("stream.interrupted cam", "stream.viewers cam ")
			s.events.StreamChanged(cam, live.StateInterrupted, live.StateLive, nil)
			s.events.ViewersChanged(cam, audience.Count{By: [3]int{2}})
			s.events.StreamChanged(live.Key{App: "1", Room: "a", Stream: "c"}, live.StateLive, live.StateEnded, nil)
			s.events.StreamChanged(z, live.StateLive, live.StateEnded, nil)
			a.want("stream.ended z") // nothing of the other stream
			b.want("stream.live cam", "stream.viewers cam ||")
			if resp := s.listen(t, "/rooms/b/events").resp; resp.StatusCode != 503 || resp.Header.Get("Retry-After") == "" {
				t.Errorf("a third subscriber gets %d %v", resp.StatusCode, resp.Header)
			}
			ctx, stop := context.WithCancel(t.Context())
			stop()
			if err := s.events.Run(ctx); err != nil {
				t.Error(err)
			}
			a.want("end ", "")
		})
	}
}

// hear is what a subscriber with a query is told until the answer ends, or until the client has enough and leaves.
func hear(t *testing.T, by *auth.Authorizer, query string, enough time.Duration) string {
	t.Helper()
	a := New(Options{
		Lister: streams, Auth: by, Log: slog.New(slog.DiscardHandler), Events: room.NewEvents(1),
		Audience: audience.New(audience.Options{MaxSeen: 1}),
	})
	ctx, stop := context.WithTimeout(t.Context(), enough)
	defer stop()
	r := httptest.NewRequestWithContext(ctx, "GET", "/rooms/b/events?"+query, nil)
	r.SetPathValue("room", "b")
	w := httptest.NewRecorder()
	a.Events(w, r)
	if w.Code != 200 || !strings.Contains(w.Body.String(), "event: stream.viewers") {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	return w.Body.String()
}

// TestEventsEndWithWhatAllowedThem: neither a token nor an address opens a room's events for longer than it is good, and
// the client is told so. Where playing is open they go on.
func TestEventsEndWithWhatAllowedThem(t *testing.T) {
	const life = time.Hour
	token := func(*auth.Authorizer) (string, error) {
		sig, err := auth.Sign(auth.App{ID: 1, Key: key}, "ann", life)
		return "usersig=" + sig, err
	}
	address := func(promise bool) func(*auth.Authorizer) (string, error) {
		return func(by *auth.Authorizer) (string, error) {
			sign, err := by.SignQuery(auth.DialectWeir, auth.Pass{
				Action: auth.ActionPlay, Room: "b", Stream: "cam", Expires: time.Now().Add(life), Ends: promise,
			}, "")
			return "stream=cam&" + sign, err
		}
	}
	for name, tc := range map[string]struct {
		signed, ends bool
		query        func(*auth.Authorizer) (string, error)
	}{
		"token":                         {true, true, token},
		"address":                       {true, true, address(false)},
		"address with a promise":        {true, true, address(true)},
		"token where it is open":        {false, false, token},
		"address where it is open":      {false, false, address(false)},
		"promise kept where it is open": {false, true, address(true)},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				time.Sleep(2 * 365 * 24 * time.Hour) // the bubble begins in 2000; times of addresses have ten digits since 2001
				by, err := auth.New(auth.Options{App: auth.App{ID: 1, Key: key}, PlaySigned: tc.signed})
				if err != nil {
					t.Fatal(err)
				}
				query, err := tc.query(by)
				if err != nil {
					t.Fatal(err)
				}
				if text := hear(t, by, query, life-time.Second); strings.Contains(text, "event: end") {
					t.Errorf("over before its time: %s", text)
				}
				if query, err = tc.query(by); err != nil {
					t.Fatal(err)
				}
				text := hear(t, by, query, 3*life)
				last := text[strings.LastIndex(text, "event: "):]
				told := strings.HasPrefix(last, `event: end`+"\n"+`data: {"type":"end","room":"b","at":"2`) &&
					strings.HasSuffix(last, `Z","reason":"expired"}`+"\n\n")
				if told != tc.ends {
					t.Errorf("the last event is %s", last)
				}
			})
		})
	}
}

// TestEventsEndWithTheirApp: who listens to a room of an app that is deleted is let go and told why; others are not.
func TestEventsEndWithTheirApp(t *testing.T) {
	s := newStage(t, streams, false, false)
	a := s.listen(t, "/rooms/a/events?stream=z")
	a.want("stream.live z", "stream.viewers z ")
	s.events.AppDeleted("2")
	s.events.ViewersChanged(live.Key{App: "1", Room: "a", Stream: "z"}, audience.Count{By: [3]int{1}})
	a.want("stream.viewers z |")
	s.events.AppDeleted("1")
	a.want("end ", "")
}

func TestEventsAreForWhoMayPlay(t *testing.T) {
	s := newStage(t, streams, true, false)
	token := sign(t, "ann")
	for path, status := range map[string]int{
		"/rooms/a/events":                                 401,
		"/rooms/a/events?stream=z":                        401,
		"/rooms/.a/events":                                400,
		"/rooms/a/events?stream=z.flv":                    400,
		"/rooms/a/events?usersig=" + token:                200,
		"/rooms/a/events?stream=z&usersig=" + token + "x": 401,
	} {
		if got := s.listen(t, path).resp.StatusCode; got != status {
			t.Errorf("%s gives %d, want %d", path, got, status)
		}
	}
}

// TestQuietRoom: a subscriber hears something though nothing happens.
func TestQuietRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		events := room.NewEvents(1)
		s, err := events.Subscribe("1", "a", "")
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithTimeout(t.Context(), 2*heartbeat+time.Second)
		defer stop()
		w := httptest.NewRecorder()
		f := &feed{out: w, control: http.NewResponseController(w)}
		if err := f.follow(ctx, s); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		if got := w.Body.String(); got != ": quiet\n\n: quiet\n\n" || !w.Flushed {
			t.Errorf("%q", got)
		}
	})
}

// TestHeadOfEvents: HEAD is answered, and takes no place.
func TestHeadOfEvents(t *testing.T) {
	s := newStage(t, streams, false, false)
	for range 3 { // there are two places
		resp, err := s.Client().Head(s.URL + "/rooms/a/events")
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "text/event-stream" {
			t.Fatalf("%d %v", resp.StatusCode, resp.Header)
		}
	}
	s.listen(t, "/rooms/a/events").want("stream.live z")
}

// deadlined is a ResponseWriter that keeps its deadline.
type deadlined struct {
	*httptest.ResponseRecorder
	deadline, used time.Time
}

func (w *deadlined) SetWriteDeadline(t time.Time) error {
	w.deadline = t
	return nil
}

func (w *deadlined) Write(b []byte) (int, error) {
	w.used = w.deadline
	return w.ResponseRecorder.Write(b)
}

// TestEventsBetweenWrites: a write has a deadline, and the time until the next one has none: HTTP/2 would reset the
// stream.
func TestEventsBetweenWrites(t *testing.T) {
	w := &deadlined{ResponseRecorder: httptest.NewRecorder()}
	f := &feed{out: w, control: http.NewResponseController(w)}
	f.add([]byte(retry))
	if err := f.flush(); err != nil || w.used.IsZero() || !w.deadline.IsZero() {
		t.Errorf("written until %v, then until %v, %v", w.used, w.deadline, err)
	}
}
