package e2e

import (
	"errors"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestStop: "graceful stop on SIGTERM" (RST-01): not ready at once, viewers' responses end properly, exit 0.
func TestStop(t *testing.T) {
	t.Parallel()
	s := start(t)
	if a := get(t, s.admin+"/readyz"); a.StatusCode != http.StatusOK {
		t.Errorf("/readyz: %s", a.Status)
	}
	src := s.publish(t, "stop/cam", media{video: true, audio: true})
	v := watch(t, s.http+"/live/stop/cam.flv")
	v.untilLength(t, time.Second)
	play(t, s.http+"/live/stop/cam.m3u8").until(t, 1)
	// A client in the middle of its request holds the main listener open, so that the stop can be observed.
	slow := holdOpen(t, s)
	s.stop(t)
	eventually(t, "/readyz to say 503", func() bool {
		a := get(t, s.admin+"/readyz")
		return a.StatusCode == http.StatusServiceUnavailable && a.code() == "shutting_down"
	})
	if err := v.ended(t); err != nil {
		t.Errorf("the viewer's response was cut: %v", err)
	}
	checkDecodes(t, v.file(t))
	if err := slow.Close(); err != nil {
		t.Error(err)
	}
	select {
	case <-s.exited:
	case <-time.After(patience):
		t.Fatal("the process does not end")
	}
	if s.err != nil {
		t.Errorf("the process ended with %v, want 0", s.err)
	}
	if !strings.Contains(s.log.String(), `"msg":"stopped"`) {
		t.Error("the log does not say that it stopped")
	}
	src.Close()
}

// holdOpen begins a request that the server waits for.
func holdOpen(t *testing.T, s *server) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.http, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := conn.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
	})
	head := "POST /whip/stop/other HTTP/1.1\r\nHost: weir\r\nAuthorization: Bearer " + s.token +
		"\r\nContent-Type: application/sdp\r\nExpect: 100-continue\r\nContent-Length: 1000\r\n\r\n"
	if _, err := conn.Write([]byte(head)); err != nil {
		t.Fatal(err)
	}
	// The server asks for the body once the request has reached its handler.
	buf := make([]byte, 25)
	if err := conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	if n, err := conn.Read(buf); err != nil || !strings.HasPrefix(string(buf[:n]), "HTTP/1.1 100") {
		t.Fatalf("the server answers %q, %v", buf[:n], err)
	}
	return conn
}
