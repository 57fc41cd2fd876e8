package e2e

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"

	"weir/bench/publish"
	"weir/testdata"
)

// testBadInput: "Bad input: clear 4xx, nothing lost for other streams, no panic", and "A refused offer (no H.264, two
// videos, recvonly, not SDP) is a 4xx with the reason; nothing is left behind."
func testBadInput(t *testing.T, s *server) {
	src := s.publish(t, "bad/good", media{video: true, audio: true})
	v := watch(t, s.http+"/live/bad/good.flv")
	v.untilLength(t, time.Second)
	refuseOffers(t, s)
	refuseVP8(t, s)
	refusePaths(t, s)
	refuseTokens(t, s)
	v.untilLength(t, 4*time.Second)
	v.leave()
	checkCapture(t, v, 5, "aac", "h264")
	video, _ := v.frames(t)
	if src.find(slicesOf(t, dataOf(video)...), video[0].PTS) < 0 {
		t.Error("pictures were lost while others were refused")
	}
	if _, ok := s.info(t, "bad", "refused"); ok {
		t.Error("a refused offer left a stream behind")
	}
	if strings.Contains(s.log.String(), "panic") {
		t.Error("a handler panicked")
	}
}

// sdp is the offer of a peer connection with the sections.
func sdp(t *testing.T, direction webrtc.RTPTransceiverDirection, kinds ...webrtc.RTPCodecType) string {
	t.Helper()
	pc, err := webrtc.NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = pc.Close() }()
	for _, kind := range kinds {
		if _, err := pc.AddTransceiverFromKind(kind, webrtc.RTPTransceiverInit{Direction: direction}); err != nil {
			t.Fatal(err)
		}
	}
	offer, err := pc.CreateOffer(nil)
	if err != nil {
		t.Fatal(err)
	}
	return offer.SDP
}

func refuseOffers(t *testing.T, s *server) {
	const video, audio = webrtc.RTPCodecTypeVideo, webrtc.RTPCodecTypeAudio
	good := sdp(t, webrtc.RTPTransceiverDirectionSendonly, video, audio)
	for _, c := range []struct {
		name, kind, body string
		status           int
		code             string
	}{
		{"WH-04 empty", "application/sdp", "", http.StatusBadRequest, "bad_offer"},
		{"WH-04 not SDP", "application/sdp", "{\"sdp\": \"v=0\"}", http.StatusBadRequest, "bad_offer"},
		{"WH-04 bytes", "application/sdp", "\x00\xff\xfe\r\n", http.StatusBadRequest, "bad_offer"},
		{"WH-04 cut short", "application/sdp", good[:len(good)/3], 0, ""},
		{"WH-03 other type", "text/plain", good, http.StatusUnsupportedMediaType, "not_sdp"},
		{"WH-03 no type", "", good, http.StatusUnsupportedMediaType, "not_sdp"},
		{"100 KiB", "application/sdp", good + strings.Repeat("a=x\r\n", 20<<10), http.StatusRequestEntityTooLarge, "offer_too_large"},
		{"WH-05 recvonly", "application/sdp", sdp(t, webrtc.RTPTransceiverDirectionRecvonly, video, audio), http.StatusUnprocessableEntity, "not_sending"},
		{"WH-09 two videos", "application/sdp", sdp(t, webrtc.RTPTransceiverDirectionSendonly, video, video), http.StatusUnprocessableEntity, "too_many_tracks"},
	} {
		header := map[string]string{"Authorization": "Bearer " + s.token}
		if c.kind != "" {
			header["Content-Type"] = c.kind
		}
		a := ask(t, http.MethodPost, s.http+"/whip/bad/refused", request{body: c.body, header: header})
		if c.status == 0 && a.StatusCode/100 == 4 && a.code() != "" {
			continue // any reason will do
		}
		if a.StatusCode != c.status || a.code() != c.code {
			t.Errorf("%s: %s %s, want %d %s", c.name, a.Status, a.body, c.status, c.code)
		}
	}
}

// refuseVP8: WH-10, no common codec.
func refuseVP8(t *testing.T, s *server) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	_, err := publish.Start(ctx, publish.Options{
		URL: s.http + "/whip/bad/refused", Token: s.token, H264: testdata.Path("bars-360p.h264"), VideoCodecs: []string{"vp8"},
	})
	var refused *publish.RefusedError
	if !errors.As(err, &refused) || refused.Status != http.StatusUnprocessableEntity || !strings.Contains(refused.Body, "no_common_codec") {
		t.Errorf("WH-10 VP8 alone: %v", err)
	}
}

// refusePaths: "Ids as in DESIGN.md §5", checked once, after one decoding, at every entry.
func refusePaths(t *testing.T, s *server) {
	long := strings.Repeat("a", 129)
	for _, c := range []struct {
		method, path string
		status       int
		code         string
	}{
		{"GET", "/live/bad/..%2fx.flv", http.StatusBadRequest, "bad_id"},
		{"GET", "/live/bad/..%2f..%2fetc%2fpasswd", http.StatusNotFound, "not_found"},
		{"GET", "/live/%2e%2e/good.flv", http.StatusBadRequest, "bad_id"},
		{"GET", "/live/bad/%2e%2e/main.m3u8", http.StatusBadRequest, "bad_id"},
		{"GET", "/live/bad/good/%2e%2e%2fmain.m3u8", http.StatusNotFound, "file_not_found"},
		{"GET", "/live/bad/good/..%5cmain.m3u8", http.StatusNotFound, "file_not_found"},
		{"GET", "/live/bad/" + long + ".flv", http.StatusBadRequest, "bad_id"},
		{"GET", "/live/bad/" + long + ".m3u8", http.StatusBadRequest, "bad_id"},
		{"GET", "/live/" + long + "/good.flv", http.StatusBadRequest, "bad_id"},
		{"GET", "/live/bad/.flv", http.StatusBadRequest, "bad_id"},
		{"GET", "/live/bad/good%00.flv", http.StatusBadRequest, "bad_id"},
		{"GET", "/live/bad/good%0d%0aX-Y:%20z.flv", http.StatusBadRequest, "bad_id"},
		{"GET", "/live/b%25ad/good.flv", http.StatusBadRequest, "bad_id"},
		{"GET", "/live/bad/good%252eflv", http.StatusNotFound, "not_found"},
		{"GET", "/watch/%2e%2e/good", http.StatusBadRequest, "bad_id"},
		{"GET", "/assets/%2e%2e%2findex.html", http.StatusNotFound, "not_found"},
		{"POST", "/whip/bad/a.flv", http.StatusBadRequest, "bad_id"},
		{"POST", "/whip/bad/a.m3u8", http.StatusBadRequest, "bad_id"},
		{"POST", "/whip/bad/.a", http.StatusBadRequest, "bad_id"},
		{"POST", "/whip/bad%2fx/a", http.StatusBadRequest, "bad_id"},
		{"POST", "/whip/bad/" + long, http.StatusBadRequest, "bad_id"},
		{"PUT", "/whip/bad/a", http.StatusMethodNotAllowed, "method_not_allowed"},
		{"GET", "/whip/bad/a", http.StatusMethodNotAllowed, "method_not_allowed"},
	} {
		a := ask(t, c.method, s.http+c.path, request{header: map[string]string{
			"Authorization": "Bearer " + s.token, "Content-Type": "application/sdp",
		}})
		if a.StatusCode != c.status || a.code() != c.code {
			t.Errorf("%s %s: %s %s, want %d %s", c.method, c.path, a.Status, a.body, c.status, c.code)
		}
		if a.Header.Get("X-Y") != "" {
			t.Errorf("%s %s: the path writes a header", c.method, c.path)
		}
	}
}

// refuseTokens: WH-23, and who may use the administration API.
func refuseTokens(t *testing.T, s *server) {
	broken := s.token[:len(s.token)-4] + "AAAA"
	for _, c := range []struct {
		name, method, path, token string
		status                    int
		code                      string
	}{
		{"no token", "POST", "/whip/bad/refused", "", http.StatusUnauthorized, "token_missing"},
		{"a broken token", "POST", "/whip/bad/refused", broken, http.StatusUnauthorized, "token_invalid"},
		{"a token of nobody", "POST", "/whip/bad/refused", "x", http.StatusUnauthorized, "token_invalid"},
		{"no token", "GET", "/api/v1/streams", "", http.StatusUnauthorized, "token_missing"},
		{"a publisher's token", "GET", "/api/v1/streams", s.token, http.StatusForbidden, "forbidden"},
	} {
		o := request{header: map[string]string{"Content-Type": "application/sdp"}}
		if c.token != "" {
			o.header["Authorization"] = "Bearer " + c.token
		}
		a := ask(t, c.method, s.http+c.path, o)
		if a.StatusCode != c.status || a.code() != c.code {
			t.Errorf("%s for %s %s: %s %s, want %d %s", c.name, c.method, c.path, a.Status, a.body, c.status, c.code)
		}
		if c.status == http.StatusUnauthorized && !strings.HasPrefix(a.Header.Get("WWW-Authenticate"), "Bearer") {
			t.Errorf("%s for %s: no WWW-Authenticate", c.name, c.path)
		}
		if c.token != "" && c.token != "x" && strings.Contains(string(a.body), c.token) {
			t.Errorf("%s for %s: the answer repeats it", c.name, c.path)
		}
	}
}
