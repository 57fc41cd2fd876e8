package mpegts

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

// TestGolden compares the packets of each film's first 60 units with those of testdata: a line a unit, with its packets,
// how they begin and a checksum.
func TestGolden(t *testing.T) {
	for name, f := range films(t) {
		t.Run(name, func(t *testing.T) {
			f.frames = f.frames[:60]
			var b strings.Builder
			for _, u := range encode(t, f) {
				fmt.Fprintf(&b, "%v %d", u.DTS, len(u.Data)/PacketSize)
				if u.Join() {
					b.WriteString(" join")
				}
				fmt.Fprintf(&b, " %x %08x\n", u.Data[:12], crc32.ChecksumIEEE(u.Data))
			}
			path := filepath.Join("testdata", name+".txt")
			if *update {
				if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if b.String() != string(want) {
				t.Errorf("the packets are others than in %s", path)
			}
		})
	}
}
