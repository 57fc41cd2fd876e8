package whip

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"weir/room/auth"
	"weir/room/live"
)

// Of publishers of one user that come all at once each is taken, and the last one stays: the others are told, and
// nothing of them is left.
func TestFiftyPostsLeaveOneSession(t *testing.T) {
	s := newServer(t)
	sig, text := token(t, "host"), readFile(t, "offers/chromium.sdp")
	leavesNothing(t, func() {
		var all sync.WaitGroup
		locations := make([]string, 50)
		for i := range locations {
			all.Go(func() {
				w := s.post(sig, text)
				if w.Code != http.StatusCreated {
					t.Errorf("POST %d gives %d %s", i, w.Code, w.Body)
				}
				locations[i] = w.Header().Get("Location")
			})
		}
		all.Wait()
		eventually(t, "all sessions but one to end", func() bool { return s.sessions() == 1 })
		if n := metric(t, s.handler.Stats(), "weir_whip_session_ends_total", "reason=replaced"); n != 49 {
			t.Errorf("%v publishers were told that they are replaced", n)
		}
		stream, ok := s.hub.Stream(key("cam"))
		if !ok || len(s.hub.Streams()) != 1 {
			t.Fatalf("%d streams", len(s.hub.Streams()))
		}
		left := s.only()
		if left.publisher.Stream() != stream || left.publisher.Err() != nil {
			t.Errorf("the session that is left does not hold the stream: %v", left.publisher.Err())
		}
		for _, location := range locations {
			want := http.StatusNotFound
			if strings.HasSuffix(location, "/"+left.id) {
				want = http.StatusOK
			}
			if w := s.delete(location, sig); w.Code != want {
				t.Errorf("DELETE %s gives %d, want %d", location, w.Code, want)
			}
		}
		s.isEmpty(t)
	})
}

// hanging asks somebody who never answers about one user.
type hanging struct {
	authorizer
	user string   // token of
	asks chan int // gets one for each such request
}

func (h hanging) Authorize(ctx context.Context, r auth.Request) (auth.Grant, error) {
	if r.Token != h.user {
		return h.authorizer.Authorize(ctx, r)
	}
	h.asks <- 1
	<-ctx.Done()
	return auth.Grant{}, context.Cause(ctx)
}

// A decision that hangs holds nothing: other publishers come and go on the same stream, and once those who wait give
// up nothing of them is left.
func TestAuthorizerThatHangsHoldsNothing(t *testing.T) {
	slow := hanging{newAuthorizer(t), token(t, "slow"), make(chan int, 20)}
	s := newServer(t, func(o *Options, hub *live.Options) { o.Auth, hub.MaxStreams = slow, 1 })
	text := readFile(t, "offers/chromium.sdp")
	leavesNothing(t, func() {
		ctx, giveUp := context.WithCancelCause(context.Background())
		defer giveUp(nil)
		var all sync.WaitGroup
		for range cap(slow.asks) {
			r := httptest.NewRequest(http.MethodPost, "/whip/room/cam", strings.NewReader(text)).WithContext(ctx)
			r.Header.Set("Content-Type", "application/sdp")
			r.Header.Set("Authorization", "Bearer "+slow.user)
			all.Go(func() { s.mux.ServeHTTP(httptest.NewRecorder(), r) })
		}
		for range cap(slow.asks) {
			<-slow.asks
		}
		s.isEmpty(t)
		for range 3 {
			location := s.publish("host")
			if w := s.delete(location, token(t, "host")); w.Code != http.StatusOK {
				t.Errorf("DELETE gives %d %s", w.Code, w.Body)
			}
		}
		giveUp(errors.New("the clients hang up"))
		all.Wait()
		s.isEmpty(t)
	})
}
