package e2e

import (
	"net"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"
)

// testWHEP: a viewer by WebRTC on another implementation begins at a key frame; the pictures that come are the source's,
// byte for byte and in one piece, and so is the sound; another publisher's follow; and at the end the connection is closed.
func testWHEP(t *testing.T, s *server) {
	first := s.publish(t, "whep/cam", media{video: true, audio: true})
	v := s.watchWHEP(t, "whep/cam")
	v.until(t, 100)
	checkPictures(t, first, v.decodable(-1, 90))
	checkPart(t, first.ledger(), v.ledger(t), 0.95, 20*time.Millisecond)

	second := s.publish(t, "whep/cam", media{video: true, audio: true})
	eventually(t, "the first publisher's end", func() bool {
		a := ask(t, http.MethodDelete, first.URL(), request{header: map[string]string{"Authorization": "Bearer " + s.token}})
		return a.StatusCode == http.StatusNotFound
	})
	at, _ := v.newest()
	v.until(t, at+150)
	checkPictures(t, second, v.decodable(at+10, 60))

	second.delete(t)
	eventually(t, "the end of the connection", func() bool { return v.pc.ConnectionState() == webrtc.PeerConnectionStateClosed })
	a := ask(t, http.MethodPost, s.http+"/whep/whep/cam", request{
		body: v.pc.LocalDescription().SDP, header: map[string]string{"Content-Type": "application/sdp"},
	})
	if n, err := strconv.Atoi(a.Header.Get("Retry-After")); a.StatusCode != http.StatusConflict || err != nil || n < 1 {
		t.Errorf("an offer to a stream that is over gives %s, Retry-After %q", a.Status, a.Header.Get("Retry-After"))
	}
}

// watchWHEP plays a stream until the test ends.
func (s *server) watchWHEP(t *testing.T, path string) *watcher {
	t.Helper()
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	return watchBy(t, conn, s.http+"/whep/"+path)
}

// checkPictures fails unless the slices are a piece of what was sent, from a key frame on, and more than a group.
func checkPictures(t *testing.T, src *source, arrived [][]byte) {
	t.Helper()
	if len(arrived) < 50 {
		t.Fatalf("%d pictures came", len(arrived))
	}
	at := src.find(arrived, 0)
	if at < 0 {
		t.Fatalf("the %d slices that arrived are not a piece of what was sent", len(arrived))
	}
	if !src.at(at).key {
		t.Error("the first picture is none that the source called an IDR")
	}
}
