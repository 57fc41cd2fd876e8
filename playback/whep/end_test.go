package whep

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"weir/room/auth"
	"weir/room/live"
	"weir/rtc/peer"
	"weir/rtc/sender"
)

// A stream that is over closes the connections of its viewers, with a goodbye.
func TestStreamEnds(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	p := s.publish(testVideo, testAudio)
	v := s.watch(viewerOptions{})
	v.sees(1)
	p.stop()
	p.End(nil)
	eventually(t, "the end that DTLS says", func() bool { return !v.connected() })
	s.isEmpty()
	if n := s.closed("stream_ended"); n != 1 {
		t.Errorf("%v viewers are counted whose stream ended", n)
	}
}

// Whoever has been told that a session is deleted finds neither it nor its place taken.
func TestDeleteHasFreed(t *testing.T) {
	s := newServer(t, func(o *Options, _ *live.Options) { o.MaxViewers = 1 })
	s.publish(testVideo)
	for range 20 {
		path, _ := s.session() // 503 were the place not free
		if w := s.call(call{method: "DELETE", path: path}); w.Code != 200 {
			t.Fatalf("DELETE gives %d", w.Code)
		}
		if n := s.handler.Total(); n != 0 {
			t.Fatalf("%d sessions are there after DELETE was answered", n)
		}
	}
}

// A publisher that is interrupted and comes back keeps its viewers.
func TestPublisherComesBack(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	p := s.publish(testVideo, testAudio)
	v := s.watch(viewerOptions{})
	v.sees(groupSize)
	p.stop()
	p.Interrupt(errors.New("the path is lost"))
	before := len(v.shown())
	s.publish(testVideo, testAudio)
	if v.sees(groupSize); !v.shown()[before].key {
		t.Errorf("behind the interruption comes picture %d, which is no key frame", v.shown()[before].number)
	}
}

// until grants everything until a time.
type until time.Time

func (u until) Authorize(context.Context, auth.Request) (auth.Grant, error) {
	return auth.Grant{App: testApp, Rights: auth.RightsAll, Ends: time.Time(u)}, nil
}

// An address that promised an end ends its session.
func TestExpired(t *testing.T) {
	t.Parallel()
	s := newServer(t, func(o *Options, _ *live.Options) { o.Auth = until(time.Now().Add(500 * time.Millisecond)) })
	s.publish(testVideo)
	s.session()
	s.isEmpty()
	if n := s.closed("expired"); n != 1 {
		t.Errorf("%v viewers are counted whose address expired", n)
	}
}

// RFC 8122 6.2: a certificate that is not the offer's ends the connection, and the session with it.
func TestWrongFingerprint(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.publish(testVideo)
	v := s.watch(viewerOptions{edit: func(sdp string) string {
		const name = "a=fingerprint:sha-256 "
		at := strings.Index(sdp, name) + len(name)
		return strings.ReplaceAll(sdp, sdp[at:at+11], "00:11:22:33")
	}})
	s.isEmpty()
	if v.connected() || len(v.shown()) > 0 {
		t.Error("a viewer with another certificate sees something")
	}
	if n := s.closed("handshake"); n != 1 {
		t.Errorf("%v viewers are counted who failed the handshake", n)
	}
}

// A viewer that asked for video where there was none asks again when it comes.
func TestVideoComes(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.publish(testAudio).stop()
	v := s.watch(viewerOptions{})
	if !strings.Contains(v.answer, "a=inactive") {
		t.Errorf("video is not inactive in\n%s", v.answer)
	}
	s.publish(testVideo, testAudio)
	s.isEmpty()
	if n := s.closed("tracks_changed"); n != 1 {
		t.Errorf("%v viewers are counted whose tracks changed", n)
	}
	s.watch(viewerOptions{}).sees(1)
}

// Every end has a reason of its own.
func TestReasons(t *testing.T) {
	for reason, err := range map[string]error{
		"deleted": errDeleted, "shutdown": errShutdown, "expired": auth.ErrEnds, "slow": sender.ErrSlow,
		"client_gone": peer.ErrGone, "connection_failed": peer.ErrLost, "no_path": peer.ErrNoPath,
		"handshake": peer.ErrFingerprint, "stream_ended": live.ErrEnded, "other": errors.New("?"),
	} {
		if got := reasonOf(fmt.Errorf("wrapped: %w", err)); got != reason {
			t.Errorf("%v is counted as %s, want %s", err, got, reason)
		}
	}
}
