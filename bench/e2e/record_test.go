package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"weir/mux/fmp4"
)

// recorded is a recording as the API shows it.
type recorded struct {
	ID, Room, Stream, Format, State, Reason, HLS, Poster string
	Bytes                                                int64
	Files                                                []struct {
		Name, URL string
		Complete  bool
		Duration  int64 `json:"duration_ms"`
		Bytes     int64
	}
}

// recordings are those that the administrator sees, the newest first.
func (s *server) recordings(t *testing.T) []recorded {
	t.Helper()
	a := ask(t, http.MethodGet, s.http+"/api/v1/recordings?limit=500", s.asAdmin(""))
	var list struct{ Recordings []recorded }
	if err := json.Unmarshal(a.body, &list); err != nil || a.StatusCode != http.StatusOK {
		t.Fatalf("%s %s", a.Status, a.body)
	}
	return list.Recordings
}

// asAdmin is a request of an administrator.
func (s *server) asAdmin(body string) request {
	return request{body: body, header: map[string]string{"Authorization": "Bearer " + s.adminToken, "Content-Type": "application/json"}}
}

// A server that is killed while it records, 20 times, leaves files that play, and of which at most the last fragment is
// missing: all that had reached the file whole is there when it is started again.
func TestKilledWhileRecording(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	settings := []string{
		"WEIR_DATA_DIR=" + dir, `WEIR_RECORD_RULES=[{"match":"*/*"},{"match":"*/*","format":"flv"}]`, "WEIR_RECORD_FRAGMENT=500ms",
	}
	sample := encoderSample(t)
	whole := map[string]int64{} // of files that were cut off: what was written whole
	for n := range 20 {
		s := start(t, settings...)
		checkRepaired(t, s, dir, whole)
		pushing := s.push(t, fmt.Sprintf("r/s%d", n), sample)
		// Both files have fragments when it happens, each time another number of them.
		eventually(t, "two recordings have begun", func() bool {
			grown := 0
			for name, size := range openFiles(t, dir, whole) {
				if size > int64(60_000+n*7_000) && name != "" {
					grown++
				}
			}
			return grown == 2
		})
		if err := s.cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		<-s.exited
		_ = pushing.cmd.Process.Kill() // it may be gone
		<-pushing.exited
		for name := range openFiles(t, dir, whole) {
			whole[name] = wholeSize(t, filepath.Join(dir, "recordings", name))
		}
	}
	s := start(t, settings...)
	checkRepaired(t, s, dir, whole)
	if len(whole) != 40 {
		t.Errorf("%d files were recorded, want 40", len(whole))
	}
	for name := range whole {
		path := filepath.Join(dir, "recordings", name)
		checkDecodes(t, path)
		out, err := tool(t, "ffprobe", "-v", "warning", "-show_entries", "format=duration", "-of", "csv=p=0", path)
		if err != nil || strings.Contains(out, "\n") || out == "N/A" {
			t.Errorf("ffprobe %s: %v\n%s", name, err, out)
		}
	}
}

// openFiles are the sizes of the files that were written since the ones that are known.
func openFiles(t *testing.T, dir string, known map[string]int64) map[string]int64 {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, "recordings", "*", "*", "1.*"))
	if err != nil {
		t.Fatal(err)
	}
	sizes := map[string]int64{}
	for _, path := range found {
		name, err := filepath.Rel(filepath.Join(dir, "recordings"), path)
		if err != nil {
			t.Fatal(err)
		}
		if _, old := known[name]; old {
			continue
		}
		if info, err := os.Stat(path); err == nil {
			sizes[name] = info.Size()
		}
	}
	return sizes
}

// wholeSize is how much of an MP4 was written whole; of an FLV it is not looked for.
func wholeSize(t *testing.T, path string) int64 {
	t.Helper()
	if filepath.Ext(path) != ".mp4" {
		return 0
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	last := int64(0)
	layout, err := fmp4.Scan(bytes.NewReader(b), int64(len(b)), func(f fmp4.Fragment) error { last = f.Size; return nil })
	if err != nil {
		t.Fatal(err)
	}
	if torn := int64(len(b)) - layout.Whole; torn > 10*last+1<<20 {
		t.Errorf("%s: %d bytes are behind the last whole fragment", filepath.Base(path), torn)
	}
	return layout.Whole
}

// checkRepaired checks that no recording of a server before is open, and that nothing that was whole is gone.
func checkRepaired(t *testing.T, s *server, dir string, whole map[string]int64) {
	t.Helper()
	eventually(t, "all recordings are complete", func() bool {
		for _, r := range s.recordings(t) {
			if r.State != "complete" {
				return false
			}
		}
		return true
	})
	for _, r := range s.recordings(t) {
		if r.Reason != "killed" || len(r.Files) != 1 || !r.Files[0].Complete || r.Files[0].Duration == 0 {
			t.Errorf("%+v", r)
		}
	}
	for name, size := range whole {
		info, err := os.Stat(filepath.Join(dir, "recordings", name))
		if err != nil || info.Size() < size {
			t.Errorf("%s had %d whole bytes: %v, %v", name, size, info, err)
		}
	}
}

// A recording whose disk is full has a pause, which is told, and goes on when there is room; neither viewers nor the publisher
// notice (DISK-02).
func TestFullDiskWhileRecording(t *testing.T) {
	t.Parallel()
	disk := t.TempDir()
	onSmallDisk := func(cmd *exec.Cmd) error {
		cmd.Args = []string{"unshare", "-rm", "sh", "-c", `mount -t tmpfs -o size=1m none "$1" && exec "$0" serve`, cmd.Path, disk}
		path, err := exec.LookPath("unshare")
		cmd.Path = path
		if err != nil {
			return err
		}
		return cmd.Start()
	}
	if out, err := exec.CommandContext(t.Context(), "unshare", "-rm", "mount", "-t", "tmpfs", "none", disk).CombinedOutput(); err != nil {
		t.Skipf("nothing can be mounted here: %s", out)
	}
	s := startWith(t, onSmallDisk, "WEIR_RECORD_DIR="+disk, `WEIR_RECORD_RULES=[{"match":"r/*"}]`)
	pushing := s.push(t, "r/s", encoderSample(t))
	only := func() recorded {
		if all := s.recordings(t); len(all) == 1 {
			return all[0]
		}
		return recorded{}
	}
	eventually(t, "the disk is full", func() bool { return only().State == "paused" })
	r := only()
	if r.Reason != "disk_full" || len(r.Files) != 1 || !r.Files[0].Complete || r.Bytes < 500_000 {
		t.Errorf("%+v", r)
	}
	if out, err := tool(t, "ffmpeg", "-v", "error", "-nostdin", "-i", s.http+"/live/r/s.flv", "-t", "3", "-c", "copy", "-f", "null", "-"); err != nil || out != "" {
		t.Errorf("a viewer, while the disk is full: %v\n%s", err, out)
	}
	if i, ok := s.info(t, "r", "s"); !ok || i.State != "live" {
		t.Errorf("the stream is %+v", i)
	}
	checkDecodes(t, r.Files[0].URL)
	if a := ask(t, http.MethodDelete, s.http+"/api/v1/recordings/"+r.ID, s.asAdmin("")); a.StatusCode != http.StatusNoContent {
		t.Errorf("%s %s", a.Status, a.body)
	}
	again := ask(t, http.MethodPost, s.http+"/api/v1/recordings", s.asAdmin(`{"room":"r","stream":"s"}`))
	if again.StatusCode != http.StatusCreated {
		t.Fatalf("%s %s", again.Status, again.body)
	}
	eventually(t, "it records again", func() bool { return only().State == "paused" && only().Bytes > 500_000 })
	pushing.end(t, syscall.SIGTERM)
}

// What is recorded by REST plays as HLS in another player, and shows a poster.
func TestRecordAndPlay(t *testing.T) {
	t.Parallel()
	s := start(t)
	pushing := s.push(t, "r/s", encoderSample(t))
	eventually(t, "the stream is live", func() bool { i, ok := s.info(t, "r", "s"); return ok && i.State == "live" })
	a := ask(t, http.MethodPost, s.http+"/api/v1/recordings", s.asAdmin(`{"room":"r","stream":"s","split":"10s"}`))
	var r recorded
	if err := json.Unmarshal(a.body, &r); err != nil || a.StatusCode != http.StatusCreated {
		t.Fatalf("%s %s", a.Status, a.body)
	}
	eventually(t, "a second file has begun", func() bool { all := s.recordings(t); return len(all[0].Files) == 2 })
	watch(t, s.http+"/live/r/s.flv").untilLength(t, 2*time.Second) // it has pictures and sound by now
	a = ask(t, http.MethodPost, s.http+"/api/v1/recordings/"+r.ID+"/stop", s.asAdmin(""))
	if err := json.Unmarshal(a.body, &r); err != nil || a.StatusCode != http.StatusOK || r.State != "complete" || len(r.Files) != 2 {
		t.Fatalf("%s %s", a.Status, a.body)
	}
	checkDecodes(t, r.HLS)
	checkDecodes(t, r.Poster)
	sent, all := encoderSent(t), ledger{}
	for _, f := range r.Files {
		checkProbe(t, f.URL, "aac", "h264")
		came := ledgerOfMP4(t, get(t, f.URL).body)
		checkWhole(t, sent, came)
		all.pictures, all.sounds = append(all.pictures, came.pictures...), append(all.sounds, came.sounds...)
	}
	// Nothing is missing between the files, and nothing is in both.
	if p, a := pass(sent.pictures, all.pictures, 0), pass(sent.sounds, all.sounds, 0); !p.holds(1) || !a.holds(1) {
		t.Errorf("of both files pictures: %v; sound: %v", p, a)
	}
	checkDecodes(t, s.http+"/live/r/s/poster.mp4")
	pushing.end(t, syscall.SIGTERM)
}
