package aac

import (
	"bytes"
	"os/exec"
	"strconv"
	"testing"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"
)

// TestSilence has ffmpeg decode it: as many samples as there should be, all zero, and not a word.
func TestSilence(t *testing.T) {
	if _, err := exec.LookPath("ffmpeg"); err != nil {
		t.Fatalf("ffmpeg is needed: %v", err)
	}
	for _, channels := range []int{1, 2, 3, 4, 5, 6, 8} {
		var packets mpeg4audio.ADTSPackets
		for range 5 {
			packets = append(packets, &mpeg4audio.ADTSPacket{
				Type: mpeg4audio.ObjectTypeAACLC, SampleRate: 44100, ChannelConfig: uint8(channelConfig(channels)),
				AU: AppendSilence(nil, channels),
			})
		}
		adts, err := packets.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command("ffmpeg", "-v", "error", "-nostdin", "-f", "aac", "-i", "pipe:0", "-f", "s16le", "pipe:1")
		var pcm, said bytes.Buffer
		cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(adts), &pcm, &said
		if err := cmd.Run(); err != nil || said.Len() > 0 {
			t.Errorf("%d channels: %v\n%s", channels, err, said.String())
		}
		if n := 5 * SamplesPerFrame * channels * 2; pcm.Len() != n || !bytes.Equal(pcm.Bytes(), make([]byte, n)) {
			t.Errorf("%d channels: %d bytes, want %d of silence", channels, pcm.Len(), n)
		}
	}
}

func TestSilenceOfNoLayout(t *testing.T) {
	for _, channels := range []int{-1, 0, 7, 9} {
		if b := AppendSilence([]byte("x"), channels); string(b) != "x" {
			t.Errorf(strconv.Itoa(channels)+" channels: %x", b)
		}
	}
}
