package rtp

import (
	"flag"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the goldens anew")

// TestGolden compares the payloads of each codec's first 40 pictures with those of testdata: a line a picture, and for
// each payload its size, how it begins and a checksum.
func TestGolden(t *testing.T) {
	for name, s := range videoSamples(t) {
		t.Run(name, func(t *testing.T) {
			s.frames = s.frames[:40]
			got := describe(encodeAll(t, s))
			path := filepath.Join("testdata", name+".txt")
			if *update {
				if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("the payloads are others than in %s", path)
			}
		})
	}
}

func describe(units []*Unit) string {
	var b strings.Builder
	for _, u := range units {
		fmt.Fprintf(&b, "%d", u.Timestamp)
		if u.Key {
			b.WriteString(" key")
		}
		for _, p := range u.Payloads {
			fmt.Fprintf(&b, " %d:%x:%08x", len(p), p[:3], crc32.ChecksumIEEE(p))
		}
		b.WriteByte('\n')
	}
	return b.String()
}
