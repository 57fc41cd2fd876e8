package transcode

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/thesyncim/gopus/container/ogg"

	"weir/mux/codec/opus"
)

// Other decoders take packets of no sound for what they are, in every coding and of every duration: not one word of
// complaint, and not a sample more or less.
func TestDecodersConcealPacketsOfNoSound(t *testing.T) {
	if _, err := exec.LookPath("ffmpeg"); err != nil {
		t.Fatalf("ffmpeg is needed (Debian package ffmpeg): %v", err)
	}
	for _, c := range []struct {
		name string
		kind opusKind
	}{
		{"SILK 20 ms", opusKind{samples: 960, voice: true, mono: true}},
		{"SILK 60 ms", opusKind{samples: 2880, voice: true, mono: true}},
		{"CELT 20 ms stereo", opusKind{samples: 960}},
		{"CELT 2.5 ms", opusKind{samples: 120}},
		{"120 ms", opusKind{samples: 5760}},
	} {
		t.Run(c.name, func(t *testing.T) {
			packets := sine(t, c.kind, 24_000/c.kind.samples*2, 440)
			const preSkip = 312 // the Ogg writer's
			total := len(packets)*c.kind.samples - preSkip
			name := filepath.Join(t.TempDir(), "holes.ogg")
			writeOgg(t, name, holed(packets, c.kind))
			for _, decoder := range []string{"opus", "libopus"} {
				out := filepath.Join(t.TempDir(), "out.raw")
				said, err := exec.Command("ffmpeg", "-v", "warning", "-c:a", decoder, "-i", name, "-f", "s16le", "-ac", "1", out).CombinedOutput()
				if err != nil || len(said) > 0 {
					t.Fatalf("%s: %v\n%s", decoder, err, said)
				}
				info, err := os.Stat(out)
				must(t, err)
				if n := int(info.Size() / 2); n != total {
					t.Errorf("%s: %d samples of %d", decoder, n, total)
				}
			}
		})
	}
}

// holed puts packets of no sound in the place of every fifth packet, and of five in a row.
func holed(packets [][]byte, kind opusKind) [][]byte {
	var out [][]byte
	for i, p := range packets {
		if i%5 != 3 && (i < 10 || i > 14) {
			out = append(out, p)
			continue
		}
		for gap := samples(int64(kind.samples)); gap > 0; {
			toc, d := opus.Lost(packets[0][0], gap)
			out = append(out, []byte{toc})
			gap -= d
		}
	}
	return out
}

func writeOgg(t *testing.T, name string, packets [][]byte) {
	t.Helper()
	f, err := os.Create(name)
	must(t, err)
	defer f.Close()
	w, err := ogg.NewWriter(f, sampleRate, channels)
	must(t, err)
	for _, p := range packets {
		must(t, w.WritePacket(p, int(opusSamples(p))))
	}
	must(t, w.Close())
}
