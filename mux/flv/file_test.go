package flv

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"weir/mux/av"
)

// recorded is a file of two seconds.
func recorded(t testing.TB) (b []byte, head int) {
	t.Helper()
	frames, track := videoFrames(t, "bars-360p.h264", 60, 0)
	ts := av.Tracks{*track}
	b, err := AppendFilePreamble(nil, ts, "weir")
	if err != nil {
		t.Fatal(err)
	}
	head = len(b)
	e := NewEncoder(ts)
	var tags []Tag
	for _, f := range frames {
		if tags, err = e.Encode(tags[:0], f); err != nil {
			t.Fatal(err)
		}
		for _, tag := range tags {
			b = append(b, tag.Data...)
		}
	}
	return b, head
}

func TestScan(t *testing.T) {
	b, head := recorded(t)
	last := bytes.LastIndex(b[:len(b)-20], []byte{typeVideo, 0})
	for name, c := range map[string]struct {
		b     []byte
		whole int
		last  time.Duration
	}{
		"whole":                {b, len(b), 1967 * time.Millisecond},
		"one byte is missing":  {b[:len(b)-1], last, 1933 * time.Millisecond},
		"zeros behind it":      {append(bytes.Clone(b), make([]byte, 4096)...), len(b), 1967 * time.Millisecond},
		"noise behind it":      {append(bytes.Clone(b), bytes.Repeat([]byte{9}, 20<<20)...), len(b), 1967 * time.Millisecond},
		"the preamble alone":   {b[:head], head, 0},
		"a part of the header": {b[:headerSize+prevSizeSize], headerSize + prevSizeSize, 0},
	} {
		whole, at, err := Scan(bytes.NewReader(c.b), int64(len(c.b)))
		if err != nil || whole != int64(c.whole) || at != c.last {
			t.Errorf("%s: %d, %v, %v; want %d, %v", name, whole, at, err, c.whole, c.last)
		}
	}
	for name, b := range map[string][]byte{"empty": nil, "short": b[:5], "another file": bytes.Repeat([]byte("x"), 100)} {
		if _, _, err := Scan(bytes.NewReader(b), int64(len(b))); !errors.Is(err, ErrFormat) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, _, err := Scan(bytes.NewReader(b[:100]), int64(len(b))); err == nil {
		t.Error("the reader's error is lost")
	}
}

func FuzzScan(f *testing.F) {
	b, head := recorded(f)
	f.Add(b[:head])
	f.Add(b[:head+3000])
	f.Fuzz(func(t *testing.T, b []byte) {
		whole, last, err := Scan(bytes.NewReader(b), int64(len(b)))
		if err == nil && (whole > int64(len(b)) || last < 0) {
			t.Fatalf("%d, %v of %d bytes", whole, last, len(b))
		}
	})
}

func TestSetFacts(t *testing.T) {
	b, head := recorded(t)
	if head > FactsSize {
		t.Fatalf("the beginning has %d bytes", head)
	}
	before := bytes.Clone(b)
	if !SetFacts(b[:FactsSize], 2500*time.Millisecond, int64(len(b))) {
		t.Fatal("there is no place for the facts")
	}
	changed := 0
	for i := range b {
		if b[i] != before[i] {
			changed++
		}
	}
	if changed == 0 || changed > 16 {
		t.Errorf("%d bytes were changed", changed)
	}
	live, err := AppendPreamble(nil, av.Tracks{}, "weir", 0)
	if err != nil || SetFacts(live, time.Second, 1) {
		t.Errorf("a stream that is no file has a duration; %v", err)
	}
	if SetFacts(before[:60], time.Second, 1) {
		t.Error("facts were written into what is too short")
	}
}

func TestToolsReadFacts(t *testing.T) {
	b, _ := recorded(t)
	SetFacts(b, 2*time.Second, int64(len(b)))
	name := filepath.Join(t.TempDir(), "r.flv")
	if err := os.WriteFile(name, b, 0o600); err != nil {
		t.Fatal(err)
	}
	if out := tool(t, "ffprobe", "-v", "warning", "-show_entries", "format=duration", "-of", "csv=p=0", name); strings.TrimSpace(out) != "2.000000" {
		t.Errorf("ffprobe: %s", out)
	}
	if out := tool(t, "flvmeta", "--check", name); !strings.Contains(out, "0 error(s)") {
		t.Errorf("flvmeta: %s", out)
	}
}
