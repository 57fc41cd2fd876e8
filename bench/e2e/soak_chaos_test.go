//go:build chaos

package e2e

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"weir/bench/publish"
	"weir/testdata"
)

// TestChaosSoak keeps streams on a lossy path up while viewers and publishers come and go, and holds that what a
// server uses does not grow with time. It runs for WEIR_CHAOS_MINUTES (5 by default).
func TestChaosSoak(t *testing.T) {
	length := 5 * time.Minute
	if n, err := strconv.Atoi(os.Getenv("WEIR_CHAOS_MINUTES")); err == nil && n > 0 {
		length = time.Duration(n) * time.Minute
	}
	s := start(t, "WEIR_LOG_LEVEL=info", "WEIR_INGEST_GRACE=2s")
	for i := range 4 {
		lossy(t, s, fmt.Sprintf("demo/steady%d", i))
	}
	for range 10 {
		watch(t, s.http+"/live/demo/steady0.flv")
		get(t, s.http+"/live/demo/steady1.m3u8")
	}
	churn := func(until time.Time) {
		for i := 0; time.Now().Before(until); i++ {
			p := lossy(t, s, "demo/churn")
			v := watch(t, s.http+"/live/demo/churn.flv")
			v.until(t, "a picture", func(tags []tag) bool { return firstPicture(tags) != nil })
			v.leave()
			if i%2 == 0 {
				p.Kill()
			} else if err := p.Delete(context.Background()); err != nil {
				t.Fatal(err)
			}
		}
	}
	churn(time.Now().Add(length / 3)) // caches and pools are filled by then
	before := usageOf(t, s)
	churn(time.Now().Add(2 * length / 3))
	after := usageOf(t, s)
	t.Logf("after a third: %+v; in the end: %+v", before, after)
	if after.goroutines > before.goroutines+100 || after.descriptors > before.descriptors+20 {
		t.Error("goroutines or descriptors grow with time")
	}
	if after.memory > before.memory*3/2 {
		t.Error("memory grows with time")
	}
}

// lossy publishes over a path that loses 2 % of the packets.
func lossy(t *testing.T, s *server, path string) *publish.Session {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	p, err := publish.Start(ctx, publish.Options{
		URL: s.http + "/whip/" + path, Token: s.token, H264: testdata.Path("bars-360p.h264"), Ogg: testdata.Path("tone.ogg"),
		Loop: true, FPS: 30, RTX: true, DropRTP: func(uint16, bool) bool { return rand.Float64() < 0.02 },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}
