package httpflv

import (
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"weir/room/audience"
)

// TestPull: a CDN's response is counted as a pull until its connection is closed, and is no viewer.
func TestPull(t *testing.T) {
	var sent atomic.Uint64
	over, returned := make(chan struct{}), make(chan struct{})
	r := newRig(t, testOptions(), func(s *httptest.Server) {
		door := s.Config.Handler
		s.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			pull := audience.NewPull(&sent, func() { close(over) }) // twice would panic
			door.ServeHTTP(w, audience.WithPull(req, pull))
			pull.Returned()
			close(returned)
		})
		s.Start()
	})
	r.publish(true, false)
	r.pictures(3)
	resp := r.get("")
	<-returned
	r.pictures(30)
	if n := r.audience.Total().Total; n != 0 {
		t.Errorf("it is counted as %d viewers", n)
	}
	r.pub.End(errTest)
	got, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	select {
	case <-over:
	case <-time.After(30 * time.Second):
		t.Fatal("the pull is still under way")
	}
	if n := int(sent.Load()); n < len(got) || n > len(got)+4096 { // the sizes of chunks may count
		t.Errorf("%d bytes are counted of %d", n, len(got))
	}
}
