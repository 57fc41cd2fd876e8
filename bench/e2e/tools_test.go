package e2e

import (
	"context"
	"maps"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// toolTime bounds a program that plays something.
const toolTime = 60 * time.Second

// tool runs a program and returns all that it says and its failure. Where the program is missing the test fails:
// what others make of our bytes is the point.
func tool(t *testing.T, name string, args ...string) (string, error) {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		t.Fatalf("%s is needed (see .ci/deps): %v", name, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), toolTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.WaitDelay = time.Second
	out, err := cmd.CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

// checkDecodes fails unless ffmpeg decodes all of the input without a word. The arguments stand behind the input.
func checkDecodes(t *testing.T, input string, args ...string) {
	t.Helper()
	args = append([]string{"-v", "error", "-nostdin", "-i", input}, args...)
	// Pictures have the input's times: rounded to a guessed picture rate, two of them may fall on one.
	if out, err := tool(t, "ffmpeg", append(args, "-enc_time_base", "-1", "-f", "null", "-")...); err != nil || out != "" {
		t.Errorf("ffmpeg %s: %v\n%s", input, err, out)
	}
}

// checkProbe fails unless ffprobe sees just the codecs, each with packets whose DTS rise strictly.
func checkProbe(t *testing.T, input string, codecs ...string) {
	t.Helper()
	out, err := tool(t, "ffprobe", "-v", "error", "-show_entries", "stream=index,codec_name", "-of", "csv=p=0", input)
	seen := map[string]string{} // a playlist's streams are listed twice, alone and as those of its program
	for line := range strings.Lines(out) {
		if index, codec, ok := strings.Cut(strings.TrimSpace(line), ","); ok {
			seen[index] = strings.Trim(codec, ",")
		}
	}
	got := slices.Sorted(maps.Values(seen))
	if err != nil || !slices.Equal(got, codecs) {
		t.Errorf("ffprobe %s: streams %q, want %q: %v", input, got, codecs, err)
	}
	out, err = tool(t, "ffprobe", "-v", "error", "-show_entries", "packet=stream_index,dts", "-of", "csv=p=0", input)
	if err != nil {
		t.Fatalf("ffprobe %s: %v\n%s", input, err, out)
	}
	last, n := map[string]int64{}, map[string]int{}
	for line := range strings.Lines(out) {
		fields := strings.Split(strings.TrimSpace(line), ",")
		if len(fields) < 2 {
			continue
		}
		dts, err := strconv.ParseInt(fields[1], 10, 64)
		if err != nil {
			t.Fatalf("ffprobe %s: line %q: %v", input, line, err)
		}
		track := fields[0]
		if before, ok := last[track]; ok && dts <= before {
			t.Errorf("%s: track %s has DTS %d behind %d", input, track, dts, before)
		}
		last[track] = dts
		n[track]++
	}
	if len(n) != len(codecs) {
		t.Errorf("%s: packets of tracks %v, want %d tracks", input, n, len(codecs))
	}
}

// checkFLV fails if flvmeta finds an error in the file.
func checkFLV(t *testing.T, path string) {
	t.Helper()
	if out, err := tool(t, "flvmeta", "--check", path); err != nil || !strings.Contains(out, "0 error(s)") {
		t.Errorf("flvmeta --check: %v\n%s", err, out)
	}
}

// startTimes is the time of the first frame of each kind of track.
func startTimes(t *testing.T, input string) map[string]time.Duration {
	t.Helper()
	out, err := tool(t, "ffprobe", "-v", "error", "-show_entries", "stream=codec_type,start_time", "-of", "csv=p=0", input)
	times := map[string]time.Duration{}
	for line := range strings.Lines(out) {
		kind, value, ok := strings.Cut(strings.TrimSpace(line), ",")
		if !ok {
			continue
		}
		seconds, bad := strconv.ParseFloat(value, 64)
		if err != nil || bad != nil {
			t.Fatalf("ffprobe %s: %v\n%s", input, err, out)
		}
		times[kind] = time.Duration(seconds * float64(time.Second))
	}
	return times
}

// packetTimes are the times of a file's packets, by the kind of their track.
func packetTimes(t *testing.T, input string) map[string][]entry {
	t.Helper()
	out, err := tool(t, "ffprobe", "-v", "error", "-show_entries", "packet=codec_type,pts_time", "-of", "csv=p=0", input)
	if err != nil {
		t.Fatalf("ffprobe %s: %v\n%s", input, err, out)
	}
	times := map[string][]entry{}
	for line := range strings.Lines(out) {
		kind, value, ok := strings.Cut(strings.TrimSpace(line), ",")
		if !ok { // side data
			continue
		}
		seconds, err := strconv.ParseFloat(strings.Trim(value, ","), 64)
		if err != nil {
			t.Fatalf("ffprobe %s: line %q: %v", input, line, err)
		}
		times[kind] = append(times[kind], entry{at: time.Duration(seconds * float64(time.Second))})
	}
	return times
}
