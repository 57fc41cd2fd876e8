package record

import (
	"testing"
	"time"

	"weir/mux/av"
	"weir/mux/codec/opus"
)

// nowhere is a file that keeps nothing.
type nowhere struct{}

func (nowhere) WriteAt(b []byte, _ int64) (int, error) { return len(b), nil }
func (nowhere) Truncate(int64) error                   { return nil }
func (nowhere) Sync() error                            { return nil }
func (nowhere) Close() error                           { return nil }

// second is a function that writes a second of 720p at 2 Mbit/s with Opus into a container of the format.
func second(t testing.TB, format string) func() {
	t.Helper()
	video, _ := pictures(t)
	sound := av.Track{ID: audioID, Codec: av.CodecOpus, ClockRate: 48000, Channels: 2, Config: opus.AppendHead(nil, 2, 312)}
	box, err := formats[format](newOutput(nowhere{}, 0, time.Now), av.Tracks{video, sound}, 0, &Options{Fragment: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	frames := make([]av.Frame, 80)
	data := make([]byte, 8300)
	at := time.Duration(0)
	return func() {
		for i := range frames {
			f := &frames[i]
			if i%8 < 3 {
				n := i/8*3 + i%8
				*f = av.Frame{Track: video.ID, Codec: av.CodecH264, Key: n == 0, DTS: at + time.Duration(n)*time.Second/30, Data: data}
			} else {
				n := i/8*5 + i%8 - 3
				*f = av.Frame{Track: audioID, Codec: av.CodecOpus, Key: true, DTS: at + time.Duration(n)*20*time.Millisecond, Data: data[:160]}
			}
			f.PTS = f.DTS
			if err := box.write(f); err != nil {
				t.Fatal(err)
			}
		}
		at += time.Second
	}
}

// A second of media costs an MP4 no allocation but those of what is known of its fragments, and an FLV one for each tag.
func TestAllocations(t *testing.T) {
	for format, most := range map[string]float64{FormatMP4: 3, FormatFLV: 90} {
		write := second(t, format)
		for range 10 {
			write() // buffers grow to their size
		}
		if n := testing.AllocsPerRun(50, write); n > most {
			t.Errorf("%s: %v allocations a second of media, want %v at most", format, n, most)
		}
	}
}

func BenchmarkWrite(b *testing.B) {
	for _, format := range []string{FormatMP4, FormatFLV} {
		b.Run(format, func(b *testing.B) {
			write := second(b, format)
			b.ReportAllocs()
			for b.Loop() {
				write()
			}
		})
	}
}
