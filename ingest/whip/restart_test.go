package whip

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"

	"weir/bench/publish"
	"weir/room/live"
	"weir/rtc"
	"weir/rtc/signaling"
	"weir/testdata"
)

// mediaGoesOn waits for pictures that come behind those that there are.
func mediaGoesOn(t *testing.T, v *viewer) {
	t.Helper()
	pictures, packets := len(v.pictures()), len(v.packets())
	eventually(t, "more pictures and sound", func() bool {
		return len(v.pictures()) > pictures+30 && len(v.packets()) > packets+30
	})
}

// WH-17: media goes on through an ICE restart, in the same stream and with the same keys, and more than once.
func restarts(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	p, stream := s.startLive(t)
	v := watch(t, stream, live.StartOldest)
	mediaGoesOn(t, v)
	for range 3 {
		tag, local := s.only().tag(), s.only().localUfrag(t)
		if err := p.Restart(t.Context()); err != nil {
			t.Fatal(err)
		}
		if s.only().tag() == tag || s.only().localUfrag(t) == local {
			t.Error("the ICE session has its old tag or ufrag")
		}
		mediaGoesOn(t, v)
	}
	v.checkTimes(t)
	if i := stream.Info(); i.State != live.StateLive || i.Interruptions != 0 {
		t.Errorf("the stream is %v with %d interruptions", i.State, i.Interruptions)
	}
	if n := len(s.only().snapshot()); n != 2 {
		t.Errorf("%d tracks are read", n)
	}
	if err := p.Delete(t.Context()); err != nil {
		t.Error(err)
	}
	s.isEmpty(t)
	if n := metric(t, s.handler.Stats(), "weir_whip_ice_restarts_total"); n != 3 {
		t.Errorf("%v restarts are counted", n)
	}
}

func (s *session) tag() string {
	return s.ice.Tag()
}

func (s *session) remoteUfrag() string {
	return s.ice.Ufrag()
}

func (s *session) localUfrag(t *testing.T) string {
	t.Helper()
	p, err := s.pc.SCTP().Transport().ICETransport().GetLocalParameters()
	if err != nil {
		t.Fatal(err)
	}
	return p.UsernameFragment
}

// Tracks go on through a restart although the offer declared no SSRC, as that of many a client does.
func TestRestartWithoutSSRC(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	p, stream := s.startLive(t)
	v := watch(t, stream, live.StartOldest)
	mediaGoesOn(t, v)
	o := s.only()
	var kept []string
	for line := range strings.Lines(o.offer.text) {
		if !strings.HasPrefix(line, "a=ssrc") && !strings.HasPrefix(line, "a=msid") {
			kept = append(kept, line)
		}
	}
	o.offer.text = strings.Join(kept, "")
	tracks := o.snapshot()
	if err := p.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	mediaGoesOn(t, v)
	if now := o.snapshot(); len(now) != len(tracks) {
		t.Errorf("%d tracks are read, %d before the restart", len(now), len(tracks))
	}
}

// A black hole that lasts until the connection is failed interrupts the stream; an ICE restart brings the very
// session back.
func TestRestartOfAFailedConnection(t *testing.T) {
	t.Parallel()
	e := must(rtc.NewEngine(rtc.Options{
		Listen: "127.0.0.1:0", Logs: discard(),
		Timeouts: rtc.Timeouts{Disconnected: 2 * time.Second, Failed: 2 * time.Second, KeepAlive: 200 * time.Millisecond},
	}))
	t.Cleanup(func() { _ = e.Close() })
	s := newServer(t, func(o *Options, _ *live.Options) { o.Engine, o.Timeout = e, 500*time.Millisecond })
	o := looped
	hole := new(publish.Hole)
	o.Hole = hole
	p := s.start(t, o)
	stream := s.stream(t, "cam")
	v := watch(t, stream, live.StartOldest)
	mediaGoesOn(t, v)
	was := s.only()
	hole.Open()
	eventually(t, "the failure", func() bool { return was.pc.ConnectionState() == webrtc.PeerConnectionStateFailed })
	eventually(t, "the interruption", func() bool { return stream.Info().State == live.StateInterrupted })
	hole.Close()
	if err := p.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the stream", func() bool { return stream.Info().State == live.StateLive })
	mediaGoesOn(t, v)
	v.checkTimes(t)
	if s.only() != was {
		t.Error("it is another session")
	}
	// A closing tab: the connection goes first, its DELETE comes behind it.
	p.Close()
	eventually(t, "the interruption", func() bool { return stream.Info().State == live.StateInterrupted })
	if err := p.Delete(t.Context()); err != nil {
		t.Error(err)
	}
	s.isEmpty(t)
}

// WH-17: a restart that is refused leaves the session as it is; a request of an ICE session before does nothing.
func restartRefused(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	p, stream := s.startLive(t)
	v := watch(t, stream, live.StartOldest)
	mediaGoesOn(t, v)
	was := s.only().remoteUfrag()
	if err := p.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	mediaGoesOn(t, v)
	tag := s.only().tag()
	path := p.URL()[len(s.http.URL):]
	const pwd = "\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\n"
	for name, tc := range map[string]struct {
		match, body string
		status      int
	}{
		"short ufrag":         {"*", "a=ice-ufrag:abc" + pwd, 400},
		"no password":         {"*", "a=ice-ufrag:abcdef\r\n", 400},
		"another's tag":       {`"x"`, "a=ice-ufrag:abcdef" + pwd, 412},
		"a ufrag from before": {"*", "a=ice-ufrag:" + was + pwd, 409},
		"the same ufrag":      {"*", "a=ice-ufrag:" + s.only().remoteUfrag() + pwd, 409},
	} {
		w := s.call(call{method: "PATCH", path: path, kind: signaling.KindFragment, token: token(t, "host"), body: tc.body, match: tc.match})
		if w.Code != tc.status || w.Header().Get("ETag") != "" {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
	}
	if s.only().tag() != tag {
		t.Error("the tag has changed")
	}
	mediaGoesOn(t, v)
	if w := s.delete(path, token(t, "host")); w.Code != http.StatusOK {
		t.Errorf("DELETE: %d", w.Code)
	}
}

// A session whose connection the publisher closed can be deleted and no more: there are no keys to go on with.
func TestRestartOfAClosedConnection(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	p, stream := s.startLive(t)
	p.Close()
	eventually(t, "the interruption", func() bool { return stream.Info().State == live.StateInterrupted })
	path := p.URL()[len(s.http.URL):]
	w := s.call(call{
		method: "PATCH", path: path, kind: signaling.KindFragment, token: token(t, "host"), match: "*",
		body: "a=ice-ufrag:abcdef\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\n",
	})
	if w.Code != http.StatusNotFound {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w := s.delete(path, token(t, "host")); w.Code != http.StatusOK {
		t.Errorf("DELETE: %d", w.Code)
	}
}

// The layers of a simulcast go on through a restart, each in its own track.
func TestRestartOfASimulcast(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	p := s.start(t, publish.Options{Layers: twoLayers(), Ogg: testdata.Path("tone.ogg"), Loop: true, StapA: true})
	stream := s.stream(t, "cam")
	v := watch(t, stream, live.StartOldest)
	more := func() {
		t.Helper()
		small, large := len(v.media(firstLayer)), len(v.media(firstLayer+1))
		eventually(t, "more of both layers", func() bool {
			return len(v.media(firstLayer)) > small+30 && len(v.media(firstLayer+1)) > large+30
		})
	}
	more()
	tracks := len(s.only().snapshot())
	if err := p.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	more()
	mediaGoesOn(t, v)
	v.checkTimes(t)
	if now := len(s.only().snapshot()); now != tracks {
		t.Errorf("%d tracks are read, %d before the restart", now, tracks)
	}
}

// WH-06: a client elsewhere is told no address that only this machine can reach, in a restart neither.
func TestRestartAnswersToClientsElsewhere(t *testing.T) {
	engine := newEngine(t, "0.0.0.0:0")
	s := newServer(t, func(o *Options, _ *live.Options) { o.Engine = engine })
	path, _ := s.session(t)
	for i, from := range []string{aLocalClient, "198.51.100.1:4711"} {
		fragment := fmt.Sprintf("a=ice-ufrag:user%d\r\n", i) + aPWD
		w := s.call(call{method: "PATCH", path: path, kind: signaling.KindFragment, token: token(t, "host"), match: "*", body: fragment, from: from})
		if w.Code != http.StatusOK {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		if told, want := strings.Contains(w.Body.String(), " 127.0.0.1 "), from == aLocalClient; told != want {
			t.Errorf("to %s: %s", from, w.Body)
		}
	}
}
