package e2e

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"weir/bench/receive"
)

// TestPull: one server has another's stream by HTTP-FLV and HLS, and nginx's by RTMP, each while somebody watches: the source's
// pictures, one after the other.
func TestPull(t *testing.T) { //nolint:tparallel // it looks at all of them in the end
	t.Parallel()
	file := encoderSample(t)
	origin := start(t)
	origin.push(t, "live/cam", file)
	origin.awaitState(t, "live", "cam", "live")
	nginx, err := receive.StartRTMP(t.Context(), t.TempDir(), receive.RTMPOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nginx.Kill)
	launch(t, "ffmpeg", "-v", "error", "-nostdin", "-re", "-stream_loop", "-1", "-i", file, "-c", "copy", "-f", "flv", nginx.URL+"/cam")

	sources, err := json.Marshal([]map[string]any{
		{"match": "flv/*", "from": []string{"http://127.0.0.1:1/", origin.http + "/live/live/{stream}.flv"}},
		{"match": "hls/*", "from": []string{origin.http + "/live/live/{stream}.m3u8"}},
		{"match": "rtmp/*", "from": []string{nginx.URL + "/{stream}"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	s := start(t, "WEIR_PULL_SOURCES="+string(sources), "WEIR_PULL_IDLE=3s", "WEIR_PLAYBACK_WAIT=30s")
	t.Run("watched", func(t *testing.T) { testPulls(t, s) })
	s.checkPulls(t, 3)
}

func testPulls(t *testing.T, s *server) {
	for _, room := range []string{"flv", "hls", "rtmp"} {
		t.Run(room, func(t *testing.T) {
			t.Parallel()
			v := watch(t, s.http+"/live/"+room+"/cam.flv")
			v.untilLength(t, 5*time.Second)
			v.leave()
			checkCapture(t, v, 5, "aac", "h264")
			checkWhole(t, encoderSent(t), v.ledger(t))
			s.awaitState(t, room, "cam", "ended")
		})
	}
}

// checkPulls checks what is told of the pulls, all of which have ended.
func (s *server) checkPulls(t *testing.T, n int) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.http+"/api/v1/pulls", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+s.adminToken)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	var told struct {
		Pulls []struct {
			Streams []struct {
				State, Reason string
				Frames        int
			}
		}
	}
	if err := json.NewDecoder(answer.Body).Decode(&told); err != nil {
		t.Fatal(err)
	}
	if len(told.Pulls) != n {
		t.Fatalf("there are %d pulls, not %d", len(told.Pulls), n)
	}
	for i, p := range told.Pulls {
		if len(p.Streams) == 0 || p.Streams[0].State != "ended" || p.Streams[0].Reason != "idle" || p.Streams[0].Frames < 100 {
			t.Errorf("pull %d: %+v", i, p.Streams)
		}
	}
}
