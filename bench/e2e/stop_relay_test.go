package e2e

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"
)

// TestStopWhileRelaying: RST-01, a server that stops while it records and pushes completes the file, says goodbye to the target,
// and tells of both ends once, be it after the next start.
func TestStopWhileRelaying(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	told := map[string]string{} // by the events' ids: what was on its way when the server stopped is sent once more
	callbacks := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var e struct {
			ID   string
			Data struct{ Relay, Record *struct{ State string } }
		}
		if json.NewDecoder(r.Body).Decode(&e) != nil {
			return
		}
		mu.Lock()
		defer mu.Unlock()
		switch {
		case e.Data.Relay != nil:
			told[e.ID] = "relay " + e.Data.Relay.State
		case e.Data.Record != nil:
			told[e.ID] = "record " + e.Data.Record.State
		}
	}))
	t.Cleanup(callbacks.Close)
	nginx := startReceiver(t)
	dir := t.TempDir()
	settings := []string{
		toLoopback, keepAll, "WEIR_DATA_DIR=" + dir, `WEIR_RECORD_RULES=[{"match":"stop/*"}]`, "WEIR_HOOK_URLS=" + callbacks.URL,
	}
	s := start(t, settings...)
	s.push(t, "stop/cam", encoderSample(t))
	id := s.relayTo(t, "stop", "cam", nginx.URL+"/cam")
	s.untilSent(t, id, 60)
	s.stop(t)
	select {
	case <-s.exited:
	case <-time.After(patience):
		t.Fatal("the process does not end")
	}
	if s.err != nil {
		t.Errorf("the process ended with %v, want 0", s.err)
	}
	checkPushed(t, onlyRecording(t, nginx, "cam"))

	s = start(t, settings...)
	ends := func() (ends []string) {
		mu.Lock()
		defer mu.Unlock()
		for _, e := range told {
			if e == "relay ended" || e == "record ended" || e == "record failed" || e == "relay waiting" {
				ends = append(ends, e)
			}
		}
		slices.Sort(ends)
		return ends
	}
	eventually(t, "both ends to be told", func() bool { return len(ends()) >= 2 })
	if got := ends(); !slices.Equal(got, []string{"record ended", "relay ended"}) {
		t.Errorf("told: %v", got)
	}
	r := s.recordings(t)
	if len(r) != 1 || r[0].State != "complete" || r[0].Reason == "killed" || len(r[0].Files) != 1 || !r[0].Files[0].Complete {
		t.Fatalf("%+v", r)
	}
	files, err := filepath.Glob(filepath.Join(dir, "recordings", "*", "*", "1.mp4"))
	if err != nil || len(files) != 1 {
		t.Fatalf("%v, %v", files, err)
	}
	checkDecodes(t, files[0])
}
