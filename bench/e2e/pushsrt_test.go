package e2e

import (
	"encoding/json"
	"fmt"
	"net"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"weir/testdata"
)

// TestPushBySRT pushes a publisher's stream to ffmpeg, which begins to listen after the first tries, and reads what it wrote
// without a complaint.
func TestPushBySRT(t *testing.T) {
	t.Parallel()
	free, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := free.LocalAddr().(*net.UDPAddr).Port
	if err := free.Close(); err != nil {
		t.Fatal(err)
	}
	const passphrase = "a-passphrase-of-srt"
	rules, err := json.Marshal([]map[string]string{{
		"match": "srt/*", "to": fmt.Sprintf("srt://127.0.0.1:%d?streamid={room}/{stream}&passphrase=%s", port, passphrase),
	}})
	if err != nil {
		t.Fatal(err)
	}
	s := start(t, "WEIR_RELAY_RULES="+string(rules), "WEIR_RELAY_RETRY_MAX=1s")
	s.publishClip(t, "srt/cam", testdata.Path("bars-360p.h265"))
	s.awaitRelay(t, "srt", "waiting", "connect")
	file := filepath.Join(t.TempDir(), "pushed.ts")
	out, err := exec.CommandContext(t.Context(), "ffmpeg", "-v", "error", "-t", "3", "-f", "mpegts", "-i",
		fmt.Sprintf("srt://127.0.0.1:%d?mode=listener&passphrase=%s", port, passphrase), "-c", "copy", "-f", "mpegts", file).CombinedOutput()
	if err != nil {
		t.Fatalf("ffmpeg: %v\n%s", err, out)
	}
	came := packetTimes(t, file)
	for _, kind := range []string{"video", "audio"} {
		checkShare(t, kind, came[kind], 0.9)
	}
	if len(came["video"]) < 80 || len(came["audio"]) < 120 {
		t.Errorf("%d pictures and %d sounds came in 3 s", len(came["video"]), len(came["audio"]))
	}
	if strings.Contains(s.log.String(), passphrase) {
		t.Error("the log tells the passphrase")
	}
	s.awaitRelay(t, "srt", "waiting", "connect") // the receiver is gone, and nobody listens
	if info, ok := s.info(t, "srt", "cam"); !ok || info.State != "live" {
		t.Errorf("the stream is %s", info.State)
	}
}
