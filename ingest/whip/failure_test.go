package whip

import (
	"slices"
	"strings"
	"testing"
	"time"

	"weir/room/live"
	"weir/rtc/signaling"
)

// A publisher that never comes through is remembered with what was tried.
func TestFailureOfICE(t *testing.T) {
	t.Parallel()
	s := newServer(t, func(o *Options, _ *live.Options) { o.Handshake = 3 * time.Second }) // in which it tries
	offer := offerText(t, "a=mid:0\n", "a=mid:0\na=candidate:1 1 udp 2130706431 127.0.0.1 9 typ host\n"+
		"a=candidate:2 1 udp 2130706430 6b0f6a5e-1f5c-4b2b-9d0e-0a1b2c3d4e5f.local 5000 typ host\n")
	if w := s.call(call{method: "POST", path: "/whip/room/cam", kind: signaling.KindSDP, token: token(t, "host"), body: offer, from: aLocalClient}); w.Code != 201 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	eventually(t, "the end", func() bool { return s.sessions() == 0 })
	f := s.handler.Failures()
	if len(f) != 1 || f[0].Stage != StageICE || f[0].Reason != "handshake" || f[0].Room != "room" || f[0].User != "host" {
		t.Fatalf("%+v", f)
	}
	if len(f[0].Offered) != 2 || len(f[0].Announced) == 0 {
		t.Errorf("%+v", f[0])
	}
	tried := slices.ContainsFunc(f[0].Pairs, func(p Pair) bool {
		return strings.HasPrefix(p.Local, "udp 127.0.0.1 ") && p.Remote == "udp 127.0.0.1 9 host" && p.State != "succeeded" && !p.Heard
	})
	if !tried || !strings.Contains(f[0].Advice, "webrtc.public_ips") {
		t.Errorf("%+v", f[0])
	}
}

// A publisher that connects and sends nothing has come farther.
func TestFailureOfMedia(t *testing.T) {
	t.Parallel()
	s := newServer(t, func(o *Options, _ *live.Options) { o.Handshake, o.Timeout = connecting, 100*time.Millisecond })
	c := connectClient(t, s, nil, nil)
	eventually(t, "the connection", c.connected)
	eventually(t, "the end", func() bool { return s.sessions() == 0 })
	if f := s.handler.Failures(); len(f) != 1 || f[0].Stage != StageMedia || f[0].Advice == "" || len(f[0].Offered) == 0 {
		t.Errorf("%+v", f)
	}
}

// A session that goes well, or ends as its publisher wishes, is no failure.
func TestNoFailure(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	p, _ := s.startLive(t)
	if err := p.Delete(t.Context()); err != nil {
		t.Error(err)
	}
	s.delete(s.publish("host"), token(t, "host"))
	if f := s.handler.Failures(); len(f) != 0 {
		t.Errorf("%+v", f)
	}
}

func TestFailuresAreBounded(t *testing.T) {
	var f failures
	for i := range 3 * maxFailures {
		f.add(Failure{Stream: strings.Repeat("x", i)})
	}
	if len(f.list) != maxFailures || len(f.list[maxFailures-1].Stream) != 3*maxFailures-1 {
		t.Errorf("%d are remembered, the newest is %+v", len(f.list), f.list[maxFailures-1])
	}
}

func TestAdvice(t *testing.T) {
	private, public := []string{"udp 192.168.1.2:8189", "tcp 192.168.1.2:8189"}, []string{"udp 203.0.113.9:8189"}
	for _, tc := range []struct {
		name    string
		failure Failure
		says    string
	}{
		{"nothing offered", Failure{Stage: StageICE, Announced: public}, "offered no address"},
		{"mDNS only", Failure{Stage: StageICE, Announced: public, Offered: []string{"udp x.local 5000 host"}}, "offered only hidden (mDNS) addresses, and none of the server's addresses was reached over UDP or TCP; is port 8189 open"},
		{"private and public", Failure{Stage: StageICE, Announced: public, Offered: []string{"udp 10.0.0.1 5000 host", "udp 203.0.113.1 5000 srflx"}}, "private addresses and srflx candidates"},
		{"private server", Failure{Stage: StageICE, Announced: private}, "webrtc.public_ips"},
		{"heard", Failure{Stage: StageICE, Announced: public, Pairs: []Pair{{Heard: true}}}, "checks arrive"},
		{"dtls", Failure{Stage: StageDTLS}, "certificate"},
		{"media", Failure{Stage: StageMedia}, "camera"},
		{"lost", Failure{Stage: StageLost}, "restarted ICE"},
	} {
		if got := tc.failure.advise(8189); !strings.Contains(got, tc.says) {
			t.Errorf("%s: %q", tc.name, got)
		}
	}
}
