package pull

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"slices"
	"testing"
	"time"

	"weir/mux/av"
	"weir/testdata"
)

// id3 is a tag with the time of a segment, behind another frame.
func id3(ticks uint64) []byte {
	frame := func(id string, body []byte) []byte {
		return slices.Concat([]byte(id), []byte{0, 0, 0, byte(len(body)), 0, 0}, body)
	}
	body := slices.Concat(frame("TXXX", []byte("\x03a\x00b")), frame("PRIV", binary.BigEndian.AppendUint64([]byte(timeOwner), ticks)))
	return slices.Concat([]byte("ID3\x04\x00\x00\x00\x00\x00"), []byte{byte(len(body))}, body)
}

// TestPacked: RFC 8216 3.4: sound alone, in segments without a container.
func TestPacked(t *testing.T) {
	adts, err := os.ReadFile(testdata.Path("tone.aac"))
	if err != nil {
		t.Fatal(err)
	}
	frames := func(n int) []byte { // of the sample
		end := 0
		for range n {
			end += int(adts[end+3]&3)<<11 | int(adts[end+4])<<3 | int(adts[end+5])>>5
		}
		return adts[:end]
	}
	var d decoder
	for _, c := range []struct {
		name    string
		segment []byte
		begin   time.Duration
		n       int
		want    error
	}{
		{"with a time", append(id3(900000), frames(10)...), 10 * time.Second, 10, nil},
		{"a time without wraps", append(id3(1<<33+1800000), frames(3)...), 20 * time.Second, 3, nil},
		{"no time: it goes on", frames(2), 20*time.Second + 64*time.Millisecond, 2, nil},
		{"two tags", slices.Concat(id3(0), id3(90000), frames(1)), time.Second, 1, nil},
		{"MP3", append(id3(0), 0xff, 0xfb, 0x90, 0x00, 0, 0, 0, 0, 0, 0), 0, 0, ErrUnfit},
		{"a tag beyond its segment", []byte("ID3\x04\x00\x00\x7f\x7f\x7f\x7f"), 0, 0, ErrUnfit},
		{"a frame beyond its tag", append([]byte("ID3\x04\x00\x00\x00\x00\x00\x0bPRIV\x7f\x7f\x7f\x7f\x00\x00\x00"), frames(1)...), time.Second + 1024*time.Second/48000, 1, nil},
	} {
		if !isPacked(c.segment) {
			t.Errorf("%s: it is not seen", c.name)
		}
		got, err := d.packed(bytes.Clone(c.segment))
		got = slices.DeleteFunc(slices.Clone(got), func(f *av.Frame) bool { return f.Kind != av.KindMedia })
		if !errors.Is(err, c.want) || len(got) != c.n {
			t.Errorf("%s: %d frames, %v", c.name, len(got), err)
			continue
		}
		if c.n > 0 && (got[0].DTS-c.begin).Abs() > time.Millisecond {
			t.Errorf("%s: it begins at %v, want %v", c.name, got[0].DTS, c.begin)
		}
	}
}
